import type { Kysely, Migration } from 'kysely';

/** Users of ZStack's accounts, their groups and policies. */
export const zstackUsers: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('account_users')
      .addColumn('user_id', 'text', (c) => c.primaryKey().references('users.id').onDelete('cascade'))
      .addColumn('project_id', 'text', (c) => c.notNull().references('projects.id').onDelete('cascade'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addUniqueConstraint('account_users_name', ['project_id', 'name'] as never[])
      .execute();
    for (const table of ['account_groups', 'account_policies'] as const) {
      await db.schema
        .createTable(table)
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('project_id', 'text', (c) => c.notNull().references('projects.id').onDelete('cascade'))
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('description', 'text')
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('updated_at', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema.createIndex(`${table}_project`).on(table).columns(['project_id']).execute();
    }
    await db.schema
      .alterTable('account_policies')
      .addColumn('statements', 'text', (c) => c.notNull().defaultTo('[]'))
      .execute();
    const pairs = [
      ['account_group_members', 'user_id', 'account_users.user_id', 'group_id', 'account_groups.id'],
      ['account_user_policies', 'user_id', 'account_users.user_id', 'policy_id', 'account_policies.id'],
      ['account_group_policies', 'group_id', 'account_groups.id', 'policy_id', 'account_policies.id'],
    ] as const;
    for (const [table, one, ofOne, other, ofOther] of pairs) {
      await db.schema
        .createTable(table)
        .addColumn(one, 'text', (c) => c.notNull().references(ofOne).onDelete('cascade'))
        .addColumn(other, 'text', (c) => c.notNull().references(ofOther).onDelete('cascade'))
        .addPrimaryKeyConstraint(`${table}_key`, [one, other] as never[])
        .execute();
      await db.schema.createIndex(`${table}_${other}`).on(table).columns([other]).execute();
    }
  },
};
