import { type Kysely, type Migration, sql } from 'kysely';

/** The root disks of servers can lie in storages that were added: then that is where a server holds their room. */
export const rootDisksInStorages: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema.alterTable('allocations').addColumn('storage_id', 'text').execute();
    await schema
      .alterTable('allocations')
      .addColumn('storage_gb', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute();
    await schema
      .createIndex('allocations_of_storage')
      .on('allocations')
      .columns(['storage_id', 'host_id', 'storage_gb'])
      .execute();
    await schema.dropView('primary_storages').execute();
    await primaryStorages.execute(db);
  },
};

/** What servers hold is in their allocations; what volumes and snapshots take, the sizes of their disks say. */
const taken = sql`
  (select coalesce(sum(d.size), 0) from disks as d left join volumes as v on v.id = d.volume_id
    where d.storage_id = s.id and (v.id is null or v.origin = 'volume'))
  + (select coalesce(sum(a.storage_gb), 0) from allocations as a where a.storage_id = s.id) * 1073741824`;

const promised = sql`
  coalesce((select sum(p.total_bytes * h.disk_ratio)
    from storage_hosts as p join hosts as h on h.id = p.host_id where p.storage_id = s.id), 0)`;

/** As ZStack has it, the own disk of a host is a storage, too: it has the id of its host. Sizes are bytes. */
const primaryStorages = sql`
  create view primary_storages as
  select h.id as id, coalesce(n.storage_name, 'local-storage-of-' || h.name) as name,
    n.storage_description as description, h.zone_id as zone_id, 'local://' || h.name as url,
    cast(h.disk_gb * h.disk_ratio * 1073741824 as bigint) as total_bytes,
    cast((h.disk_gb * h.disk_ratio
      - (select coalesce(sum(a.disk_gb), 0) from allocations as a where a.host_id = h.id)) * 1073741824
      - (select coalesce(sum(d.size), 0) from disks as d left join volumes as v on v.id = d.volume_id
        where d.host_id = h.id and d.storage_id is null and (v.id is null or v.origin = 'volume')) as bigint)
      as available_bytes,
    cast(h.disk_gb as bigint) * 1073741824 as total_physical_bytes,
    cast(cast(h.disk_gb as bigint) * 1073741824
      - (select coalesce(sum(v.actual_size), 0) from volumes as v
        where v.host_id = h.id and v.storage_id is null and v.deleted_at is null)
      - (select coalesce(sum(c.size), 0) from cached_images as c where c.host_id = h.id) as bigint)
      as available_physical_bytes,
    h.state as state, h.status as status, h.created_at as created_at, h.updated_at as updated_at
  from hosts as h left join host_notes as n on n.host_id = h.id
  union all
  select s.id, s.name, s.description, s.zone_id, s.path,
    cast(${promised} as bigint),
    cast(${promised} - (${taken}) as bigint),
    cast(coalesce((select sum(p.total_bytes) from storage_hosts as p where p.storage_id = s.id), 0) as bigint),
    cast(coalesce((select sum(p.free_bytes) from storage_hosts as p where p.storage_id = s.id), 0) as bigint),
    s.state,
    case
      when exists (select 1 from storage_hosts as p where p.storage_id = s.id and p.status = 'connected') then 'connected'
      when exists (select 1 from storage_hosts as p where p.storage_id = s.id) then 'disconnected'
      else 'connecting'
    end,
    s.created_at, s.updated_at
  from storages as s`;
