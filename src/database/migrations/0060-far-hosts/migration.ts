import type { Kysely, Migration } from 'kysely';

/** Hosts on other machines, and how one logs in there. What leaves is kept until it has given up everything. */
export const farHosts: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('far_hosts')
      .addColumn('host_id', 'text', (c) => c.primaryKey())
      .addColumn('address', 'text', (c) => c.notNull())
      .addColumn('port', 'bigint', (c) => c.notNull())
      .addColumn('username', 'text', (c) => c.notNull())
      .addColumn('password', 'text', (c) => c.notNull())
      .addColumn('host_key', 'text')
      .addColumn('description', 'text')
      .addColumn('leaving', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('far_hosts_place').unique().on('far_hosts').columns(['address', 'port']).execute();
  },
};
