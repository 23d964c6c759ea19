import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConstraintViolation, type Database, DatabaseUnavailable, type Tx } from './database.ts';
import { openSqlite } from './sqlite.ts';

describe('the SQLite database', () => {
  let folder: string;
  let db: Database;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unkai-database-'));
    db = await openSqlite(join(folder, 'unkai.sqlite'));
  });

  afterEach(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });

  const put = (tx: Tx, key: string, value = 'x') => tx.insertInto('settings').values({ key, value }).execute();
  const keys = async () =>
    (await db.read.selectFrom('settings').select('key').orderBy('key').execute()).map(({ key }) => key);

  it('takes back only the write that failed of those that share a commit', async () => {
    const outcomes = await Promise.allSettled([
      db.write((tx) => put(tx, 'a')),
      db.write(async (tx) => {
        await put(tx, 'b');
        throw new Error('no');
      }),
      db.write((tx) => put(tx, 'c')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await keys()).toEqual(['a', 'c']);
  });

  it('says that it has no room, keeps what it said that it keeps, and goes on once there is room', async () => {
    const atMost = (pages: number) => db.write((tx) => sql.raw(`pragma max_page_count = ${pages}`).execute(tx));
    await atMost(1);
    const outcomes = await Promise.allSettled([
      db.write((tx) => put(tx, 'a')),
      db.write((tx) => put(tx, 'b', 'x'.repeat(1_000_000))),
      db.write((tx) => put(tx, 'c')),
    ]);
    expect(outcomes[1]).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseUnavailable) });
    const kept = ['a', 'b', 'c'].filter((_, index) => outcomes[index]!.status === 'fulfilled');
    expect(await keys()).toEqual(kept);
    await atMost(1_000_000);
    await db.write((tx) => put(tx, 'd'));
    expect(await keys()).toEqual([...kept, 'd']);
  });

  it('keeps nothing of a transaction that found no room, also of what goes on at it', async () => {
    const atMost = (pages: number) => db.write((tx) => sql.raw(`pragma max_page_count = ${pages}`).execute(tx));
    await atMost(1);
    const half = db.write(async (tx) => {
      await Promise.allSettled([put(tx, 'a', 'x'.repeat(1_000_000)), put(tx, 'b')]);
      await put(tx, 'c');
    });
    await expect(half).rejects.toThrow(DatabaseUnavailable);
    expect(await keys()).toEqual([]);
    await atMost(1_000_000);
    await db.write((tx) => put(tx, 'd'));
    expect(await keys()).toEqual(['d']);
  });

  it('says that it can’t be used while nobody knows whether the disk has a write', async () => {
    const log = join(folder, 'unkai.sqlite-wal');
    renameSync(log, `${log}.away`);
    const seen = Promise.withResolvers<string[]>();
    const unsure = db.write(async (tx) => {
      tx.onCommit(() => seen.resolve(keys()));
      await put(tx, 'a');
    });
    await expect(unsure).rejects.toThrow(DatabaseUnavailable);
    expect(await seen.promise).toEqual(['a']);
    renameSync(`${log}.away`, log);
    await db.write((tx) => put(tx, 'b'));
  });

  it('says that it can’t be used while another program keeps it locked', async () => {
    const other = new DatabaseSync(join(folder, 'unkai.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    await expect(db.write((tx) => put(tx, 'a'))).rejects.toThrow(DatabaseUnavailable);
    other.close();
    await db.write((tx) => put(tx, 'b'));
    expect(await keys()).toEqual(['b']);
  }, 30_000);

  it('has all that a transaction reads locked for it, so that both databases are asked in one way', async () => {
    await db.write((tx) => put(tx, 'a'));
    const add = async (tx: Tx) => {
      const query = tx.selectFrom('settings').select('value').where('key', '=', 'a').orderBy('key');
      const { value } = await query.limit(1).forUpdate().executeTakeFirstOrThrow();
      expect(await query.distinct().forKeyShare().execute()).toEqual([{ value }]);
      await tx
        .updateTable('settings')
        .set({ value: `${value}x` })
        .where('key', '=', 'a')
        .execute();
    };
    await Promise.all(Array.from({ length: 5 }, () => db.write(add)));
    expect(await db.read.selectFrom('settings').select('value').execute()).toEqual([{ value: 'xxxxxx' }]);
  });

  it('calls effects after the commit, and not for what was taken back', async () => {
    const seen: string[] = [];
    await db.write(async (tx) => {
      tx.onCommit(() => seen.push('kept'));
      await put(tx, 'a');
      expect(seen).toEqual([]);
    });
    await db
      .write(async (tx) => {
        tx.onCommit(() => seen.push('lost'));
        throw new Error('no');
      })
      .catch(() => {});
    expect(seen).toEqual(['kept']);
  });

  it('lets reads see only what is committed', async () => {
    await db.write(async (tx) => {
      await put(tx, 'a');
      expect(await keys()).toEqual([]);
      expect(await tx.selectFrom('settings').select('key').execute()).toHaveLength(1);
    });
    expect(await keys()).toEqual(['a']);
  });

  it('names the constraint that was violated', async () => {
    await db.write((tx) => put(tx, 'a'));
    const again = db.write((tx) => put(tx, 'a'));
    await expect(again).rejects.toBeInstanceOf(ConstraintViolation);
    await expect(again).rejects.toMatchObject({ kind: 'unique', constraint: 'settings.key' });
  });

  it('binds the parameters of a prepared query by name, in and out of transactions', async () => {
    const query = db.prepare<{ key: string; value: string }, { key: string }>((q, p) =>
      q.selectFrom('settings').select('key').where('value', '=', p.value).where('key', '!=', p.key),
    );
    await db.write(async (tx) => {
      await put(tx, 'a', '1');
      await put(tx, 'b', '1');
      expect(await query.all({ key: 'a', value: '1' }, tx)).toEqual([{ key: 'b' }]);
      expect(await query.all({ key: 'a', value: '1' })).toEqual([]);
    });
    expect(await query.first({ key: 'b', value: '1' })).toEqual({ key: 'a' });
  });

  it('counts the commits that changed a table, however the change was written', async () => {
    const before = db.versionOf(['settings'])!;
    const others = db.versionOf(['servers', 'hosts'])!;
    await db.write((tx) => put(tx, 'a'));
    expect(db.versionOf(['settings'])).toBe(before + 1);
    await db.write((tx) => tx.updateTable('settings').set({ value: 'y' }).where('key', '=', 'a').execute());
    await db.write((tx) => tx.deleteFrom('settings').where('key', '=', 'a').returning('key').execute());
    expect(db.versionOf(['settings'])).toBe(before + 3);
    expect(db.versionOf(['servers', 'hosts'])).toBe(others);
  });

  it('has what was written after it is opened again', async () => {
    await db.write((tx) => put(tx, 'a'));
    await db.close();
    db = await openSqlite(join(folder, 'unkai.sqlite'));
    expect(await keys()).toEqual(['a']);
  });
});
