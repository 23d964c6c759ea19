import type { Kysely, Migration } from 'kysely';

/** Domains and projects have members that clients chose, as users have. */
export const identityMembers: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const table of ['domains', 'projects']) {
      await db.schema
        .alterTable(table)
        .addColumn('extra', 'text', (c) => c.notNull().defaultTo('{}'))
        .execute();
    }
  },
};
