import type { Kysely, Migration } from 'kysely';

/** Uploads that come in parts: how far each one is, and until when it may go on. */
export const imageUploads: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('image_uploads')
      .addColumn('image_id', 'text', (c) => c.notNull())
      .addColumn('store_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('request_id', 'text', (c) => c.notNull())
      .addColumn('size', 'bigint')
      .addColumn('received', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('idle_limit', 'bigint', (c) => c.notNull())
      .addColumn('remove_on_failure', 'bigint', (c) => c.notNull())
      .addColumn('writer', 'text')
      .addColumn('writing_until', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('image_uploads_pk', ['image_id'] as never[])
      .addForeignKeyConstraint('image_uploads_image_id', ['image_id'] as never[], 'images', ['id'] as never[])
      .execute();
    await db.schema
      .createIndex('image_uploads_expiry_index')
      .on('image_uploads')
      .columns(['expires_at'] as never[])
      .execute();
  },
};
