import type { Kysely, Migration } from 'kysely';

/** Long jobs know whether their owner said what they are about, which stays when they are run again. */
export const namedTargets: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('long_jobs')
      .addColumn('is_target_named', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
