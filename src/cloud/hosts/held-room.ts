import type { Tx } from '../../database/database.ts';
import { diskRoomOf } from '../flavors/disk-room.ts';
import type { DiskPlaces } from './disk-needs.ts';
import type { Allocation, Amounts } from './model.ts';
import type { PlacementRequest } from './scheduler.ts';

/** What a server holds: of the own disk of its host, and of the storage in which its root disk lies. */
export type HeldAmounts = Amounts & Partial<Pick<Allocation, 'storageId' | 'storageGb'>>;

/** What the allocation of a server holds for the disks that are part of it, now that their places are known. */
export function heldAmounts(request: PlacementRequest, places: DiskPlaces): HeldAmounts {
  const { vcpus, memoryMb, diskGb, disks = [] } = request;
  const held = disks.filter(({ isHeld, volumeId }) => isHeld && places.has(volumeId));
  const own = held.filter(({ volumeId }) => places.get(volumeId) === null);
  const [added] = held.filter(({ volumeId }) => places.get(volumeId) !== null);
  return {
    ...{ vcpus, memoryMb },
    diskGb: own.reduce((sum, { gb, ownGb = gb }) => sum + ownGb, diskGb),
    storageId: added && places.get(added.volumeId),
    storageGb: added?.gb,
  };
}

/**
 * The own root disk of a server has another size: what the server holds follows. On the host's own disk its flavor says
 * what that is, in a storage the disk itself.
 * @param rootSize bytes
 */
export async function holdRootRoom(
  tx: Tx,
  serverId: string,
  { flavor, rootSize }: { flavor?: Parameters<typeof diskRoomOf>[0]; rootSize?: number },
): Promise<void> {
  const held = () => tx.updateTable('allocations').where('server_id', '=', serverId).where('purpose', '=', 'current');
  if (flavor) {
    const ofOwnDisk = held().where('storage_id', 'is', null);
    await ofOwnDisk.set({ disk_gb: diskRoomOf(flavor) }).execute();
  }
  if (rootSize !== undefined) {
    const ofStorage = held().where('storage_id', 'is not', null);
    await ofStorage.set({ storage_gb: Math.ceil(rootSize / 2 ** 30) }).execute();
  }
}
