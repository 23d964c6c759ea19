import type { Tx } from '../../database/database.ts';
import type { VolumesTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { contentOf, sizeAfterwards } from './local-disks.ts';
import { bootsFromVolume, type FlavorFacts, type Server } from './model.ts';
import type { MovedDisk } from './steps/move.ts';

const gibibyte = 2 ** 30;

function localFactsOf(row: Pick<VolumesTable, 'kind' | 'local_disk'>): MovedDisk['local'] {
  return row.local_disk === null ? undefined : { content: contentOf(row), isKept: row.kind === 'ephemeral' };
}

/** What of a server's place follows from its rows: its disks with their successors, and where they may go. */
export interface PlaceFacts {
  disks: MovedDisk[];
  ownRoot: boolean;
  zoneId?: string;
  architecture?: string;
  onlyHostId?: string;
}

/**
 * Why the server can't leave its host, undefined where it can: snapshots do not move, so neither does a volume that has
 * some; nor does one that several servers may have.
 */
async function whatKeeps(tx: Tx, serverId: string): Promise<string | undefined> {
  const own = await tx.selectFrom('volumes').select(['id', 'multiattach']).where('server_id', '=', serverId).execute();
  const share = await tx
    .selectFrom('volume_shares')
    .select('volume_id')
    .where('server_id', '=', serverId)
    .executeTakeFirst();
  const sharedId = share?.volume_id ?? own.find(({ multiattach }) => multiattach === 1)?.id;
  if (sharedId !== undefined) return `its volume ${withDashes(sharedId)} is one that several servers may have there`;
  if (own.length === 0) return undefined;
  const ids = own.map(({ id }) => id);
  const snapshot = await tx
    .selectFrom('volume_snapshots')
    .select('volume_id')
    .where('volume_id', 'in', ids)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return snapshot && `its volume ${withDashes(snapshot.volume_id)} has snapshots, which do not move`;
}

/** Refuses a move to another host, in Nova's words, before anything is begun. */
export async function requireMovable(tx: Tx, server: Server): Promise<void> {
  const kept = await whatKeeps(tx, server.id);
  if (kept === undefined) return;
  throw new CloudError('no_valid_host', `No valid host was found. The server can't leave its host: ${kept}.`);
}

/** Refuses a resize of a server whose root disk, of which it would get a copy, another one may have too. */
export async function requireOwnRoot(tx: Tx, server: Server): Promise<void> {
  const root = await tx
    .selectFrom('volumes')
    .select('multiattach')
    .where('id', '=', server.rootVolumeId)
    .executeTakeFirst();
  if (root?.multiattach !== 1) return;
  throw new CloudError('invalid', 'A server that boots from a volume that several servers may have is not resized.', {
    reason: 'multiattach',
  });
}

/**
 * The disks of a server, the root first, each with an id for its successor.
 * @param newFlavor what it is to be of afterwards; its local disks change with it as that one says
 */
export async function disksToMove(
  cloud: Cloud,
  tx: Tx,
  server: Server,
  newFlavor?: Pick<FlavorFacts, 'diskGb' | 'ephemeralGb' | 'swapMb'>,
): Promise<PlaceFacts> {
  const newRootSize = newFlavor && !bootsFromVolume(server) ? newFlavor.diskGb * gibibyte : 0;
  const rows = await tx
    .selectFrom('volumes')
    .leftJoin('disks', 'disks.id', 'volumes.disk_id')
    .select(['volumes.id', 'volumes.disk_id', 'volumes.size', 'volumes.kind', 'local_disk', 'disks.image_id'])
    .select('disks.storage_id')
    .where('volumes.server_id', '=', server.id)
    .orderBy('device_index')
    .execute();
  const ordered = [
    ...rows.filter(({ id }) => id === server.rootVolumeId),
    ...rows.filter(({ id }) => id !== server.rootVolumeId),
  ];
  const isKept = (await whatKeeps(tx, server.id)) !== undefined;
  return {
    disks: ordered.map((row, index) => {
      const { id: volumeId, disk_id: oldDiskId, size: oldSize, image_id: imageId, storage_id: storageId } = row;
      const local = localFactsOf(row);
      const usual = index === 0 ? Math.max(oldSize, newRootSize) : oldSize;
      const newSize = local && newFlavor ? sizeAfterwards(row, newFlavor) : usual;
      const newDiskId = local && newSize === 0 ? null : newId(cloud.env);
      const isChanged = local !== undefined && newSize !== oldSize;
      const facts = { volumeId, oldDiskId, newDiskId, oldSize, newSize, imageId, storageId };
      return { ...facts, ...(isChanged ? { isChanged } : {}), ...(local ? { local } : {}) };
    }),
    ownRoot: !bootsFromVolume(server),
    zoneId: server.zoneId,
    architecture: server.hardware['architecture'],
    onlyHostId: isKept ? (server.hostId ?? undefined) : undefined,
  };
}
