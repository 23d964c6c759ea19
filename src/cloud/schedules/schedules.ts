import type { Tx } from '../../database/database.ts';
import type { ScheduleJobsTable, ScheduleLinksTable, ScheduleTriggersTable } from '../../database/schema.ts';
import { insertRow, updateRow } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { ownsOrAdmin, projectOf, type Subject } from '../identity/subject.ts';
import { checkCron } from './cron.ts';
import { nextDue } from './due-times.ts';
import { disableJob, Firings, firingOf } from './firings.ts';
import {
  jobFromRow,
  jobNotFound,
  type ScheduledKind,
  type ScheduleJob,
  type ScheduleParameters,
  timingOf,
  triggerNotFound,
} from './model.ts';
import { scheduleWorker } from './work.ts';

export interface NewScheduleJob {
  id?: string;
  name: string;
  description?: string | null;
  kind: ScheduledKind;
  /** A server or a volume; for `server.snapshot` the volume that the server boots from. */
  targetId: string;
  parameters?: ScheduleParameters;
}

/** The times of a trigger. */
export interface TriggerTimes {
  kind: 'simple' | 'cron';
  intervalSeconds?: number | null;
  /** 0 for ever. */
  repeatCount?: number;
  cron?: string | null;
  /** Microseconds; when a job is added to it where nothing is said. */
  startAt?: number | null;
}

export interface NewTrigger extends TriggerTimes {
  id?: string;
  name: string;
  description?: string | null;
}

/** How many jobs, and how many triggers, a project may have. */
const maxPerProject = 80;
/** How many triggers may fire one job. */
const maxTriggersPerJob = 10;
/** How long what was done is remembered, microseconds; and how much of it one sweep forgets. */
const retentionUs = 90 * 86_400 * 1_000_000;
const maxDeletedPerSweep = 5000;

