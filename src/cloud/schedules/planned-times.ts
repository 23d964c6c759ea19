import { nextByCron } from './cron.ts';
import type { Timing } from './due-times.ts';

const second = 1_000_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** How often it is due from `from` on and before `to`; microseconds. Never counts the times one by one. */
export function plannedTimes(timing: Timing, from: number, to: number): number {
  if (to <= from) return 0;
  return timing.kind === 'cron' ? timesOfCron(timing, from, to) : timesBefore(timing, to) - timesBefore(timing, from);
}

function timesBefore({ startAt, intervalUs, count }: Extract<Timing, { kind: 'simple' }>, end: number): number {
  if (end <= startAt) return 0;
  if (intervalUs === null) return 1;
  const times = Math.ceil((end - startAt) / intervalUs);
  return count > 0 ? Math.min(times, count) : times;
}

/** On each day that an expression names it is due at the same times, and in each hour and minute of them too. */
function timesOfCron({ cron, startAt }: Extract<Timing, { kind: 'cron' }>, from: number, to: number): number {
  const begin = Math.max(from, startAt);
  let next = nextByCron(cron, begin - 1);
  if (next === null || next >= to) return 0;
  const within = timesOfDay(cron, next);
  let times = 0;
  while (next !== null && next < to) {
    const midnight = floor(next, day);
    times += within(Math.min(to - midnight, day)) - within(Math.max(begin - midnight, 0));
    next = nextByCron(cron, midnight + day - 1);
  }
  return times;
}

/** How often it is due on a day that the expression names, before a time of that day. */
function timesOfDay(cron: string, known: number): (before: number) => number {
  const midnight = floor(known, day);
  const hours = marks(cron, midnight, day, hour);
  const minutes = marks(cron, midnight + hours[0]!, hour, minute);
  const seconds = marks(cron, midnight + hours[0]! + minutes[0]!, minute, second);
  return (before) => {
    let times = 0;
    for (const atHour of hours) {
      if (atHour >= before) break;
      if (atHour + hour <= before) {
        times += minutes.length * seconds.length;
        continue;
      }
      for (const atMinute of minutes) {
        times += seconds.filter((atSecond) => atHour + atMinute + atSecond < before).length;
      }
    }
    return times;
  };
}

/** The parts of a span in which it is due: how far each of them is from the span's begin. */
function marks(cron: string, begin: number, span: number, part: number): number[] {
  const found: number[] = [];
  for (let next = nextByCron(cron, begin - 1); next !== null && next < begin + span; ) {
    found.push(floor(next, part) - begin);
    next = nextByCron(cron, floor(next, part) + part - 1);
  }
  return found;
}

function floor(time: number, part: number): number {
  return Math.floor(time / part) * part;
}
