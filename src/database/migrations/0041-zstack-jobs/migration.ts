import { type Kysely, type Migration, sql } from 'kysely';

/** What is owed to web hooks, and until when a process goes on with a job. */
export const zstackJobs: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('jobs').addColumn('hook_due_at', 'bigint').execute();
    await db.schema
      .alterTable('jobs')
      .addColumn('hook_tries', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
    await db.schema.alterTable('jobs').addColumn('continued_until', 'bigint').execute();
    await db.schema
      .createIndex('jobs_hook_due')
      .on('jobs')
      .columns(['hook_due_at'])
      .where(sql.ref('hook_due_at'), 'is not', null)
      .execute();
    const owing = sql`update jobs set hook_due_at = created_at where web_hook is not null and finished_at is null`;
    await owing.execute(db);
  },
};
