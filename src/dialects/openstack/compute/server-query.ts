import { type TSchema, Type } from 'typebox';
import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import {
  isPlainPattern,
  type ServerFilter,
  type ServerPage,
  type ServerSortKey,
} from '../../../cloud/servers/listing.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { vmStatesOf } from '../../../cloud/servers/states.ts';
import { parseId } from '../../../env/env.ts';
import { queryBoolean } from '../common/query.ts';
import { parseTime } from '../common/time.ts';
import { LinearPattern } from './linear-pattern.ts';
import { invalidQuery, isLegacy, minorOf } from './microversions.ts';
import type { ServerPredicates } from './server-scan.ts';
import { flavorIdOf, imageIdOf, lastOf, type Query, queryText } from './wire.ts';

const parts = {
  limit: 'Servers at most.',
  marker: 'Id of the last server of the page before.',
  sort_key: 'What to sort by; may be given several times.',
  sort_dir: '`asc` or `desc`, for each key.',
  all_tenants: 'Servers of all projects, for administrators.',
  'changes-since': 'Those that changed since this time, also deleted ones.',
  name: 'A regular expression that is found in the name.',
  status: 'As ACTIVE; may be given several times.',
  image: 'Id of the image.',
  flavor: 'Id of the flavor.',
  ip: 'A regular expression that is found in an IPv4 address.',
  ip6: 'A regular expression that is found in an IPv6 address; from 2.5 on for users.',
  reservation_id: 'Those that were created by one request.',
  tags: 'Those with all of these tags, separated by commas; from 2.26 on.',
  'tags-any': 'Those with one of these tags; from 2.26 on.',
  'not-tags': 'Those without all of these tags; from 2.26 on.',
  'not-tags-any': 'Those with none of these tags; from 2.26 on.',
  vm_state: 'For administrators.',
  task_state: 'For administrators.',
  uuid: 'For administrators.',
  host: 'Name of a host, for administrators.',
  project_id: 'With `all_tenants`, for administrators.',
  tenant_id: 'The same as `project_id`.',
  user_id: 'For administrators.',
  key_name: 'For administrators.',
  availability_zone: 'For administrators.',
  deleted: 'Only deleted servers, for administrators.',
  soft_deleted: 'Whether those are shown that can still be restored, for administrators.',
  'changes-before': 'Those that changed before this time; from 2.66 on.',
  locked: 'Those that are locked, or are not; from 2.73 on.',
} as const;

/** Others are ignored, as Nova does before 2.75. */
export const ServerQuery = Type.Object(
  Object.fromEntries(Object.entries(parts).map(([name, words]) => [name, queryText(words)])) as Record<string, TSchema>,
  { additionalProperties: true },
);

/** Nova's name of a sort key → the engine's. */
const sortKeys: Record<string, ServerSortKey> = {
  access_ip_v4: 'access_ipv4',
  access_ip_v6: 'access_ipv6',
  auto_disk_config: 'disk_config',
  availability_zone: 'zone_id',
  created_at: 'created_at',
  display_description: 'description',
  display_name: 'name',
  host: 'host_id',
  hostname: 'hostname',
  image_ref: 'image_id',
  instance_type_id: 'flavor_id',
  key_name: 'key_name',
  launch_index: 'launch_index',
  launched_at: 'launched_at',
  node: 'host_id',
  power_state: 'power_state',
  progress: 'progress',
  project_id: 'project_id',
  task_state: 'task_state',
  terminated_at: 'terminated_at',
  updated_at: 'updated_at',
  user_id: 'user_id',
  uuid: 'id',
  vm_state: 'vm_state',
};
/** What is the same for every server, so that sorting by it changes nothing. */
const sortedAlready = ['kernel_id', 'ramdisk_id', 'root_device_name', 'locked_by'];

type Asked = Pick<Call, 'cloud' | 'subject' | 'context' | 'query'>;

export interface ServerSearch {
  filter: ServerFilter;
  predicates: ServerPredicates;
}

