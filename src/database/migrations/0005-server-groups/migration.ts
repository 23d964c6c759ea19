import type { Kysely, Migration } from 'kysely';

/** Servers that are to be together on a host, or apart. */
export const serverGroups: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('server_groups')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('policy', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('server_groups_pk', ['id'] as never[])
      .execute();
    await db.schema
      .createTable('server_group_members')
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('group_id', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('server_group_members_pk', ['server_id'] as never[])
      .execute();
    await db.schema
      .createIndex('server_group_members_group_index')
      .on('server_group_members')
      .columns(['group_id'] as never[])
      .execute();
  },
};
