import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Env } from '../../env/env.ts';
import { AgentError, type HostDescription, type MetadataResponder } from '../contract.ts';
import { wholeFile } from './file-stream.ts';
import type { Line } from './line.ts';
import type { BorrowedFolder, Machine } from './machine.ts';
import { type Hello, type Opening, openingLine, protocol } from './opening.ts';
import { Talk } from './talk.ts';
import { checked, firstLine, firstWords, readLines } from './wire.ts';

export interface ConnectionOptions {
  env: Env;
  /** The machine's name in journals. */
  name: string;
  /** Makes a way to the machine, on which the agent answers then. */
  connect(): Promise<Line>;
  /** Told when the host answers, and when it does not any more. */
  onChange?(state: { description: HostDescription } | { lost: string }): void;
}

export interface GuestChange {
  serverId: string;
  state: 'running' | 'paused' | 'suspended' | 'stopped' | 'absent';
}

interface Session {
  line: Line;
  talk: Talk;
  description: HostDescription;
}

/** How long after a failure the next try begins, at first and at the most, milliseconds. */
const firstRestMs = 1000;
const longestRestMs = 30_000;

/** A guest that moves needs two. */
const mostConnections = 16;

/** The connection to a far host, which is made anew whenever it is lost. */
export class Connection implements Machine {
  readonly name: string;
  readonly #options: ConnectionOptions;
  readonly #watchers = new Set<(change: GuestChange) => void>();
  readonly #closed = new AbortController();
  #responder: MetadataResponder | undefined;
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;
  #failure = 'no connection has been made yet';
  #wake = new AbortController();
  #keeping: Promise<void> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** Connects now, or fails with why not. From then on, or from `keep` on, the connection is made again when it is lost. */
  async connect(): Promise<HostDescription> {
    const { description } = await this.#open();
    this.keep();
    return description;
  }

  /** Makes and keeps the connection, in the background. */
  keep(): void {
    this.#keeping ??= this.#keep();
  }

  /** Gives the connection up and makes it again, by the way that leads there now. */
  async reconnect(): Promise<HostDescription> {
    // What has begun goes where the host was before.
    await this.#opening?.catch(() => {});
    this.#session?.talk.end('it is made again');
    return await this.connect();
  }

  get isConnected(): boolean {
    return this.#session !== undefined;
  }

  async ask(verb: string, args: unknown[]): Promise<unknown> {
    return await this.#current().talk.ask(verb, args);
  }

