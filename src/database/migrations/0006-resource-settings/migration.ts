import type { Kysely, Migration } from 'kysely';

/** What single servers, hosts, clusters and zones have instead of a setting of the whole cloud. */
export const resourceSettings: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('resource_settings')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('resource_id', 'text', (c) => c.notNull())
      .addColumn('resource_type', 'text', (c) => c.notNull())
      .addColumn('setting', 'text', (c) => c.notNull())
      .addColumn('value', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addUniqueConstraint('resource_settings_key', ['resource_id', 'setting'] as never[])
      .execute();
  },
};
