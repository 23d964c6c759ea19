import type { Kysely, Migration } from 'kysely';

/** Servers that are registered and built by their first start. */
export const unbuiltServers: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('unbuilt_servers')
      .addColumn('server_id', 'text', (c) => c.primaryKey().references('servers.id').onDelete('cascade'))
      .addColumn('input', 'text', (c) => c.notNull())
      .execute();
  },
};
