import type { Queryable, Tx } from '../../database/database.ts';
import type { StoragesTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
import type { StorageUsage } from './disk-needs.ts';
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
  const rank = (one: Candidate) => (near && one.storageId === near.storage_id ? Number.MAX_SAFE_INTEGER : freeGb(one));
  candidates.sort((a, b) => rank(b) - rank(a));
  const need = { vcpus: 0, memoryMb: 0, diskGb: Math.ceil(size / gibibyte) };
  const [chosen] = chooseHosts(candidates, { ...need, zoneId, onlyHostId });
  const { host, storageId: place } = candidates.find((one) => one.host === chosen)!;
  return { host: usage.find((one) => one.host.id === host.id)!.host, storageId: place };
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

/** What each host has of each storage, and what volumes and servers have been promised of it. */
export interface StorageRoom {
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
    ]);
}

const allRooms = statement((q) => rooms(q));
const roomsOfHost = statement((q, p: { hostId: string }) => rooms(q).where('hosts.id', '=', p.hostId));

/** What hosts have of storages, as far as their clusters may use them: of all, or of one. */
export async function storageRooms(db: Queryable, hostId?: string): Promise<StorageRoom[]> {
  const rows = await (hostId === undefined ? allRooms.all(db, {}) : roomsOfHost.all(db, { hostId }));
  return rows.map(({ volumeBytes, serverGb, ...row }) => {
    return { ...row, takenBytes: Number(volumeBytes) + Number(serverGb) * gibibyte };
  });
}

/** The same, as the scheduler counts it. */
export function storageUsageOf({ storageId, name, state, status, totalBytes, takenBytes }: StorageRoom): StorageUsage {
  const totalGb = Math.floor(totalBytes / gibibyte);
  return { storageId, name, state, status, totalGb, usedGb: Math.ceil(takenBytes / gibibyte) };
}

/** In which storage a disk lies; undefined for a disk that is not known. */
export const placeOfDisk = statement<{ diskId: string }, { storage_id: string | null }>((q, p) =>
  q.selectFrom('disks').select('storage_id').where('id', '=', p.diskId),
);
