import type { Kysely, Migration } from 'kysely';

/** Hosts on other machines know whether anything was put there: nobody tidies up a machine that was never reached. */
export const begunMachines: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('far_hosts')
      // Of those that are there already something may be.
      .addColumn('begun', 'bigint', (c) => c.notNull().defaultTo(1))
      .execute();
  },
};
