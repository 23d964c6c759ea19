import { sql } from 'kysely';
import type { LongJobsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { projectOf, type Subject } from '../identity/subject.ts';

export type LongJobState = 'Waiting' | 'Running' | 'Succeeded' | 'Failed' | 'Canceling' | 'Canceled';

/** A request that its owner submitted to be looked at later, for as long as they keep it. */
export interface LongJob {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  description: string | null;
  /** The request, in the words of the dialect that keeps it. */
  jobName: string;
  jobData: string;
  /** The job that does it. */
  jobId: string;
  state: LongJobState;
}

export interface NewLongJob {
  id?: string;
  name?: string;
  description?: string;
  jobName: string;
  jobData: string;
  /** What its owner says that it is about. */
  targetResourceId?: string;
  /** What it makes: that is what it is about, where its owner says nothing. */
  makes?: string;
}

const ended: readonly LongJobState[] = ['Succeeded', 'Failed', 'Canceled'];

/** Whether nothing more happens to it by itself. */
export function hasEnded({ state }: Pick<LongJob, 'state'>): boolean {
  return ended.includes(state);
}

/** Requests that are kept with their answers. The work itself is that of an ordinary job. */
export class LongJobs {
  readonly #core: Pick<CloudCore, 'db' | 'env' | 'runner'>;

  constructor(core: Pick<CloudCore, 'db' | 'env' | 'runner'>) {
    this.#core = core;
  }

  /** Writes it down before its work begins. */
  async begin(subject: Subject, job: NewLongJob): Promise<LongJob> {
    const now = this.#core.env.now();
    const row: LongJobsTable = {
      id: job.id ?? newId(this.#core.env),
      project_id: projectOf(subject),
      user_id: subject.userId,
      name: job.name ?? job.jobName,
      description: job.description ?? null,
      job_name: job.jobName,
      job_data: job.jobData,
      job_id: newId(this.#core.env),
      target_resource_id: job.targetResourceId ?? job.makes ?? null,
      is_target_named: job.targetResourceId === undefined ? 0 : 1,
      state: 'Running',
      job_result: null,
      created_at: now,
      updated_at: now,
      finished_at: null,
    };
    await this.#core.db.write((tx) => tx.insertInto('long_jobs').values(row).execute());
    return longJobOf(row);
  }

  /** Throws `not_found`. */
  async get(subject: Subject, id: string): Promise<LongJob> {
    const query = this.#core.db.read.selectFrom('long_jobs').selectAll().where('id', '=', id);
    const visible = subject.isAdmin ? query : query.where('project_id', '=', subject.projectId ?? '');
    const row = await visible.executeTakeFirst();
    if (!row) throw notFound('long_job', id);
    return longJobOf(row);
  }

  /** Those that have not ended, oldest first: whoever shows them asks their jobs how they are first. */
  async running(): Promise<LongJob[]> {
    const rows = await this.#core.db.read
      .selectFrom('long_jobs')
      .selectAll()
      .where('finished_at', 'is', null)
      .orderBy('created_at')
      .limit(1000)
      .execute();
    return rows.map(longJobOf);
  }

  /** Says how it ended. What was said first stays. */
  async finish(id: string, state: LongJobState, result: unknown): Promise<void> {
    const now = this.#core.env.now();
    await this.#core.db.write((tx) =>
      tx
        .updateTable('long_jobs')
        .set({ state, job_result: JSON.stringify(result), finished_at: now, updated_at: now })
        .where('id', '=', id)
        .where('finished_at', 'is', null)
        .execute(),
    );
  }

  /** Asks the action behind it to stop and to undo what it did. It may have ended before it notices. */
  async cancel(id: string, actionId: string | undefined): Promise<void> {
    const values = { state: 'Canceling', updated_at: this.#core.env.now() };
    await this.#core.db.write(async (tx) => {
      await tx.updateTable('long_jobs').set(values).where('id', '=', id).where('finished_at', 'is', null).execute();
      if (actionId) await this.#core.runner.cancelAction(tx, actionId);
    });
  }

  /** Throws `not_found`. */
  async update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    await this.get(subject, id);
    const { name, description } = changes;
    const updated_at = this.#core.env.now();
    await this.#core.db.write((tx) =>
      tx.updateTable('long_jobs').set({ name, description, updated_at }).where('id', '=', id).execute(),
    );
  }

  /**
   * Begins it once more, as a new job. Throws `conflict` (`not_ended`) while it runs.
   * @param makes what it makes this time: that is what it is about, unless its owner has said something else
   */
  async restart(subject: Subject, id: string, makes?: string): Promise<LongJob> {
    const { state } = await this.get(subject, id);
    const fresh = { state: 'Running', job_id: newId(this.#core.env), job_result: null, finished_at: null };
    const row = await this.#core.db.write((tx) =>
      tx
        .updateTable('long_jobs')
        .set((eb) => ({
          ...fresh,
          updated_at: this.#core.env.now(),
          target_resource_id: eb
            .case()
            .when('is_target_named', '=', 1)
            .then(eb.ref('target_resource_id'))
            .else(sql<string | null>`coalesce(${makes ?? null}, target_resource_id)`)
            .end(),
        }))
        .where('id', '=', id)
        .where('finished_at', 'is not', null)
        .returningAll()
        .executeTakeFirst(),
    );
    if (row) return longJobOf(row);
    const words = `rerun longjob only when it's succeeded, canceled, or failed, but current state is ${state}`;
    throw new CloudError('conflict', words, { resource: 'long_job', id, reason: 'not_ended' });
  }

  /** Forgets it. Throws `conflict` (`not_ended`) while it runs; one that is not there is gone already. */
  async delete(subject: Subject, id: string): Promise<void> {
    const job = await this.get(subject, id).catch((error: unknown) => {
      if (error instanceof CloudError && error.code === 'not_found') return undefined;
      throw error;
    });
    if (!job) return;
    if (!hasEnded(job)) {
      const words = `delete longjob only when it's succeeded, canceled, or failed, but current state is ${job.state}`;
      throw new CloudError('conflict', words, { resource: 'long_job', id, reason: 'not_ended' });
    }
    await this.#core.db.write((tx) => tx.deleteFrom('long_jobs').where('id', '=', id).execute());
  }
}

function longJobOf(row: LongJobsTable): LongJob {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    description: row.description,
    jobName: row.job_name,
    jobData: row.job_data,
    jobId: row.job_id,
    state: row.state as LongJobState,
  };
}
