import type { Tx } from '../../database/database.ts';
import type { ScheduleGroupsTable } from '../../database/schema.ts';
import { insertRow, updateRow } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import { nextDue } from './due-times.ts';
import { disableJob } from './firings.ts';
import { maxTriggersPerOwner, refusedLink, type ScheduledKind, type ScheduleParameters, timingOf } from './model.ts';
import { given, ownedRow, requireRoom } from './owned-rows.ts';
import { planGroups } from './plan.ts';
import { firingOf, idleJobsOf } from './take-up.ts';

export interface NewScheduleGroup {
  id?: string;
  name: string;
  description?: string | null;
  /** What its jobs do. */
  kind: ScheduledKind;
  /** In the place of what its jobs say, where there are any. */
  parameters?: ScheduleParameters;
}

/** Jobs of one kind that are done together, at the times of their group's triggers and at none of their own. */
export class ScheduleGroups {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #changed: () => void;

  /** @param changed called after a change of what is due */
  constructor(core: Pick<CloudCore, 'db' | 'env'>, changed: () => void) {
    this.#core = core;
    this.#changed = changed;
  }

  /** Throws `quota_exceeded`. */
  async create(subject: Subject, wanted: NewScheduleGroup): Promise<string> {
    const { db, env } = this.#core;
    const now = env.now();
    const { id = newId(env), name, description = null, kind, parameters = {} } = wanted;
    const projectId = projectOf(subject);
    await db.write(async (tx) => {
      await requireRoom(db, tx, 'schedule_groups', projectId);
      await insertRow(tx, 'schedule_groups', {
        ...{ id, project_id: projectId, user_id: subject.userId, name, description, kind },
        ...{ parameters: JSON.stringify(parameters), enabled: 1, created_at: now, updated_at: now },
      });
    });
    return id;
  }

