import type { Kysely, Migration } from 'kysely';

/** Groups of hosts, who may use private flavors, why hosts and servers are shut off, and zones asked for. */
export const compute: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('aggregates')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('number', 'bigint', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('metadata', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint')
      .addPrimaryKeyConstraint('aggregates_pk', ['id'] as never[])
      .addUniqueConstraint('aggregates_number', ['number'] as never[])
      .addUniqueConstraint('aggregates_name', ['name'] as never[])
      .execute();
    await db.schema
      .createTable('aggregate_hosts')
      .addColumn('aggregate_id', 'text', (c) => c.notNull())
      .addColumn('host_id', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('aggregate_hosts_pk', ['aggregate_id', 'host_id'] as never[])
      .execute();
    await db.schema
      .createTable('flavor_projects')
      .addColumn('flavor_id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('flavor_projects_pk', ['flavor_id', 'project_id'] as never[])
      .execute();
    const servers = db.schema.alterTable('servers');
    await servers.addColumn('pinned_zone_id', 'text').execute();
    await servers.addColumn('locked_reason', 'text').execute();
    const hosts = db.schema.alterTable('hosts');
    await hosts.addColumn('disabled_reason', 'text').execute();
    await hosts.addColumn('forced_down', 'integer', (c) => c.notNull().defaultTo(0)).execute();
  },
};
