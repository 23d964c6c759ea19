import fc from 'fast-check';
import { type SqlBool, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Database } from '../../../database/database.ts';
import { openSqlite } from '../../../database/sqlite.ts';
import { column, words } from './fields.ts';
import { defineInventory, type InventoryDefinition } from './inventory.ts';
import { condition, fill, naively, sorted, stores, thing } from './query-model.fixture.ts';
import { parseQuery } from './query-parameters.ts';
import { runQuery } from './run-query.ts';

const store = defineInventory<'image_stores'>({
  name: 'StoreInventory',
  javaClass: 'test.Store',
  table: 'image_stores',
  fields: { uuid: column('id', 'string', ''), name: column('name', 'string', '') },
});

const copy: InventoryDefinition = defineInventory<'image_replicas'>({
  name: 'CopyInventory',
  javaClass: 'test.Copy',
  table: 'image_replicas',
  fields: {
    imageUuid: column('image_id', 'string', ''),
    storeUuid: column('store_id', 'string', ''),
    size: column('size', 'long', ''),
  },
  relations: {
    store: { to: () => store, local: 'storeUuid' },
  },
});

const image = defineInventory<'images'>({
  name: 'ThingInventory',
  javaClass: 'test.Thing',
  table: 'images',
  fields: {
    uuid: column('id', 'string', ''),
    name: column('name', 'string', ''),
    status: words('status', { active: 'Ready', deleted: 'Deleted' }, 'Other', ''),
    size: column('size', 'long', ''),
    system: column('is_system', 'bool', ''),
    createDate: column('created_at', 'time', ''),
  },
  lists: { copies: { of: () => copy, local: 'uuid', foreign: 'imageUuid', description: '' } },
  visible: (row, viewer) => sql<SqlBool>`${row.column('project_id')} = ${viewer.projectId ?? ''}`,
});

describe('queries', () => {
  let db: Database;
  beforeAll(async () => {
    db = await openSqlite(':memory:');
    await db.write(async (tx) => {
      const zero = { enabled: 1, is_default: 0, created_at: 0, updated_at: 0 } as const;
      for (const name of stores) {
        await tx
          .insertInto('image_stores')
          .values({ id: name, name, description: null, kind: 'directory', url: '', status: 'connected', ...zero })
          .execute();
      }
    });
  });
  afterAll(() => db.close());

  it('give what a plain reading of the language gives, whatever is asked of whatever data', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(thing(), { maxLength: 12 }),
        fc.array(condition(), { maxLength: 3 }),
        fc.constantFrom('name', '-name', '+size', '-size', undefined),
        fc.option(fc.record({ start: fc.nat(5), limit: fc.nat(5) }), { nil: undefined }),
        async (things, wanted, sort, page) => {
          const all = await fill(db, things);
          const q = wanted.map(({ path, operator, value }) =>
            operator.endsWith('null') ? `${path} ${operator}` : `${path}${operator}${value}`,
          );
          const parameters = { q, sort, start: page?.start, limit: page?.limit, replyWithCount: 'true' };
          const { inventories, total } = await runQuery(
            { db } as Cloud,
            image,
            { isAdmin: true },
            parseQuery(parameters),
          );
          const fitting = sorted(naively(all, wanted), sort);
          expect(total).toBe(fitting.length);
          const expected = fitting.slice(page?.start ?? 0, (page?.start ?? 0) + (page?.limit ?? 1000));
          expect(inventories!.map(({ uuid }) => uuid)).toEqual(expected.map(({ uuid }) => uuid));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shows each row as the definition says, lists with it, and leaves nulls out', async () => {
    const [one] = await fill(db, [
      {
        project: 'p1',
        name: null,
        status: 'active',
        size: 5,
        system: true,
        created: Date.UTC(2026, 0, 2) * 1000,
        copies: [{ store: 'one', size: 7 }],
        tags: [],
      },
    ]);
    const { inventories } = await runQuery({ db } as Cloud, image, { isAdmin: true }, parseQuery({}));
    expect(inventories).toEqual([
      {
        uuid: one!.uuid,
        status: 'Ready',
        size: 5,
        system: true,
        createDate: expect.stringMatching(/^Jan \d, 2026 \d{1,2}:00:00 [AP]M$/),
        copies: [{ imageUuid: one!.uuid, storeUuid: 'one', size: 7 }],
      },
    ]);
    const some = await runQuery({ db } as Cloud, image, { isAdmin: true }, parseQuery({ fields: 'copies, size' }));
    expect(some.inventories).toEqual([{ size: 5, copies: inventories![0]!['copies'] }]);
  });

  it('shows others than admin what is visible to them only, and finds times by the second', async () => {
    const all = await fill(db, [
      { ...plain, project: 'p1', created: 1_700_000_000_000_456 },
      { ...plain, project: 'p2', created: 1_700_000_001_000_456 },
    ]);
    const { inventories } = await runQuery({ db } as Cloud, image, { isAdmin: false, projectId: 'p1' }, parseQuery({}));
    expect(inventories!.map(({ uuid }) => uuid)).toEqual([all[0]!.uuid]);
    const q = `createDate=${inventories![0]!['createDate']}`;
    const { total } = await runQuery({ db } as Cloud, image, { isAdmin: true }, parseQuery({ q, count: 'true' }));
    expect(total).toBe(1);
  });

  it('gives one row for each group, the first in order, and counts groups', async () => {
    await fill(db, [
      { ...plain, name: 'b', status: 'active' },
      { ...plain, name: 'a', status: 'active' },
      { ...plain, name: 'c', status: 'deleted' },
    ]);
    const query = parseQuery({ groupBy: 'status', sort: '+name', replyWithCount: 'true', fields: 'name' });
    expect(await runQuery({ db } as Cloud, image, { isAdmin: true }, query)).toEqual({
      inventories: [{ name: 'a' }, { name: 'c' }],
      total: 2,
    });
  });

  it.each(['nothing', 'copies.nothing', 'constructor', 'name.uuid', '__proto__', 'copies.store.store.name'])(
    'refuses the unknown field %s in the words of the dialect',
    async (field) => {
      const failing = runQuery({ db } as Cloud, image, { isAdmin: true }, parseQuery({ q: `${field}=1` }));
      await expect(failing).rejects.toThrow(/^inventory\[\w+\] has no field\[\w+\]$/);
    },
  );

  it('never lets a value become part of the statement', async () => {
    await fill(db, [plain]);
    const hostile = "x' or '1'='1";
    const { total } = await runQuery(
      { db } as Cloud,
      image,
      { isAdmin: true },
      parseQuery({ q: `name=${hostile}`, count: 'true' }),
    );
    expect(total).toBe(0);
    for (const name of ['sort', 'groupBy', 'fields']) {
      const failing = runQuery(
        { db } as Cloud,
        image,
        { isAdmin: true },
        parseQuery({ [name]: 'uuid; drop table images' }),
      );
      await expect(failing).rejects.toThrow('has no field');
    }
  });
});

const plain = {
  project: 'p1',
  name: 'x',
  status: 'active',
  size: 1,
  system: false,
  created: 1e15,
  copies: [],
  tags: [],
};
