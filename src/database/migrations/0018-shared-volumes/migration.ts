import type { Kysely, Migration } from 'kysely';

/** Volumes that several servers may have at the same time. */
export const sharedVolumes: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('volumes')
      .addColumn('multiattach', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createTable('volume_shares')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('volume_id', 'text', (c) => c.notNull())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('device', 'text', (c) => c.notNull())
      .addColumn('device_index', 'integer', (c) => c.notNull())
      .addColumn('device_tag', 'text')
      .addColumn('delete_on_termination', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('attached_at', 'bigint')
      .addPrimaryKeyConstraint('volume_shares_key', ['id'] as never[])
      .addUniqueConstraint('volume_shares_once', ['volume_id', 'server_id'] as never[])
      .execute();
    await db.schema
      .createIndex('volume_shares_server_lookup')
      .on('volume_shares')
      .columns(['server_id'] as never[])
      .execute();
  },
};
