import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import type { Env } from '../../../env/env.ts';
import { AgentError } from '../../contract.ts';
import type { HostIdentity } from '../identity.ts';
import { type Hello, openingLine } from '../opening.ts';
import { Talk } from '../talk.ts';
import { checked, firstWords } from '../wire.ts';

/** How long the machine may take to lead to the socket, milliseconds. */
const openMs = 20_000;
/** How long an agent may take to listen, milliseconds. */
const startMs = 30_000;
const pollMs = 100;

/** The agent behind a socket of the machine, which may not run. */
export class RemoteAgent {
  readonly #env: Env;
  readonly #client: Client;
  readonly #socket: string;
  readonly #identity: HostIdentity;

  constructor(env: Env, client: Client, socket: string, identity: HostIdentity) {
    this.#env = env;
    this.#client = client;
    this.#socket = socket;
    this.#identity = identity;
  }

  /** A connection on which nothing has been said yet. Its errors are told by its `close`. */
  open(): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const ended = new AbortController();
      const fail = (error: Error) => {
        ended.abort();
        reject(new AgentError('unreachable', `the host's agent takes no connection: ${error.message}`));
      };
      void this.#env.sleep(openMs, ended.signal).then(() => {
        if (!ended.signal.aborted) fail(new Error(`nothing was heard for ${openMs / 1000} seconds`));
      });
      try {
        this.#client.openssh_forwardOutStreamLocal(this.#socket, (error, stream) => {
          if (error) return fail(error);
          stream.on('error', () => {});
          if (ended.signal.aborted) return void stream.destroy();
          ended.abort();
          resolve(stream);
        });
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  /** Undefined where none runs that is this host's. */
  async hello(): Promise<Hello | undefined> {
    return await this.#ask(async (talk) => (await talk.ask('hello', [])) as Hello).catch(() => undefined);
  }

  async stop(): Promise<void> {
    await this.#ask((talk) => talk.ask('stop', [])).catch(() => {});
  }

  /** @param said what it says for itself when it does not come up */
  async untilReady(said: () => Promise<string>): Promise<void> {
    const deadline = this.#env.now() + startMs * 1000;
    while ((await this.hello()) === undefined) {
      if (this.#env.now() > deadline) {
        const words = (await said().catch(() => '')).trim();
        throw new AgentError(
          'hypervisor_failed',
          `the agent does not start on the machine: ${words || 'it says nothing'}`,
        );
      }
      await this.#env.sleep(pollMs);
    }
  }

  async #ask<T>(work: (talk: Talk) => Promise<T>): Promise<T> {
    const stream = await this.open();
    stream.write(openingLine(this.#identity, { open: 'talk' }));
    checked(await firstWords(this.#env, stream));
    const answer = async (verb: string) => {
      throw new AgentError('unsupported', `nobody answers ${verb}`);
    };
    const listener = { answer, notice() {}, over() {} };
    const talk = new Talk(this.#env, stream, listener);
    try {
      return await work(talk);
    } finally {
      talk.end('that was all');
    }
  }
}
