import type { StoragesTable } from '../../database/schema.ts';
import { type Amounts, capacityOf, type Host } from './model.ts';

/** A host's part of a storage that was added, with what is promised of it. */
export interface StorageUsage {
  storageId: string;
  name: string;
  state: StoragesTable['state'];
  status: 'connected' | 'disconnected';
  /** Whether other hosts have the same. */
  isShared?: boolean;
  /** What there is of it for this host, before the host's ratio. */
  totalGb: number;
  usedGb: number;
}

/** A disk of a server that needs a place on its host: on the host's own disk, or in a storage of it. */
export interface DiskNeed {
  volumeId: string;
  gb: number;
  /** What it takes of the host's own disk, where that is not the same: a flavor without a disk takes nothing there. */
  ownGb?: number;
  /** Where it has to be: a storage, or null for the host's own disk. */
  storageId?: string | null;
  /** Where it is to be if there is room; else, and where nothing is said, wherever there is most. */
  nearStorageId?: string | null;
  /** There it stays as it is. */
  keptOnHostId?: string;
  /** It leaves this host. In a storage that both hosts share it stays where it is, and takes no more than it grows by. */
  leaves?: { hostId: string; gb: number };
  /** Whether its room is part of the server's allocation, as that of a root disk; else the disk's record takes it. */
  isHeld?: boolean;
}

/** The storage in which each disk is to lie, by its volume; null for the host's own disk. */
export type DiskPlaces = ReadonlyMap<string, string | null>;

/** Why disks have no place, in words that follow a host's name; the plural stands after `many`. */
interface NoPlace {
  reason: string;
  many: string;
  lacking?: { needed: number; free: number; unit: string };
}

/**
 * Finds a place on this host for each disk, one after the other, or says why there is none.
 * @param diskGb what has to be on the host's own disk
 */
export function findPlaces(
  { host, used, storages }: { host: Host; used: Amounts; storages: readonly StorageUsage[] },
  { diskGb, disks = [] }: { diskGb: number; disks?: readonly DiskNeed[] },
): DiskPlaces | NoPlace {
  const needs = disks.filter(({ keptOnHostId }) => keptOnHostId !== host.id);
  const ownNeed = (need: DiskNeed) => need.ownGb ?? need.gb;
  const own = capacityOf(host).diskGb - used.diskGb;
  const free = new Map<string | null, number>([[null, own - diskGb]]);
  for (const { storageId, state, status, totalGb, usedGb } of storages) {
    if (state === 'enabled' && status === 'connected')
      free.set(storageId, Math.floor(totalGb * host.diskRatio) - usedGb);
  }
  const places = new Map<string, string | null>();
  for (const need of needs) {
    const grown = growthOf(need, host.id, storages);
    if (grown !== undefined && grown <= Math.max(0, free.get(need.nearStorageId!) ?? 0)) {
      if (grown > 0) free.set(need.nearStorageId!, free.get(need.nearStorageId!)! - grown);
      places.set(need.volumeId, need.nearStorageId!);
      continue;
    }
    const takes = (place: string | null) => (place === null ? ownNeed(need) : need.gb);
    const allowed = [...free.keys()].filter((place) => need.storageId === undefined || place === need.storageId);
    if (allowed.length === 0) return withoutStorage(storages, need.storageId!);
    const rank = (place: string | null) => (place === need.nearStorageId ? Number.MAX_SAFE_INTEGER : free.get(place)!);
    allowed.sort((a, b) => rank(b) - rank(a));
    const place = allowed.find((one) => free.get(one)! >= takes(one));
    if (place === undefined) return tooLittle(need.gb, Math.max(...allowed.map((one) => free.get(one)!)), free.size);
    free.set(place, free.get(place)! - takes(place));
    places.set(need.volumeId, place);
  }
  const needsOwn = diskGb > 0 || needs.length === 0;
  return needsOwn && free.get(null)! < 0 ? lacksDisk(diskGb, own) : places;

  /** Where there is one place alone, what is missing is told of everything together. */
  function tooLittle(gb: number, most: number, count: number): NoPlace {
    if (count > 1) return lacksDisk(gb, most);
    return lacksDisk(
      needs.reduce((sum, need) => sum + ownNeed(need), diskGb),
      own,
    );
  }
}

/** What the disk takes more of the shared storage in which it lies; undefined where this host does not get at it there. */
function growthOf(
  { nearStorageId, leaves, gb }: DiskNeed,
  hostId: string,
  storages: readonly StorageUsage[],
): number | undefined {
  if (!nearStorageId || !leaves || leaves.hostId === hostId) return undefined;
  if (!storages.some((one) => holdsShared(one, nearStorageId))) return undefined;
  return Math.max(0, gb - leaves.gb);
}

/** Whether a host gets at what lies in the shared storage. */
export function holdsShared(storage: StorageUsage, storageId: string): boolean {
  return storage.storageId === storageId && storage.isShared === true && storage.status === 'connected';
}

function lacksDisk(needed: number, free: number): NoPlace {
  return { reason: 'lacks disk', many: 'lack disk', lacking: { needed, free: Math.max(0, free), unit: ' GB' } };
}

function withoutStorage(storages: readonly StorageUsage[], storageId: string): NoPlace {
  const known = storages.find((one) => one.storageId === storageId);
  if (!known) return { reason: 'does not have the storage asked for', many: 'do not have the storage asked for' };
  const why = known.state === 'enabled' ? 'not connected' : known.state === 'disabled' ? 'disabled' : 'in maintenance';
  return { reason: `has the storage ${why}`, many: `have the storage ${why}` };
}
