import type { Kysely, Migration } from 'kysely';

/** Patterns of tags, which many resources wear, and the tags that were made of them. */
export const tagPatterns: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('tag_patterns')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('value', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('color', 'text')
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('tag_patterns_project').on('tag_patterns').columns(['project_id']).execute();
    await db.schema
      .alterTable('resource_tags')
      .addColumn('pattern_id', 'text', (c) => c.references('tag_patterns.id').onDelete('cascade'))
      .execute();
    await db.schema.createIndex('resource_tags_pattern').on('resource_tags').columns(['pattern_id']).execute();
  },
};
