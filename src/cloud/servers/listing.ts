import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import type { Schema, ServersTable, VmState } from '../../database/schema.ts';
import { CloudError } from '../errors.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import { type Server, serverFromRow } from './model.ts';

export interface ServerFilter {
  allProjects?: boolean;
  projectId?: string;
  userId?: string;
  /** A part of the name, with no more of regular expressions in it than `isPlainPattern` takes. */
  name?: string;
  vmStates?: readonly VmState[];
  taskState?: string;
  imageId?: string;
  flavorId?: string;
  hostId?: string;
  zoneId?: string;
  keyName?: string;
  ids?: readonly string[];
  reservationId?: string;
  /** Micros: also servers that were deleted since. */
  changesSince?: number;
  changesBefore?: number;
  deleted?: boolean;
  /** Whether soft-deleted ones are there too. Default: among deleted ones, and among those that changed since a time. */
  softDeleted?: boolean;
  locked?: boolean;
  /** Those that were there at some time between these (micros), also ones that are deleted by now. */
  ranIn?: { start: number; end: number };
}

export interface ServerPage {
  limit: number;
  marker?: string;
  sort: ReadonlyArray<{ key: ServerSortKey; direction: 'asc' | 'desc' }>;
}

/** Columns that a list may be sorted by. */
export const serverSortKeys = [
  'created_at',
  'updated_at',
  'launched_at',
  'terminated_at',
  'name',
  'id',
  'vm_state',
  'task_state',
  'power_state',
  'host_id',
  'image_id',
  'flavor_id',
  'key_name',
  'user_id',
  'project_id',
  'hostname',
  'launch_index',
  'progress',
  'zone_id',
  'locked',
  'access_ipv4',
  'access_ipv6',
  'disk_config',
  'description',
  'root_volume_id',
] as const satisfies readonly (keyof ServersTable)[];
export type ServerSortKey = (typeof serverSortKeys)[number];

type Query = SelectQueryBuilder<Schema, 'servers', object>;

/** One page of the servers that the subject may see. */
export async function listServers(
  db: Database,
  subject: Subject,
  filter: ServerFilter,
  page: ServerPage,
): Promise<Server[]> {
  if (page.limit === 0) return [];
  const query = await pageQuery(db, subject, filter, page);
  return (await query.selectAll('servers').execute()).map(serverFromRow);
}

/** As `listServers`, for those who know the servers already. */
export async function listServerIds(
  db: Database,
  subject: Subject,
  filter: ServerFilter,
  page: ServerPage,
): Promise<string[]> {
  if (page.limit === 0) return [];
  const query = await pageQuery(db, subject, filter, page);
  return (await query.select('servers.id').execute()).map(({ id }) => id);
}

async function pageQuery(db: Database, subject: Subject, filter: ServerFilter, page: ServerPage): Promise<Query> {
  let query: Query = db.read.selectFrom('servers');
  query = visible(query, subject, filter);
  query = filtered(query, db, filter);
  const sort = [...page.sort, { key: 'id' as const, direction: page.sort[0]?.direction ?? ('desc' as const) }];
  if (page.marker !== undefined)
    query = await after(query, visible(db.read.selectFrom('servers'), subject, filter), page.marker, sort);
  // What has no value is the smallest, as with MySQL, on whatever database.
  for (const { key, direction } of sort) {
    query = query.orderBy(`servers.${key}`, (order) =>
      direction === 'asc' ? order.asc().nullsFirst() : order.desc().nullsLast(),
    );
  }
  return query.limit(page.limit);
}

function visible(query: Query, subject: Subject, filter: ServerFilter): Query {
  if (!filter.allProjects) return query.where('project_id', '=', projectOf(subject));
  if (!subject.isAdmin)
    throw new CloudError(
      'forbidden',
      "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.",
    );
  return filter.projectId ? query.where('project_id', '=', filter.projectId) : query;
}

