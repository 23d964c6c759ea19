import type { Kysely, Migration } from 'kysely';

/** Groups that let everything through stand for having none, and are no user's. */
export const openSecurityGroups: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('security_groups')
      .addColumn('open', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
