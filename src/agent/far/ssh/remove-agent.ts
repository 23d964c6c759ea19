import { connectSsh } from '../../../ssh/connect.ts';
import { AgentError } from '../../contract.ts';
import { clearFolder, folderOf, recognise } from './agent-folder.ts';
import { RemoteAgent } from './remote-agent.ts';
import type { SshLineOptions } from './ssh-line.ts';
import { Superuser } from './superuser.ts';

/**
 * Ends the agent of a host that has given up everything, and removes its folder. What other clouds have there stays.
 * Throws `unreachable` also where it is another machine.
 */
export async function removeAgent({ env, place, login, identity }: SshLineOptions): Promise<void> {
  const client = await connectSsh(place, login).catch((error) => {
    throw new AgentError('unreachable', (error as Error).message, { cause: error });
  });
  try {
    const machine = await Superuser.of(client, (await login.secrets()).password);
    // A machine that knows nothing of the host has nothing to give up.
    await recognise(machine, { identity, address: place.host, mayBegin: async () => true });
    await new RemoteAgent(env, client, `${folderOf(identity.hostId)}/agent.sock`, identity).stop();
    await clearFolder(machine, identity);
  } finally {
    client.destroy();
  }
}
