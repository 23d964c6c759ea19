import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import type { Server } from './model.ts';
import type { MovedDisk } from './steps/move.ts';

/** What of a server's place follows from its rows: its disks with their successors, and where they may go. */
export interface PlaceFacts {
  disks: MovedDisk[];
  zoneId?: string;
  architecture?: string;
  onlyHostId?: string;
}

/**
 * The disks of a server, the root first, each with an id for its successor. Snapshots do not move, and so neither does a
 * volume that has some.
 * @param newRootSize bytes that the root disk has at least afterwards
 */
export async function disksToMove(cloud: Cloud, tx: Tx, server: Server, newRootSize = 0): Promise<PlaceFacts> {
  const rows = await tx
    .selectFrom('volumes')
    .leftJoin('disks', 'disks.id', 'volumes.disk_id')
    .select(['volumes.id', 'volumes.disk_id', 'volumes.size', 'disks.image_id'])
    .where('volumes.server_id', '=', server.id)
    .orderBy('device_index')
    .execute();
  const ordered = [
    ...rows.filter(({ id }) => id === server.rootVolumeId),
    ...rows.filter(({ id }) => id !== server.rootVolumeId),
  ];
  const snapshot = await tx
    .selectFrom('volume_snapshots')
    .select('id')
    .where(
      'volume_id',
      'in',
      rows.map(({ id }) => id),
    )
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return {
    disks: ordered.map(({ id, disk_id, size, image_id }, index) => ({
      volumeId: id,
      oldDiskId: disk_id!,
      newDiskId: newId(cloud.env),
      oldSize: size,
      newSize: index === 0 ? Math.max(size, newRootSize) : size,
      imageId: image_id,
    })),
    zoneId: server.zoneId,
    architecture: server.hardware['architecture'],
    onlyHostId: snapshot ? (server.hostId ?? undefined) : undefined,
  };
}
