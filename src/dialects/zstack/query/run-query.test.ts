import fc from 'fast-check';
import { type SqlBool, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Database } from '../../../database/database.ts';
import { openSqlite } from '../../../database/sqlite.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import type { Operator } from './conditions.ts';
import { column, words } from './fields.ts';
import { defineInventory, type InventoryDefinition } from './inventory.ts';
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

interface Thing {
  uuid: string;
  project: string;
  name: string | null;
  status: string;
  size: number | null;
  system: boolean;
  created: number;
  copies: Array<{ store: string; size: number | null }>;
  tags: string[];
}

const env = realEnv();
const words3 = ['web', 'WEB-1', 'db_1', 'a%b', 'back\\slash', "o'clock"];
const stores = ['one', 'two'];

function thing(): fc.Arbitrary<Omit<Thing, 'uuid'>> {
  return fc.record({
    project: fc.constantFrom('p1', 'p2'),
    name: fc.option(fc.constantFrom(...words3)),
    status: fc.constantFrom('active', 'deleted', 'queued'),
    size: fc.option(fc.integer({ min: 0, max: 5 })),
    system: fc.boolean(),
    created: fc.integer({ min: 0, max: 5 }).map((second) => (1_700_000_000 + second) * 1e6 + 123),
    copies: fc.uniqueArray(
      fc.record({ store: fc.constantFrom(...stores), size: fc.option(fc.integer({ min: 0, max: 3 })) }),
      {
        maxLength: 2,
        selector: (one) => one.store,
      },
    ),
    tags: fc.uniqueArray(fc.constantFrom('blue', 'Red', 'green'), { maxLength: 2 }),
  });
}

const operators: Operator[] = ['=', '!=', '>', '>=', '<', '<=', '~=', '!~=', '?=', '!?=', 'is null', 'not null'];

interface Wanted {
  path: string;
  operator: Operator;
  value: string;
}

function condition(): fc.Arbitrary<Wanted> {
  const patterns = ['web%', '%1', '_b_1', 'a\\%b', '%\\\\%', 'back\\', '%', 'WEB', "o'%"];
  const texts = (path: string, all: string[]) =>
    fc.record({ path: fc.constant(path), operator: fc.constantFrom(...operators), value: fc.constantFrom(...all) });
  const numbers = (path: string) =>
    fc.record({
      path: fc.constant(path),
      operator: fc.constantFrom(...operators),
      value: fc.integer({ min: 0, max: 5 }).map(String),
    });
  return fc.oneof(
    texts('name', [...words3, ...patterns, 'web,db_1']),
    texts('status', ['Ready', 'Deleted', 'Other', 'ready', 'Ready,Deleted', 'R%']),
    numbers('size'),
    fc.record({
      path: fc.constant('system'),
      operator: fc.constantFrom<Operator>('=', '!='),
      value: fc.constantFrom('true', 'FALSE'),
    }),
    numbers('copies.size'),
    texts('copies.store.name', ['one', 'two', 'o%', 'ONE']),
    fc.record({
      path: fc.constant('__userTag__'),
      operator: fc.constantFrom<Operator>('=', '!=', '~=', '!~=', '?=', '!?=', 'is null', 'not null'),
      value: fc.constantFrom('blue', 'red', 'Red', 'b%', 'blue,green'),
    }),
  );
}

/** The query language, said again over plain objects. */
function naively(all: Thing[], wanted: Wanted[]): Thing[] {
  return all.filter((one) => wanted.every((each) => holds(one, each)));
}

