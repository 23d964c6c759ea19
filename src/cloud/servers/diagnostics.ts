import { AgentError, type GuestDiagnostics, type HostAgent } from '../../agent/contract.ts';
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
export function serverDiagnostics(cloud: Cloud, subject: Subject, serverId: string): Promise<GuestDiagnostics> {
  return ofRunning(cloud, subject, serverId, 'get_diagnostics', (agent) => agent.guestDiagnostics(serverId));
}

/** How large a picture may be, in base64: that of a large screen of noise is larger. */
const maxPicture = 8 * 2 ** 20;

/** What is on a server's screen, as PNG in base64. Throws as `serverDiagnostics`. */
export async function serverScreenshot(cloud: Cloud, subject: Subject, serverId: string): Promise<string> {
  const picture = await ofRunning(cloud, subject, serverId, 'take_screenshot', (agent) => agent.screenshot(serverId));
  if (picture.length <= maxPicture) return picture;
  throw new CloudError('conflict', `The picture of the screen of ${withDashes(serverId)} is too large to be told.`, {
    reason: 'picture_size',
  });
}

async function ofRunning<Result>(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  what: string,
  ask: (agent: HostAgent) => Promise<Result>,
): Promise<Result> {
  const server = await cloud.servers.get(subject, serverId);
  const id = withDashes(serverId);
  if (server.hostId === null) throw new CloudError('conflict', `Instance ${id} is not ready`, { reason: 'no_host' });
  const refuse = (state: string) =>
    new CloudError('conflict', `Cannot '${what}' instance ${id} while it is in power state ${state}`, {
      reason: 'state',
    });
  if (server.powerState !== power.running) throw refuse(powerNames[server.powerState] ?? 'pending');
  try {
    return await ask(cloud.hosts.agent(server.hostId));
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // It has ended by itself, and nobody has noticed yet.
    if (error.code === 'not_found') throw refuse('shutdown');
    throw new CloudError('unavailable', `The server's host does not answer now: ${error.message}`, { cause: error });
  }
}
