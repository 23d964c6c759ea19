import { connectSsh } from '../../../ssh/connect.ts';
import { AgentError } from '../../contract.ts';
import { folderOf } from './put-agent.ts';
import { RemoteAgent } from './remote-agent.ts';
import type { SshLineOptions } from './ssh-line.ts';
import { Superuser } from './superuser.ts';

/** Ends the agent of a host that has given up everything, and removes its folder. What other clouds have there stays. */
export async function removeAgent({ env, place, login, hostId }: SshLineOptions): Promise<void> {
  const client = await connectSsh(place, login).catch((error) => {
    throw new AgentError('unreachable', (error as Error).message, { cause: error });
  });
  client.on('error', () => {}); // told by what is asked
  try {
    const folder = folderOf(hostId);
    await new RemoteAgent(env, client, `${folder}/agent.sock`).stop();
    const machine = await Superuser.of(client, (await login.secrets()).password);
    // The lock is the agent's as long as it lives.
    await machine.run(`[ ! -d ${folder} ] || { flock -w 20 ${folder}/lock true; rm -rf ${folder}; }`);
  } finally {
    client.end();
  }
}
