import type { Cloud } from '../cloud.ts';
import { asked } from '../hosts/asked.ts';
import { syncPowerStates } from './power-sync.ts';

/**
 * Asks a host's agent how the host is, and takes over how its guests are. Throws `not_found`, and `unavailable` (reason
 * `unreachable`) where it does not answer.
 */
export async function askHost(cloud: Cloud, hostId: string): Promise<void> {
  await cloud.hosts.get(hostId);
  await asked(async () => {
    const agent = cloud.hosts.agent(hostId);
    await agent.describe();
    await syncPowerStates(cloud, hostId, agent);
  });
}
