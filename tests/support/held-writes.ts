import { sql } from 'kysely';
import { expect } from 'vitest';
import type { Database } from '../../src/database/database.ts';

/** A database whose transactions do all of their work, and commit when they are told to. */
export function holdWrites(db: Database): { db: Database; held: Promise<void>; commit: () => void } {
  const held = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  const write: Database['write'] = (work) =>
    db.write(async (tx) => {
      const result = await work(tx);
      held.resolve();
      await told.promise;
      return result;
    });
  const prepare: Database['prepare'] = (build) => db.prepare(build);
  return { db: Object.assign(Object.create(db), { write, prepare }), held: held.promise, commit: told.resolve };
}

/**
 * Until so many transactions wait for what another one has locked. With SQLite they come one after the other as it is.
 */
export async function untilBlocked(db: Database, count = 1): Promise<void> {
  if (db.kind === 'sqlite') return;
  const waits = sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await expect.poll(async () => (await waits.execute(db.read)).rows.length).toBeGreaterThanOrEqual(count);
}
