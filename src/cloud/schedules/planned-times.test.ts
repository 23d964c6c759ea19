import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextDue, type Timing } from './due-times.ts';
import { plannedTimes } from './planned-times.ts';

const second = 1_000_000;
const now = Date.parse('2026-11-22T10:00:00Z') * 1000;

/** One by one. */
function counted(timing: Timing, from: number, to: number): number {
  let times = 0;
  for (let next = nextDue(timing, from - 1); next !== null && next < to; next = nextDue(timing, next)) times += 1;
  return times;
}

const field = (most: number) =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min: 0, max: most }).map(String),
    fc.integer({ min: 1, max: most }).map((step) => `*/${step}`),
    fc.uniqueArray(fc.integer({ min: 0, max: most }), { minLength: 1, maxLength: 4 }).map((list) => list.join()),
  );
const days = fc.constantFrom('* * ?', '? * MON-FRI', '1,15 * ?', 'L * ?', '? 3 2#1', '29 2 ?');
const span = fc.tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.integer({ min: 0, max: 300_000 }));

describe('how often something is due', () => {
  it('is as often as its times are one by one, at an interval', () => {
    const timing = fc.record({
      kind: fc.constant('simple' as const),
      startAt: fc.integer({ min: -50_000, max: 50_000 }).map((offset) => now + offset * second),
      intervalUs: fc.option(fc.integer({ min: 100, max: 90_000 }).map((seconds) => seconds * second)),
      count: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(timing, span, (simple, [offset, length]) => {
        const from = now + offset * second;
        const to = from + length * second;
        const once = simple.intervalUs === null ? { ...simple, count: 1 } : simple;
        expect(plannedTimes(once, from, to)).toBe(counted(once, from, to));
      }),
    );
  });

  it('is as often as its times are one by one, by an expression', () => {
    const cron = fc
      .tuple(field(59), field(59), field(23), days)
      .map((fields) => fields.join(' '))
      .filter((text) => !text.startsWith('* *'));
    fc.assert(
      fc.property(cron, span, (text, [offset, length]) => {
        const from = now + offset * second;
        const to = from + Math.min(length, 40_000) * second;
        const timing: Timing = { kind: 'cron', cron: text, startAt: now - 20_000 * second };
        expect(plannedTimes(timing, from, to)).toBe(counted(timing, from, to));
      }),
      { numRuns: 60 },
    );
  });

  it('is known at once for what is due each second of years', () => {
    const year = 365 * 86_400;
    const timing: Timing = { kind: 'cron', cron: '* * * * * ?', startAt: now };
    expect(plannedTimes(timing, now, now + year * second)).toBe(year);
  });
});
