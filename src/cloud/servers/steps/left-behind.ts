import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { discardDisks } from './old-disk.ts';

/** What stays on a host that a server has left. */
export interface LeftBehind {
  serverId: string;
  hostId: string;
  /** The host that it has left; absent where it stayed. */
  leftHostId?: string;
  leftDiskIds?: string[];
}

/**
 * Removes what is left on the host that the server is no longer on. It can't fail an action that has otherwise worked:
 * what the host does not let go of now, the reapers of guests and disks remove later.
 */
export const discardLeftBehind = step<LeftBehind>('discardLeftBehind', {
  do: ({ services, input }) => discardAll(services, input.serverId, input.leftHostId!, input.leftDiskIds ?? []),
  // Nothing to undo: it comes when nothing may fail any more.
});

/** Removes a guest and disks from a host as far as it lets them go. */
export async function discardAll(cloud: Cloud, serverId: string, hostId: string, diskIds: readonly string[]) {
  try {
    await cloud.hosts.agent(hostId).removeGuest(serverId);
  } catch (error) {
    cloud.log.warn({ err: error, serverId, hostId }, 'a guest that has moved could not be removed yet');
  }
  return await discardDisks(cloud, hostId, diskIds);
}
