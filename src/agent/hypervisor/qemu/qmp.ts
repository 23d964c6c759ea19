import type { Socket } from 'node:net';
import type { Env } from '../../../env/env.ts';
import { settlesWithin } from '../../../env/settles-within.ts';
import { AgentError } from '../../contract.ts';
import { connectUnixSocket } from './unix-socket.ts';

export interface QmpEvent {
  event: string;
  data?: Record<string, unknown>;
}

/** QEMU refused a command. `className` is QMP's error class, such as `CommandNotFound` or `DeviceNotFound`. */
export class QmpError extends AgentError {
  readonly className: string;
  constructor(command: string, className: string, description: string) {
    super('hypervisor_failed', `${command}: ${description}`);
    this.className = className;
  }
}

interface QmpMessage {
  QMP?: unknown;
  return?: unknown;
  error?: { class: string; desc: string };
  id?: number;
  event?: string;
  data?: Record<string, unknown>;
}

interface PendingCommand {
  command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const defaultTimeoutMs = 10_000;
const maxMessageCharacters = 16 * 1024 * 1024;

/** A connection to a QEMU monitor (QEMU Machine Protocol). QEMU serves one client at a time. */
export class QmpConnection {
  readonly #socket: Socket;
  readonly #env: Env;
  readonly #pending = new Map<number, PendingCommand>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #greeting = Promise.withResolvers<void>();
  readonly #closed = new AbortController();
  #nextId = 1;
  #unread: string[] = [];
  #unreadLength = 0;

  private constructor(socket: Socket, env: Env) {
    this.#socket = socket;
    this.#env = env;
    this.#greeting.promise.catch(() => {});
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('close', () => this.#end());
    if (socket.closed) this.#end(); // it broke on the way here
  }

  /** Connects, awaits the greeting and leaves negotiation. Rejects with `unreachable` when QEMU doesn't answer in time. */
  static async connect(
    folder: string,
    socketName: string,
    env: Env,
    timeoutMs = defaultTimeoutMs,
  ): Promise<QmpConnection> {
    let socket: Socket;
    try {
      socket = await connectUnixSocket(folder, socketName);
    } catch (error) {
      throw new AgentError('unreachable', `no QEMU monitor in ${folder}`, { cause: error });
    }
    const connection = new QmpConnection(socket, env);
    try {
      await connection.#within(timeoutMs, 'greeting', connection.#greeting.promise);
      await connection.execute('qmp_capabilities', undefined, timeoutMs);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** Aborts when the connection has ended, from either side. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * Runs a command and resolves with what it returns. Rejects with `QmpError` when QEMU refuses, and with `unreachable`
   * when it doesn't answer within `timeoutMs` or the connection ends.
   */
  async execute<T = unknown>(command: string, args?: object, timeoutMs = defaultTimeoutMs): Promise<T> {
    if (this.#closed.signal.aborted) throw new AgentError('unreachable', `${command}: the QEMU monitor is closed`);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { command, resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    try {
      return (await this.#within(timeoutMs, command, promise)) as T;
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Calls `listener` for every event, in order, and before the answer to any command that QEMU ended after it. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  async #within<T>(timeoutMs: number, what: string, answer: Promise<T>): Promise<T> {
    if (await settlesWithin(this.#env, timeoutMs, answer)) return await answer;
    throw new AgentError('unreachable', `QEMU did not answer ${what} within ${timeoutMs} ms`);
  }

  #receive(text: string): void {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = this.#unread.join('') + text.slice(start, end);
      this.#unread = [];
      this.#unreadLength = 0;
      start = end + 1;
      if (line.trim() !== '') this.#handle(line);
    }
    if (start === text.length) return;
    this.#unread.push(text.slice(start));
    this.#unreadLength += text.length - start;
    if (this.#unreadLength > maxMessageCharacters) this.close();
  }

  #handle(line: string): void {
    let message: QmpMessage;
    try {
      message = JSON.parse(line) as QmpMessage;
    } catch {
      this.close(); // what speaks there is not QMP
      return;
    }
    if (message.QMP !== undefined) {
      this.#greeting.resolve();
      return;
    }
    if (message.event !== undefined) {
      for (const listener of [...this.#listeners]) listener({ event: message.event, data: message.data });
      return;
    }
    const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
    if (!pending) return;
    if (message.error) pending.reject(new QmpError(pending.command, message.error.class, message.error.desc));
    else pending.resolve(message.return);
  }

  #end(): void {
    if (this.#closed.signal.aborted) return;
    const error = new AgentError('unreachable', 'the connection to the QEMU monitor ended');
    this.#greeting.reject(error);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#closed.abort();
  }
}
