import type { Env } from '../../../env/env.ts';
import { connectSsh, type SshPlace, type SshSecrets } from '../../../ssh/connect.ts';
import type { KnownHostKey } from '../../../ssh/host-key.ts';
import { AgentError } from '../../contract.ts';
import type { HostIdentity } from '../identity.ts';
import type { Line } from '../line.ts';
import type { Hello } from '../opening.ts';
import { folderOf, introduce, recognise } from './agent-folder.ts';
import type { AgentProgram } from './agent-program.ts';
import { putAgent } from './put-agent.ts';
import { RemoteAgent } from './remote-agent.ts';
import { Superuser } from './superuser.ts';

export interface SshLineOptions {
  env: Env;
  place: SshPlace;
  login: { secrets(): Promise<SshSecrets>; hostKey: KnownHostKey };
  /** The machine has to know it. The host's own folder is named after its id. */
  identity: HostIdentity;
  /** Whether a machine that knows nothing of the host may be told who it is: not where there should be something. */
  mayBegin(): Promise<boolean>;
  program(): Promise<AgentProgram>;
  /** How the host's guests get their networks, as `openNetworkDriver` has it. */
  network?: string;
  /** Whether hosts have networks in common: then others send it frames at its address. */
  isJoined: boolean;
}

/**
 * Logs in to the machine, puts the agent there and starts it where that has not been done, and replaces one of an earlier
 * program. Nothing is written to another machine than the host's. Throws `unreachable`, or what kept the machine from
 * becoming a host.
 */
export async function openSshLine(options: SshLineOptions): Promise<Line> {
  const { env, place, identity } = options;
  const secrets = await options.login.secrets();
  const login = { secrets: async () => secrets, hostKey: options.login.hostKey };
  const client = await connectSsh(place, login).catch((error) => {
    throw new AgentError('unreachable', (error as Error).message, { cause: error });
  });
  try {
    const folder = folderOf(identity.hostId);
    const agent = new RemoteAgent(env, client, `${folder}/agent.sock`, identity);
    // Its streams end with it, which a half-closed connection to a machine that has gone does not.
    const line: Line = { identity, open: () => agent.open(), close: () => client.destroy() };
    const program = await options.program();
    let running = await agent.hello();
    if (serves(running, program, options)) return line;
    const machine = await Superuser.of(client, secrets.password);
    const known = await recognise(machine, { identity, address: place.host, mayBegin: options.mayBegin });
    if (running === undefined && machine.uid !== 0) {
      // It may run for another user, as whom one has logged in before.
      await machine.run(`[ ! -S ${folder}/agent.sock ] || chown ${machine.uid} ${folder}/agent.sock`);
      running = await agent.hello();
      if (serves(running, program, options)) return line;
    }
    if (known === 'new') await introduce(machine, identity);
    const command = await putAgent(machine, program);
    if (running !== undefined) await agent.stop();
    await machine.run(startScript(command, folder, machine.uid, program, options));
    await agent.untilReady(() => machine.run(`tail -n 3 ${folder}/start.log 2>/dev/null || true`));
    return line;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

/** Whether the agent can go on: it is no earlier program, and others send it frames where the machine is reached now. */
export function serves(
  running: Hello | undefined,
  program: Pick<AgentProgram, 'name'>,
  { isJoined, place }: Pick<SshLineOptions, 'isJoined'> & { place: Pick<SshPlace, 'host'> },
): boolean {
  if (running === undefined || running.program < program.name) return false;
  const { tunnel } = running.description.networking;
  return !isJoined || tunnel === undefined || tunnel.address === place.host;
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
    'cd /',
    // What it says is for root alone, and what it makes has the usual modes.
    `(umask 077; : >>${folder}/start.log)`,
    `setsid -f flock -w 20 ${folder}/lock ${command} ${words.join(' ')} >${folder}/start.log 2>&1 </dev/null`,
  ].join('\n');
}
