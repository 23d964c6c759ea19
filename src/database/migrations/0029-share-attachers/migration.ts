import type { Kysely, Migration } from 'kysely';

/** As of a volume's first server: whether it was the volume API that gave it to a further one. */
export const shareAttachers: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('volume_shares')
      .addColumn('attached_by_volume_api', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
