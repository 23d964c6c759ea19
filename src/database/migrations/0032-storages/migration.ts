import { type Kysely, type Migration, sql } from 'kysely';

/** Storages beside the disks of hosts: which there are, whose hosts can use them, and what lies in them. */
export const storages: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('storages')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('zone_id', 'text', (c) => c.notNull().references('zones.id'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('path', 'text', (c) => c.notNull().unique())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('storage_clusters')
      .addColumn('storage_id', 'text', (c) => c.notNull().references('storages.id'))
      .addColumn('cluster_id', 'text', (c) => c.notNull().references('clusters.id'))
      .addPrimaryKeyConstraint('storage_clusters_pk', ['storage_id', 'cluster_id'])
      .execute();
    // Rows outlive their storage until the host has given it up.
    await db.schema
      .createTable('storage_hosts')
      .addColumn('storage_id', 'text', (c) => c.notNull())
      .addColumn('host_id', 'text', (c) => c.notNull().references('hosts.id').onDelete('cascade'))
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('problem', 'text')
      .addColumn('total_bytes', 'bigint', (c) => c.notNull())
      .addColumn('free_bytes', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('storage_hosts_pk', ['storage_id', 'host_id'])
      .execute();
    await db.schema.alterTable('disks').addColumn('storage_id', 'text').execute();
    await db.schema.createIndex('disks_storage').on('disks').columns(['storage_id', 'host_id']).execute();
    await db.schema.alterTable('volumes').addColumn('storage_id', 'text').execute();
    await primaryStorages.execute(db);
    await primaryStorageClusters.execute(db);
  },
};

/** The own disks of hosts as storages, which have the ids of their hosts. Sizes are bytes. */
export const ownDisks = sql`
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
  from hosts as h left join host_notes as n on n.host_id = h.id`;

/** As ZStack has it, the own disk of a host is a storage, too. */
const primaryStorages = sql`
  create view primary_storages as ${ownDisks}
  union all
  select s.id, s.name, s.description, s.zone_id, s.path,
    cast(coalesce((select sum(p.total_bytes * h.disk_ratio)
      from storage_hosts as p join hosts as h on h.id = p.host_id where p.storage_id = s.id), 0) as bigint),
    cast(coalesce((select sum(p.total_bytes * h.disk_ratio)
      from storage_hosts as p join hosts as h on h.id = p.host_id where p.storage_id = s.id), 0)
      - (select coalesce(sum(d.size), 0) from disks as d where d.storage_id = s.id) as bigint),
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

const primaryStorageClusters = sql`
  create view primary_storage_clusters as
  select h.id as storage_id, h.cluster_id as cluster_id from hosts as h
  union all
  select c.storage_id, c.cluster_id from storage_clusters as c`;
