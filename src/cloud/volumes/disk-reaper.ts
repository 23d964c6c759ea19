import type { Cloud } from '../cloud.ts';

/** How many disks one activation removes at the most. */
const maxRemovedPerActivation = 50;

export interface DiskReaperStatus {
  removed: number;
  failed: number;
}

/** A disk that nothing needs any more, and that its host still has. */
export interface ReleasedDisk {
  id: string;
  hostId: string;
  /** The volume that it was of, or the snapshot. */
  ownerId: string;
  isOfSnapshot: boolean;
  /** Whether the volume has another disk on the same host now. */
  isReplaced: boolean;
  /** Bytes, as its guest saw it. */
  size: number;
  releasedAt: number;
}

/** Those in an added storage, or on the own disk of a host, the longest released first. */
export async function releasedDisksIn(cloud: Cloud, storageOrHostId: string, limit: number): Promise<ReleasedDisk[]> {
  const rows = await cloud.db.read
    .selectFrom('disks')
    .leftJoin('volumes', 'volumes.id', 'disks.volume_id')
    .select(['disks.id', 'disks.host_id', 'disks.volume_id', 'disks.size', 'volumes.id as owner', 'volumes.disk_id'])
    .select((e) => [e.ref('disks.released_at').$notNull().as('released_at'), 'volumes.host_id as volume_host_id'])
    .where('released_at', 'is not', null)
    .where((e) => e.fn.coalesce('disks.storage_id', 'disks.host_id'), '=', storageOrHostId)
    .orderBy('released_at')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    hostId: row.host_id,
    ownerId: row.volume_id,
    isOfSnapshot: row.owner === null,
    isReplaced: row.disk_id !== null && row.volume_host_id === row.host_id,
    size: row.size,
    releasedAt: row.released_at,
  }));
}

/** Removes a disk that nothing needs any more. Throws what its host says where it can't. */
export async function removeReleasedDisk(cloud: Cloud, { id, hostId }: { id: string; hostId: string }): Promise<void> {
  await cloud.hosts.agent(hostId).removeDisk(id);
  await cloud.db.write((tx) => cloud.volumes.forgetDisk(tx, id));
}

/** Removes disks that nothing needs any more from their hosts. What can't be removed now is tried at the next activation. */
export async function reapDisks(cloud: Cloud): Promise<DiskReaperStatus> {
  const status: DiskReaperStatus = { removed: 0, failed: 0 };
  for (const { id, hostId } of await cloud.volumes.releasedDisks(maxRemovedPerActivation)) {
    try {
      await removeReleasedDisk(cloud, { id, hostId });
      status.removed += 1;
    } catch (error) {
      status.failed += 1;
      cloud.log.warn({ err: error, diskId: id, hostId }, 'a released disk could not be removed yet');
    }
  }
  return status;
}