/** Reads the filters of a list. Undefined where nothing can fit them. Throws `invalid` and `forbidden`. */
export async function readServerFilter(call: Asked): Promise<ServerSearch | undefined> {
  const { cloud, context, subject } = call;
  const query = call.query as Query;
  const one = (name: string) => lastOf(query[name]);
  const minor = minorOf(context);
  if (minor >= 75) refuseUnknown(query);
  const forAdmin = (name: string) => {
    const isForAll = minor >= 83 && forAllSince83.has(name);
    return subject.isAdmin || isForAll ? one(name) : undefined;
  };
  const statuses = [query['status'] ?? []].flat();
  const states = statesOf(call, statuses);
  if (states?.length === 0) return undefined;
  const since = timeOf('changes-since', one('changes-since'));
  const before = minor >= 66 ? lastMomentOf('changes-before', one('changes-before')) : undefined;
  if (since !== undefined && before !== undefined && since > before) {
    throw new CloudError('invalid', 'The value of changes-since must be less than or equal to changes-before.');
  }
  const name = one('name') ?? forAdmin('display_name');
  const filter: ServerFilter = {
    allProjects: allProjects(one('all_tenants')),
    projectId: forAdmin('project_id') ?? forAdmin('tenant_id'),
    userId: forAdmin('user_id'),
    name: name !== undefined && isPlainPattern(name) ? name : undefined,
    vmStates: states ?? vmStates(forAdmin('vm_state')),
    taskState: forAdmin('task_state'),
    keyName: forAdmin('key_name'),
    reservationId: one('reservation_id'),
    changesSince: since,
    changesBefore: before,
    locked: lockedOf(minor, one('locked')),
    deleted: queryBoolean(forAdmin('deleted')) === true || undefined,
    softDeleted: softDeletedOf(forAdmin('soft_deleted'), subject.isAdmin ? states : undefined),
    ids: idsOf(forAdmin('uuid')),
  };
  const image = one('image');
  if (image !== undefined) filter.imageId = imageOf(context, image);
  const flavor = one('flavor');
  if (flavor !== undefined) filter.flavorId = await flavorIdOf(call, flavor);
  const host = forAdmin('host');
  if (host !== undefined) filter.hostId = (await cloud.hosts.list()).find(({ name }) => name === host)?.id ?? 'none';
  const zone = forAdmin('availability_zone');
  if (zone !== undefined) filter.zoneId = (await cloud.zones.byName(zone))?.id ?? 'none';
  return {
    filter,
    predicates: { ...predicatesOf(call, statuses), name: filter.name === undefined ? patternOf(name) : undefined },
  };
}

/** Nova's users have learnt that case does not matter, as MySQL has it. */
function patternOf(expression: string | undefined): LinearPattern | undefined {
  return expression === undefined ? undefined : new LinearPattern(expression, { ignoresCase: true });
}

function predicatesOf({ context, subject, query: asked }: Asked, statuses: string[]): ServerPredicates {
  const query = asked as Query;
  const minor = minorOf(context);
  const tagged = (name: string) => (minor >= 26 ? lastOf(query[name])?.split(',') : undefined);
  const isBusy = statuses.some((status) => busyStatuses.has(status.toUpperCase()));
  return {
    statuses: isBusy ? new Set(statuses.map((status) => status.toUpperCase())) : undefined,
    ip: patternOf(lastOf(query['ip'])),
    ip6: minor >= 5 || subject.isAdmin ? patternOf(lastOf(query['ip6'])) : undefined,
    tags: tagged('tags'),
    tagsAny: tagged('tags-any'),
    notTags: tagged('not-tags'),
    notTagsAny: tagged('not-tags-any'),
  };
}

/** Nova lets users filter by these, too, from 2.83 on. */
const forAllSince83 = new Set(['availability_zone', 'key_name', 'vm_state', 'task_state', 'user_id']);

/** What may be there besides what is looked at: Nova's schema has it, and servers here do not differ in it. */
const knownElsewhere = [
  'access_ip_v4',
  'access_ip_v6',
  'all_tenants',
  'auto_disk_config',
  'config_drive',
  'created_at',
  'description',
  'display_description',
  'display_name',
  'hostname',
  'image_ref',
  'instance_name',
  'kernel_id',
  'launch_index',
  'launched_at',
  'locked_by',
  'node',
  'power_state',
  'progress',
  'ramdisk_id',
  'root_device_name',
  'terminated_at',
];