/** What projects want done at set times: jobs, the triggers that fire them, and what became of each firing. */
export class Schedules {
  readonly firings: Firings;
  readonly #cloud: Cloud;
  readonly #listeners = new Set<() => void>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.firings = new Firings(cloud, scheduleWorker(cloud));
  }

  /** Called when this process has changed what is due. Returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It belongs to the project of what it is about. Throws `not_found` for that, and `quota_exceeded`. */
  async createJob(subject: Subject, wanted: NewScheduleJob): Promise<string> {
    const { env, servers, volumes } = this.#cloud;
    const target = wanted.kind.startsWith('server.') && wanted.kind !== 'server.snapshot' ? servers : volumes;
    const { projectId } = await target.get(subject, wanted.targetId);
    const id = wanted.id ?? newId(env);
    const now = env.now();
    return await this.#cloud.db.write(async (tx) => {
      await requireRoom(tx, 'schedule_jobs', projectId);
      await insertRow(tx, 'schedule_jobs', {
        id,
        project_id: projectId,
        user_id: subject.userId,
        name: wanted.name,
        description: wanted.description ?? null,
        kind: wanted.kind,
        target_id: wanted.targetId,
        parameters: JSON.stringify(wanted.parameters ?? {}),
        enabled: 1,
        created_at: now,
        updated_at: now,
      });
      return id;
    });
  }

  /** Throws `invalid` for times that can't be, and `quota_exceeded`. */
  async createTrigger(subject: Subject, wanted: NewTrigger): Promise<string> {
    const { env } = this.#cloud;
    const now = env.now();
    const id = wanted.id ?? newId(env);
    const times = timesOf(wanted, now);
    return await this.#cloud.db.write(async (tx) => {
      await requireRoom(tx, 'schedule_triggers', projectOf(subject));
      const { name, description = null } = wanted;
      const about = { id, project_id: projectOf(subject), user_id: subject.userId, name, description };
      await insertRow(tx, 'schedule_triggers', { ...about, ...times, created_at: now, updated_at: now });
      return id;
    });
  }

  /** Throws `not_found`. */
  async job(subject: Subject, id: string): Promise<ScheduleJob> {
    return jobFromRow(await this.#jobRow(this.#cloud.db.read as Tx, subject, id));
  }

  async updateJob(
    subject: Subject,
    id: string,
    { name, description, parameters }: Partial<Pick<NewScheduleJob, 'name' | 'description' | 'parameters'>>,
  ): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await this.#jobRow(tx, subject, id, { lock: true });
      const changes = { name, description, ...(parameters ? { parameters: JSON.stringify(parameters) } : {}) };
      await updateRow(tx, 'schedule_jobs', id, given({ ...changes, updated_at: this.#cloud.env.now() }));
    });
  }

  /** A disabled job is due at no time; those that pass meanwhile are not made up for. */
  async setEnabled(subject: Subject, id: string, enabled: boolean): Promise<void> {
    const now = this.#cloud.env.now();
    await this.#cloud.db.write(async (tx) => {
      const job = await this.#jobRow(tx, subject, id, { lock: true });
      if ((job.enabled === 1) === enabled) return;
      if (!enabled) return await disableJob(tx, id, now);
      await updateRow(tx, 'schedule_jobs', id, { enabled: 1, updated_at: now });
      await this.#planLinks(tx, { job_id: id }, now);
    });
    this.#changed();
  }

  /** What is being done for it goes on. */
  async deleteJob(subject: Subject, id: string): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await this.#jobRow(tx, subject, id, { lock: true });
      await tx.deleteFrom('schedule_jobs').where('id', '=', id).execute();
    });
  }

  /** New times hold at once, for all jobs that it fires. Throws as `createTrigger` does. */
  async updateTrigger(
    subject: Subject,
    id: string,
    { name, description, ...times }: Partial<Omit<NewTrigger, 'id'>>,
  ): Promise<void> {
    const now = this.#cloud.env.now();
    await this.#cloud.db.write(async (tx) => {
      const row = await this.#triggerRow(tx, subject, id, { lock: true });
      const isRetimed = Object.values(times).some((value) => value !== undefined);
      const newTimes = isRetimed ? timesOf(mergedTimes(row, times), now) : {};
      await updateRow(tx, 'schedule_triggers', id, given({ name, description, ...newTimes, updated_at: now }));
      if (isRetimed) await this.#planLinks(tx, { trigger_id: id }, now);
    });
    this.#changed();
  }

  async deleteTrigger(subject: Subject, id: string): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await this.#triggerRow(tx, subject, id, { lock: true });
      await tx.deleteFrom('schedule_triggers').where('id', '=', id).execute();
    });
  }

  /**
   * Lets a trigger fire a job. Throws `conflict` where it does so already (`linked`), is over (`over`), or the job has
   * many triggers (`many_triggers`).
   * @param fireNow also at once
   */
  async link(subject: Subject, jobId: string, triggerId: string, { fireNow = false } = {}): Promise<string> {
    const { env } = this.#cloud;
    const now = env.now();
    const id = newId(env);
    await this.#cloud.db.write(async (tx) => {
      const job = await this.#jobRow(tx, subject, jobId, { lock: true });
      const trigger = await this.#triggerRow(tx, subject, triggerId, { lock: true });
      const links = await tx.selectFrom('schedule_links').select('trigger_id').where('job_id', '=', jobId).execute();
      if (links.some(({ trigger_id }) => trigger_id === triggerId)) throw refused('linked', jobId, triggerId);
      if (links.length >= maxTriggersPerJob) throw refused('many_triggers', jobId, triggerId);
      const next = nextDue(timingOf(trigger, now), now - 1);
      if (next === null) throw refused('over', jobId, triggerId);
      await tx
        .insertInto('schedule_links')
        .values({
          ...{ id, job_id: jobId, trigger_id: triggerId, project_id: job.project_id },
          next_at: job.enabled === 1 ? next : null,
          ...{ created_at: now, updated_at: now },
        })
        .execute();
      // Where it is due now anyhow, it is not done twice.
      if (fireNow && next > now) await this.#fire(tx, job, triggerId, now);
    });
    this.#changed();
    return id;
  }

  /** Throws `not_found` for a job or a trigger that is not there; where there is no link, nothing changes. */
  async unlink(subject: Subject, jobId: string, triggerId: string): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await this.#jobRow(tx, subject, jobId);
      const link = tx.deleteFrom('schedule_links').where('job_id', '=', jobId).where('trigger_id', '=', triggerId);
      await link.execute();
    });
  }

  /** Does the jobs of a trigger at once, or those of them that are named; disabled ones too. Its times stay. */
  async run(subject: Subject, triggerId: string, jobIds?: readonly string[]): Promise<void> {
    const now = this.#cloud.env.now();
    await this.#cloud.db.write(async (tx) => {
      await this.#triggerRow(tx, subject, triggerId);
      const links = tx.selectFrom('schedule_links').select('job_id').where('trigger_id', '=', triggerId);
      for (const { job_id: jobId } of await links.execute()) {
        if (jobIds && !jobIds.includes(jobId)) continue;
        await this.#fire(tx, await this.#jobRow(tx, subject, jobId), triggerId, now);
      }
    });
    this.#changed();
  }

  /** Forgets what was done long ago. Of a snapshot that is still there its job has to know that it has made it. */
  async sweep(): Promise<number> {
    const { db, env } = this.#cloud;
    const before = env.now() - retentionUs;
    const result = await db.write((tx) =>
      tx
        .deleteFrom('schedule_firings')
        .where('id', 'in', (e) =>
          e
            .selectFrom('schedule_firings as firing')
            .select('firing.id')
            .where('firing.finished_at', '<', before)
            .where(({ not, exists, selectFrom }) =>
              not(
                exists(
                  selectFrom('volume_snapshots')
                    .select('id')
                    .whereRef('id', '=', 'firing.id')
                    .where('deleted_at', 'is', null),
                ),
              ),
            )
            .where(({ not, exists, selectFrom }) =>
              not(exists(selectFrom('snapshot_groups').select('id').whereRef('id', '=', 'firing.id'))),
            )
            .limit(maxDeletedPerSweep),
        )
        .executeTakeFirst(),
    );
    return Number(result.numDeletedRows);
  }

  async #fire(tx: Tx, job: ScheduleJobsTable, triggerId: string, now: number): Promise<void> {
    const row = firingOf(newId(this.#cloud.env), job, triggerId, { dueAt: now, now, held: false });
    await tx.insertInto('schedule_firings').values(row).execute();
  }

  /** Says anew when these links are due: the times of their triggers have changed, or their job is enabled again. */
  async #planLinks(tx: Tx, which: Partial<Pick<ScheduleLinksTable, 'job_id' | 'trigger_id'>>, now: number) {
    const [column, value] = Object.entries(which)[0] as ['job_id' | 'trigger_id', string];
    const links = await tx
      .selectFrom('schedule_links as link')
      .innerJoin('schedule_triggers as trigger', 'trigger.id', 'link.trigger_id')
      .innerJoin('schedule_jobs as job', 'job.id', 'link.job_id')
      .select(['link.id', 'link.created_at', 'job.enabled'])
      .select(['trigger.kind', 'trigger.start_at', 'trigger.interval_seconds', 'trigger.repeat_count', 'trigger.cron'])
      .where(`link.${column}`, '=', value)
      .execute();
    for (const { id, created_at, enabled, ...trigger } of links) {
      const next_at = enabled === 1 ? nextDue(timingOf(trigger, created_at), now) : null;
      await updateRow(tx, 'schedule_links', id, { next_at, updated_at: now });
    }
  }

  async #jobRow(tx: Tx, subject: Subject, id: string, { lock = false } = {}): Promise<ScheduleJobsTable> {
    const query = tx.selectFrom('schedule_jobs').selectAll().where('id', '=', id);
    const row = await (lock && this.#cloud.db.kind === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw jobNotFound(id);
    return row;
  }

  async #triggerRow(tx: Tx, subject: Subject, id: string, { lock = false } = {}): Promise<ScheduleTriggersTable> {
    const query = tx.selectFrom('schedule_triggers').selectAll().where('id', '=', id);
    const row = await (lock && this.#cloud.db.kind === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw triggerNotFound(id);
    return row;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

type TimeColumns = Pick<ScheduleTriggersTable, 'kind' | 'interval_seconds' | 'repeat_count' | 'cron' | 'start_at'>;

/** The columns of a trigger's times. Throws `invalid` for times that can't be, or that are over already. */
function timesOf({ kind, intervalSeconds, repeatCount = 0, cron, startAt }: TriggerTimes, now: number): TimeColumns {
  const start_at = startAt ?? null;
  if (kind === 'cron') {
    checkCron(cron ?? '', Math.max(now, (start_at ?? now) - 1));
    return { kind, cron: cron ?? '', start_at, interval_seconds: null, repeat_count: 0 };
  }
  const interval_seconds = intervalSeconds ?? null;
  if (interval_seconds === null && repeatCount !== 1) {
    throw new CloudError('invalid', 'An interval must be set for what is done more than once.', {
      field: 'intervalSeconds',
      reason: 'no_interval',
    });
  }
  const times: TimeColumns = { kind, interval_seconds, repeat_count: repeatCount, cron: null, start_at };
  if (nextDue(timingOf(times, now), now - 1) === null) {
    throw new CloudError('invalid', 'All times of the trigger are over.', { reason: 'over' });
  }
  return times;
}

/** The times of a trigger with some changes. What belongs to the other kind goes with that. */
function mergedTimes(row: TimeColumns, { kind = row.kind, ...changes }: Partial<TriggerTimes>): TriggerTimes {
  const startAt = changes.startAt === undefined ? row.start_at : changes.startAt;
  if (kind === 'cron') return { kind, startAt, cron: changes.cron ?? row.cron };
  return {
    kind,
    startAt,
    intervalSeconds: changes.intervalSeconds === undefined ? row.interval_seconds : changes.intervalSeconds,
    repeatCount: changes.repeatCount ?? row.repeat_count,
  };
}

async function requireRoom(tx: Tx, table: 'schedule_jobs' | 'schedule_triggers', projectId: string): Promise<void> {
  const count = tx.selectFrom(table).select((e) => e.fn.countAll<number>().as('count'));
  const { count: has } = await count.where('project_id', '=', projectId).executeTakeFirstOrThrow();
  if (Number(has) < maxPerProject) return;
  const what = table === 'schedule_jobs' ? 'scheduled jobs' : 'triggers of scheduled jobs';
  throw new CloudError('quota_exceeded', `A project can have ${maxPerProject} ${what}.`, { reason: table });
}

function refused(reason: 'linked' | 'over' | 'many_triggers', jobId: string, triggerId: string): CloudError {
  const words = {
    linked: `Can not add job[uuid:${jobId}] twice to the same trigger[uuid:${triggerId}]`,
    over: `Can not add job[uuid:${jobId}] to a out of time trigger[uuid:${triggerId}]`,
    many_triggers: `There are [${maxTriggersPerJob}] triggers added to job[uuid:${jobId}], cannot add any more.`,
  };
  return new CloudError('conflict', words[reason], { reason });
}

/** What is undefined stays as it is. */
function given<Values extends object>(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Values;
}
