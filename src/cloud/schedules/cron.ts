import { Cron } from 'croner';
import { CloudError } from '../errors.ts';

/** As Quartz has it: six fields from seconds to weekdays, Sunday is 1. In UTC, as all times of the cloud. */
const options = {
  mode: '6-part',
  alternativeWeekdays: true,
  sloppyRanges: true,
  timezone: 'UTC',
  paused: true,
} as const;

/** Reading an expression takes longer than asking it. */
const known = new Map<string, Cron>();
const maxKnown = 1000;

function expressionOf(text: string): Cron {
  const found = known.get(text);
  if (found) return found;
  if (known.size >= maxKnown) known.clear();
  const made = new Cron(text, options);
  known.set(text, made);
  return made;
}

/** The first time after `after` that the expression names; null where there is none. Both in microseconds. */
export function nextByCron(text: string, after: number): number | null {
  const next = expressionOf(text).nextRun(new Date(Math.floor(after / 1000)));
  return next === null ? null : next.getTime() * 1000;
}

/** Throws `invalid` (`cron`) for what is no expression, or names no time that ever comes. */
export function checkCron(text: string, after: number): void {
  const [, , , days, , weekdays = '', ...more] = text.split(' ');
  // Days of the month and of the week can't both be said: one of them is ?.
  if (more.length > 0 || (days === '?') === (weekdays === '?')) {
    throw refused('cron task must follow format like this : "0 0/3 17-23 * * ?" ');
  }
  if (
    weekdays
      .replaceAll(/[#/]\d+/g, '')
      .match(/\d+/g)
      ?.some((day) => Number(day) < 1 || Number(day) > 7)
  ) {
    throw refused('invalid cron expression: weekdays are 1 (Sunday) to 7');
  }
  let next: number | null;
  try {
    next = nextByCron(text, after);
  } catch (error) {
    throw refused(`invalid cron expression: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (next === null) throw refused('the cron expression names no time that ever comes');
}

function refused(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'cron', field: 'cron' });
}
