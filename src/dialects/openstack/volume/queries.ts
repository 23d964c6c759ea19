import { Type } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import {
  type SnapshotFilter,
  type StoragePage,
  type StorageSortKey,
  storageSortKeys,
  type TimeCondition,
  type VolumeFilter,
  volumeSortKeys,
} from '../../../cloud/volumes/listing.ts';
import { parseId } from '../../../env/env.ts';
import { pageOf } from '../common/pagination.ts';
import { queryBoolean, queryFlag } from '../common/query.ts';
import { parseTime } from '../common/time.ts';
import { gib } from './wire.ts';

const text = (description: string) => Type.Optional(Type.String({ description }));

const common = {
  limit: text('How many at most: 1000 if not said, and at most.'),
  marker: text('The id of the last item of the page before.'),
  offset: text('How many to pass over.'),
  sort: text('As `name:asc,size:desc`.'),
  sort_key: text('The older way.'),
  sort_dir: text('asc or desc, beside sort_key.'),
  all_tenants: text('1 for those of all projects, for administrators.'),
  project_id: text('Beside all_tenants: of this project.'),
  name: text('Exact.'),
  status: text('As `available`.'),
  metadata: text("Keys and values that must be there, as `{'tier': 'gold'}`."),
  with_count: text('true to be told how many there are without paging.'),
  'name~': text('A part of the name; from 3.34 on.'),
  created_at: text('A time, with `gt:`, `gte:`, `lt:`, `lte:`, `eq:` or `neq:` before it; from 3.60 on.'),
  updated_at: text('As created_at.'),
};

export const VolumeQuery = Type.Object(
  {
    ...common,
    id: text('One volume.'),
    bootable: text('true or false.'),
    availability_zone: text('By name.'),
    volume_type: text('By name.'),
    size: text('GiB.'),
  },
  { additionalProperties: true },
);

export const SnapshotQuery = Type.Object(
  { ...common, id: text('One snapshot.'), volume_id: text('Of this volume.') },
  { additionalProperties: true },
);

type Query = Record<string, string | undefined>;

function commonFilter(query: Query, subject: Subject) {
  const allProjects = queryFlag(query['all_tenants']) && subject.isAdmin;
  const projectId = query['project_id'] ?? query['tenant_id'];
  return {
    allProjects,
    projectId: projectId === undefined ? undefined : (parseId(projectId) ?? projectId),
    name: query['name'] ?? query['display_name'],
    statuses: query['status'] === undefined ? undefined : [query['status']],
    ids: query['id'] === undefined ? undefined : [parseId(query['id']) ?? query['id']],
    metadata: query['metadata'] === undefined ? undefined : dictOf(query['metadata']),
    nameLike: query['name~'],
    times: (['created_at', 'updated_at'] as const).flatMap((column) => timesOf(column, query[column])),
  };
}

const operators: Record<string, TimeCondition['operator']> = {
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  eq: '=',
  neq: '!=',
};

/** As `gt:2026-01-31T10:00:00,lt:2026-02-01T10:00:00`. */
function timesOf(column: TimeCondition['column'], value: string | undefined): TimeCondition[] {
  return (value?.split(',') ?? []).map((part) => {
    const [, word = 'eq', moment = ''] = /^(?:([a-z]+):)?(.*)$/.exec(part.trim())!;
    const operator = operators[word];
    const time = parseTime(moment);
    if (operator === undefined) throw bad(`Unable to filter on an unknown operator '${word}'.`);
    if (time === undefined) throw bad(`Invalid time format for ${column}: ${moment}`);
    return { column, operator, time };
  });
}

