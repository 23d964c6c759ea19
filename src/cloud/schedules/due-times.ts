import { nextByCron } from './cron.ts';

/** When something is due. Times are microseconds since the epoch. */
export type Timing =
  /** `count` times, 0 for ever: at `startAt`, and each `intervalUs` after that; null where it is due once. */
  | { kind: 'simple'; startAt: number; intervalUs: number | null; count: number }
  /** At the times of a cron expression, from `startAt` on. */
  | { kind: 'cron'; cron: string; startAt: number };

/** The first time after `after` at which it is due; null where there is none any more. */
export function nextDue(timing: Timing, after: number): number | null {
  if (timing.kind === 'cron') return nextByCron(timing.cron, Math.max(after, timing.startAt - 1));
  const { startAt, intervalUs, count } = timing;
  if (after < startAt) return startAt;
  if (intervalUs === null) return null;
  const index = Math.floor((after - startAt) / intervalUs) + 1;
  return count > 0 && index >= count ? null : startAt + index * intervalUs;
}
