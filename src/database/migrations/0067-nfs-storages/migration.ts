import { type Kysely, type Migration, sql } from 'kysely';
import { sharedPrimaryStorages } from '../0062-shared-storages/migration.ts';

/** Storages that hosts share because each of them mounts the same folder of an NFS server. */
export const nfsStorages: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema.dropView('primary_storages').execute();
    await schema.alterTable('storages').addColumn('nfs_url', 'text').execute();
    await schema.alterTable('storages').addColumn('nfs_options', 'text').execute();
    await schema.createIndex('storages_nfs_url').on('storages').column('nfs_url').unique().execute();
    await primaryStorages.execute(db);
  },
};

/** As before, but that the url of one is not where its hosts have it. */
const primaryStorages = sql`
  create view primary_storages as
  select p.id, p.name, p.description, p.zone_id, coalesce(s.nfs_url, p.url) as url, p.url as mount_path,
    p.total_bytes, p.available_bytes, p.total_physical_bytes, p.available_physical_bytes, p.state, p.status,
    p.created_at, p.updated_at, case when s.nfs_url is null then p.kind else 'nfs' end as kind
  from (${sharedPrimaryStorages}) as p left join storages as s on s.id = p.id`;
