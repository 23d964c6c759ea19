import { type Kysely, type Migration, sql } from 'kysely';

/** What jobs answer that is large and soon worthless lies apart from their rows. */
export const briefResults: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('job_brief_results')
      .addColumn('job_id', 'text', (c) => c.primaryKey().references('jobs.id').onDelete('cascade'))
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('job_brief_results_project')
      .on('job_brief_results')
      .columns(['project_id', 'created_at'])
      .execute();
    await db.schema.createIndex('job_brief_results_expires').on('job_brief_results').columns(['expires_at']).execute();
    // Pictures of screens that were kept with their jobs: each can be taken anew.
    await sql`delete from jobs where operation = 'TakeVmConsoleScreenshot' and finished_at is not null`.execute(db);
  },
};
