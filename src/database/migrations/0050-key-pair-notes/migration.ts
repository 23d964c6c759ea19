import type { Kysely, Migration } from 'kysely';

/** What ZStack's users note of their key pairs. */
export const keyPairNotes: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('keypairs').addColumn('description', 'text').execute();
    await db.schema.alterTable('keypairs').addColumn('updated_at', 'bigint').execute();
  },
};
