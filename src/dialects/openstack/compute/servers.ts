import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ServerFilter, ServerPage } from '../../../cloud/servers/listing.ts';
import { parseId } from '../../../env/env.ts';
import { badMarker, nextLinks, type Page, pageOf } from '../common/pagination.ts';
import { type KnownIn, knownMembers } from './microversions.ts';
import { presentBasics, presentDetails, presentOne } from './present-servers.ts';
import { canonicalIpv6, Hostname, hostnameOf } from './server-later-members.ts';
import { readServerFilter, readServerSort, ServerQuery } from './server-query.ts';
import { serverName } from './server-request.ts';
import { findServerDetails, findServers, type ServerPredicates } from './server-scan.ts';
import {
  accessIPv4,
  accessIPv6,
  description,
  diskConfig,
  name,
  ServerDetailList,
  ServerDocument,
  ServerList,
} from './server-schemas.ts';
import { summaryView } from './server-view.ts';
import { closed, exampleServer, type Of, type Query, ServerParams, serverIdOf } from './wire.ts';

const common = { dialect: 'compute', group: 'servers', since: '2.1', mode: 'sync' } as const;

/** One page of servers as `find` reads them, with what is needed for the link to the next one. */
async function pageOfServers<Found>(call: Call, find: Finder<Found>): Promise<{ servers: Found[]; page: Page }> {
  const query = call.query as Query;
  const page = pageOf('compute', query);
  const sort = readServerSort(call);
  const search = await readServerFilter(call);
  if (!search) return { servers: [], page };
  const marker = page.marker === undefined ? undefined : parseId(page.marker);
  if (page.marker !== undefined && marker === undefined) throw badMarker('compute', page.marker);
  const wanted = { limit: page.limit!, marker, sort };
  const servers = await find(call, search.filter, wanted, search.predicates).catch((error: unknown) => {
    throw error instanceof CloudError && error.details.field === 'marker' ? badMarker('compute', page.marker!) : error;
  });
  return { servers, page };
}

type Finder<Found> = (
  call: Call,
  filter: ServerFilter,
  page: ServerPage,
  predicates: ServerPredicates,
) => Promise<Found[]>;

function linksTo(call: Call, views: Array<{ id: string }>, page: Page) {
  return nextLinks('servers', views, page, { origin: call.origin, url: call.raw.url });
}

export const listServers = operation({
  ...common,
  id: 'ListServers',
  method: 'GET',
  path: '/servers',
  allow: 'reader',
  query: ServerQuery,
  responses: { 200: ServerList },
  errors: [400, 401, 403],
  title: 'List servers',
  summary: 'Ids, names and links of servers.',
  examples: [
    { title: 'All', status: 200 },
    { title: 'By name and status', query: { name: 'web', status: 'ACTIVE' }, status: 200 },
  ],
  async handle(call) {
    const { servers, page } = await pageOfServers(call, findServers);
    const views = servers.map((server) => summaryView(server, call.base));
    return { body: { servers: views, ...linksTo(call, views, page) } };
  },
});

export const listServersDetails = operation({
  ...common,
  id: 'ListServersDetails',
  method: 'GET',
  path: '/servers/detail',
  allow: 'reader',
  query: ServerQuery,
  responses: { 200: ServerDetailList },
  errors: [400, 401, 403],
  title: 'List servers with details',
  summary: 'Everything about servers.',
  examples: [
    { title: 'All', status: 200 },
    { title: 'The newest ten', query: { limit: '10', sort_key: 'created_at', sort_dir: 'desc' }, status: 200 },
  ],
  async handle(call) {
    const { servers, page } = await pageOfServers(call, findServerDetails);
    const views = await presentDetails(call, servers);
    return { body: { servers: views, ...linksTo(call, views, page) }, sharedItems: 'servers' };
  },
});

export const showServer = operation({
  ...common,
  id: 'ShowServer',
  method: 'GET',
  path: '/servers/{server_id}',
  allow: 'reader',
  params: ServerParams,
  responses: { 200: ServerDocument },
  errors: [401, 403, 404],
  title: 'Show a server',
  summary: 'Everything about one server.',
  examples: [{ title: 'One server', params: exampleServer, status: 200 }],
  async handle(call) {
    return await presentOne(call, await call.cloud.servers.detail(call.subject, serverIdOf(call)));
  },
});

const Changes = closed({
  name: Type.Optional(name),
  accessIPv4,
  accessIPv6,
  'OS-DCF:diskConfig': diskConfig,
  description,
  hostname: Type.Optional(Hostname),
});
const knownIn: { [K in keyof Of<typeof Changes>]?: KnownIn } = { description: [19], hostname: [90] };

export const updateServer = operation({
  ...common,
  id: 'UpdateServer',
  method: 'PUT',
  path: '/servers/{server_id}',
  allow: 'member',
  params: ServerParams,
  body: closed({ server: Changes }),
  responses: { 200: ServerDocument },
  errors: [400, 401, 403, 404],
  title: 'Update a server',
  summary: 'Changes the name of a server and what else is only noted of it.',
  examples: [{ title: 'A new name', params: exampleServer, body: { server: { name: 'web-2' } }, status: 200 }],
  async handle(call) {
    const { cloud, subject, context } = call;
    const wanted = knownMembers(context, 'server', call.body.server, knownIn);
    const server = await cloud.servers.update(subject, serverIdOf(call), {
      name: wanted.name === undefined ? undefined : serverName(context, wanted.name),
      description: wanted.description,
      hostname: wanted.hostname === undefined ? undefined : hostnameOf(context, wanted.hostname),
      diskConfig: wanted['OS-DCF:diskConfig'],
      // Null takes an address away.
      accessIpv4: wanted.accessIPv4 === null ? '' : wanted.accessIPv4,
      accessIpv6: wanted.accessIPv6 ? canonicalIpv6(wanted.accessIPv6) : wanted.accessIPv6 === null ? '' : undefined,
    });
    return { body: { server: await presentBasics(call, server) } };
  },
});

export const deleteServer = operation({
  ...common,
  id: 'DeleteServer',
  method: 'DELETE',
  path: '/servers/{server_id}',
  mode: 'async',
  allow: 'member',
  params: ServerParams,
  responses: { 204: null },
  errors: [401, 403, 404, 409],
  title: 'Delete a server',
  summary:
    'Deletes a server in whatever state it is. When it is gone, asking for it answers 404. Where the cloud keeps deleted ' +
    'servers for a while, its status is SOFT_DELETED until then, lists do not show it, and it can be restored.',
  examples: [{ title: 'One server', params: exampleServer, status: 204 }],
  async handle(call) {
    await call.cloud.servers.delete(call.subject, serverIdOf(call));
    return {};
  },
});
