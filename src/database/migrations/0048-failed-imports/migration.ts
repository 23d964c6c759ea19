import type { Kysely, Migration } from 'kysely';

/** The stores that the last import of an image was for, when it failed before there were any copies. */
export const failedImports: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('images').addColumn('failed_import', 'text').execute();
  },
};
