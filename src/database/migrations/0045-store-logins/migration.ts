import type { Kysely, Migration } from 'kysely';

/** How image stores on other machines are logged in to. */
export const storeLogins: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('image_store_logins')
      .addColumn('store_id', 'text', (c) => c.primaryKey().references('image_stores.id').onDelete('cascade'))
      .addColumn('hostname', 'text', (c) => c.notNull())
      .addColumn('port', 'bigint', (c) => c.notNull())
      .addColumn('path', 'text', (c) => c.notNull())
      .addColumn('username', 'text', (c) => c.notNull())
      .addColumn('password', 'text')
      .addColumn('host_key', 'text')
      .execute();
  },
};
