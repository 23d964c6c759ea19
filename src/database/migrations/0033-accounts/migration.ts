import type { Kysely, Migration } from 'kysely';

/** Accounts whose project and user were given different names, and what other processes see a session's news by. */
export const accounts: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('account_owners')
      .addColumn('project_id', 'text', (c) => c.primaryKey().references('projects.id').onDelete('cascade'))
      .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
      .execute();
    await db.schema.createIndex('account_owners_user').on('account_owners').columns(['user_id']).execute();
    await db.schema
      .alterTable('sessions')
      .addColumn('revision', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
