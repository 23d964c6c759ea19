import type { Kysely, Migration } from 'kysely';

/** What is to be done at which times, and what was. */
export const schedules: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('schedule_jobs')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('target_id', 'text', (c) => c.notNull())
      .addColumn('parameters', 'text', (c) => c.notNull())
      .addColumn('enabled', 'integer', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('schedule_jobs_project').on('schedule_jobs').columns(['project_id']).execute();
    await db.schema
      .createTable('schedule_triggers')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('interval_seconds', 'bigint')
      .addColumn('repeat_count', 'bigint', (c) => c.notNull())
      .addColumn('cron', 'text')
      .addColumn('start_at', 'bigint')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('schedule_triggers_project').on('schedule_triggers').columns(['project_id']).execute();
    await db.schema
      .createTable('schedule_links')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('job_id', 'text', (c) => c.notNull().references('schedule_jobs.id').onDelete('cascade'))
      .addColumn('trigger_id', 'text', (c) => c.notNull().references('schedule_triggers.id').onDelete('cascade'))
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('next_at', 'bigint')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addUniqueConstraint('schedule_links_once', ['job_id', 'trigger_id'])
      .execute();
    await db.schema.createIndex('schedule_links_next').on('schedule_links').columns(['next_at']).execute();
    await db.schema.createIndex('schedule_links_trigger').on('schedule_links').columns(['trigger_id']).execute();
    await db.schema
      .createTable('schedule_firings')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('job_id', 'text', (c) => c.notNull())
      .addColumn('trigger_id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('target_id', 'text', (c) => c.notNull())
      .addColumn('parameters', 'text', (c) => c.notNull())
      .addColumn('due_at', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('held_until', 'bigint', (c) => c.notNull())
      .addColumn('action_id', 'text')
      .addColumn('error', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('finished_at', 'bigint')
      .addUniqueConstraint('schedule_firings_once', ['job_id', 'trigger_id', 'due_at'])
      .execute();
    await db.schema
      .createIndex('schedule_firings_finished')
      .on('schedule_firings')
      .columns(['finished_at', 'created_at'])
      .execute();
    await db.schema
      .createIndex('schedule_firings_project')
      .on('schedule_firings')
      .columns(['project_id', 'created_at'])
      .execute();
  },
};
