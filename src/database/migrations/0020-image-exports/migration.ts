import type { Kysely, Migration } from 'kysely';

/** Images that were exported: to a link that is good for some time, or into a container of objects. */
export const imageExports: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('image_exports')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('image_id', 'text', (c) => c.notNull())
      .addColumn('store_id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('format', 'text', (c) => c.notNull())
      .addColumn('converted', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('size', 'bigint')
      .addColumn('md5', 'text')
      .addColumn('sha512', 'text')
      .addColumn('url', 'text')
      .addColumn('destination', 'text')
      .addColumn('last_error', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('image_exports_pk', ['id'] as never[])
      .addForeignKeyConstraint('image_exports_image_id', ['image_id'] as never[], 'images', ['id'] as never[])
      .execute();
    await db.schema
      .createIndex('image_exports_image_index')
      .on('image_exports')
      .columns(['image_id', 'store_id'] as never[])
      .execute();
    await db.schema
      .createIndex('image_exports_expiry_index')
      .on('image_exports')
      .columns(['expires_at'] as never[])
      .execute();
    await db.schema
      .createIndex('image_exports_project_index')
      .on('image_exports')
      .columns(['project_id', 'created_at'] as never[])
      .execute();
  },
};
