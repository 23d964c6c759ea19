import type { Kysely, Migration } from 'kysely';

/** Groups, roles, policies and what administrators add to catalogs have members that clients chose, as users have. */
export const identityExtras: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const tables = ['groups', 'roles', 'policies', 'catalog_regions', 'catalog_services', 'catalog_endpoints'];
    for (const table of tables) {
      await db.schema
        .alterTable(table)
        .addColumn('extra', 'text', (c) => c.notNull().defaultTo('{}'))
        .execute();
    }
  },
};
