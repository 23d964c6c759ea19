import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import type { Schema, VolumeSnapshotsTable, VolumesTable } from '../../database/schema.ts';
import { projectOf, requireAdmin, type Subject } from '../identity/subject.ts';
import { type Volume, volumeFromRow, volumeNotFound } from './model.ts';
import { type Snapshot, snapshotFromRow, snapshotNotFound } from './snapshot-model.ts';

/** As `created_at >= 1700000000000000`. */
export interface TimeCondition {
  column: 'created_at' | 'updated_at';
  operator: '>' | '>=' | '<' | '<=' | '=' | '!=';
  /** Microseconds. */
  time: number;
}

interface CommonFilter {
  allProjects?: boolean;
  projectId?: string;
  name?: string;
  /** A part of the name. */
  nameLike?: string;
  /** All of these. */
  times?: readonly TimeCondition[];
  /** Any of these. */
  statuses?: readonly string[];
  ids?: readonly string[];
  metadata?: Record<string, string>;
}

export interface VolumeFilter extends CommonFilter {
  bootable?: boolean;
  zoneId?: string;
  serverId?: string;
  volumeType?: string;
  /** Bytes. */
  size?: number;
}

export interface SnapshotFilter extends CommonFilter {
  volumeId?: string;
}

export interface StoragePage {
  limit: number;
  /** The id of the last item of the page before. */
  marker?: string;
  offset?: number;
  sort: ReadonlyArray<{ key: StorageSortKey; direction: 'asc' | 'desc' }>;
}

/** Columns that both lists may be sorted by. */
export const storageSortKeys = ['created_at', 'updated_at', 'name', 'id', 'status', 'size'] as const;
export const volumeSortKeys = [
  ...storageSortKeys,
  ...(['bootable', 'zone_id', 'user_id', 'project_id', 'device', 'host_id', 'volume_type'] as const),
] as const;
export type StorageSortKey = (typeof volumeSortKeys)[number];

/** One page of the block storage volumes that the subject may see: not the disks that are parts of servers. */
export async function listVolumes(
  db: Database,
  subject: Subject,
  filter: VolumeFilter,
  page: StoragePage,
): Promise<Volume[]> {
  const conditions = common('volumes', db, filter);
  conditions.push(sql<boolean>`volumes.origin = 'volume'`);
  const { bootable, zoneId, serverId, volumeType, size } = filter;
  if (bootable !== undefined) conditions.push(sql<boolean>`volumes.bootable = ${bootable ? 1 : 0}`);
  if (zoneId !== undefined) conditions.push(sql<boolean>`volumes.zone_id = ${zoneId}`);
  if (serverId !== undefined) conditions.push(hasServer(serverId));
  if (volumeType !== undefined) conditions.push(sql<boolean>`volumes.volume_type = ${volumeType}`);
  if (size !== undefined) conditions.push(sql<boolean>`volumes.size = ${size}`);
  const query = db.read.selectFrom('volumes').selectAll('volumes') as SelectQueryBuilder<
    Schema,
    'volumes',
    VolumesTable
  >;
  const rows = await paged('volumes', query as never, visible('volumes', subject, filter), conditions, page);
  return (rows as VolumesTable[]).map(volumeFromRow);
}

/** The server has it, alone or with others. */
function hasServer(serverId: string): RawBuilder<boolean> {
  const shares = sql`select volume_id from volume_shares where server_id = ${serverId}`;
  return sql<boolean>`(volumes.server_id = ${serverId} or volumes.id in (${shares}))`;
}

/** One page of the snapshots that the subject may see. */
export async function listSnapshots(
  db: Database,
  subject: Subject,
  filter: SnapshotFilter,
  page: StoragePage,
): Promise<Snapshot[]> {
  const conditions = common('volume_snapshots', db, filter);
  if (filter.volumeId !== undefined) conditions.push(sql<boolean>`volume_snapshots.volume_id = ${filter.volumeId}`);
  const query = db.read.selectFrom('volume_snapshots').selectAll('volume_snapshots');
  const rows = await paged(
    'volume_snapshots',
    query as never,
    visible('volume_snapshots', subject, filter),
    conditions,
    page,
  );
  return (rows as VolumeSnapshotsTable[]).map(snapshotFromRow);
}

