import type { Tx } from '../../../database/database.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { GuestInput } from './guest.ts';

interface OldDisks extends GuestInput {
  hostId: string;
  /** Absent where the root disk stays. */
  oldDiskId?: string;
  /** Of its local disks. */
  otherOldDiskIds?: string[];
}

/**
 * Removes the disks that the server no longer uses. It can't fail an action that has otherwise worked: what the host does
 * not let go of now, the disk reaper removes later.
 */
export const discardOldDisk = step<OldDisks>('discardOldDisk', {
  do: ({ services, input }) =>
    discardDisks(services, input.hostId, [input.oldDiskId ?? [], input.otherOldDiskIds ?? []].flat()),
  // Nothing to undo: it is the last step, and only runs when nothing may fail any more.
});

/** Removes released disks of one host as far as it lets them go. */
export async function discardDisks(cloud: Cloud, hostId: string, diskIds: readonly string[]) {
  const results: Array<Awaited<ReturnType<typeof discard>>> = [];
  for (const diskId of diskIds) results.push(await discard(cloud, hostId, diskId));
  return {
    async commit(tx: Tx) {
      for (const { commit } of results) await commit(tx);
    },
  };
}

/** Removes one released disk if its host lets it, and in any case marks it as released. */
export async function discard(cloud: Cloud, hostId: string, diskId: string) {
  try {
    await cloud.hosts.agent(hostId).removeDisk(diskId);
  } catch (error) {
    cloud.log.warn({ err: error, diskId, hostId }, 'a disk that is no longer needed could not be removed yet');
    return { commit: (tx: Parameters<Cloud['volumes']['releaseDisk']>[0]) => cloud.volumes.releaseDisk(tx, diskId) };
  }
  return { commit: (tx: Parameters<Cloud['volumes']['forgetDisk']>[0]) => cloud.volumes.forgetDisk(tx, diskId) };
}
