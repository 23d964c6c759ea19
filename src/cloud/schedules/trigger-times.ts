import type { ScheduleTriggersTable } from '../../database/schema.ts';
import { CloudError } from '../errors.ts';
import { checkCron } from './cron.ts';
import { nextDue } from './due-times.ts';
import { timingOf } from './model.ts';

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

type TimeColumns = Pick<ScheduleTriggersTable, 'kind' | 'interval_seconds' | 'repeat_count' | 'cron' | 'start_at'>;

/** The columns of a trigger's times. Throws `invalid` for times that can't be, or that are over already. */
export function timesOf(
  { kind, intervalSeconds, repeatCount = 0, cron, startAt }: TriggerTimes,
  now: number,
): TimeColumns {
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
export function mergedTimes(row: TimeColumns, { kind = row.kind, ...changes }: Partial<TriggerTimes>): TriggerTimes {
  const startAt = changes.startAt === undefined ? row.start_at : changes.startAt;
  if (kind === 'cron') return { kind, startAt, cron: changes.cron ?? row.cron };
  return {
    kind,
    startAt,
    intervalSeconds: changes.intervalSeconds === undefined ? row.interval_seconds : changes.intervalSeconds,
    repeatCount: changes.repeatCount ?? row.repeat_count,
  };
}
