import type { Kysely, Migration } from 'kysely';

/** What became of the last move of a volume to another host. */
export const volumeMigrations: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('volumes').addColumn('migration_status', 'text').execute();
  },
};
