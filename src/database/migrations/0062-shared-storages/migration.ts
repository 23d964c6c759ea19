import { type Kysely, type Migration, sql } from 'kysely';
import { ownDisks } from '../0032-storages/migration.ts';

/** Storages whose folder is one and the same on every host that has it: what there is of them counts once. */
export const sharedStorages: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema
      .alterTable('storages')
      .addColumn('kind', 'text', (c) => c.notNull().defaultTo('local'))
      .execute();
    await schema.alterTable('storages').addColumn('marker', 'text').execute();
    await schema.alterTable('storages').addColumn('marking_host_id', 'text').execute();
    await schema.alterTable('disks').addColumn('same_as', 'text').execute();
    await schema.dropView('primary_storages').execute();
    await sql`create view primary_storages as ${sharedPrimaryStorages}`.execute(db);
  },
};

/** What servers hold is in their allocations; what volumes and snapshots take, the sizes of their disks say. */
const takenOfParts = sql`
  (select coalesce(sum(d.size), 0) from disks as d left join volumes as v on v.id = d.volume_id
    where d.storage_id = s.id and (v.id is null or v.origin = 'volume'))
  + (select coalesce(sum(a.storage_gb), 0) from allocations as a where a.storage_id = s.id) * 1073741824`;

/** A disk that is another name for a file takes what it has grown by, as long as the other one is there. */
const takenOfOne = sql`
  (select coalesce(sum(case when o.id is null then d.size when d.size > o.size then d.size - o.size else 0 end), 0)
    from disks as d left join disks as o on o.id = d.same_as where d.storage_id = s.id)`;

/** Of the host's parts together, or of the one folder that they all have. */
const over = (what: ReturnType<typeof sql>) => sql`
  coalesce((select case when s.kind = 'local' then sum(${what}) else max(${what}) end
    from storage_hosts as p join hosts as h on h.id = p.host_id where p.storage_id = s.id), 0)`;

const promised = over(sql`p.total_bytes * h.disk_ratio`);

/** What the view shows: the own disks of hosts, and what was added. */
export const sharedPrimaryStorages = sql`
  select o.*, 'local' as kind from (${ownDisks}) as o
  union all
  select s.id, s.name, s.description, s.zone_id, s.path,
    cast(${promised} as bigint),
    cast(${promised} - (case when s.kind = 'local' then ${takenOfParts} else ${takenOfOne} end) as bigint),
    cast(${over(sql`p.total_bytes`)} as bigint),
    cast(${over(sql`p.free_bytes`)} as bigint),
    s.state,
    case
      when exists (select 1 from storage_hosts as p where p.storage_id = s.id and p.status = 'connected') then 'connected'
      when exists (select 1 from storage_hosts as p where p.storage_id = s.id) then 'disconnected'
      else 'connecting'
    end,
    s.created_at, s.updated_at, s.kind
  from storages as s`;