  watchGuests(listener: (change: GuestChange) => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  serveMetadata(responder: MetadataResponder): () => void {
    this.#responder = responder;
    return () => {
      if (this.#responder === responder) this.#responder = undefined;
    };
  }

  /** What is being opened is not waited for: it is let go when it is open. */
  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#wake.abort();
    this.#session?.talk.end('the host is let go');
    await this.#keeping;
  }

  /** Opens a connection for one purpose. */
  async open(opening: Opening): Promise<Duplex> {
    return (await this.#begin(opening)).stream;
  }

  async borrowFolder(): Promise<BorrowedFolder> {
    const { stream, answer } = await this.#begin({ open: 'borrow' });
    stream.resume();
    return {
      path: (answer as { path: string }).path,
      async [Symbol.asyncDispose]() {
        stream.destroy();
      },
    };
  }

  async files(folder: string): Promise<Array<{ name: string; size: number }>> {
    return (await this.ask('files', [folder])) as Array<{ name: string; size: number }>;
  }

  async read(path: string, { flat }: { flat: boolean }): Promise<Readable> {
    return await this.open({ open: 'read', path, flat });
  }

  async write(path: string, bytes: Readable, { isLayer } = { isLayer: false }): Promise<void> {
    const stream = await this.open({ open: 'write', path, isLayer });
    try {
      const sent = pipeline(bytes, wholeFile, stream, { end: false });
      const answer = firstLine(stream);
      // A refusal comes before everything has been sent.
      const refusal = answer.then((line) => checked(line));
      await Promise.race([sent, refusal]);
      await refusal;
    } finally {
      bytes.destroy();
      stream.destroy();
    }
  }

  async dial(path: string): Promise<Duplex> {
    return await this.open({ open: 'dial', path });
  }

  async listen(path: string, onConnection: (stream: Duplex) => void): Promise<AsyncDisposable> {
    const stream = await this.open({ open: 'listen', path });
    const accepted = new Set<Duplex>();
    let coming = 0;
    readLines(stream, (line) => {
      const { connection } = JSON.parse(line) as { connection: number };
      if (coming >= mostConnections) throw new Error('too many connections at once');
      coming += 1;
      this.open({ open: 'accept', connection }).then(
        (other) => {
          accepted.add(other);
          other.on('close', () => {
            accepted.delete(other);
            coming -= 1;
          });
          onConnection(other);
        },
        // Whoever connected has gone again.
        () => {
          coming -= 1;
        },
      );
    });
    return {
      async [Symbol.asyncDispose]() {
        stream.destroy();
        for (const one of accepted) one.destroy();
      },
    };
  }

  async #begin(opening: Opening): Promise<{ stream: Duplex; answer: unknown }> {
    const { line, talk } = this.#current();
    const stream = await line.open().catch((error) => {
      // Of no use any more, as where one has to log in as somebody else now.
      talk.end(`it takes nothing more: ${(error as Error).message}`);
      throw error;
    });
    stream.on('error', () => {}); // told by `close`
    stream.write(openingLine(line.identity, opening));
    try {
      return { stream, answer: checked(await firstWords(this.#options.env, stream)) };
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  #current(): Session {
    if (this.#session) return this.#session;
    throw new AgentError('unreachable', `The host does not answer: ${this.#failure}`);
  }

  #open(): Promise<Session> {
    if (this.#session) return Promise.resolve(this.#session);
    this.#opening ??= this.#make().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #make(): Promise<Session> {
    const { env, connect, onChange } = this.#options;
    let line: Line | undefined;
    try {
      line = await connect();
      if (this.#closed.signal.aborted) throw new Error('the host is let go');
      const made = await this.#greet(env, line);
      if (this.#closed.signal.aborted) made.talk.end('the host is let go');
      if (made.talk.isOver) throw new Error('the connection ended as soon as it was made');
      this.#session = made;
      onChange?.({ description: made.description });
      return made;
    } catch (error) {
      line?.close();
      this.#failure = (error as Error).message;
      throw error instanceof AgentError ? error : new AgentError('unreachable', this.#failure, { cause: error });
    }
  }

  async #greet(env: Env, line: Line): Promise<Session> {
    const stream = await line.open();
    stream.on('error', () => {}); // told by `close`
    stream.write(openingLine(line.identity, { open: 'talk' }));
    checked(await firstWords(env, stream));
    const talk: Talk = new Talk(env, stream, {
      answer: async (verb, args) => await this.#answer(verb, args),
      notice: (name, value) => {
        if (name === 'guest') for (const watcher of this.#watchers) watcher(value as GuestChange);
      },
      over: (reason) => this.#lose(talk, line, reason),
    });
    const hello = (await talk.ask('hello', [])) as Hello;
    if (hello.protocol !== protocol) {
      talk.end('it speaks another language');
      throw new AgentError('unsupported', `the agent speaks protocol ${hello.protocol}, not ${protocol}`);
    }
    return { line, talk, description: hello.description };
  }

  async #answer(verb: string, args: unknown[]): Promise<unknown> {
    if (verb !== 'metadata' || !this.#responder) throw new AgentError('unsupported', `nobody answers ${verb}`);
    return await this.#responder(args[0] as Parameters<MetadataResponder>[0]);
  }

  #lose(talk: Talk, line: Line, reason: string): void {
    line.close();
    if (this.#session?.talk !== talk) return;
    this.#session = undefined;
    this.#failure = reason;
    if (!this.#closed.signal.aborted) this.#options.onChange?.({ lost: reason });
    this.#wake.abort();
  }

  async #keep(): Promise<void> {
    const { env } = this.#options;
    const { signal } = this.#closed;
    let rest = firstRestMs;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      if (this.#session) {
        rest = firstRestMs;
        await once(AbortSignal.any([signal, this.#wake.signal]), 'abort');
        continue;
      }
      const tried = new AbortController();
      try {
        await Promise.race([this.#open(), once(signal, 'abort', { signal: tried.signal })]);
      } catch (error) {
        if (signal.aborted) break;
        this.#options.onChange?.({ lost: (error as Error).message });
        await env.sleep(rest, AbortSignal.any([signal, this.#wake.signal]));
        rest = Math.min(rest * 2, longestRestMs);
      } finally {
        // A machine may be off for weeks: nothing of a try stays.
        tried.abort();
      }
    }
  }
}
