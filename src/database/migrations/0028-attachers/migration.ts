import type { Kysely, Migration } from 'kysely';

/** Whether it was the volume API that gave a volume to its server: then that API may take it away again. */
export const attachers: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('volumes')
      .addColumn('attached_by_volume_api', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
