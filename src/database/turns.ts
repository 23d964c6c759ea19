import { sql } from 'kysely';
import type { Database, Queryable } from './database.ts';

/**
 * Waits until no other transaction has the turn in what is named, and keeps it until this one ends: who then looks sees what
 * the one before has done. Those that are `shared` wait for the others only. SQLite has one writer at a time anyway.
 */
export async function takeTurn(
  { kind }: Pick<Database, 'kind'>,
  tx: Queryable,
  about: string,
  how?: 'shared',
): Promise<void> {
  if (kind === 'sqlite') return;
  const lock = sql.raw(how === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock');
  await sql`select ${lock}(hashtext(${about}))`.execute(tx);
}
