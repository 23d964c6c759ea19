import type { Kysely, Migration } from 'kysely';

/** What administrators call the segments of networks. */
export const networkSegments: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('network_segments')
      .addColumn('network_id', 'text', (c) => c.primaryKey().references('networks.id').onDelete('cascade'))
      .addColumn('name', 'text')
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('revision', 'bigint', (c) => c.notNull())
      .execute();
  },
};
