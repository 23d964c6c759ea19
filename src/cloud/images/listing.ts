import { type Expression, type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import { jsonText } from '../../database/expressions.ts';
import type { ImagesTable, Schema } from '../../database/schema.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { ImageStatus, MediaType, Visibility } from './model.ts';

/** Which images a list holds. All conditions must be met; those left out do not count. */
export interface ImageFilter {
  ids?: readonly string[];
  names?: readonly string[];
  /** Without it every status but those of deleted images. */
  statuses?: readonly ImageStatus[];
  /** `all` adds the community images of other projects to what is listed anyway. */
  visibility?: Visibility | 'all';
  /** Which of the images that are shared with the subject's project; accepted ones where nothing is said. */
  memberStatus?: 'pending' | 'accepted' | 'rejected' | 'all';
  projectId?: string;
  isProtected?: boolean;
  isHidden?: boolean;
  isSystem?: boolean;
  /** The image has all of them. */
  tags?: readonly string[];
  containerFormats?: readonly string[];
  diskFormats?: readonly string[];
  mediaTypes?: readonly MediaType[];
  minDiskGb?: number;
  minMemoryMb?: number;
  size?: number;
  sizeMin?: number;
  sizeMax?: number;
  checksum?: string;
  hashValue?: string;
  createdAt?: readonly TimeCondition[];
  updatedAt?: readonly TimeCondition[];
  /** Custom properties that the image has with this value. */
  properties?: Record<string, string>;
  /** Custom properties that the image has, or has not, whatever their value. */
  withProperty?: string;
  withoutProperty?: string;
  /** The image has a copy, in whatever state, in this store. */
  storeId?: string;
}

export interface TimeCondition {
  operator: '>' | '>=' | '<' | '<=' | '=' | '!=';
  /** Microseconds, compared by whole seconds, as the times are printed. */
  time: number;
}

const imageSortKeys = [
  'name',
  'status',
  'containerFormat',
  'diskFormat',
  'size',
  'id',
  'createdAt',
  'updatedAt',
] as const;

export type ImageSortKey = (typeof imageSortKeys)[number];

export interface ImageList extends ImageFilter {
  /** Newest first where nothing is said. */
  sort?: ReadonlyArray<{ key: ImageSortKey; descending: boolean }>;
  limit?: number;
  offset?: number;
  /** The id of the image after which the list begins. */
  marker?: string;
}

type Kind = Pick<Database, 'kind'>;
type Condition = Expression<SqlBool>;

const column = (name: keyof ImagesTable) => sql.ref<unknown>(`images.${name}`);

/** The rows that the list holds, in its order; of the page that it asks for, unless `count` is wanted. */
export function selectImages(
  db: Database,
  source: Database['read'],
  subject: Subject,
  list: ImageList,
  marker: ImagesTable | undefined,
): SelectQueryBuilder<Schema, 'images', ImagesTable> {
  let query = source.selectFrom('images').selectAll('images');
  for (const condition of conditionsOf(db, subject, list)) query = query.where(condition);
  const orders = ordersOf(list);
  if (marker) query = query.where(after(orders, marker));
  for (const { by, descending } of orders) query = query.orderBy(by, descending ? 'desc' : 'asc');
  if (list.limit !== undefined) query = query.limit(list.limit);
  if (list.offset !== undefined) query = query.offset(list.offset);
  return query;
}

/** What the subject sees at all, and what the list asks for. */
export function conditionsOf(db: Kind, subject: Subject, filter: ImageFilter): Condition[] {
  return [...visibilityConditions(subject, filter), ...plainConditions(db, filter)];
}

/**
 * Everyone sees public images, their own project's, and shared ones that it has accepted. Community images of others are
 * listed only when asked for; administrators see everything.
 */
function visibilityConditions(subject: Subject, filter: ImageFilter): Condition[] {
  const { visibility: wanted, memberStatus = 'accepted' } = filter;
  const conditions: Condition[] = [];
  if (wanted !== undefined && wanted !== 'all') conditions.push(sql<SqlBool>`${column('visibility')} = ${wanted}`);
  if (subject.isAdmin) return conditions;
  const open = wanted === 'all' || wanted === 'community' ? ['public', 'community'] : ['public'];
  const isOpen = sql<SqlBool>`${column('visibility')} in (${sql.join(open)})`;
  const own = sql<SqlBool>`${column('project_id')} = ${subject.projectId ?? ''}`;
  const answer = memberStatus === 'all' ? sql`` : sql`and image_members.status = ${memberStatus}`;
  const isShared = sql<SqlBool>`(${column('visibility')} = 'shared' and exists (select 1 from image_members
    where image_members.image_id = ${column('id')} and image_members.project_id = ${subject.projectId ?? ''} ${answer}))`;
  return [...conditions, sql<SqlBool>`(${isOpen} or ${own} or ${isShared})`];
}

function plainConditions(db: Kind, filter: ImageFilter): Condition[] {
  const found: Condition[] = [];
  const equal = (name: keyof ImagesTable, value: string | number | boolean | undefined) => {
    if (value === undefined) return;
    found.push(sql<SqlBool>`${column(name)} = ${typeof value === 'boolean' ? +value : value}`);
  };
  const among = (name: keyof ImagesTable, values: readonly string[] | undefined) => {
    if (values === undefined) return;
    found.push(values.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`${column(name)} in (${sql.join(values)})`);
  };
  among('id', filter.ids);
  among('name', filter.names);
  if (filter.statuses) among('status', filter.statuses);
  else found.push(sql<SqlBool>`${column('status')} not in ('deleted', 'expunged')`);
  equal('project_id', filter.projectId);
  equal('protected', filter.isProtected);
  equal('hidden', filter.isHidden);
  equal('is_system', filter.isSystem);
  among('container_format', filter.containerFormats);
  among('disk_format', filter.diskFormats);
  among('media_type', filter.mediaTypes);
  equal('min_disk_gb', filter.minDiskGb);
  equal('min_memory_mb', filter.minMemoryMb);
  equal('checksum', filter.checksum);
  equal('hash_value', filter.hashValue);
  equal('size', filter.size);
  if (filter.sizeMin !== undefined) found.push(sql<SqlBool>`${column('size')} >= ${filter.sizeMin}`);
  if (filter.sizeMax !== undefined) found.push(sql<SqlBool>`${column('size')} <= ${filter.sizeMax}`);
  for (const condition of filter.createdAt ?? []) found.push(timeCondition('created_at', condition));
  for (const condition of filter.updatedAt ?? []) found.push(timeCondition('updated_at', condition));
  for (const tag of filter.tags ?? []) {
    found.push(sql<SqlBool>`exists (select 1 from image_tags where image_id = ${column('id')} and tag = ${tag})`);
  }
  for (const [name, value] of Object.entries(filter.properties ?? {})) {
    found.push(sql<SqlBool>`${jsonText(db, column('properties'), name)} = ${value}`);
  }
  const { withProperty, withoutProperty } = filter;
  if (withProperty) found.push(sql<SqlBool>`${jsonText(db, column('properties'), withProperty)} is not null`);
  if (withoutProperty) found.push(sql<SqlBool>`${jsonText(db, column('properties'), withoutProperty)} is null`);
  if (filter.storeId !== undefined) {
    found.push(
      sql<SqlBool>`exists (select 1 from image_replicas where image_id = ${column('id')} and store_id = ${filter.storeId})`,
    );
  }
  return found;
}

const second = 1_000_000;

function timeCondition(name: 'created_at' | 'updated_at', { operator, time }: TimeCondition): Condition {
  const from = Math.floor(time / second) * second;
  const at = column(name);
  switch (operator) {
    case '>':
      return sql<SqlBool>`${at} >= ${from + second}`;
    case '>=':
      return sql<SqlBool>`${at} >= ${from}`;
    case '<':
      return sql<SqlBool>`${at} < ${from}`;
    case '<=':
      return sql<SqlBool>`${at} < ${from + second}`;
    case '=':
      return sql<SqlBool>`(${at} >= ${from} and ${at} < ${from + second})`;
    case '!=':
      return sql<SqlBool>`(${at} < ${from} or ${at} >= ${from + second})`;
  }
}

interface Order {
  by: RawBuilder<unknown>;
  valueIn(row: ImagesTable): unknown;
  descending: boolean;
}

const sortColumns: Record<ImageSortKey, keyof ImagesTable> = {
  name: 'name',
  status: 'status',
  containerFormat: 'container_format',
  diskFormat: 'disk_format',
  size: 'size',
  id: 'id',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};

/** What fills in for nulls, so that rows with them can be compared with a marker's. */
const instead: Partial<Record<ImageSortKey, string | number>> = {
  name: '',
  containerFormat: '',
  diskFormat: '',
  size: -1,
};

function ordersOf({ sort = [] }: ImageList): Order[] {
  const wanted = [...sort];
  const descending = wanted.at(-1)?.descending ?? true;
  // As Glance has it: the creation time and then the id decide among equals.
  for (const key of ['createdAt', 'id'] as const) {
    if (!wanted.some((one) => one.key === key)) wanted.push({ key, descending });
  }
  return wanted.map(({ key, descending }) => {
    const name = sortColumns[key];
    const filler = instead[key];
    const by = filler === undefined ? column(name) : sql<unknown>`coalesce(${column(name)}, ${sql.lit(filler)})`;
    return { by, descending, valueIn: (row) => row[name] ?? filler };
  }) as Order[];
}

/** The rows after the marker's: beyond it in the first order in which they differ. */
function after(orders: Order[], marker: ImagesTable): Condition {
  const alternatives = orders.map(({ by, descending, valueIn }, index) => {
    const equal = orders.slice(0, index).map((order) => sql<SqlBool>`${order.by} = ${order.valueIn(marker)}`);
    const beyond = sql<SqlBool>`${by} ${sql.raw(descending ? '<' : '>')} ${valueIn(marker)}`;
    return sql<SqlBool>`(${sql.join([...equal, beyond], sql` and `)})`;
  });
  return sql<SqlBool>`(${sql.join(alternatives, sql` or `)})`;
}

/** The failure for a marker that names no image which the subject sees. */
export function unknownMarker(marker: string): CloudError {
  return new CloudError('invalid', 'Invalid marker. Image could not be found.', { field: 'marker', id: marker });
}