function filtered(query: Query, db: Database, filter: ServerFilter): Query {
  let q = query;
  const since = filter.changesSince;
  if (filter.ranIn) {
    const { start, end } = filter.ranIn;
    q = q.where('launched_at', '<', end).where((e) => {
      const isThere = e.or([e('deleted_at', 'is', null), e('deleted_at', '>', start)]);
      return e.or([e('terminated_at', '>', start), e.and([e('terminated_at', 'is', null), isThere])]);
    });
  } else if (filter.deleted) {
    q = q.where((e) => {
      const isGone = e('deleted_at', 'is not', null);
      return filter.softDeleted === false ? isGone : e.or([isGone, e('vm_state', '=', 'soft-delete')]);
    });
  } else if (since === undefined) {
    q = q.where('deleted_at', 'is', null);
    if (!filter.softDeleted) q = q.where('vm_state', '!=', 'soft-delete');
  }
  if (since !== undefined) q = q.where('updated_at', '>=', since);
  if (filter.changesBefore !== undefined) q = q.where('updated_at', '<=', filter.changesBefore);
  if (filter.name !== undefined) q = q.where(nameMatches(db, filter.name));
  if (filter.vmStates) q = q.where('vm_state', 'in', filter.vmStates.length > 0 ? [...filter.vmStates] : ['deleted']);
  if (filter.ids) q = q.where('id', 'in', filter.ids.length > 0 ? [...filter.ids] : ['']);
  const equal = {
    user_id: filter.userId,
    task_state: filter.taskState,
    image_id: filter.imageId,
    flavor_id: filter.flavorId,
    host_id: filter.hostId,
    zone_id: filter.zoneId,
    key_name: filter.keyName,
    reservation_id: filter.reservationId,
    locked: filter.locked === undefined ? undefined : filter.locked ? (1 as const) : (0 as const),
  };
  for (const [column, value] of Object.entries(equal)) {
    if (value !== undefined) q = q.where(column as keyof typeof equal, '=', value as never);
  }
  return q;
}

/**
 * Whether a regular expression over names is one that the database itself can look for, and for which no row is read in
 * vain: text, `^` and `$` at the ends, `.*` and `.`.
 */
export function isPlainPattern(pattern: string): boolean {
  return /^\^?(?:\\[^a-zA-Z0-9]|\.\*|[^\\[\](){}|*+?^$])*\$?$/s.test(pattern);
}

/** Becomes a LIKE. */
function nameMatches(db: Database, pattern: string) {
  const atStart = pattern.startsWith('^');
  const atEnd = pattern.endsWith('$');
  const body = pattern
    .slice(atStart ? 1 : 0, atEnd ? -1 : undefined)
    .replaceAll(/\\(.)|\.\*|\.|[%_\\]/g, (part, escaped: string | undefined) => {
      if (escaped !== undefined) return escapeLike(escaped);
      if (part === '.*') return '%';
      return part === '.' ? '_' : escapeLike(part);
    });
  const like = `${atStart ? '' : '%'}${body}${atEnd ? '' : '%'}`;
  return likeExpression(db, like);
}

function escapeLike(text: string): string {
  return /[%_\\]/.test(text) ? `\\${text}` : text;
}

function likeExpression(db: Database, like: string) {
  // SQLite's LIKE ignores the case of ASCII letters; so does MySQL, on which Nova's users have learnt what to expect.
  return db.kind === 'postgres'
    ? sql<boolean>`servers.name ilike ${like} escape '\\'`
    : sql<boolean>`servers.name like ${like} escape '\\'`;
}

/** Only what comes after the marker in the given order. The marker is one of those that the subject may see: others tell nothing. */
async function after(query: Query, seen: Query, marker: string, sort: ServerPage['sort']): Promise<Query> {
  const row = await seen.selectAll('servers').where('id', '=', marker).executeTakeFirst();
  if (!row) {
    const details = { reason: 'marker', field: 'marker', id: marker };
    throw new CloudError('invalid', `marker [${marker}] not found`, details);
  }
  return query.where((e) =>
    e.or(
      sort.map(({ key, direction }, index) =>
        e.and([
          ...sort.slice(0, index).map((earlier) => {
            const value = row[earlier.key];
            return value === null
              ? e(`servers.${earlier.key}`, 'is', null)
              : e(`servers.${earlier.key}`, '=', value as never);
          }),
          beyond(e, key, direction, row[key]),
        ]),
      ),
    ),
  );
}

/** What is sorted behind the value. */
function beyond(
  e: ExpressionBuilder<Schema, 'servers'>,
  key: ServerSortKey,
  direction: 'asc' | 'desc',
  value: string | number | null,
): Expression<SqlBool> {
  const column = `servers.${key}` as const;
  if (direction === 'asc') return value === null ? e(column, 'is not', null) : e(column, '>', value as never);
  return value === null ? e.lit(false) : e.or([e(column, '<', value as never), e(column, 'is', null)]);
}
