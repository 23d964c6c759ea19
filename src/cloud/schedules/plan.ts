import type { Tx } from '../../database/database.ts';
import { updateRow } from '../../database/statement.ts';
import { nextDue } from './due-times.ts';
import { timingOf } from './model.ts';

/** Which links: those of a trigger, or of a job or a group. */
type Which = { triggerId: string } | { jobId: string };
type WhichGroups = { triggerId: string } | { groupId: string };

const timeColumns = [
  'trigger.kind',
  'trigger.start_at',
  'trigger.interval_seconds',
  'trigger.repeat_count',
  'trigger.cron',
] as const;

/**
 * Says anew when jobs are due: the times of their trigger have changed, or they are enabled again. What is in a group
 * is due with its group alone.
 */
export async function planJobs(tx: Tx, which: Which, now: number): Promise<void> {
  const links = await tx
    .selectFrom('schedule_links as link')
    .innerJoin('schedule_triggers as trigger', 'trigger.id', 'link.trigger_id')
    .innerJoin('schedule_jobs as job', 'job.id', 'link.job_id')
    .select(['link.id', 'link.created_at', 'job.enabled', ...timeColumns])
    .select(({ exists, selectFrom }) =>
      exists(selectFrom('schedule_group_jobs').select('group_id').whereRef('job_id', '=', 'job.id')).as('grouped'),
    )
    .where(
      'triggerId' in which ? 'link.trigger_id' : 'link.job_id',
      '=',
      'triggerId' in which ? which.triggerId : which.jobId,
    )
    .execute();
  for (const { id, created_at, enabled, grouped, ...trigger } of links) {
    const next_at = enabled === 1 && !grouped ? nextDue(timingOf(trigger, created_at), now) : null;
    await updateRow(tx, 'schedule_links', id, { next_at, updated_at: now });
  }
}

/** The same for groups. */
export async function planGroups(tx: Tx, which: WhichGroups, now: number): Promise<void> {
  const links = await tx
    .selectFrom('schedule_group_links as link')
    .innerJoin('schedule_triggers as trigger', 'trigger.id', 'link.trigger_id')
    .innerJoin('schedule_groups as owner', 'owner.id', 'link.group_id')
    .select(['link.id', 'link.created_at', 'owner.enabled', ...timeColumns])
    .where(
      'triggerId' in which ? 'link.trigger_id' : 'link.group_id',
      '=',
      'triggerId' in which ? which.triggerId : which.groupId,
    )
    .execute();
  for (const { id, created_at, enabled, ...trigger } of links) {
    const next_at = enabled === 1 ? nextDue(timingOf(trigger, created_at), now) : null;
    await updateRow(tx, 'schedule_group_links', id, { next_at, updated_at: now });
  }
}
