import { type Kysely, type Migration, sql } from 'kysely';
import { ownDisks } from '../0032-storages/migration.ts';

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

const primaryStorages = sql`
  create view primary_storages as ${ownDisks}
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
