import fc from 'fast-check';
import type { Database } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { Operator } from './query.ts';

/** The query language once more, over plain objects: what the real one is held against. */
export interface Thing {
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
export const stores = ['one', 'two'];

export function thing(): fc.Arbitrary<Omit<Thing, 'uuid'>> {
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

export interface Wanted {
  path: string;
  operator: Operator;
  value: string;
}

export function condition(): fc.Arbitrary<Wanted> {
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

/** The things for which all conditions hold. */
export function naively(all: Thing[], wanted: Wanted[]): Thing[] {
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

/** By what was asked, then by uuid; nulls first upwards and last downwards. */
export function sorted(things: Thing[], sort: string | undefined): Thing[] {
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
export async function fill(db: Database, things: Array<Omit<Thing, 'uuid'>>): Promise<Thing[]> {
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
          origin_store_id: null,
          staged: null,
          import_task_id: null,
          failed_import: null,
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
