import type { Kysely, Migration } from 'kysely';

/** Security groups can be switched off. */
export const securityGroupStates: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('security_groups')
      .addColumn('enabled', 'bigint', (c) => c.notNull().defaultTo(1))
      .execute();
  },
};
