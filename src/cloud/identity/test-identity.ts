import type { Database } from '../../database/database.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { realEnv } from '../../env/real.ts';
import type { CloudCore, Log } from '../core.ts';
import { type CloudSettings, defaultSettings } from '../settings.ts';
import { openIdentity } from './identity.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export const adminPassword = 'password';

/** A clock that tests move by hand, over the real one's randomness; `tick` runs what `every` was asked for. */
export function testEnv() {
  const timers = new Set<{ ms: number; fn: () => void }>();
  let now = 1_790_000_000_000_000;
  const real = realEnv();
  return {
    ...real,
    now: () => {
      now += 1;
      return now;
    },
    every: (ms: number, fn: () => void) => {
      const timer = { ms, fn };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (seconds: number) => {
      now += seconds * 1_000_000;
    },
    tick: () => {
      for (const { fn } of timers) fn();
    },
    timers,
  };
}

/** What the identity part needs of a cloud, over the given database or one of its own in memory. */
export async function testCore(options: { db?: Database; settings?: Partial<CloudSettings> } = {}) {
  const db = options.db ?? (await openSqlite(':memory:'));
  const env = testEnv();
  const core = { env, db, settings: { ...defaultSettings, ...options.settings }, log: quiet } as unknown as CloudCore;
  return { core, db, env };
}

/** A bootstrapped identity part. */
export async function testIdentity(options: { db?: Database; settings?: Partial<CloudSettings> } = {}) {
  const { core, db, env } = await testCore(options);
  const identity = await openIdentity(core);
  await identity.bootstrap({ adminPassword });
  return { core, db, env, identity };
}
