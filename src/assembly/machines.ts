import { join } from 'node:path';
import { AgentError, type HostAgent } from '../agent/contract.ts';
import { acrossMachines } from '../agent/far/across-machines.ts';
import type { Connection } from '../agent/far/connection.ts';
import { farHost } from '../agent/far/far-host.ts';
import { OwnMachine } from '../agent/far/own-machine.ts';
import type { NetworkKind } from '../agent/network/open-network.ts';
import type { FarAgent, FarAgentOptions } from '../cloud/far-hosts/model.ts';
import type { Env } from '../env/env.ts';
import { agentProgram } from './agent-program.ts';

/** A server that says nothing for so long is taken for gone, milliseconds. */
const timeoutMs = 20_000;

/** The machines that hosts of the cloud are on. */
export interface Machines {
  /** A host of this machine, which also takes what is on other ones. */
  beside(agent: HostAgent): HostAgent;
  open(options: FarAgentOptions): FarAgent;
}

/** @param options.network how hosts there get their networks, where not as they can */
export async function openMachines(
  env: Env,
  options: { dataDir: string; network?: NetworkKind; tunnelAddress?: string },
): Promise<Machines> {
  const own = await OwnMachine.open(env, join(options.dataDir, 'lent'));
  const far = new Map<string, Connection>();
  const find = (name: string | undefined) => {
    if (name === undefined) return own;
    const machine = far.get(name);
    if (!machine) throw new AgentError('unreachable', `the machine of host ${name} is not known any more`);
    return machine;
  };
  return {
    beside: (agent) => acrossMachines(env, agent, own, find),
    open({ hostId, place, password, hostKey, key, mayBegin, known, onChange }) {
      const ssh = async (purpose: { toLeave: boolean }) => {
        const { address, port, user } = await place(purpose);
        return {
          env,
          place: { host: address, port, user, timeoutMs },
          login: { secrets: async () => ({ password: await password() }), hostKey },
          identity: { hostId, key: await key() },
          mayBegin,
          program: agentProgram,
          isJoined: options.tunnelAddress !== undefined,
          ...(options.network === undefined ? {} : { network: options.network }),
        };
      };
      const connect = async () => {
        const { openSshLine } = await import('../agent/far/ssh/ssh-line.ts');
        return await openSshLine(await ssh({ toLeave: false }));
      };
      const host = farHost({ env, name: hostId, connect, onChange }, known);
      const { connection } = host;
      far.set(hostId, connection);
      return {
        agent: acrossMachines(env, host, connection, find),
        get isConnected() {
          return connection.isConnected;
        },
        connect: () => connection.connect(),
        keep: () => connection.keep(),
        reconnect: () => connection.reconnect(),
        async leave() {
          await connection.close();
          const { removeAgent } = await import('../agent/far/ssh/remove-agent.ts');
          await removeAgent(await ssh({ toLeave: true }));
          far.delete(hostId);
        },
      };
    },
  };
}
