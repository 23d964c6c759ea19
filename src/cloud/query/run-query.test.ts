import fc from 'fast-check';
import { type SqlBool, sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { column, constant, words } from './fields.ts';
import { defineInventory } from './inventory.ts';
import type { Filter, Query, TimeText } from './query.ts';
import { condition, fill, naively, sorted, stores, type Thing, thing, type Wanted } from './query-model.fixture.ts';
import { runQuery } from './run-query.ts';

defineInventory<'image_stores'>({
  name: 'StoreInventory',
  className: 'test.Store',
  table: 'image_stores',
  fields: { uuid: column('id', 'string', ''), name: column('name', 'string', '') },
});

const copy = defineInventory<'image_replicas'>({
  name: 'CopyInventory',
  className: 'test.Copy',
  table: 'image_replicas',
  fields: {
    imageUuid: column('image_id', 'string', ''),
    storeUuid: column('store_id', 'string', ''),
    size: column('size', 'long', ''),
  },
  relations: {
    store: { to: 'StoreInventory', local: 'storeUuid' },
  },
});

const image = defineInventory<'images'>({
  name: 'ThingInventory',
  className: 'test.Thing',
  table: 'images',
  fields: {
    uuid: column('id', 'string', ''),
    name: column('name', 'string', ''),
    status: words('status', { active: 'Ready', deleted: 'Deleted' }, 'Other', ''),
    size: column('size', 'long', ''),
    system: column('is_system', 'bool', ''),
    createDate: column('created_at', 'time', ''),
    kind: constant('thing', 'string', ''),
  },
  lists: { copies: { of: copy, local: 'uuid', foreign: 'imageUuid', description: '' } },
  visible: (row, viewer) => sql<SqlBool>`${row.column('project_id')} = ${viewer.projectId ?? ''}`,
});

const times: TimeText = {
  parse: (text) => (Number.isNaN(Date.parse(text)) ? undefined : Date.parse(text) * 1000),
  format: (micros) => new Date(micros / 1000).toISOString().replace(/\.\d+/, ''),
};
const admin = { isAdmin: true };

function asked(more: Partial<Query> = {}): Query {
  return { conditions: [], limit: 1000, start: 0, count: false, replyWithCount: false, ...more };
}

function where1(path: string, value: string): Query['conditions'] {
  return [{ path: path.split('.'), operator: '=', value }];
}

/** How conditions are joined, for the plain reading and the real one. Among: the name is one of those that fit. */
type Shape = { leaf: number } | { and: Shape[] } | { or: Shape[] } | { negated: boolean; among: Shape };

function filterOf(shape: Shape, conditions: number): Filter {
  if ('leaf' in shape) return { leaf: shape.leaf % conditions };
  if ('and' in shape) return { and: shape.and.map((one) => filterOf(one, conditions)) };
  if ('or' in shape) return { or: shape.or.map((one) => filterOf(one, conditions)) };
  const filter = filterOf(shape.among, conditions);
  return { path: ['name'], negated: shape.negated, among: image, field: 'name', filter };
}

function fits(one: Thing, shape: Shape, wanted: Wanted[], all: Thing[]): boolean {
  if ('leaf' in shape) return naively([one], [wanted[shape.leaf % wanted.length]!]).length === 1;
  if ('and' in shape) return shape.and.every((each) => fits(one, each, wanted, all));
  if ('or' in shape) return shape.or.some((each) => fits(one, each, wanted, all));
  const names = all.filter((other) => fits(other, shape.among, wanted, all)).map(({ name }) => name);
  const known = names.filter((name) => name !== null);
  // Nothing is said of what is null, unless there is nothing to compare it with.
  if (one.name === null) return shape.negated && known.length === 0;
  return known.includes(one.name) !== shape.negated;
}

eachDatabase('queries', (open, kind) => {
  let db: Database;
  const run = (query: Query, viewer: { isAdmin: boolean; projectId?: string } = admin) =>
    runQuery({ db } as Cloud, image, viewer, query, times);

  beforeAll(async () => {
    db = await open();
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
        fc.record({ start: fc.nat(5), limit: fc.oneof(fc.nat(5), fc.constant(1000)) }),
        async (things, wanted, sort, page) => {
          const all = await fill(db, things);
          const conditions = wanted.map((one) => ({ ...one, path: one.path.split('.') }));
          const order = sort && { field: sort.replace(/^[+-]/, ''), descending: sort.startsWith('-') };
          const query = asked({ conditions, sort: order, ...page, replyWithCount: true });
          const { inventories, total } = await run(query);
          const fitting = sorted(naively(all, wanted), sort);
          expect(total).toBe(fitting.length);
          const expected = fitting.slice(page.start, page.start + page.limit);
          expect(inventories!.map(({ uuid }) => uuid)).toEqual(expected.map(({ uuid }) => uuid));
        },
      ),
      { numRuns: kind === 'sqlite' ? 300 : 100 },
    );
  });

  it('give the same for conditions that are joined by and and or, and for what is among other rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(thing(), { maxLength: 10 }),
        fc.array(condition(), { minLength: 1, maxLength: 4 }),
        fc.letrec<{ shape: Shape }>((tie) => ({
          shape: fc.oneof(
            { depthSize: 'small', withCrossShrink: true },
            fc.record({ leaf: fc.nat(3) }),
            fc.record({ and: fc.array(tie('shape'), { maxLength: 3 }) }),
            fc.record({ or: fc.array(tie('shape'), { maxLength: 3 }) }),
            fc.record({ negated: fc.boolean(), among: tie('shape') }),
          ),
        })).shape,
        async (things, wanted, shape) => {
          const all = await fill(db, things);
          const conditions = wanted.map((one) => ({ ...one, path: one.path.split('.') }));
          const { inventories } = await run(asked({ conditions, filter: filterOf(shape, wanted.length) }));
          const expected = sorted(all, undefined).filter((one) => fits(one, shape, wanted, all));
          expect(inventories!.map(({ uuid }) => uuid)).toEqual(expected.map(({ uuid }) => uuid));
        },
      ),
      { numRuns: kind === 'sqlite' ? 300 : 100 },
    );
  });

  it('show each row as the definition says, lists with it, and leave nulls out', async () => {
    const created = Date.UTC(2026, 0, 2) * 1000;
    const copies = [{ store: 'one', size: 7 }];
    const [one] = await fill(db, [{ ...plain, name: null, size: 5, system: true, created, copies }]);
    const { inventories } = await run(asked());
    expect(inventories).toEqual([
      {
        uuid: one!.uuid,
        status: 'Ready',
        size: 5,
        system: true,
        createDate: '2026-01-02T00:00:00Z',
        kind: 'thing',
        copies: [{ imageUuid: one!.uuid, storeUuid: 'one', size: 7 }],
      },
    ]);
    const some = await run(asked({ fields: ['copies', 'size'] }));
    expect(some.inventories).toEqual([{ size: 5, copies: inventories![0]!['copies'] }]);
  });

  it('are sorted and grouped by what is the same in every row, too', async () => {
    await fill(db, [plain, plain]);
    const sort = { field: 'kind', descending: true };
    expect((await run(asked({ sort }))).inventories).toHaveLength(2);
    expect((await run(asked({ groupBy: ['kind'] }))).inventories).toHaveLength(1);
  });

  it('show others than admin what is visible to them only, and find times by the second', async () => {
    const all = await fill(db, [
      { ...plain, project: 'p1', created: 1_700_000_000_000_456 },
      { ...plain, project: 'p2', created: 1_700_000_001_000_456 },
    ]);
    const { inventories } = await run(asked(), { isAdmin: false, projectId: 'p1' });
    expect(inventories!.map(({ uuid }) => uuid)).toEqual([all[0]!.uuid]);
    const conditions = where1('createDate', String(inventories![0]!['createDate']));
    expect(await run(asked({ conditions, count: true }))).toEqual({ total: 1 });
  });

  it('give one row for each group, the first in order, and count groups', async () => {
    await fill(db, [
      { ...plain, name: 'b', status: 'active' },
      { ...plain, name: 'a', status: 'active' },
      { ...plain, name: 'c', status: 'deleted' },
    ]);
    const sort = { field: 'name', descending: false };
    expect(await run(asked({ groupBy: ['status'], sort, replyWithCount: true, fields: ['name'] }))).toEqual({
      inventories: [{ name: 'a' }, { name: 'c' }],
      total: 2,
    });
    expect(await run(asked({ groupBy: ['status', 'name'], sort, replyWithCount: true, fields: ['name'] }))).toEqual({
      inventories: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
      total: 3,
    });
  });

  it.each(['nothing', 'copies.nothing', 'constructor', 'name.uuid', '__proto__', 'copies.store.store.name'])(
    'refuse the unknown field %s',
    async (field) => {
      const failing = run(asked({ conditions: where1(field, '1') }));
      await expect(failing).rejects.toMatchObject({
        message: expect.stringMatching(/^inventory\[\w+\] has no field\[\w+\]$/),
        details: { reason: 'no_such_field' },
      });
    },
  );

  it.each([
    ['size', '='],
    ['system', '='],
    ['createDate', '>'],
    ['createDate', '~='],
  ] as const)('refuse what can be no value for %s', async (field, operator) => {
    const failing = run(asked({ conditions: [{ path: [field], operator, value: 'nonsense' }] }));
    await expect(failing).rejects.toMatchObject({ details: { reason: 'bad_value', field } });
  });

  it('never let a value become part of the statement', async () => {
    await fill(db, [plain]);
    expect(await run(asked({ conditions: where1('name', "x' or '1'='1"), count: true }))).toEqual({ total: 0 });
    const hostile = 'uuid; drop table images';
    for (const query of [
      { sort: { field: hostile, descending: true } },
      { groupBy: [hostile] },
      { fields: [hostile] },
    ]) {
      await expect(run(asked(query))).rejects.toThrow('has no field');
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
