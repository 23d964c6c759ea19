import type { Queryable, Tx } from '../../database/database.ts';
import type { HostsTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
import { storageRooms, storageUsageOf } from './disk-places.ts';
import { type Amounts, hostFromRow } from './model.ts';
import type { HostUsage } from './scheduler.ts';

/** Every host with what is taken of it, and of its parts of storages. */
export async function usageOfHosts(db: Queryable): Promise<HostUsage[]> {
  const hosts = await everyHost.all(db, {});
  const byHost = new Map((await takenByHost.all(db, {})).map((sum) => [sum.host_id, sum]));
  const disks = await volumeBytesByHost.all(db, {});
  const volumes = new Map(disks.map(({ host_id, bytes }) => [host_id, inGb(bytes)]));
  const rooms = Map.groupBy(await storageRooms(db), ({ hostId }) => hostId);
  return hosts.map((row) => {
    const sum = byHost.get(row.id);
    const diskGb = (sum?.diskGb ?? 0) + (volumes.get(row.id) ?? 0);
    const used = { vcpus: sum?.vcpus ?? 0, memoryMb: sum?.memoryMb ?? 0, diskGb };
    const storages = (rooms.get(row.id) ?? []).map(storageUsageOf);
    return { host: hostFromRow(row), used, servers: sum?.servers ?? 0, storages };
  });
}

/** What is taken of one host; what volumes take of its disk only where that is asked for. */
export async function takenOn(tx: Tx, hostId: string, { disk }: { disk: boolean }): Promise<Amounts> {
  const { vcpus = 0, memoryMb = 0, diskGb = 0 } = (await takenOf.first(tx, { hostId })) ?? {};
  const volumes = disk ? await volumeBytesOf.first(tx, { hostId }) : undefined;
  return { vcpus, memoryMb, diskGb: diskGb + inGb(volumes?.bytes ?? 0) };
}

const everyHost = statement<Record<never, never>, HostsTable>((q) => q.selectFrom('hosts').selectAll());

/** What servers hold of each host that has any. */
function taken(db: Queryable) {
  return db
    .selectFrom('allocations')
    .select((e) => [
      'host_id',
      e.fn.sum<number>('vcpus').as('vcpus'),
      e.fn.sum<number>('memory_mb').as('memoryMb'),
      e.fn.sum<number>('disk_gb').as('diskGb'),
      e.fn.countAll<number>().as('servers'),
    ])
    .groupBy('host_id');
}

const takenByHost = statement((q) => taken(q));
const takenOf = statement((q, p: { hostId: string }) => taken(q).where('host_id', '=', p.hostId));

/** What volumes and their snapshots take of the own disks of hosts. What servers take is in their allocations. */
function volumeDisks(db: Queryable) {
  return db
    .selectFrom('disks')
    .leftJoin('volumes', 'volumes.id', 'disks.volume_id')
    .select((e) => ['disks.host_id', e.fn.sum<number>('disks.size').as('bytes')])
    .where('disks.storage_id', 'is', null)
    .where((e) => e.or([e('volumes.id', 'is', null), e('volumes.origin', '=', 'volume')]))
    .groupBy('disks.host_id');
}

const volumeBytesByHost = statement((q) => volumeDisks(q));
const volumeBytesOf = statement((q, p: { hostId: string }) => volumeDisks(q).where('disks.host_id', '=', p.hostId));

function inGb(bytes: number): number {
  return Math.ceil(bytes / 2 ** 30);
}
