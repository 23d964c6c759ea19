import { type Kysely, type Migration, sql } from 'kysely';

/** More about groups of servers; snapshots of all disks of a server; passwords of screens. */
export const serverExtras: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('server_groups').addColumn('description', 'text').execute();
    await db.schema
      .alterTable('server_groups')
      .addColumn('enabled', 'integer', (c) => c.notNull().defaultTo(1))
      .execute();
    await db.schema
      .alterTable('server_groups')
      .addColumn('updated_at', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute();
    await sql`update server_groups set updated_at = created_at`.execute(db);
    await db.schema
      .createTable('console_passwords')
      .addColumn('server_id', 'text', (c) => c.primaryKey())
      .addColumn('password', 'text', (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('snapshot_groups')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text')
      .addColumn('description', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('snapshot_groups_project').on('snapshot_groups').columns(['project_id']).execute();
    await db.schema.createIndex('snapshot_groups_server').on('snapshot_groups').columns(['server_id']).execute();
    await db.schema
      .createTable('snapshot_group_members')
      .addColumn('snapshot_id', 'text', (c) => c.primaryKey())
      .addColumn('group_id', 'text', (c) => c.notNull().references('snapshot_groups.id').onDelete('cascade'))
      .addColumn('volume_id', 'text', (c) => c.notNull())
      .addColumn('volume_name', 'text')
      .addColumn('volume_kind', 'text', (c) => c.notNull())
      .addColumn('device_index', 'integer', (c) => c.notNull())
      .addColumn('snapshot_name', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .execute();
    const index = db.schema.createIndex('snapshot_group_members_group').on('snapshot_group_members');
    await index.columns(['group_id']).execute();
  },
};
