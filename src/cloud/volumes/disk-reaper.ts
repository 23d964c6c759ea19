import type { Cloud } from '../cloud.ts';

/** How many disks one activation removes at the most. */
const maxRemovedPerActivation = 50;

export interface DiskReaperStatus {
  removed: number;
  failed: number;
}

/** Removes disks that nothing needs any more from their hosts. What can't be removed now is tried at the next activation. */
export async function reapDisks(cloud: Cloud): Promise<DiskReaperStatus> {
  const status: DiskReaperStatus = { removed: 0, failed: 0 };
  for (const { id, hostId } of await cloud.volumes.releasedDisks(maxRemovedPerActivation)) {
    try {
      await cloud.hosts.agent(hostId).removeDisk(id);
      await cloud.db.write((tx) => cloud.volumes.forgetDisk(tx, id));
      status.removed += 1;
    } catch (error) {
      status.failed += 1;
      cloud.log.warn({ err: error, diskId: id, hostId }, 'a released disk could not be removed yet');
    }
  }
  return status;
}
