import type { Tx } from '../../database/database.ts';
import type { StoragesTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
import { capacityOf, type Host } from './model.ts';
import { chooseHosts, type HostUsage } from './scheduler.ts';

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
  const candidates = [...ownDisks(usage), ...(await inStorages(tx, usage))].filter(
    (one) => storageId === undefined || one.storageId === storageId,
  );
  const near = nearDiskId === undefined ? undefined : await placeOfDisk.first(tx, { diskId: nearDiskId });
  const rank = (one: Candidate) => (near && one.storageId === near.storage_id ? Number.MAX_SAFE_INTEGER : freeGb(one));
  candidates.sort((a, b) => rank(b) - rank(a));
  const need = { vcpus: 0, memoryMb: 0, diskGb: Math.ceil(size / 2 ** 30) };
  const [chosen] = chooseHosts(candidates, { ...need, zoneId, onlyHostId });
  const { host, storageId: place } = candidates.find((one) => one.host === chosen)!;
  return { host: usage.find((one) => one.host.id === host.id)!.host, storageId: place };
}

function ownDisks(usage: readonly HostUsage[]): Candidate[] {
  return usage.map((one) => ({ ...one, storageId: null }));
}

/** The hosts as each storage has room for them: a storage that takes nothing counts as a host that takes nothing. */
async function inStorages(tx: Tx, usage: readonly HostUsage[]): Promise<Candidate[]> {
  const rooms = await storageRooms.all(tx, {});
  if (rooms.length === 0) return [];
  const hosts = new Map(usage.map((one) => [one.host.id, one]));
  return rooms.flatMap((room) => {
    const own = hosts.get(room.hostId);
    if (!own) return [];
    const host: Host = {
      ...own.host,
      name: `${own.host.name} (${room.name})`,
      diskGb: Math.floor(room.totalBytes / 2 ** 30),
      ...(own.host.state === 'enabled' ? { state: room.state } : {}),
      ...(own.host.status === 'connected' ? { status: room.status } : {}),
    };
    const diskGb = Math.ceil(Number(room.takenBytes) / 2 ** 30);
    return [{ host, servers: own.servers, used: { ...own.used, diskGb }, storageId: room.storageId }];
  });
}

function freeGb({ host, used }: HostUsage): number {
  return capacityOf(host).diskGb - used.diskGb;
}

/** What each host has of each storage, and what disks have been promised of it. */
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

/** As far as the host's cluster may use the storage. */
export const storageRooms = statement<Record<never, never>, StorageRoom>((q) =>
  q
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
        .select((d) => d.fn.coalesce(d.fn.sum<number>('disks.size'), d.lit(0)).as('bytes'))
        .whereRef('disks.storage_id', '=', 'storages.id')
        .whereRef('disks.host_id', '=', 'hosts.id')
        .as('takenBytes'),
    ]),
);

/** In which storage a disk lies; undefined for a disk that is not known. */
export const placeOfDisk = statement<{ diskId: string }, { storage_id: string | null }>((q, p) =>
  q.selectFrom('disks').select('storage_id').where('id', '=', p.diskId),
);
