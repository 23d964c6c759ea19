import type { Kysely, Migration } from 'kysely';

/** Passcodes are good once; sessions are found by their project. */
export const signIns: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('credentials').addColumn('used_step', 'bigint').execute();
    await db.schema.createIndex('sessions_project_id_index').on('sessions').columns(['project_id']).execute();
  },
};
