import { sql } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';

eachDatabase('sessions whose users are to be read anew', (openDatabase, kind) => {
  let db: Database;
  afterEach(() => db.close());

  it.each(['user_id', 'project_id'])('are found by an index of %s', async (column) => {
    db = await openDatabase();
    const marked = sql`update sessions set revision = revision + 1 where ${sql.ref(column)} = 'a'`;
    const plan = await db.write(async (tx) => {
      if (kind === 'sqlite') return (await sql`explain query plan ${marked}`.execute(tx)).rows;
      // Of a few rows PostgreSQL reads all, whatever indexes there are.
      await sql`set local enable_seqscan = off`.execute(tx);
      return (await sql`explain ${marked}`.execute(tx)).rows;
    });
    expect(JSON.stringify(plan)).toContain(`sessions_${column}_index`);
  });
});