/** Non-administrators who ask for all projects get their own, as Cinder does it. */
export async function volumeFilter(cloud: Cloud, subject: Subject, query: Query): Promise<VolumeFilter> {
  const zone =
    query['availability_zone'] === undefined ? undefined : await cloud.zones.byName(query['availability_zone']);
  return {
    ...commonFilter(query, subject),
    bootable: query['bootable'] === undefined ? undefined : bootableOf(query['bootable']),
    zoneId: query['availability_zone'] === undefined ? undefined : (zone?.id ?? ''),
    volumeType: query['volume_type'] === undefined ? undefined : await typeIdOf(cloud, subject, query['volume_type']),
    size: query['size'] === undefined ? undefined : Number(query['size']) * gib,
  };
}

/** A type that there is not has no volumes. */
async function typeIdOf(cloud: Cloud, subject: Subject, nameOrId: string): Promise<string> {
  try {
    return (await cloud.blockStorage.types.find(subject, nameOrId)).id;
  } catch (error) {
    if (error instanceof CloudError && error.code === 'not_found') return '';
    throw error;
  }
}

export function snapshotFilter(subject: Subject, query: Query): SnapshotFilter {
  const volumeId = query['volume_id'];
  return {
    ...commonFilter(query, subject),
    volumeId: volumeId === undefined ? undefined : (parseId(volumeId) ?? volumeId),
  };
}

function bootableOf(value: string): boolean {
  const wanted = queryBoolean(value);
  if (wanted !== undefined) return wanted;
  throw bad(`bootable={'${value}'}`);
}

/** A dictionary as Python prints it, or JSON. */
function dictOf(value: string): Record<string, string> {
  const json = value.replaceAll(/(?<=[{,:]\s*)u?'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner));
  try {
    const parsed = JSON.parse(json) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(parsed).map(([key, one]) => [key, String(one)]));
  } catch {
    throw bad(`The metadata filter ${value} is no dictionary.`);
  }
}

/** The page of a list that a request asks for, with the limit that decides on the next page's link. */
export function storagePage(kind: 'volumes' | 'snapshots', query: Query): StoragePage & { limit: number } {
  const { limit, marker } = pageOf('volume', query);
  const offset = query['offset'] === undefined ? undefined : Number(query['offset']);
  if (offset !== undefined && (!Number.isSafeInteger(offset) || offset < 0)) {
    throw bad(`offset param must be an integer 0 or greater and not '${query['offset']}'`);
  }
  return {
    // Cinder gives nothing where nothing is asked for.
    limit: query['limit'] === '0' ? 0 : limit!,
    marker: marker === undefined ? undefined : (parseId(marker) ?? marker),
    offset,
    sort: sortOf(kind, query),
  };
}

/** Cinder's names for columns that have others here. */
const otherNames: Record<string, StorageSortKey> = {
  availability_zone: 'zone_id',
  display_name: 'name',
  host: 'host_id',
  tenant_id: 'project_id',
  volume_type_id: 'volume_type',
  attach_status: 'status',
};

function sortOf(kind: 'volumes' | 'snapshots', query: Query): StoragePage['sort'] {
  const { sort, sort_key, sort_dir } = query;
  if (sort !== undefined && (sort_key !== undefined || sort_dir !== undefined)) {
    throw bad('The "sort_key" and "sort_dir" parameters are deprecated and cannot be used with the "sort" parameter.');
  }
  const parts = sort === undefined ? [`${sort_key ?? 'created_at'}:${sort_dir ?? 'desc'}`] : sort.split(',');
  return parts.map((part) => {
    const [name = '', direction = 'desc'] = part.trim().split(':');
    const known: readonly string[] = kind === 'volumes' ? volumeSortKeys : storageSortKeys;
    const key = otherNames[name] ?? name;
    if (!known.includes(key)) throw bad(`Invalid sort keys provided: ${name}`);
    if (direction !== 'asc' && direction !== 'desc') {
      throw bad(`Unknown sort direction, must be one of: asc, desc, not ${direction}`);
    }
    return { key: key as StorageSortKey, direction };
  });
}

function bad(why: string): CloudError {
  return new CloudError('invalid', `Invalid input received: ${why}`, { reason: 'bad_query' });
}