function holds(one: Thing, { path, operator, value }: Wanted): boolean {
  if (path === '__userTag__') {
    if (operator === 'is null') return one.tags.length === 0;
    if (operator === 'not null') return one.tags.length > 0;
    const negated = operator.startsWith('!');
    const positive = (negated ? operator.slice(1) : operator) as Operator;
    return one.tags.some((tag) => compare(tag, positive, value)) !== negated;
  }
  if (path === 'copies.size') return one.copies.some(({ size }) => compare(size, operator, value));
  if (path === 'copies.store.name') return one.copies.some((each) => compare(each.store, operator, value));
  if (path === 'status') return compare(outer(one), operator, value);
  if (path === 'system')
    return operator === '=' ? one.system === (value === 'true') : one.system !== (value === 'true');
  return compare(one[path as 'name' | 'size'], operator, value);
}

function outer({ status }: Thing): string {
  return status === 'active' ? 'Ready' : status === 'deleted' ? 'Deleted' : 'Other';
}

function compare(left: string | number | null, operator: Operator, text: string): boolean {
  if (operator === 'is null') return left === null;
  if (operator === 'not null') return left !== null;
  if (left === null) return false;
  const right = typeof left === 'number' ? Number(text) : text;
  switch (operator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '?=':
      return text.split(',').some((each) => String(left) === each);
    case '!?=':
      return text.split(',').every((each) => String(left) !== each);
    case '~=':
      return likePattern(text).test(String(left));
    case '!~=':
      return !likePattern(text).test(String(left));
  }
}

function likePattern(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === '%') source += '[\\s\\S]*';
    else if (character === '_') source += '[\\s\\S]';
    else {
      const isEscape = character === '\\' && at + 1 < pattern.length;
      if (isEscape) at += 1;
      const literal = pattern[at]!;
      source += literal.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 'i');
}

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

/** By what was asked, then by uuid; nulls first upwards and last downwards. */
function sorted(things: Thing[], sort: string | undefined): Thing[] {
  const field = (sort ?? 'created').replace(/^[+-]/, '') as 'name' | 'size' | 'created';
  const sign = sort?.startsWith('-') ? -1 : 1;
  return things.toSorted((a, b) => sign * order(a[field], b[field]) || order(a.uuid, b.uuid));
}

function order(a: string | number | null, b: string | number | null): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}

/** Makes the database hold these, and nothing else. */
async function fill(db: Database, things: Array<Omit<Thing, 'uuid'>>): Promise<Thing[]> {
  const all = things.map((one) => ({ ...one, uuid: newId(env) }));
  await db.write(async (tx) => {
    await tx.deleteFrom('resource_tags').execute();
    await tx.deleteFrom('image_replicas').execute();
    await tx.deleteFrom('images').execute();
    for (const one of all) {
      await tx
        .insertInto('images')
        .values({
          id: one.uuid,
          project_id: one.project,
          user_id: '',
          name: one.name,
          description: null,
          status: one.status as 'active',
          visibility: 'private',
          disk_format: null,
          container_format: null,
          size: one.size,
          virtual_size: null,
          checksum: null,
          hash_value: null,
          min_disk_gb: 0,
          min_memory_mb: 0,
          protected: 0,
          hidden: 0,
          media_type: 'root',
          platform: null,
          guest_os: null,
          is_system: one.system ? 1 : 0,
          source_url: null,
          properties: '{}',
          last_error: null,
          created_at: one.created,
          updated_at: one.created,
          deleted_at: null,
          expunge_at: null,
        })
        .execute();
      for (const { store: storeId, size } of one.copies) {
        await tx
          .insertInto('image_replicas')
          .values({
            image_id: one.uuid,
            store_id: storeId,
            state: 'active',
            install_path: null,
            size,
            export_url: null,
            export_checksum: null,
            progress: 0,
            attempts: 0,
            last_error: null,
            created_at: 0,
            updated_at: 0,
          })
          .execute();
      }
      for (const tag of one.tags) {
        await tx
          .insertInto('resource_tags')
          .values({
            id: newId(env),
            kind: 'user',
            resource_type: 'image',
            resource_id: one.uuid,
            project_id: one.project,
            tag,
            inherent: 0,
            created_at: 0,
            updated_at: 0,
          })
          .execute();
      }
    }
  });
  return all;
}
