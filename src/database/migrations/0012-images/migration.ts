import type { Kysely, Migration } from 'kysely';

/** Where stores are for users, whom images are shared with, what is staged for them and imports them, where they were made, and definitions of their properties. */
export const images: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('image_stores').addColumn('address', 'text').execute();
    await db.schema.alterTable('images').addColumn('origin_store_id', 'text').execute();
    await db.schema.alterTable('images').addColumn('staged', 'text').execute();
    await db.schema.alterTable('images').addColumn('import_task_id', 'text').execute();
    await db.schema
      .createTable('image_members')
      .addColumn('image_id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('image_members_pk', ['image_id', 'project_id'] as never[])
      .addForeignKeyConstraint('image_members_image_id', ['image_id'] as never[], 'images', ['id'] as never[])
      .execute();
    await db.schema
      .createIndex('image_members_project_index')
      .on('image_members')
      .columns(['project_id', 'status'] as never[])
      .execute();
    await db.schema
      .createTable('metadef_namespaces')
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('visibility', 'text', (c) => c.notNull())
      .addColumn('protected', 'bigint', (c) => c.notNull())
      .addColumn('document', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('metadef_namespaces_pk', ['name'] as never[])
      .execute();
  },
};
