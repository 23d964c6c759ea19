import type { Duplex } from 'node:stream';
import type { Env } from '../../env/env.ts';
import { AgentError } from '../contract.ts';
import { type Message, readLines, receivedError, sentError, writeLine } from './wire.ts';

export interface TalkListener {
  /** Does what the other side asks for. */
  answer(verb: string, args: unknown[]): Promise<unknown>;
  notice(name: string, value: unknown): void;
  /** The talk is over; nothing is answered any more. Called once. */
  over(reason: string): void;
}

/** How often each side says that it is there, and how long the other one bears silence, milliseconds. */
const beatMs = 5000;
const patienceMs = 20_000;

/** So many questions are answered at a time: who asks more at once has gone mad. */
const mostAnswers = 1000;

/** A connection over which both sides ask and answer, any number of things at a time. */
export class Talk {
  readonly #stream: Duplex;
  readonly #listener: TalkListener;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #stopBeat: () => void;
  readonly #env: Env;
  #lastAsked = 0;
  #answering = 0;
  #heardAt: number;
  #isOver = false;

  constructor(env: Env, stream: Duplex, listener: TalkListener) {
    this.#env = env;
    this.#stream = stream;
    this.#listener = listener;
    this.#heardAt = env.now();
    stream.on('error', (error) => this.end(error.message));
    stream.on('close', () => this.end('the connection was closed'));
    stream.on('end', () => this.end('the other side has hung up'));
    readLines(stream, (line) => this.#receive(line));
    this.#stopBeat = env.every(beatMs, () => this.#beat());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Rejects with what the other side failed with, or with `unreachable` when the talk is over before it has answered. */
  async ask(verb: string, args: unknown[]): Promise<unknown> {
    if (this.#isOver) throw new AgentError('unreachable', 'the connection to the host is gone');
    const number = ++this.#lastAsked;
    const asked = Promise.withResolvers<unknown>();
    this.#waiting.set(number, asked);
    this.#send({ ask: number, verb, args });
    return await asked.promise;
  }

  tell(notice: string, value?: unknown): void {
    if (!this.#isOver) this.#send({ notice, value });
  }

  end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopBeat();
    this.#stream.destroy();
    const lost = new AgentError('unreachable', `the connection to the host is gone: ${reason}`);
    for (const { reject } of this.#waiting.values()) reject(lost);
    this.#waiting.clear();
    this.#listener.over(reason);
  }

  #beat(): void {
    const silentMs = (this.#env.now() - this.#heardAt) / 1000;
    if (silentMs > patienceMs) this.end(`nothing was heard for ${Math.round(silentMs / 1000)} seconds`);
    else this.tell('beat');
  }

  #send(message: Message): void {
    writeLine(this.#stream, message);
  }

  #receive(line: string): void {
    this.#heardAt = this.#env.now();
    const message = messageIn(line);
    if (!message) this.end('the other side speaks another language');
    else if ('ask' in message) void this.#answer(message);
    else if ('answer' in message) this.#settle(message);
    else if (message.notice !== 'beat') this.#listener.notice(message.notice, message.value);
  }

  async #answer({ ask, verb, args }: Extract<Message, { ask: number }>): Promise<void> {
    this.#answering += 1;
    try {
      if (this.#answering > mostAnswers)
        throw new AgentError('unsupported', `${mostAnswers} questions are open already`);
      const value = await this.#listener.answer(verb, args);
      if (!this.#isOver) this.#send({ answer: ask, value });
    } catch (error) {
      if (!this.#isOver) this.#send({ answer: ask, error: sentError(error) });
    } finally {
      this.#answering -= 1;
    }
  }

  #settle({ answer, value, error }: Extract<Message, { answer: number }>): void {
    const asked = this.#waiting.get(answer);
    if (!this.#waiting.delete(answer)) return;
    if (error) asked!.reject(receivedError(error));
    else asked!.resolve(value);
  }
}

/** Undefined for what nobody says who speaks this language. */
function messageIn(line: string): Message | undefined {
  try {
    const said = JSON.parse(line) as Message | null;
    if (typeof said !== 'object' || said === null) return undefined;
    if ('ask' in said) return typeof said.verb === 'string' && Array.isArray(said.args) ? said : undefined;
    return 'answer' in said || typeof said.notice === 'string' ? said : undefined;
  } catch {
    return undefined;
  }
}
