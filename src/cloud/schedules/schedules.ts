import type { Tx } from '../../database/database.ts';
import type { ScheduleJobsTable, ScheduleTriggersTable } from '../../database/schema.ts';
import { insertRow, updateRow } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import { nextDue } from './due-times.ts';
import { disableJob, Firings } from './firings.ts';
import { ScheduleGroups } from './groups.ts';
import {
  jobFromRow,
  maxTriggersPerOwner,
  refusedLink,
  type ScheduledKind,
  type ScheduleJob,
  type ScheduleParameters,
  timingOf,
} from './model.ts';
import { forgetOrphans } from './orphans.ts';
import { given, ownedRow, requireRoom } from './owned-rows.ts';
import { planGroups, planJobs } from './plan.ts';
import { type Report, type ReportWish, reportOf } from './report.ts';
import { firingOf, waitingJobs } from './take-up.ts';
import { mergedTimes, type TriggerTimes, timesOf } from './trigger-times.ts';
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

export interface NewTrigger extends TriggerTimes {
  id?: string;
  name: string;
  description?: string | null;
}

/** How long what was done is remembered, microseconds; and how much of it one sweep forgets. */
const retentionUs = 90 * 86_400 * 1_000_000;
const maxDeletedPerSweep = 5000;

/** What projects want done at set times: jobs, the triggers that fire them, and what became of each firing. */
export class Schedules {
  readonly firings: Firings;
  readonly groups: ScheduleGroups;
  readonly #cloud: Cloud;
  readonly #listeners = new Set<() => void>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.firings = new Firings(cloud, scheduleWorker(cloud));
    this.groups = new ScheduleGroups(cloud, () => this.#changed());
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
      await requireRoom(this.#cloud.db, tx, 'schedule_jobs', projectId);
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
      await requireRoom(this.#cloud.db, tx, 'schedule_triggers', projectOf(subject));
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
      await planJobs(tx, { jobId: id }, now);
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
      if (!isRetimed) return;
      await planJobs(tx, { triggerId: id }, now);
      await planGroups(tx, { triggerId: id }, now);
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
   * many triggers (`many_triggers`). While the job is in a group it is done with that alone.
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
      const about = { what: 'job', id: jobId, triggerId };
      if (links.some(({ trigger_id }) => trigger_id === triggerId)) throw refusedLink('linked', about);
      if (links.length >= maxTriggersPerOwner) throw refusedLink('many_triggers', about);
      const isGrouped = await tx
        .selectFrom('schedule_group_jobs')
        .select('group_id')
        .where('job_id', '=', jobId)
        .executeTakeFirst();
      const next = nextDue(timingOf(trigger, now), now - 1);
      if (next === null) throw refusedLink('over', about);
      await tx
        .insertInto('schedule_links')
        .values({
          ...{ id, job_id: jobId, trigger_id: triggerId, project_id: job.project_id },
          next_at: job.enabled === 1 && !isGrouped ? next : null,
          ...{ created_at: now, updated_at: now },
        })
        .execute();
      // Where it is due now anyhow, it is not done twice.
      if (fireNow && next > now && !isGrouped) await this.#fire(tx, job, triggerId, now);
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

  /**
   * Does the jobs of a trigger at once, or those of them that are named; disabled ones too, but for those of groups. Its
   * times stay.
   */
  async run(subject: Subject, triggerId: string, jobIds?: readonly string[]): Promise<void> {
    const now = this.#cloud.env.now();
    await this.#cloud.db.write(async (tx) => {
      await this.#triggerRow(tx, subject, triggerId);
      const grouped = tx.selectFrom('schedule_group_jobs').select('job_id');
      const links = tx
        .selectFrom('schedule_links')
        .select('job_id')
        .where('trigger_id', '=', triggerId)
        .where('job_id', 'not in', grouped);
      for (const { job_id: jobId } of await links.execute()) {
        if (jobIds && !jobIds.includes(jobId)) continue;
        await this.#fire(tx, await this.#jobRow(tx, subject, jobId), triggerId, now);
      }
      await this.groups.runAll(tx, triggerId, now, jobIds);
    });
    this.#changed();
  }

  /** What became of jobs of these kinds over time, and how often they will be due. Administrators see all projects. */
  report(subject: Subject, wish: Omit<ReportWish, 'projectId'>): Promise<Report> {
    return reportOf(this.#cloud.db, subject.isAdmin ? wish : { ...wish, projectId: projectOf(subject) });
  }

  /**
   * Forgets what was done long ago, and what projects wanted that are no more. Of a snapshot that is still there its job
   * has to know that it has made it.
   */
  async sweep(): Promise<number> {
    const { db, env } = this.#cloud;
    await db.write(forgetOrphans);
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

  /** Has a job done as soon as it is its turn, but once where it waits for that already. */
  async #fire(tx: Tx, job: ScheduleJobsTable, triggerId: string, now: number): Promise<void> {
    const waiting = await waitingJobs(tx).where('job_id', '=', job.id).executeTakeFirst();
    if (waiting) return;
    const row = firingOf(newId(this.#cloud.env), job, triggerId, { dueAt: now, now, held: false });
    await tx.insertInto('schedule_firings').values(row).execute();
  }

  #jobRow(tx: Tx, subject: Subject, id: string, options?: { lock: boolean }): Promise<ScheduleJobsTable> {
    return ownedRow(tx, 'schedule_jobs', subject, id, options);
  }

  #triggerRow(tx: Tx, subject: Subject, id: string, options?: { lock: boolean }): Promise<ScheduleTriggersTable> {
    return ownedRow(tx, 'schedule_triggers', subject, id, options);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
