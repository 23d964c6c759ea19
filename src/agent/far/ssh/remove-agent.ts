import { connectSsh } from '../../../ssh/connect.ts';
import { AgentError } from '../../contract.ts';
import { folderOf } from './put-agent.ts';
import type { SshLineOptions } from './ssh-line.ts';
import { Superuser } from './superuser.ts';

/** Ends the agent of a host that has given up everything, and removes its folder. What other clouds have there stays. */
export async function removeAgent({ place, login, hostId }: SshLineOptions): Promise<void> {
  const client = await connectSsh(place, login).catch((error) => {
    throw new AgentError('unreachable', (error as Error).message, { cause: error });
  });
  client.on('error', () => {}); // told by what is asked
  try {
    const folder = folderOf(hostId);
    const machine = await Superuser.of(client, (await login.secrets()).password);
    // The lock is the agent's as long as it lives.
    const isOver = `flock -w 20 ${folder}/lock true`;
    await machine.run(
      `[ ! -d ${folder} ] || { pkill -TERM -f -- '--folder ${folder} ' || true; ${isOver}; rm -rf ${folder}; }`,
    );
  } finally {
    client.end();
  }
}
