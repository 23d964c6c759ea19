import type { Kysely, Migration } from 'kysely';

/** When passwords expire, which ones users had before, and when they signed in last. */
export const securityCompliance: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('users').addColumn('password_expires_at', 'bigint').execute();
    await db.schema.alterTable('users').addColumn('last_active_at', 'bigint').execute();
    await db.schema
      .createTable('former_passwords')
      .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
      .addColumn('replaced_at', 'bigint', (c) => c.notNull())
      .addColumn('password_hash', 'text', (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('former_passwords_user')
      .on('former_passwords')
      .columns(['user_id', 'replaced_at'])
      .execute();
  },
};
