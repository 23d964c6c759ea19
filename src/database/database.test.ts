import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../tests/support/held-writes.ts';
import { createPostgresDatabase, eachDatabase } from '../../tests/support/postgres.ts';
import { onServer, postgresVariable } from '../../tests/support/postgres-server.ts';
import { ConstraintViolation, type Database, DatabaseUnavailable } from './database.ts';

const setting = (key: string, value = 'v') => ({ key, value });

eachDatabase('a database', (open) => {
  it('takes everything back when the work fails, and calls no effects', async () => {
    const db = await open();
    let effects = 0;
    const failing = db.write(async (tx) => {
      tx.onCommit(() => (effects += 1));
      await tx.insertInto('settings').values(setting('a')).execute();
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await db.read.selectFrom('settings').selectAll().execute()).toEqual([]);
    expect(effects).toBe(0);
    await db.close();
  });

  it('calls effects once what they follow can be read', async () => {
    const db = await open();
    let seen: Promise<unknown> | undefined;
    await db.write(async (tx) => {
      await tx.insertInto('settings').values(setting('a')).execute();
      tx.onCommit(() => {
        seen = db.read.selectFrom('settings').selectAll().execute();
      });
    });
    expect(await seen).toEqual([setting('a')]);
    await db.close();
  });

  it('names violated keys, inside of the transaction too', async () => {
    const db = await open();
    await db.write((tx) => tx.insertInto('settings').values(setting('a')).execute());
    const again = db.write(async (tx) => {
      await expect(tx.insertInto('settings').values(setting('a')).execute()).rejects.toThrow(ConstraintViolation);
      throw new Error('seen');
    });
    await expect(again).rejects.toThrow('seen');
    const foreign = db.write((tx) => tx.insertInto('image_tags').values({ image_id: 'none', tag: 't' }).execute());
    await expect(foreign).rejects.toMatchObject({ kind: 'foreign_key' });
    await db.close();
  });

  it('does once more what a key refuses: then it is seen what another transaction did meanwhile', async () => {
    const db = await open();
    const take = (on: Database) =>
      on.write(async (tx) => {
        const found = await tx.selectFrom('settings').select('key').where('key', '=', 'a').executeTakeFirst();
        if (found) throw new Error('it is taken');
        await tx.insertInto('settings').values(setting('a')).execute();
      });
    const { db: slow, held, commit } = holdWrites(db);
    const first = take(slow);
    await held;
    const second = expect(take(db)).rejects.toThrow('it is taken');
    await untilBlocked(db).finally(commit);
    await first;
    await second;
    await db.close();
  });

  it('does once more what changes a row that has gone meanwhile', async () => {
    const db = await open();
    await db.write((tx) => tx.insertInto('settings').values(setting('a')).execute());
    const { db: slow, held, commit } = holdWrites(db);
    const removed = slow.write((tx) => tx.deleteFrom('settings').where('key', '=', 'a').execute());
    await held;
    const changed = db.write(async (tx) => {
      const found = await tx.selectFrom('settings').select('key').where('key', '=', 'a').executeTakeFirst();
      if (!found) throw new Error('it is gone');
      const change = tx.updateTable('settings').set({ value: 'w' }).where('key', '=', 'a');
      await change.returningAll().executeTakeFirstOrThrow();
    });
    const outcome = expect(changed).rejects.toThrow('it is gone');
    await untilBlocked(db).finally(commit);
    await removed;
    await outcome;
    await db.close();
  });

  it('tells what a key refuses again', async () => {
    const db = await open();
    await db.write((tx) => tx.insertInto('settings').values(setting('a')).execute());
    let tries = 0;
    const again = db.write(async (tx) => {
      tries += 1;
      await tx.insertInto('settings').values(setting('a')).execute();
    });
    await expect(again).rejects.toMatchObject({ kind: 'unique' });
    expect(tries).toBe(db.kind === 'postgres' ? 2 : 1);
    await db.close();
  });

  it('runs prepared queries inside and outside of transactions, and counts changes', async () => {
    const db = await open();
    const find = db.prepare<{ key: string }, { value: string }>((q, p) =>
      q.selectFrom('settings').select('value').where('key', '=', p.key),
    );
    const change = db.prepare<{ key: string; value: string }, unknown>((q, p) =>
      q.updateTable('settings').set({ value: p.value }).where('key', '=', p.key),
    );
    await db.write(async (tx) => {
      await tx.insertInto('settings').values(setting('a', 'first')).execute();
      expect(await change.run({ key: 'a', value: 'second' }, tx)).toBe(1);
      expect(await change.run({ key: 'b', value: 'second' }, tx)).toBe(0);
      expect(await find.first({ key: 'a' }, tx)).toEqual({ value: 'second' });
    });
    expect(await find.all({ key: 'a' })).toEqual([{ value: 'second' }]);
    expect(await find.first({ key: 'b' })).toBeUndefined();
    await db.close();
  });

  it('gives counts and large integers as numbers', async () => {
    const db = await open();
    const large = Number.MAX_SAFE_INTEGER;
    const quota = { project_id: 'p', resource: 'r', hard_limit: large };
    await db.write((tx) => tx.insertInto('quotas').values(quota).execute());
    const row = await db.read
      .selectFrom('quotas')
      .select(({ fn }) => ['hard_limit', fn.countAll<number>().over().as('count')])
      .executeTakeFirst();
    expect(row).toEqual({ hard_limit: large, count: 1 });
    await db.close();
  });
});

it.skipIf(!process.env[postgresVariable])(
  'PostgreSQL may end all connections: the next query has a new one',
  async () => {
    const { openPostgres } = await import('./postgres.ts');
    const url = await createPostgresDatabase();
    const db = await openPostgres(url);
    await db.read.selectFrom('settings').selectAll().execute();
    const ended = db.write((tx) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx));
    await expect(ended).rejects.toThrow(DatabaseUnavailable);
    const name = new URL(url).pathname.slice(1);
    await db.read.selectFrom('settings').selectAll().execute();
    const end = `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`;
    expect((await onServer(url, end)).rowCount).toBeGreaterThan(0);
    await expect
      .poll(() =>
        db.read
          .selectFrom('settings')
          .selectAll()
          .execute()
          .catch(() => 'lost'),
      )
      .toEqual([]);
    await db.close();
  },
);
