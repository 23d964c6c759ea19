import type { Kysely, Migration } from 'kysely';

/** Groups of servers that are kept apart may have several of them on a host. */
export const groupRules: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('server_groups').addColumn('max_per_host', 'bigint').execute();
  },
};
