import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import type { Env } from '../../../env/env.ts';
import { connectSsh, type SshPlace, type SshSecrets } from '../../../ssh/connect.ts';
import type { KnownHostKey } from '../../../ssh/host-key.ts';
import { AgentError } from '../../contract.ts';
import type { Line } from '../line.ts';
import type { Hello } from '../serve-host.ts';
import { Talk } from '../talk.ts';
import { firstLine } from '../wire.ts';
import type { AgentProgram } from './agent-program.ts';
import { folderOf, putAgent, root } from './put-agent.ts';
import { Superuser } from './superuser.ts';

export interface SshLineOptions {
  env: Env;
  place: SshPlace;
  login: { secrets(): Promise<SshSecrets>; hostKey: KnownHostKey };
  /** The host's own folder is named after it. */
  hostId: string;
  program(): Promise<AgentProgram>;
  /** How the host's guests get their networks, as `openNetworkDriver` has it. */
  network?: string;
  /** Whether hosts have networks in common: then others send it frames at its address. */
  isJoined: boolean;
}

/** How long an agent may take to listen, and to stop, milliseconds. */
const startMs = 30_000;
const pollMs = 100;

/**
 * Logs in to the machine, puts the agent there and starts it where that has not been done, and replaces one of an earlier
 * program. Throws `unreachable`, or what kept the machine from becoming a host.
 */
export async function openSshLine(options: SshLineOptions): Promise<Line> {
  const secrets = await options.login.secrets();
  const login = { secrets: async () => secrets, hostKey: options.login.hostKey };
  const client = await connectSsh(options.place, login).catch((error) => {
    throw new AgentError('unreachable', (error as Error).message, { cause: error });
  });
  client.on('error', () => {}); // told by the streams, which end
  try {
    const folder = folderOf(options.hostId);
    const agent = new Agent(options.env, client, `${folder}/agent.sock`);
    const program = await options.program();
    const running = await agent.programName();
    if (running === undefined || running < program.name) {
      const machine = await Superuser.of(client, secrets.password);
      const command = await putAgent(machine, program);
      if (running !== undefined) await agent.stop();
      await machine.run(startScript(command, folder, machine.uid, program, options));
      await agent.untilReady(() => machine.run(`tail -n 3 ${folder}/start.log 2>/dev/null || true`));
    }
    return { open: () => agent.open(), close: () => client.end() };
  } catch (error) {
    client.end();
    throw error;
  }
}

/** One agent at a time has the lock, which ends with it. Nothing of it belongs to the session. */
function startScript(
  command: string,
  folder: string,
  uid: number,
  program: AgentProgram,
  { network, isJoined, place }: SshLineOptions,
): string {
  const words = [
    `--folder ${folder} --program ${program.name}`,
    ...(uid === 0 ? [] : [`--owner ${uid}`]),
    ...(network === undefined ? [] : [`--network ${network}`]),
    ...(isJoined ? [`--address ${place.host}`] : []),
  ];
  return [
    `mkdir -p -m 711 ${root} ${folder}`,
    'cd /',
    `setsid -f flock -w 20 ${folder}/lock ${command} ${words.join(' ')} >${folder}/start.log 2>&1 </dev/null`,
  ].join('\n');
}

/** The agent behind a socket of the machine, which may not run. */
class Agent {
  readonly #env: Env;
  readonly #client: Client;
  readonly #socket: string;

  constructor(env: Env, client: Client, socket: string) {
    this.#env = env;
    this.#client = client;
    this.#socket = socket;
  }

  open(): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(new AgentError('unreachable', `the host's agent takes no connection: ${error.message}`));
      try {
        this.#client.openssh_forwardOutStreamLocal(this.#socket, (error, stream) => {
          if (error) fail(error);
          else resolve(stream);
        });
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  /** Undefined where none runs. */
  async programName(): Promise<string | undefined> {
    return await this.#ask(async (talk) => ((await talk.ask('hello', [])) as Hello).program).catch(() => undefined);
  }

  async stop(): Promise<void> {
    await this.#ask((talk) => talk.ask('stop', [])).catch(() => {});
  }

  /** @param said what it says for itself when it does not come up */
  async untilReady(said: () => Promise<string>): Promise<void> {
    const deadline = this.#env.now() + startMs * 1000;
    while ((await this.programName()) === undefined) {
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
    stream.write('{"open":"talk"}\n');
    await firstLine(stream);
    const listener = { answer: async () => undefined, notice() {}, over() {} };
    const talk = new Talk(this.#env, stream, listener);
    try {
      return await work(talk);
    } finally {
      talk.end('that was all');
    }
  }
}
