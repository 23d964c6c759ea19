import type { Cloud } from '../cloud.ts';
import { groupRefusal } from '../hosts/scheduler.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import type { ServerGroup } from './groups.ts';

/** Where a server is or shall be: on one of these hosts of the zone, or on any where none are named. */
interface Place {
  zoneId: string;
  hostIds?: readonly string[];
}

/** The groups of the asking project that a server could come into there. */
export async function groupsForPlace(cloud: Cloud, subject: Subject, place: Place): Promise<string[]> {
  const groups = await cloud.servers.groups.list(subject);
  const taken = await hostsOf(cloud, groups);
  return groups.filter((group) => mayTake(group, place, taken.get(group.id) ?? [])).map(({ id }) => id);
}

/** The groups that a server could come into as it is. Throws `not_found`. */
export async function groupsForServer(cloud: Cloud, subject: Subject, serverId: string): Promise<string[]> {
  const { id, zoneId, hostId } = await cloud.servers.get(subject, serverId);
  if ((await cloud.servers.groups.ofServers([id])).size > 0) return [];
  return await groupsForPlace(cloud, subject, { zoneId, ...(hostId === null ? {} : { hostIds: [hostId] }) });
}

/** The servers that a group could take in as they are. Throws `not_found`. */
export async function serversForGroup(cloud: Cloud, subject: Subject, groupId: string): Promise<string[]> {
  const group = await cloud.servers.groups.get(subject, groupId);
  const taken = (await hostsOf(cloud, [group])).get(groupId) ?? [];
  const free = await cloud.db.read
    .selectFrom('servers')
    .select(['id', 'zone_id', 'host_id'])
    .where('project_id', '=', projectOf(subject))
    .where('deleted_at', 'is', null)
    .where('id', 'not in', (e) => e.selectFrom('server_group_members').select('server_id'))
    .execute();
  return free
    .filter(({ zone_id, host_id }) =>
      mayTake(group, { zoneId: zone_id, ...(host_id === null ? {} : { hostIds: [host_id] }) }, taken),
    )
    .map(({ id }) => id);
}

function mayTake(group: ServerGroup, place: Place, taken: string[]): boolean {
  if (!group.enabled || (group.zoneId !== null && group.zoneId !== place.zoneId)) return false;
  const { policy, maxPerHost } = group;
  const neighbours = { policy, maxPerHost, hostIds: taken };
  return place.hostIds === undefined || place.hostIds.some((hostId) => !groupRefusal(neighbours, hostId));
}

/** Group id → the hosts of its servers. */
async function hostsOf({ db }: Cloud, groups: readonly ServerGroup[]): Promise<Map<string, string[]>> {
  if (groups.length === 0) return new Map();
  const rows = await db.read
    .selectFrom('server_group_members')
    .innerJoin('allocations', 'allocations.server_id', 'server_group_members.server_id')
    .select(['group_id', 'allocations.host_id'])
    .where(
      'group_id',
      'in',
      groups.map(({ id }) => id),
    )
    .where('purpose', '=', 'current')
    .execute();
  const byGroup = Map.groupBy(rows, ({ group_id }) => group_id);
  return new Map([...byGroup].map(([id, list]) => [id, list.map(({ host_id }) => host_id)]));
}
