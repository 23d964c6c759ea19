import { expect, test } from 'vitest';
import type { Env } from '../../../env/env.ts';
import { RecentNetworks } from './recent-networks.ts';

/** A clock that stands until it is turned. */
function standingClock() {
  let now = 0;
  const sleepers: Array<{ at: number; wake: () => void }> = [];
  const env: Env = {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((wake) => {
        sleepers.push({ at: now + ms * 1000, wake });
        signal?.addEventListener('abort', () => wake());
      }),
    every: () => () => {},
    randomBytes: (length) => Buffer.alloc(length),
  };
  return {
    env,
    async turn(seconds: number) {
      now += seconds * 1_000_000;
      for (const { at, wake } of sleepers) if (at <= now) wake();
      await new Promise(setImmediate);
    },
  };
}

test('a network is remembered for some seconds after its last guest, and then told of once', async () => {
  const clock = standingClock();
  let expiries = 0;
  const recent = new RecentNetworks(clock.env, () => void expiries++);
  recent.note(['a', 'b']);
  expect(recent.hasOthers).toBe(false);
  await clock.turn(5);
  recent.note(['b']);
  recent.note(['b']);
  expect(recent.ids).toEqual(['a', 'b']);
  expect(recent.hasOthers).toBe(true);
  await clock.turn(6);
  expect(recent.ids).toEqual(['b']);
  expect(expiries).toBe(0);
  await clock.turn(5);
  expect(expiries).toBe(1);
});

test('networks that guests are on are never told of', async () => {
  const clock = standingClock();
  let expiries = 0;
  const recent = new RecentNetworks(clock.env, () => void expiries++);
  recent.note(['a']);
  await clock.turn(60);
  recent.note(['a']);
  await clock.turn(60);
  expect(expiries).toBe(0);
});

test('nothing is told of after the end', async () => {
  const clock = standingClock();
  let expiries = 0;
  const recent = new RecentNetworks(clock.env, () => void expiries++);
  recent.note(['a']);
  recent.note([]);
  recent.close();
  await clock.turn(60);
  expect(expiries).toBe(0);
  expect(recent.ids).toEqual([]);
});
