import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../tests/support/postgres.ts';
import type { Database } from './database.ts';
import { insertRow, statement, updateRow } from './statement.ts';

const byKey = statement<{ key: string }, { value: string }>((q, p) =>
  q.selectFrom('settings').select('value').where('key', '=', p.key),
);

eachDatabase('a statement that is built once', (open) => {
  let db: Database;
  beforeEach(async () => {
    db = await open();
  });
  afterEach(() => db.close());

  it('is run in the transaction that asks, and outside of all', async () => {
    await db.write(async (tx) => {
      await insertRow(tx, 'settings', { key: 'colour', value: 'blue' });
      expect(await byKey.first(tx, { key: 'colour' })).toEqual({ value: 'blue' });
    });
    expect(await byKey.all(db.read, { key: 'colour' })).toEqual([{ value: 'blue' }]);
    expect(await byKey.first(db.read, { key: 'shape' })).toBeUndefined();
  });

  it('is taken back with its transaction', async () => {
    const broken = db.write(async (tx) => {
      await insertRow(tx, 'settings', { key: 'colour', value: 'blue' });
      throw new Error('no');
    });
    await expect(broken).rejects.toThrow('no');
    expect(await byKey.first(db.read, { key: 'colour' })).toBeUndefined();
  });

  it('adds a row, and changes it by any of its columns', async () => {
    const group = {
      id: 'a',
      project_id: 'p',
      name: 'one',
      description: '',
      stateful: 1,
      enabled: 1,
      open: 0,
      revision: 0,
    } as const;
    const columns = { created_at: 1, updated_at: 1 };
    const changed = await db.write(async (tx) => {
      await insertRow(tx, 'security_groups', { ...group, ...columns });
      return [
        await updateRow(tx, 'security_groups', 'a', { name: 'uno' }),
        await updateRow(tx, 'security_groups', 'a', { updated_at: 7, name: undefined }),
        await updateRow(tx, 'security_groups', 'a', {}),
        await updateRow(tx, 'security_groups', 'b', { name: 'due' }),
      ];
    });
    expect(changed).toEqual([true, true, true, false]);
    const [row] = await db.read.selectFrom('security_groups').selectAll().execute();
    expect(row).toMatchObject({ id: 'a', name: 'uno', updated_at: 7, created_at: 1 });
  });
});
