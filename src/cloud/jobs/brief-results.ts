import type { Database, PreparedQuery, Tx } from '../../database/database.ts';
import type { Env } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import type { Job } from './model.ts';

/** How long they can be asked for, microseconds. */
export const briefRetention = 600_000_000;

/** How many of them each project has, the newest ones. */
const maxPerProject = 5;

/** Members of jobs' answers that are large and soon worthless, as pictures: kept apart from the jobs, few, and not for long. */
export class BriefResults {
  readonly #env: Env;
  readonly #byJob: PreparedQuery<{ id: string; now: number }, { body: string }>;

  constructor({ db, env }: Pick<CloudCore, 'db' | 'env'>) {
    this.#env = env;
    this.#byJob = db.prepare<{ id: string; now: number }, { body: string }>((q, { id, now }) =>
      q.selectFrom('job_brief_results').select('body').where('job_id', '=', id).where('expires_at', '>', now),
    );
  }

  /** Undefined once they are gone. */
  async of({ id }: Pick<Job, 'id'>): Promise<Record<string, unknown> | undefined> {
    const row = await this.#byJob.first({ id, now: this.#env.now() });
    return row && (JSON.parse(row.body) as Record<string, unknown>);
  }

  /** Keeps them for a job, as a part of its end. What has expired goes, and so do those that the project has beyond its number. */
  async put(tx: Tx, jobId: string, projectId: string, members: Record<string, unknown>): Promise<void> {
    const now = this.#env.now();
    await forgetExpired(tx, now);
    await tx
      .insertInto('job_brief_results')
      .values({
        ...{ job_id: jobId, project_id: projectId, body: JSON.stringify(members) },
        ...{ created_at: now, expires_at: now + briefRetention },
      })
      .execute();
    const newest = tx
      .selectFrom('job_brief_results')
      .select('job_id')
      .where('project_id', '=', projectId)
      .orderBy('created_at', 'desc')
      .orderBy('job_id')
      .limit(maxPerProject);
    await tx
      .deleteFrom('job_brief_results')
      .where('project_id', '=', projectId)
      .where('job_id', 'not in', (e) => e.selectFrom(newest.as('newest')).select('newest.job_id'))
      .execute();
  }

  async sweep(db: Database): Promise<void> {
    await db.write((tx) => forgetExpired(tx, this.#env.now()));
  }
}

async function forgetExpired(tx: Tx, now: number): Promise<void> {
  await tx.deleteFrom('job_brief_results').where('expires_at', '<=', now).execute();
}
