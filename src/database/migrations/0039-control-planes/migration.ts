import type { Kysely, Migration } from 'kysely';

/** The processes that share a database, by the machines that they are on. */
export const controlPlanes: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('control_planes')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('seen_at', 'bigint', (c) => c.notNull())
      .execute();
  },
};
