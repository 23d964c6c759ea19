import type { Kysely, Migration } from 'kysely';

/** What administrators call hosts and their storages, and hosts that were taken out of the cloud. */
export const hostNotes: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('host_notes')
      .addColumn('host_id', 'text', (c) => c.primaryKey().references('hosts.id').onDelete('cascade'))
      .addColumn('name', 'text')
      .addColumn('description', 'text')
      .addColumn('storage_name', 'text')
      .addColumn('storage_description', 'text')
      .execute();
    await db.schema
      .createTable('removed_hosts')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('host_id', 'text', (c) => c.notNull())
      .addColumn('removed_at', 'bigint', (c) => c.notNull())
      .execute();
  },
};
