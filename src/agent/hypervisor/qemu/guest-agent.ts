import type { Socket } from 'node:net';
import type { Env } from '../../../env/env.ts';
import { AgentError } from '../../contract.ts';
import { guestFiles } from './command-line.ts';
import type { QmpConnection } from './qmp.ts';
import { connectUnixSocket } from './unix-socket.ts';

/** QEMU's id of the character device that ends in the guest as `org.qemu.guest_agent.0`. */
const agentChannel = 'agent';

/** Everything after this byte is a new message, whatever was left of an older one (QEMU guest agent protocol). */
const delimiter = 0xff;
const maxAnswerBytes = 1024 * 1024;

/** Whether something in the guest has opened the channel, and the guest runs so that it could answer. */
export async function isAgentListening(qmp: QmpConnection): Promise<boolean> {
  const { status } = await qmp.execute<{ status: string }>('query-status');
  if (status !== 'running') return false;
  const devices = await qmp.execute<Array<{ label: string; 'frontend-open': boolean }>>('query-chardev');
  return devices.some((device) => device.label === agentChannel && device['frontend-open']);
}

/**
 * A conversation with the agent in a guest: JSON in lines, one command at a time. The guest is not trusted: it may say
 * anything, or nothing, and too much ends the conversation.
 */
export class GuestAgent implements Disposable {
  readonly #socket: Socket;
  readonly #env: Env;
  #unread = Buffer.alloc(0);
  #wake: () => void = () => {};
  #ended = false;

  private constructor(socket: Socket, env: Env) {
    this.#socket = socket;
    this.#env = env;
    socket.on('data', (bytes: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, bytes]);
      if (this.#unread.length > maxAnswerBytes) socket.destroy();
      this.#wake();
    });
    socket.once('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Rejects with `unsupported` when nothing in the guest answers within `timeoutMs`. */
  static async open(folder: string, env: Env, timeoutMs: number): Promise<GuestAgent> {
    let socket: Socket;
    try {
      socket = await connectUnixSocket(folder, guestFiles.agent);
    } catch (error) {
      throw new AgentError('unsupported', 'the guest has no channel for a guest agent', { cause: error });
    }
    const agent = new GuestAgent(socket, env);
    try {
      await agent.#synchronise(timeoutMs);
      return agent;
    } catch (error) {
      agent[Symbol.dispose]();
      throw error;
    }
  }

  /** Rejects with `hypervisor_failed` and the agent's words when it refuses. */
  async execute(command: string, args: object | undefined, timeoutMs: number): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const line = await this.#take(timeoutMs, command, (unread) => {
      const end = unread.indexOf('\n');
      return end < 0 ? undefined : { value: unread.toString('utf8', 0, end), length: end + 1 };
    });
    const answer = parsed(line);
    if (answer?.error) throw new AgentError('hypervisor_failed', `the guest agent refused: ${answer.error.desc}`);
    if (!answer || !('return' in answer))
      throw new AgentError('hypervisor_failed', `${command}: no answer of an agent`);
    return answer.return;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /** What an earlier conversation has left unread is passed over. */
  async #synchronise(timeoutMs: number): Promise<void> {
    const id = this.#env.randomBytes(4).readUInt32BE();
    const command = { execute: 'guest-sync-delimited', arguments: { id } };
    this.#socket.write(Buffer.concat([Buffer.from([delimiter]), Buffer.from(`${JSON.stringify(command)}\n`)]));
    await this.#take(timeoutMs, command.execute, (unread) => {
      for (let at = unread.indexOf(delimiter); at >= 0; at = unread.indexOf(delimiter, at + 1)) {
        const end = unread.indexOf('\n', at);
        if (end < 0) return undefined;
        if (parsed(unread.toString('utf8', at + 1, end))?.return === id) return { value: true, length: end + 1 };
      }
      return undefined;
    });
  }

  async #take<T>(
    timeoutMs: number,
    what: string,
    read: (unread: Buffer) => { value: T; length: number } | undefined,
  ): Promise<T> {
    const answered = new AbortController();
    let isLate = false;
    const lateness = this.#env.sleep(timeoutMs, answered.signal).then(() => {
      isLate = true;
      this.#wake();
    });
    try {
      while (true) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        const found = read(this.#unread);
        if (found) {
          this.#unread = this.#unread.subarray(found.length);
          return found.value;
        }
        if (this.#ended || isLate) {
          const why = isLate ? `within ${timeoutMs} ms` : 'and hung up';
          throw new AgentError('unsupported', `the guest agent did not answer ${what} ${why}`);
        }
        await promise;
      }
    } finally {
      answered.abort();
      await lateness;
    }
  }
}

interface Answer {
  return?: unknown;
  error?: { desc: string };
}

function parsed(line: string): Answer | undefined {
  try {
    const value = JSON.parse(line) as Answer | null;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
