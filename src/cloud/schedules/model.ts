import type { ScheduleJobsTable, ScheduleTriggersTable } from '../../database/schema.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Timing } from './due-times.ts';

/** What can be done at set times. */
export type ScheduledKind = 'server.start' | 'server.stop' | 'server.reboot' | 'volume.snapshot' | 'server.snapshot';

/** More of what is to be done. */
export interface ScheduleParameters {
  /** How many snapshots of a job are kept: older ones go when there are more. All where it is left out. */
  keep?: number;
}

/** Something that is to be done again and again. */
export interface ScheduleJob {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  kind: ScheduledKind;
  targetId: string;
  parameters: ScheduleParameters;
  enabled: boolean;
}

export function jobFromRow(row: ScheduleJobsTable): ScheduleJob {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    kind: row.kind as ScheduledKind,
    targetId: row.target_id,
    parameters: JSON.parse(row.parameters) as ScheduleParameters,
    enabled: row.enabled === 1,
  };
}

/**
 * The times of a trigger for a job that was added to it.
 * @param addedAt where the trigger itself says no beginning, its times begin with this one
 */
export function timingOf(
  row: Pick<ScheduleTriggersTable, 'kind' | 'start_at' | 'interval_seconds' | 'repeat_count' | 'cron'>,
  addedAt: number,
): Timing {
  const startAt = row.start_at ?? addedAt;
  if (row.kind === 'cron') return { kind: 'cron', cron: row.cron ?? '', startAt };
  const intervalUs = row.interval_seconds === null ? null : row.interval_seconds * 1_000_000;
  return { kind: 'simple', startAt, intervalUs, count: row.repeat_count };
}

export function jobNotFound(id: string): CloudError {
  return notFound('schedule_job', id, `Scheduled job ${id} could not be found.`);
}

export function triggerNotFound(id: string): CloudError {
  return notFound('schedule_trigger', id, `Trigger ${id} could not be found.`);
}

export function groupNotFound(id: string): CloudError {
  return notFound('schedule_group', id, `Group of scheduled jobs ${id} could not be found.`);
}

/** How many triggers may fire one job, or one group of jobs. */
export const maxTriggersPerOwner = 10;

/** Why a trigger is not to fire a job, or a group of jobs. */
export function refusedLink(
  reason: 'linked' | 'over' | 'many_triggers',
  { what, id, triggerId }: { what: string; id: string; triggerId: string },
): CloudError {
  const words = {
    linked: `Can not add ${what}[uuid:${id}] twice to the same trigger[uuid:${triggerId}]`,
    over: `Can not add ${what}[uuid:${id}] to a out of time trigger[uuid:${triggerId}]`,
    many_triggers: `There are [${maxTriggersPerOwner}] triggers added to ${what}[uuid:${id}], cannot add any more.`,
  };
  return new CloudError('conflict', words[reason], { reason });
}
