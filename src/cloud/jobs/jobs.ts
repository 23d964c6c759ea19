import { sql } from 'kysely';
import { ConstraintViolation, type Database, type PreparedQuery } from '../../database/database.ts';
import { isDryRun } from '../../database/dry-run.ts';
import type { JobsTable } from '../../database/schema.ts';
import { type Env, newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { BriefResults } from './brief-results.ts';
import { type Job, type JobResult, jobFromRow } from './model.ts';
import { hookGrace, WebHooks } from './web-hooks.ts';

/** How long a finished job can still be asked for, seconds. */
export const jobRetention = 3 * 3600;
const maxDeletedPerSweep = 10_000;

/** What a job is begun with. */
export interface NewJob {
  /** The client's own id; unused so far. */
  id?: string;
  operation: string;
  webHook?: string;
}

export interface JobProgress {
  name: string;
  /** 0 to 100. */
  percent: number;
  /** Microseconds, as all times. */
  startedAt: number;
  updatedAt: number;
  spans: Array<{ name: string; startedAt: number; finishedAt: number | null }>;
}

/**
 * Jobs: what a client holds of a request that goes on after its answer. A job only points at the action that does the
 * work; it keeps the answer for `jobRetention` after the end.
 */
export class Jobs {
  readonly webHooks: WebHooks;
  readonly #brief: BriefResults;
  readonly #db: Database;
  readonly #env: Env;
  readonly #byId: PreparedQuery<{ id: string }, JobsTable>;

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#db = core.db;
    this.#env = core.env;
    this.webHooks = new WebHooks(core);
    this.#brief = new BriefResults(core);
    this.#byId = core.db.prepare<{ id: string }, JobsTable>((db, { id }) =>
      db.selectFrom('jobs').selectAll().where('id', '=', id),
    );
  }

  /**
   * Writes the job down before any of its work begins, so that a client's id is taken from then on. Throws `duplicate`
   * when a job has the id already.
   */
  async begin(subject: Pick<Subject, 'userId' | 'projectId'> | undefined, job: NewJob): Promise<Job> {
    const begun: Job = {
      id: job.id ?? newId(this.#env),
      operation: job.operation,
      userId: subject?.userId ?? '',
      projectId: subject?.projectId ?? '',
      createdAt: this.#env.now(),
    };
    if (job.webHook) begun.webHook = job.webHook;
    const row = {
      id: begun.id,
      operation: begun.operation,
      user_id: begun.userId,
      project_id: begun.projectId,
      action_id: null,
      result: null,
      web_hook: job.webHook ?? null,
      hook_due_at: job.webHook ? begun.createdAt + hookGrace : null,
      hook_tries: 0,
      continued_until: null,
      created_at: begun.createdAt,
      finished_at: null,
    };
    // What a dry run is asked for would not end with the job's own transaction.
    if (isDryRun()) return begun;
    try {
      await this.#db.write((tx) => tx.insertInto('jobs').values(row).execute());
    } catch (error) {
      if (!(error instanceof ConstraintViolation)) throw error;
      throw new CloudError('duplicate', `A job with the id ${begun.id} exists already.`, {
        resource: 'job',
        id: begun.id,
        cause: error,
      });
    }
    return begun;
  }

  /** Says which action does the work, and how the answer is to be made of it. */
  async attach(id: string, actionId: string, plan: Record<string, unknown>): Promise<void> {
    await this.#update(id, { action_id: actionId, result: JSON.stringify(plan) });
  }

  /** Says that this process goes on with the job for so long, microseconds since the epoch, whatever its action does. */
  async continueUntil(id: string, until: number): Promise<void> {
    await this.#db.write((tx) =>
      tx
        .updateTable('jobs')
        .set({ continued_until: until })
        .where('id', '=', id)
        .where('finished_at', 'is', null)
        .execute(),
    );
  }

  /** The job; undefined for one that never was, or that was finished too long ago. */
  async find(id: string): Promise<Job | undefined> {
    const row = await this.#byId.first({ id });
    if (!row) return undefined;
    const job = jobFromRow(row);
    if (job.finishedAt !== undefined && job.finishedAt < this.#env.now() - jobRetention * 1e6) return undefined;
    return job;
  }

  /** The whole answer of a job that has one; undefined once members of it are gone. */
  async resultOf(job: Pick<Job, 'id' | 'result'>): Promise<JobResult | undefined> {
    if (!job.result?.isBrief) return job.result;
    const { status, body } = job.result;
    const members = await this.#brief.of(job);
    return members && { status, body: { ...body, ...members } };
  }

  /**
   * Stores the answer, and in the same transaction that it is owed to the job's web hook. False when the job was finished
   * already: then the first answer stays.
   * @param brief members of the answer's body that are large and soon worthless
   */
  async finish(id: string, result: JobResult, brief?: Record<string, unknown>): Promise<boolean> {
    if (isDryRun()) return true;
    const stored: JobResult = brief ? { ...result, isBrief: true } : result;
    return await this.#update(id, { result: JSON.stringify(stored), finished_at: this.#env.now() }, brief);
  }

  /** Changes a job that is not finished, and has its web hook looked after. False where it is finished. */
  async #update(id: string, values: Partial<JobsTable>, brief?: Record<string, unknown>): Promise<boolean> {
    const due = sql<number | null>`case when web_hook is null then null else cast(${this.#env.now()} as bigint) end`;
    const changed = await this.#db.write(async (tx) => {
      const job = await tx
        .updateTable('jobs')
        .set({ ...values, hook_due_at: due })
        .where('id', '=', id)
        .where('finished_at', 'is', null)
        .returning(['web_hook', 'project_id'])
        .executeTakeFirst();
      if (job && brief) await this.#brief.put(tx, id, job.project_id, brief);
      return job;
    });
    if (changed?.web_hook) this.webHooks.wake();
    return changed !== undefined;
  }

  /** The action that the request `requestId` began, for a job whose process died before it could write that down. */
  async actionOfRequest(requestId: string): Promise<string | undefined> {
    const row = await this.#db.read
      .selectFrom('actions')
      .select('id')
      .where('request_id', '=', requestId)
      .orderBy('created_at')
      .executeTakeFirst();
    return row?.id;
  }

  /** How far the work of an action is: in percent, and the spans of work that it has begun. */
  async progressOf(actionId: string): Promise<JobProgress | undefined> {
    const { read } = this.#db;
    const action = await read
      .selectFrom('actions')
      .select(['name', 'progress', 'created_at', 'updated_at', 'finished_at'])
      .where('id', '=', actionId)
      .executeTakeFirst();
    if (!action) return undefined;
    const spans = await read
      .selectFrom('action_events')
      .select(['name', 'started_at as startedAt', 'finished_at as finishedAt'])
      .where('action_id', '=', actionId)
      .orderBy('seq')
      .limit(200)
      .execute();
    const percent = action.finished_at === null ? action.progress : 100;
    return { name: action.name, percent, startedAt: action.created_at, updatedAt: action.updated_at, spans };
  }

  /** Forgets jobs that ended longer than `jobRetention` ago, asked for or not. Returns how many. */
  async sweep(): Promise<number> {
    await this.#brief.sweep(this.#db);
    const before = this.#env.now() - jobRetention * 1e6;
    const result = await this.#db.write((tx) =>
      tx
        .deleteFrom('jobs')
        .where(
          'id',
          'in',
          tx
            .selectFrom('jobs')
            .leftJoin('actions', 'actions.id', 'jobs.action_id')
            .select('jobs.id')
            .where((eb) =>
              eb.or([
                eb('jobs.finished_at', '<', before),
                eb.and([
                  eb('jobs.finished_at', 'is', null),
                  eb('jobs.created_at', '<', before),
                  eb.or([eb('actions.id', 'is', null), eb('actions.finished_at', '<', before)]),
                ]),
              ]),
            )
            .limit(maxDeletedPerSweep),
        )
        .executeTakeFirst(),
    );
    return Number(result.numDeletedRows);
  }
}
