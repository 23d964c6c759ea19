import type { Kysely, Migration } from 'kysely';

/** Scheduled jobs that are done together, and what tells which of them are begun next. */
export const scheduleGroups: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('schedule_groups')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('parameters', 'text', (c) => c.notNull())
      .addColumn('enabled', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('schedule_groups_project').on('schedule_groups').columns(['project_id']).execute();
    await db.schema
      .createTable('schedule_group_jobs')
      .addColumn('group_id', 'text', (c) => c.notNull().references('schedule_groups.id').onDelete('cascade'))
      .addColumn('job_id', 'text', (c) => c.notNull().references('schedule_jobs.id').onDelete('cascade'))
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('schedule_group_jobs_once', ['group_id', 'job_id'])
      .execute();
    await db.schema.createIndex('schedule_group_jobs_job').on('schedule_group_jobs').columns(['job_id']).execute();
    await db.schema
      .createTable('schedule_group_links')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('group_id', 'text', (c) => c.notNull().references('schedule_groups.id').onDelete('cascade'))
      .addColumn('trigger_id', 'text', (c) => c.notNull().references('schedule_triggers.id').onDelete('cascade'))
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('next_at', 'bigint')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addUniqueConstraint('schedule_group_links_once', ['group_id', 'trigger_id'])
      .execute();
    await db.schema.createIndex('schedule_group_links_next').on('schedule_group_links').columns(['next_at']).execute();
    await db.schema
      .createIndex('schedule_group_links_trigger')
      .on('schedule_group_links')
      .columns(['trigger_id'])
      .execute();
    await db.schema.alterTable('schedule_firings').addColumn('group_id', 'text').execute();
    await db.schema.alterTable('schedule_firings').addColumn('batch_id', 'text').execute();
    await db.schema
      .createIndex('schedule_firings_held')
      .on('schedule_firings')
      .columns(['held_until', 'project_id'])
      .execute();
  },
};