/** From 2.75 on a filter that is none is refused. */
function refuseUnknown(query: Query): void {
  const known = new Set<string>([...Object.keys(parts), ...knownElsewhere]);
  const stranger = Object.keys(query).find((name) => !known.has(name));
  if (stranger === undefined) return;
  const words = `Additional properties are not allowed ('${stranger}' was unexpected)`;
  throw invalidQuery(stranger, String(query[stranger]), words);
}

function lockedOf(minor: number, text: string | undefined): boolean | undefined {
  if (minor < 73 || text === undefined) return undefined;
  const read = queryBoolean(text);
  if (read === undefined) throw invalidQuery('locked', text, `'${text}' is not a boolean`);
  return read;
}

/** Lists do not show them but to administrators who ask for them, by this filter or by their status. */
function softDeletedOf(text: string | undefined, states: Array<Server['vmState']> | undefined): boolean | undefined {
  return (text === undefined ? undefined : queryBoolean(text)) ?? (states?.includes('soft-delete') || undefined);
}

/** Statuses that a server has only while something is done with it, whatever its state. */
const busyStatuses = new Set(['REBOOT', 'HARD_REBOOT', 'PASSWORD', 'REBUILD', 'MIGRATING', 'RESIZE', 'REVERT_RESIZE']);

function statesOf({ context, subject }: Asked, statuses: string[]): Array<Server['vmState']> | undefined {
  if (statuses.length === 0) return undefined;
  const unknown = statuses.find((status) => vmStatesOf(status).length === 0);
  if (unknown !== undefined && minorOf(context) >= 38) {
    throw new CloudError('invalid', `Invalid status value: ${unknown}`, { field: 'status' });
  }
  const states = [...new Set(statuses.flatMap(vmStatesOf))];
  if (states.includes('deleted') && !subject.isAdmin) {
    throw new CloudError('forbidden', 'Only administrators may list deleted servers');
  }
  return states;
}

function vmStates(state: string | undefined): Array<Server['vmState']> | undefined {
  return state === undefined ? undefined : [state.toLowerCase() as Server['vmState']];
}

function idsOf(text: string | undefined): string[] | undefined {
  return text === undefined ? undefined : text.split(',').map((id) => parseId(id) ?? id);
}

/** A text that is no image's id fits no server. */
function imageOf(context: Call['context'], text: string): string {
  try {
    return imageIdOf(context, text) ?? text;
  } catch {
    return text;
  }
}

/** The key alone means yes. */
function allProjects(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === '') return true;
  const read = queryBoolean(text);
  if (read === undefined) throw invalidQuery('all_tenants', text, `'${text}' is not a boolean`);
  return read;
}

export function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = parseTime(text);
  if (time === undefined) throw invalidQuery(name, text, `'${text}' is not a 'date-time'`);
  return time;
}

/** As `timeOf`, for the last moment that is meant: times are told in whole seconds, so one of these is all of its second. */
export function lastMomentOf(name: string, text: string | undefined): number | undefined {
  const time = timeOf(name, text);
  return time === undefined || time % 1_000_000 !== 0 ? time : time + 999_999;
}

/** Reads the order of a list: the newest first where none is asked for. */
export function readServerSort({ query: asked, subject, context }: Omit<Asked, 'cloud'>): ServerPage['sort'] {
  const query = asked as Query;
  const keys = [query['sort_key'] ?? []].flat();
  const directions = [query['sort_dir'] ?? []].flat();
  const wrong = directions.find((direction) => direction !== 'asc' && direction !== 'desc');
  if (wrong !== undefined) throw invalidQuery('sort_dir', wrong, `'${wrong}' is not one of ['asc', 'desc']`);
  if (directions.length > keys.length && keys.length > 0) {
    throw new CloudError('invalid', 'Sort direction size exceeds sort key size', { field: 'sort_dir' });
  }
  const fallback = (directions.at(-1) ?? 'desc') as 'asc' | 'desc';
  const sort = keys.flatMap((key, index) => {
    if (sortedAlready.includes(key) || (!subject.isAdmin && (key === 'host' || key === 'node'))) return [];
    const column = sortKeys[key];
    if (column === undefined && isLegacy(context)) return [];
    if (column === undefined) throw invalidQuery('sort_key', key, `'${key}' is not a key to sort by`);
    return [{ key: column, direction: (directions[index] ?? fallback) as 'asc' | 'desc' }];
  });
  return sort.length > 0 ? sort : [{ key: 'created_at', direction: fallback }];
}
