import type { Tx } from '../../database/database.ts';
import type {
  ScheduleFiringsTable,
  ScheduleGroupsTable,
  ScheduleJobsTable,
  ScheduleTriggersTable,
} from '../../database/schema.ts';
import type { Env } from '../../env/env.ts';
import { newId } from '../../env/env.ts';
import { nextDue } from './due-times.ts';
import { timingOf } from './model.ts';
import { type DueLink, holdUs } from './turns.ts';

/** What is later than this, because the cloud did not run, is not done any more. Microseconds. */
export const graceUs = 300_000_000;

/**
 * With more links due than this a project has more to do than it gets turns: times that pass while one of them waits
 * are left out, so that each still comes to its turn.
 */
const maxCrowd = 100;

/** What a job is to be done for: once, or as a part of its group. */
interface Occasion {
  dueAt: number;
  now: number;
  /** False where nobody begins it yet. */
  held?: boolean;
  /** The group that is due, and what its jobs have in common this time. */
  group?: { row: ScheduleGroupsTable; batchId: string };
}

/** A firing that waits to be begun. */
export function firingOf(
  id: string,
  job: ScheduleJobsTable,
  triggerId: string,
  { dueAt, now, held = true, group }: Occasion,
): ScheduleFiringsTable {
  return {
    id,
    job_id: job.id,
    trigger_id: triggerId,
    project_id: job.project_id,
    user_id: job.user_id,
    kind: job.kind,
    target_id: job.target_id,
    parameters: group && group.row.parameters !== '{}' ? group.row.parameters : job.parameters,
    due_at: dueAt,
    state: 'due',
    held_until: held ? now + holdUs : 0,
    action_id: null,
    error: null,
    created_at: now,
    finished_at: null,
    group_id: group?.row.id ?? null,
    batch_id: group?.batchId ?? null,
  };
}

/**
 * Moves a link that is due on to its next time, and adds the firings of this one. Gives none where another process was
 * quicker. Those of a job are held by this process; those of a group wait for their turns.
 */
export async function takeUp(tx: Tx, env: Env, link: DueLink, now: number): Promise<ScheduleFiringsTable[]> {
  const trigger = await byId<ScheduleTriggersTable>(tx, 'schedule_triggers', link.trigger_id);
  if (!trigger) return [];
  const rests = await isResting(tx, link);
  const isMissed = link.next_at < now - graceUs;
  const from = isMissed ? Math.max(link.next_at, now - graceUs) : link.next_at;
  const moved = await tx
    .updateTable(link.owner === 'job' ? 'schedule_links' : 'schedule_group_links')
    .set({
      next_at: rests ? null : nextDue(timingOf(trigger, link.created_at), link.crowd > maxCrowd ? now : from),
      updated_at: now,
    })
    .where('id', '=', link.id)
    .where('next_at', '=', link.next_at)
    .executeTakeFirst();
  if (moved.numUpdatedRows === 0n || rests) return [];
  const firings = await (link.owner === 'job' ? firingOfJob : firingsOfGroup)(tx, env, link, now);
  if (firings.length === 0) return [];
  const missed = {
    state: 'failed',
    finished_at: now,
    error: 'The cloud was not running when this was due.',
  } as const;
  // It was taken up before where another process, whose clock is behind, has planned the same time anew since.
  return await tx
    .insertInto('schedule_firings')
    .values(firings.map((firing) => ({ ...firing, ...(isMissed ? missed : {}) })))
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .execute();
}

/** Whether it was planned at the moment at which it was disabled, or its job came into a group. */
async function isResting(tx: Tx, { owner, owner_id: id }: DueLink): Promise<boolean> {
  const table = owner === 'job' ? 'schedule_jobs' : 'schedule_groups';
  const enabled = tx.selectFrom(table).select('id').where('id', '=', id).where('enabled', '=', 1);
  if (!(await enabled.executeTakeFirst())) return true;
  const member = tx.selectFrom('schedule_group_jobs').select('group_id').where('job_id', '=', id);
  return owner === 'job' && (await member.executeTakeFirst()) !== undefined;
}

async function firingOfJob(tx: Tx, env: Env, { owner_id, trigger_id, next_at: dueAt }: DueLink, now: number) {
  const job = await byId<ScheduleJobsTable>(tx, 'schedule_jobs', owner_id);
  return job ? [firingOf(newId(env), job, trigger_id, { dueAt, now })] : [];
}

async function firingsOfGroup(tx: Tx, env: Env, link: DueLink, now: number): Promise<ScheduleFiringsTable[]> {
  const row = await byId<ScheduleGroupsTable>(tx, 'schedule_groups', link.owner_id);
  if (!row) return [];
  const group = { row, batchId: newId(env) };
  const jobs = await idleJobsOf(tx, row.id);
  const occasion = { dueAt: link.next_at, now, held: false, group };
  return jobs.map((job) => firingOf(newId(env), job, link.trigger_id, occasion));
}

/** The enabled jobs of a group, but for those that wait for their turn from before. */
export async function idleJobsOf(tx: Tx, groupId: string): Promise<ScheduleJobsTable[]> {
  return await tx
    .selectFrom('schedule_jobs as job')
    .innerJoin('schedule_group_jobs as member', 'member.job_id', 'job.id')
    .selectAll('job')
    .where('member.group_id', '=', groupId)
    .where('job.enabled', '=', 1)
    .where('job.id', 'not in', waitingJobs(tx))
    .orderBy('job.created_at')
    .orderBy('job.id')
    .execute();
}

/** The ids of jobs that are to be done and that nobody has begun yet. */
export function waitingJobs(tx: Tx) {
  return tx
    .selectFrom('schedule_firings')
    .select('job_id')
    .where('finished_at', 'is', null)
    .where('state', '=', 'due')
    .where('held_until', '=', 0);
}

async function byId<Row>(
  tx: Tx,
  table: 'schedule_jobs' | 'schedule_triggers' | 'schedule_groups',
  id: string,
): Promise<Row | undefined> {
  return (await tx.selectFrom(table).selectAll().where('id', '=', id).executeTakeFirst()) as Row | undefined;
}
