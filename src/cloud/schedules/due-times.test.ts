import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCron, nextByCron } from './cron.ts';
import { nextDue, type Timing } from './due-times.ts';

const second = 1_000_000;
const at = (text: string) => Date.parse(`${text}Z`) * 1000;
const shown = (time: number | null) => time && new Date(time / 1000).toISOString();
const times = fc.integer({ min: at('2020-01-01T00:00:00'), max: at('2037-12-31T00:00:00') });

const simple = fc.record({
  kind: fc.constant('simple' as const),
  startAt: times,
  intervalUs: fc.integer({ min: 1, max: 400 * 86_400 }).map((seconds) => seconds * second),
  count: fc.integer({ min: 0, max: 50 }),
});
const field = (max: number) =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min: 0, max }).map(String),
    fc.integer({ min: 1, max: 20 }).map((step) => `*/${step}`),
    fc.integer({ min: 0, max }).chain((from) => fc.integer({ min: from, max }).map((to) => `${from}-${to}`)),
  );
const cron: fc.Arbitrary<Timing> = fc
  .record({ fields: fc.tuple(field(59), field(59), field(23)), startAt: times })
  .map(({ fields, startAt }) => ({ kind: 'cron', cron: `${fields.join(' ')} * * ?`, startAt }));

describe('due times', () => {
  it('are later than what they come after, never before the beginning, and skip none', () => {
    fc.assert(
      fc.property(fc.oneof(simple, cron), times, (timing, after) => {
        const next = nextDue(timing, after);
        if (next === null) return;
        expect(next).toBeGreaterThan(after);
        expect(next).toBeGreaterThanOrEqual(timing.startAt);
        // From anywhere in between it is the same one, and it comes after its predecessor.
        expect(nextDue(timing, next - 1)).toBe(next);
        const between = after + Math.floor((next - after) / 2);
        if (between < next) expect(nextDue(timing, between)).toBe(next);
      }),
      { numRuns: 300 },
    );
  });

  it('come as often as was said, one interval apart', () => {
    fc.assert(
      fc.property(simple, (timing) => {
        const due: number[] = [];
        for (let next = nextDue(timing, 0); next !== null && due.length < 60; next = nextDue(timing, next))
          due.push(next);
        expect(due).toHaveLength(timing.count || 60);
        expect(due[0]).toBe(timing.startAt);
        for (const [index, time] of due.entries()) expect(time).toBe(timing.startAt + index * timing.intervalUs);
      }),
    );
  });

  it('come once where there is no interval', () => {
    const once: Timing = { kind: 'simple', startAt: 5 * second, intervalUs: null, count: 1 };
    expect([nextDue(once, 0), nextDue(once, 5 * second - 1), nextDue(once, 5 * second)]).toEqual([
      5 * second,
      5 * second,
      null,
    ]);
  });
});

describe('cron expressions', () => {
  it.each([
    ['0 0/3 17-23 * * ?', '2026-11-22T10:00:00', '2026-11-22T17:00:00.000Z'],
    ['0 0/3 17-23 * * ?', '2026-11-22T17:00:00', '2026-11-22T17:03:00.000Z'],
    ['0 0 8 ? * MON-FRI', '2026-11-20T08:00:00', '2026-11-23T08:00:00.000Z'],
    ['0 0 2 ? * 1', '2026-11-22T10:00:00', '2026-11-29T02:00:00.000Z'],
    ['0 15 10 ? * 6L', '2026-11-22T10:00:00', '2026-11-27T10:15:00.000Z'],
    ['0 0 0 29 2 ?', '2026-11-22T10:00:00', '2028-02-29T00:00:00.000Z'],
    ['0 0 12 L * ?', '2026-11-22T10:00:00', '2026-11-30T12:00:00.000Z'],
  ])('%s after %s is %s', (text, after, next) => {
    expect(shown(nextByCron(text, at(after)))).toBe(next);
  });

  it.each(['* * * * *', '0 0 2 * * *', '0 60 2 * * ?', '0 0 2 ? * 8', 'rm -rf / now ? *', '0 0 0 31 2 ?', ''])(
    'can not be %j',
    (text) => {
      expect(() => checkCron(text, at('2026-11-22T10:00:00'))).toThrow(/cron/);
    },
  );
});
