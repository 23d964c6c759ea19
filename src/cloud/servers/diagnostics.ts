import { AgentError, type GuestDiagnostics } from '../../agent/contract.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { power } from './model.ts';

export type { GuestDiagnostics } from '../../agent/contract.ts';

const powerNames: Record<number, string> = {
  [power.none]: 'pending',
  [power.running]: 'running',
  [power.paused]: 'paused',
  [power.shutdown]: 'shutdown',
  [power.crashed]: 'crashed',
  [power.suspended]: 'suspended',
};

/** What the host counts of a server's guest. Throws `conflict` where that does not run, and `unavailable`. */
export async function serverDiagnostics(cloud: Cloud, subject: Subject, serverId: string): Promise<GuestDiagnostics> {
  const server = await cloud.servers.get(subject, serverId);
  const id = withDashes(serverId);
  if (server.hostId === null) throw new CloudError('conflict', `Instance ${id} is not ready`, { reason: 'no_host' });
  const refuse = (state: string) =>
    new CloudError('conflict', `Cannot 'get_diagnostics' instance ${id} while it is in power state ${state}`, {
      reason: 'state',
    });
  if (server.powerState !== power.running) throw refuse(powerNames[server.powerState] ?? 'pending');
  try {
    return await cloud.hosts.agent(server.hostId).guestDiagnostics(serverId);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // It has ended by itself, and nobody has noticed yet.
    if (error.code === 'not_found') throw refuse('shutdown');
    throw new CloudError('unavailable', `The server's host does not answer now: ${error.message}`, { cause: error });
  }
}
