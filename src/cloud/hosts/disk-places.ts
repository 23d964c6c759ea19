import type { Queryable, Tx } from '../../database/database.ts';
import type { StorageKind, StoragesTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
import { holdsShared, type StorageUsage } from './disk-needs.ts';
import { capacityOf, type Host } from './model.ts';
import { chooseHosts, type HostUsage } from './scheduler.ts';

const gibibyte = 2 ** 30;

/** A disk that needs a place. */
export interface DiskRequest {
  /** Bytes. */
  size: number;
  zoneId?: string;
  onlyHostId?: string;
  /** The storage that it has to be in, null for the own disk of a host; wherever there is most room if none is said. */
  storageId?: string | null;
  /** What it is a copy of: it comes to the same storage, if that takes it. */
  nearDiskId?: string;
  /** It is to be in the place of that one: in a storage that the hosts share it stays where it is, and takes no room. */
  isKept?: boolean;
}

/** Where a disk is to lie: in a storage, or on the host's own disk. */
export interface DiskPlace {
  host: Host;
  storageId: string | null;
}

/** Every place in which a host can keep disks, with what is taken of it. */
type Candidate = HostUsage & { storageId: string | null };

/** Chooses among the own disks of hosts, and the storages that they have beside. Throws `no_valid_host`. */
export async function choosePlace(tx: Tx, usage: readonly HostUsage[], request: DiskRequest): Promise<DiskPlace> {
  const { size, zoneId, onlyHostId, storageId, nearDiskId } = request;
  const candidates = [...ownDisks(usage), ...inStorages(usage)].filter(
    (one) => storageId === undefined || one.storageId === storageId,
  );
  const near = nearDiskId === undefined ? undefined : await placeOfDisk.first(tx, { diskId: nearDiskId });
  const kept = request.isKept && near ? keptPlace(usage, near, request) : undefined;
  if (kept) return kept;
  const rank = (one: Candidate) => (near && one.storageId === near.storage_id ? Number.MAX_SAFE_INTEGER : freeGb(one));
  candidates.sort((a, b) => rank(b) - rank(a));
  const need = { vcpus: 0, memoryMb: 0, diskGb: Math.ceil(size / gibibyte) };
  const [chosen] = chooseHosts(candidates, { ...need, zoneId, onlyHostId });
  const { host, storageId: place } = candidates.find((one) => one.host === chosen)!;
  return { host: usage.find((one) => one.host.id === host.id)!.host, storageId: place };
}

/** Where a disk comes to be on another host that has the same shared storage. */
function keptPlace(
  usage: readonly HostUsage[],
  near: { storage_id: string | null; host_id: string },
  { onlyHostId, storageId = near.storage_id }: DiskRequest,
): DiskPlace | undefined {
  if (near.host_id === onlyHostId || storageId === null || storageId !== near.storage_id) return undefined;
  const found = usage.find(({ host }) => host.id === onlyHostId);
  if (!found?.storages.some((one) => holdsShared(one, storageId))) return undefined;
  return { host: found.host, storageId };
}

function ownDisks(usage: readonly HostUsage[]): Candidate[] {
  return usage.map((one) => ({ ...one, storageId: null }));
}

/** The hosts as each storage has room for them: a storage that takes nothing counts as a host that takes nothing. */
function inStorages(usage: readonly HostUsage[]): Candidate[] {
  return usage.flatMap((own) =>
    own.storages.map(({ storageId, name, state, status, totalGb, usedGb }) => {
      const host: Host = {
        ...own.host,
        name: `${own.host.name} (${name})`,
        diskGb: totalGb,
        ...(own.host.state === 'enabled' ? { state } : {}),
        ...(own.host.status === 'connected' ? { status } : {}),
      };
      return { ...own, host, used: { ...own.used, diskGb: usedGb }, storageId };
    }),
  );
}

function freeGb({ host, used }: HostUsage): number {
  return capacityOf(host).diskGb - used.diskGb;
}

/**
 * What each host has of each storage, and what volumes and servers have been promised of it. Of a shared one each host has
 * the whole, of which is taken what lies in it, whoever's it is: there the rows of disks count, those of root disks too.
 */
export interface StorageRoom {
  kind: StorageKind;
  storageId: string;
  hostId: string;
  name: string;
  state: StoragesTable['state'];
  status: 'connected' | 'disconnected';
  totalBytes: number;
  freeBytes: number;
  takenBytes: number;
  diskRatio: number;
}

function rooms(db: Queryable) {
  return db
    .selectFrom('storage_hosts')
    .innerJoin('storages', 'storages.id', 'storage_hosts.storage_id')
    .innerJoin('hosts', 'hosts.id', 'storage_hosts.host_id')
    .innerJoin('storage_clusters', (join) =>
      join
        .onRef('storage_clusters.storage_id', '=', 'storages.id')
        .onRef('storage_clusters.cluster_id', '=', 'hosts.cluster_id'),
    )
    .select((e) => [
      'storages.id as storageId',
      'hosts.id as hostId',
      'storages.name as name',
      'storages.state as state',
      'storages.kind as kind',
      'storage_hosts.status as status',
      'storage_hosts.total_bytes as totalBytes',
      'storage_hosts.free_bytes as freeBytes',
      'hosts.disk_ratio as diskRatio',
      e
        .selectFrom('disks')
        .leftJoin('volumes', 'volumes.id', 'disks.volume_id')
        .select((d) => d.fn.coalesce(d.fn.sum<number>('disks.size'), d.lit(0)).as('bytes'))
        .whereRef('disks.storage_id', '=', 'storages.id')
        .whereRef('disks.host_id', '=', 'hosts.id')
        .where((d) => d.or([d('volumes.id', 'is', null), d('volumes.origin', '=', 'volume')]))
        .as('volumeBytes'),
      e
        .selectFrom('allocations')
        .select((a) => a.fn.coalesce(a.fn.sum<number>('allocations.storage_gb'), a.lit(0)).as('gb'))
        .whereRef('allocations.storage_id', '=', 'storages.id')
        .whereRef('allocations.host_id', '=', 'hosts.id')
        .as('serverGb'),
      // A disk that is another name for a file takes what it has grown by, as long as the other one is there.
      e
        .selectFrom('disks')
        .leftJoin('disks as other', 'other.id', 'disks.same_as')
        .select((d) =>
          d.fn
            .coalesce(
              d.fn.sum<number>(
                d
                  .case()
                  .when('other.id', 'is', null)
                  .then(d.ref('disks.size'))
                  .when('disks.size', '>', d.ref('other.size'))
                  .then(d('disks.size', '-', d.ref('other.size').$notNull()))
                  .else(d.lit(0))
                  .end(),
              ),
              d.lit(0),
            )
            .as('bytes'),
        )
        .whereRef('disks.storage_id', '=', 'storages.id')
        .where('storages.kind', '=', 'shared')
        .as('sharedBytes'),
    ]);
}

const allRooms = statement((q) => rooms(q));
const roomsOfHost = statement((q, p: { hostId: string }) => rooms(q).where('hosts.id', '=', p.hostId));

/** What hosts have of storages, as far as their clusters may use them: of all, or of one. */
export async function storageRooms(db: Queryable, hostId?: string): Promise<StorageRoom[]> {
  const rows = await (hostId === undefined ? allRooms.all(db, {}) : roomsOfHost.all(db, { hostId }));
  return rows.map(({ volumeBytes, serverGb, sharedBytes, ...row }) => {
    const ofPart = Number(volumeBytes) + Number(serverGb) * gibibyte;
    return { ...row, takenBytes: row.kind === 'shared' ? Number(sharedBytes) : ofPart };
  });
}

/** The same, as the scheduler counts it. */
export function storageUsageOf(room: StorageRoom): StorageUsage {
  const { storageId, name, state, status, kind, totalBytes, takenBytes } = room;
  const totalGb = Math.floor(totalBytes / gibibyte);
  const isShared = kind === 'shared';
  return { storageId, name, state, status, isShared, totalGb, usedGb: Math.ceil(takenBytes / gibibyte) };
}

/** In which storage a disk lies; undefined for a disk that is not known. */
export const placeOfDisk = statement<{ diskId: string }, { storage_id: string | null; host_id: string }>((q, p) =>
  q.selectFrom('disks').select(['storage_id', 'host_id']).where('id', '=', p.diskId),
);