type Table = 'volumes' | 'volume_snapshots';
type Condition = RawBuilder<boolean>;

/** What is of the project, or of all that an administrator asks for. */
function visible(table: Table, subject: Subject, filter: CommonFilter): Condition {
  if (filter.allProjects) requireAdmin(subject, 'volume:get_all');
  const projectId = filter.allProjects ? filter.projectId : projectOf(subject);
  return projectId === undefined ? sql`1 = 1` : sql`${sql.ref(`${table}.project_id`)} = ${projectId}`;
}

function common(table: Table, db: Database, filter: CommonFilter): Condition[] {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const conditions: Condition[] = [sql<boolean>`${column('deleted_at')} is null`];
  if (filter.name !== undefined) conditions.push(sql<boolean>`${column('name')} = ${filter.name}`);
  if (filter.nameLike !== undefined) {
    const pattern = `%${filter.nameLike.replaceAll(/[\\%_]/g, '\\$&')}%`;
    conditions.push(sql<boolean>`${column('name')} like ${pattern} escape '\\'`);
  }
  for (const { column: name, operator, time } of filter.times ?? []) {
    conditions.push(sql<boolean>`${column(name)} ${sql.raw(operator)} ${time}`);
  }
  for (const [name, values] of [
    ['status', filter.statuses],
    ['id', filter.ids],
  ] as const) {
    if (values) conditions.push(values.length > 0 ? sql`${column(name)} in (${sql.join(values)})` : sql`1 = 0`);
  }
  for (const [key, value] of Object.entries(filter.metadata ?? {})) {
    // A path of SQLite's JSON functions takes any key in double quotes but one that holds them.
    const found =
      db.kind === 'postgres'
        ? sql`${column('metadata')}::jsonb ->> ${key}::text`
        : sql`json_extract(${column('metadata')}, ${`$."${key.replaceAll('"', '')}"`})`;
    conditions.push(sql<boolean>`${found} = ${value}`);
  }
  return conditions;
}

async function paged(
  table: Table,
  start: SelectQueryBuilder<Schema, Table, object>,
  seen: Condition,
  conditions: Condition[],
  page: StoragePage,
): Promise<unknown[]> {
  const sort = [...page.sort, { key: 'id' as const, direction: page.sort[0]?.direction ?? ('desc' as const) }];
  if (page.marker !== undefined) conditions.push(await after(table, start.where(seen), page.marker, sort));
  let query = start.where(seen);
  for (const condition of conditions) query = query.where(condition);
  for (const { key, direction } of sort) query = query.orderBy(expression(table, key), direction);
  return await query
    .limit(page.limit)
    .offset(page.offset ?? 0)
    .execute();
}

/** What may be absent sorts as the empty text, so that a page can begin behind it. */
function expression(table: Table, key: StorageSortKey): RawBuilder<unknown> {
  const isNumber = ['created_at', 'updated_at', 'size', 'bootable'].includes(key);
  return isNumber ? sql`${sql.ref(`${table}.${key}`)}` : sql`coalesce(${sql.ref(`${table}.${key}`)}, '')`;
}

/** Only what comes behind the marker in the given order. The marker is one of those that are seen: others tell nothing. */
async function after(
  table: Table,
  seen: SelectQueryBuilder<Schema, Table, object>,
  marker: string,
  sort: StoragePage['sort'],
): Promise<Condition> {
  const row = (await seen.where('id', '=', marker).executeTakeFirst()) as Record<string, unknown> | undefined;
  if (!row) throw table === 'volumes' ? volumeNotFound(marker) : snapshotNotFound(marker);
  const steps = sort.map(({ key, direction }, index) => {
    const same = sort.slice(0, index).map((one) => sql`${expression(table, one.key)} = ${row[one.key] ?? ''}`);
    const operator = sql.raw(direction === 'asc' ? '>' : '<');
    return sql`(${sql.join([...same, sql`${expression(table, key)} ${operator} ${row[key] ?? ''}`], sql` and `)})`;
  });
  return sql<boolean>`(${sql.join(steps, sql` or `)})`;
}
