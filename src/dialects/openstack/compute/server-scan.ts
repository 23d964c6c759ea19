import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ServerDetail } from '../../../cloud/servers/details.ts';
import type { ServerFilter, ServerPage } from '../../../cloud/servers/listing.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { statusOf } from '../../../cloud/servers/states.ts';
import type { LinearPattern } from './linear-pattern.ts';
import { tagsOfEach } from './present-servers.ts';

/** What the engine does not search by. Nothing is asked for where all is undefined. */
export interface ServerPredicates {
  statuses?: ReadonlySet<string>;
  name?: LinearPattern;
  ip?: LinearPattern;
  ip6?: LinearPattern;
  tags?: readonly string[];
  tagsAny?: readonly string[];
  notTags?: readonly string[];
  notTagsAny?: readonly string[];
}

/** Servers looked at in one go, and for one request. */
const batch = 500;
const maxScannedPerRequest = 20_000;

function isNothingAsked(predicates: ServerPredicates): boolean {
  return Object.values(predicates).every((value) => value === undefined);
}

/** As `findServers`, with details. */
export async function findServerDetails(
  call: Pick<Call, 'cloud' | 'subject'>,
  filter: ServerFilter,
  page: ServerPage,
  predicates: ServerPredicates,
): Promise<ServerDetail[]> {
  const { servers } = call.cloud;
  if (isNothingAsked(predicates)) return await servers.listDetails(call.subject, filter, page);
  return await servers.withDetails(await findServers(call, filter, page, predicates));
}

/** One page of the servers that fit. Throws `invalid` for a marker that is no server, and for too wide a search. */
export async function findServers(
  { cloud, subject }: Pick<Call, 'cloud' | 'subject'>,
  filter: ServerFilter,
  page: ServerPage,
  predicates: ServerPredicates,
): Promise<Server[]> {
  if (isNothingAsked(predicates)) return await cloud.servers.list(subject, filter, page);
  const found: Server[] = [];
  let { marker } = page;
  for (let scanned = 0; scanned < maxScannedPerRequest; scanned += batch) {
    const servers = await cloud.servers.list(subject, filter, { ...page, marker, limit: batch });
    found.push(...(await fitting(cloud, servers, predicates)));
    if (found.length >= page.limit || servers.length < batch) return found.slice(0, page.limit);
    marker = servers.at(-1)!.id;
  }
  throw new CloudError(
    'invalid',
    `More than ${maxScannedPerRequest} servers would have to be searched: say more of them.`,
  );
}

async function fitting(cloud: Call['cloud'], servers: Server[], predicates: ServerPredicates): Promise<Server[]> {
  const { statuses, name } = predicates;
  const named = name ? servers.filter((one) => name.isIn(one.name)) : servers;
  const inStatus = statuses
    ? named.filter(
        (one) => statuses.has(statusOf(one.vmState, one.taskState)) || statuses.has(statusOf(one.vmState, null)),
      )
    : named;
  return await withTags(cloud, await withAddresses(cloud, inStatus, predicates), predicates);
}

async function withAddresses(
  cloud: Call['cloud'],
  servers: Server[],
  { ip, ip6 }: ServerPredicates,
): Promise<Server[]> {
  if (ip === undefined && ip6 === undefined) return servers;
  const addresses = await cloud.networks.addressesOf(servers.map(({ id }) => id));
  const has = (id: string, version: 4 | 6, wanted: LinearPattern | undefined) =>
    wanted === undefined ||
    (addresses.get(id) ?? []).some((one) => one.version === version && wanted.isIn(one.address));
  return servers.filter(({ id }) => has(id, 4, ip) && has(id, 6, ip6));
}

async function withTags(cloud: Call['cloud'], servers: Server[], wanted: ServerPredicates): Promise<Server[]> {
  const { tags, tagsAny, notTags, notTagsAny } = wanted;
  if (!tags && !tagsAny && !notTags && !notTagsAny) return servers;
  const ids = servers.map(({ id }) => id);
  const all = (await tagsOfEach(cloud, ids)).map((tags) => new Set(tags));
  return servers.filter((_, index) => {
    const has = (tag: string) => all[index]!.has(tag);
    if (tags && !tags.every(has)) return false;
    if (tagsAny && !tagsAny.some(has)) return false;
    if (notTags?.every(has)) return false;
    return !notTagsAny?.some(has);
  });
}