  /** A disabled group is due at no time; those that pass meanwhile are not made up for. */
  async update(
    subject: Subject,
    id: string,
    changes: Partial<Pick<NewScheduleGroup, 'name' | 'description' | 'parameters'>> & { enabled?: boolean },
  ): Promise<void> {
    const now = this.#core.env.now();
    const { name, description, parameters, enabled } = changes;
    await this.#core.db.write(async (tx) => {
      const row = await this.#row(tx, subject, id);
      const values = {
        ...{ name, description, updated_at: now },
        parameters: parameters && JSON.stringify(parameters),
        enabled: enabled === undefined ? undefined : enabled ? (1 as const) : (0 as const),
      };
      await updateRow(tx, 'schedule_groups', id, given(values));
      if (enabled !== undefined && enabled !== (row.enabled === 1)) await planGroups(tx, { groupId: id }, now);
    });
    this.#changed();
  }

  /** Its jobs stay, disabled, as those that are taken out of it. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await this.#row(tx, subject, id);
      const members = tx.selectFrom('schedule_group_jobs').select('job_id').where('group_id', '=', id);
      await this.#takeOut(tx, id, await members.execute());
      await tx.deleteFrom('schedule_groups').where('id', '=', id).execute();
    });
  }

  /**
   * From now on they are done with the group. Those that are in it stay so. Throws `not_found`, and `conflict` for jobs
   * of another kind (`kind`) or project (`project`).
   */
  async addJobs(subject: Subject, id: string, jobIds: readonly string[]): Promise<void> {
    const { db, env } = this.#core;
    const now = env.now();
    await db.write(async (tx) => {
      const group = await this.#row(tx, subject, id);
      const jobs = [];
      for (const jobId of sorted(jobIds)) {
        jobs.push(await ownedRow(tx, 'schedule_jobs', subject, jobId, { lock: true }));
      }
      const strange = jobs.filter(({ kind }) => kind !== group.kind).length;
      if (strange > 0) {
        throw new CloudError('conflict', `${strange} jobs have different job type with job group`, { reason: 'kind' });
      }
      if (jobs.some(({ project_id }) => project_id !== group.project_id)) {
        throw new CloudError('conflict', 'A group has jobs of its own project only.', { reason: 'project' });
      }
      for (const { id: jobId } of jobs) {
        const row = { group_id: id, job_id: jobId, created_at: now, updated_at: now };
        const member = tx.insertInto('schedule_group_jobs').values(row);
        await member.onConflict((conflict) => conflict.doNothing()).execute();
        await tx.updateTable('schedule_links').set({ next_at: null }).where('job_id', '=', jobId).execute();
      }
    });
  }

  /** They are disabled: what was done with the group is not done at times of their own unasked. */
  async removeJobs(subject: Subject, id: string, jobIds: readonly string[]): Promise<void> {
    const { db } = this.#core;
    await db.write(async (tx) => {
      await this.#row(tx, subject, id);
      for (const jobId of sorted(jobIds)) await ownedRow(tx, 'schedule_jobs', subject, jobId, { lock: true });
      const members = tx.selectFrom('schedule_group_jobs').select('job_id').where('group_id', '=', id);
      await this.#takeOut(tx, id, await members.where('job_id', 'in', jobIds).execute());
    });
  }

  /** Lets a trigger fire the group. Throws as `Schedules.link` does. */
  async link(subject: Subject, id: string, triggerId: string, { fireNow = false } = {}): Promise<string> {
    const { db, env } = this.#core;
    const now = env.now();
    const linkId = newId(env);
    await db.write(async (tx) => {
      const group = await this.#row(tx, subject, id);
      const trigger = await ownedRow(tx, 'schedule_triggers', subject, triggerId, { lock: true });
      const links = await tx
        .selectFrom('schedule_group_links')
        .select('trigger_id')
        .where('group_id', '=', id)
        .execute();
      const about = { what: 'job group', id, triggerId };
      if (links.some(({ trigger_id }) => trigger_id === triggerId)) throw refusedLink('linked', about);
      if (links.length >= maxTriggersPerOwner) throw refusedLink('many_triggers', about);
      const next = nextDue(timingOf(trigger, now), now - 1);
      if (next === null) throw refusedLink('over', about);
      const row = { id: linkId, group_id: id, trigger_id: triggerId, project_id: group.project_id };
      const next_at = group.enabled === 1 ? next : null;
      await insertRow(tx, 'schedule_group_links', { ...row, next_at, created_at: now, updated_at: now });
      if (fireNow && next > now) await this.#fire(tx, group, triggerId, now);
    });
    this.#changed();
    return linkId;
  }

  /** Throws `not_found` for a group that is not there; where there is no link, nothing changes. */
  async unlink(subject: Subject, id: string, triggerId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await this.#row(tx, subject, id);
      const link = tx.deleteFrom('schedule_group_links').where('group_id', '=', id);
      await link.where('trigger_id', '=', triggerId).execute();
    });
  }

  /** Does the enabled groups of a trigger at once, as a part of a larger change; of their jobs only those that are named. */
  async runAll(tx: Tx, triggerId: string, now: number, jobIds?: readonly string[]): Promise<void> {
    const groups = await tx
      .selectFrom('schedule_groups as owner')
      .innerJoin('schedule_group_links as link', 'link.group_id', 'owner.id')
      .selectAll('owner')
      .where('link.trigger_id', '=', triggerId)
      .where('owner.enabled', '=', 1)
      .execute();
    for (const group of groups) await this.#fire(tx, group, triggerId, now, jobIds);
  }

  async #fire(tx: Tx, row: ScheduleGroupsTable, triggerId: string, now: number, jobIds?: readonly string[]) {
    const { env } = this.#core;
    const occasion = { dueAt: now, now, held: false, group: { row, batchId: newId(env) } };
    const jobs = (await idleJobsOf(tx, row.id)).filter(({ id }) => !jobIds || jobIds.includes(id));
    const firings = jobs.map((job) => firingOf(newId(env), job, triggerId, occasion));
    if (firings.length > 0) await tx.insertInto('schedule_firings').values(firings).execute();
  }

  async #takeOut(tx: Tx, id: string, members: readonly { job_id: string }[]): Promise<void> {
    const now = this.#core.env.now();
    for (const { job_id } of members) {
      await tx.deleteFrom('schedule_group_jobs').where('group_id', '=', id).where('job_id', '=', job_id).execute();
      await disableJob(tx, job_id, now);
    }
  }

  #row(tx: Tx, subject: Subject, id: string): Promise<ScheduleGroupsTable> {
    return ownedRow(tx, 'schedule_groups', subject, id, { lock: true });
  }
}

/** Each once, always in the same order: so nobody waits for somebody who waits for them. */
function sorted(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort();
}
