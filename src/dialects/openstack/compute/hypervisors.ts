import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { capacityOf } from '../../../cloud/hosts/model.ts';
import type { HostUsage } from '../../../cloud/hosts/scheduler.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { withDashes } from '../../../env/env.ts';
import { badMarker, nextLinks, pageOf } from '../common/pagination.ts';
import { queryBoolean } from '../common/query.ts';
import { findHost, hostIdView, isUp } from './hosts-view.ts';
import { uptimeOf } from './hypervisor-uptime.ts';
import { minorOf, until } from './microversions.ts';
import { Links, lastOf, type Query, queryText, TextOrNull } from './wire.ts';

const common = {
  dialect: 'compute',
  group: 'hosts',
  method: 'GET',
  since: '2.1',
  mode: 'sync',
  allow: 'admin',
} as const;

const Id = Type.Unsafe<number | string>({ type: ['integer', 'string'], description: 'A UUID from 2.53 on.' });
const Servers = Type.Optional(
  Type.Array(Type.Object({ name: Type.String(), uuid: Type.String() }), { description: 'If asked for.' }),
);
const summary = {
  servers: Servers,
  id: Id,
  hypervisor_hostname: Type.String(),
  state: Type.String({ description: '`up` or `down`.' }),
  status: Type.String({ description: '`enabled` or `disabled`.' }),
};
const figures = {
  vcpus: Type.Integer(),
  vcpus_used: Type.Integer(),
  memory_mb: Type.Integer(),
  memory_mb_used: Type.Integer(),
  free_ram_mb: Type.Integer(),
  local_gb: Type.Integer(),
  local_gb_used: Type.Integer(),
  free_disk_gb: Type.Integer(),
  disk_available_least: Type.Integer(),
  running_vms: Type.Integer(),
  current_workload: Type.Integer(),
};
const optionalFigures = Object.fromEntries(Object.keys(figures).map((name) => [name, Type.Optional(Type.Integer())]));
const Detail = Type.Object({
  ...summary,
  ...optionalFigures,
  host_ip: Type.String(),
  hypervisor_type: Type.String(),
  hypervisor_version: Type.Integer(),
  uptime: Type.Optional(TextOrNull),
  cpu_info: Type.Optional(
    Type.Unsafe<string | object>({
      type: ['string', 'object'],
      properties: {
        arch: { type: 'string' },
        topology: { type: 'object', properties: { sockets: { type: 'integer' } } },
      },
      description: 'An object from 2.28 on; up to 2.87.',
    }),
  ),
  service: Type.Object({
    id: Id,
    host: Type.String(),
    disabled_reason: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  }),
});

function summaryView({ host }: HostUsage, minor: number) {
  return {
    id: hostIdView(host, minor),
    hypervisor_hostname: host.name,
    state: isUp(host) ? 'up' : 'down',
    status: host.state === 'enabled' ? 'enabled' : 'disabled',
  };
}

function figuresOf({ host, used, servers }: HostUsage) {
  const memoryUsed = host.reservedMemoryMb + used.memoryMb;
  return {
    vcpus: host.vcpus,
    vcpus_used: used.vcpus,
    memory_mb: host.memoryMb,
    memory_mb_used: memoryUsed,
    free_ram_mb: host.memoryMb - memoryUsed,
    local_gb: host.diskGb,
    local_gb_used: used.diskGb,
    free_disk_gb: host.diskGb - used.diskGb,
    disk_available_least: Math.max(0, capacityOf(host).diskGb - used.diskGb),
    running_vms: servers,
    current_workload: 0,
  };
}

/** Figures are told by Placement from 2.88 on, where the host's uptime came into their place. */
async function detailView(usage: HostUsage, minor: number, cloud: Cloud) {
  const { host } = usage;
  const cpu = { arch: host.architecture, topology: { sockets: host.vcpus } };
  return {
    ...summaryView(usage, minor),
    ...(minor < 88
      ? { ...figuresOf(usage), cpu_info: minor >= 28 ? cpu : JSON.stringify(cpu) }
      : { uptime: await uptimeOf(cloud, host) }),
    host_ip: host.managementAddress,
    hypervisor_type: host.hypervisorType,
    hypervisor_version: host.hypervisorVersion,
    service: { id: hostIdView(host, minor), host: host.name, disabled_reason: host.disabledReason },
  };
}

const PageQuery = Type.Object({
  limit: queryText('Hypervisors at most; from 2.33 on.'),
  marker: queryText('Id of the last one of the page before; from 2.33 on.'),
  hypervisor_hostname_pattern: queryText('A part of the name; from 2.53 on.'),
  with_servers: queryText('Whether to name the servers as well; from 2.53 on.'),
});

type Asked = Pick<Call, 'cloud' | 'context' | 'subject' | 'query' | 'origin' | 'raw'>;

/** The hosts that were asked for, their views, and the link to the next page. */
async function listed(call: Asked, view: (usage: HostUsage, minor: number, cloud: Cloud) => object | Promise<object>) {
  const { cloud, context } = call;
  const query = call.query as Query;
  const minor = minorOf(context);
  const all = (await cloud.hosts.usage()).toSorted((a, b) => (a.host.name < b.host.name ? -1 : 1));
  const pattern = minor >= 53 ? lastOf(query['hypervisor_hostname_pattern']) : undefined;
  const fitting = all.filter(({ host }) => pattern === undefined || host.name.includes(pattern));
  if (pattern !== undefined && fitting.length === 0) throw noMatch(pattern);
  const page = pageOf('compute', minor >= 33 ? query : {});
  const idOf = ({ host }: HostUsage) => String(hostIdView(host, minor));
  const start = page.marker === undefined ? 0 : fitting.findIndex((usage) => idOf(usage) === page.marker) + 1;
  if (page.marker !== undefined && start === 0) throw badMarker('compute', page.marker);
  const found = fitting.slice(start, start + page.limit!);
  const servers = minor >= 53 && isYes(query['with_servers']) ? await serversByHost(call) : undefined;
  const views = await Promise.all(
    found.map(async (usage) => ({ ...(await view(usage, minor, cloud)), ...serversOf(usage, servers) })),
  );
  const ends = found.map((usage) => ({ id: idOf(usage) }));
  return { hypervisors: views, ...nextLinks('hypervisors', ends, page, { origin: call.origin, url: call.raw.url }) };
}

function isYes(value: Query[string]): boolean {
  return queryBoolean(lastOf(value) ?? 'false') === true;
}

function noMatch(pattern: string): CloudError {
  return new CloudError('not_found', `No hypervisor matching '${pattern}' could be found.`, { resource: 'hypervisor' });
}

type NamedServers = Map<string | null, Server[]>;

async function serversByHost({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>): Promise<NamedServers> {
  const page = { limit: 10_000, sort: [{ key: 'created_at', direction: 'asc' }] } as const;
  const all = await cloud.servers.list(subject, { allProjects: true }, page);
  return Map.groupBy(all, ({ hostId }) => hostId);
}

/** Nova leaves the member out where there are none. */
function serversOf({ host }: HostUsage, servers: NamedServers | undefined) {
  const own = servers?.get(host.id) ?? [];
  if (own.length === 0) return {};
  return { servers: own.map(({ id, instanceName }) => ({ name: instanceName, uuid: withDashes(id) })) };
}

/** The one host that a URL names. Throws `not_found`. */
async function usageNamed({ cloud, context }: Pick<Call, 'cloud' | 'context'>, id: string): Promise<HostUsage> {
  const all = await cloud.hosts.usage();
  const host = findHost(
    all.map((usage) => usage.host),
    id,
    minorOf(context),
  );
  const usage = all.find((one) => one.host === host);
  if (usage) return usage;
  throw new CloudError('not_found', `Hypervisor with ID '${id}' could not be found.`, { resource: 'hypervisor' });
}

export const hypervisorOperations = [
  operation({
    ...common,
    id: 'ListHypervisors',
    path: '/os-hypervisors',
    query: PageQuery,
    responses: {
      200: Type.Object({ hypervisors: Type.Array(Type.Object(summary)), hypervisors_links: Type.Optional(Links) }),
    },
    errors: [400, 401, 403, 404],
    title: 'List hypervisors',
    summary: 'The hosts that servers run on.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      return { body: await listed(call as Call, summaryView) };
    },
  }),
  operation({
    ...common,
    id: 'ListHypervisorsDetails',
    path: '/os-hypervisors/detail',
    query: PageQuery,
    responses: {
      200: Type.Object({ hypervisors: Type.Array(Detail), hypervisors_links: Type.Optional(Links) }),
    },
    errors: [400, 401, 403, 404],
    title: 'List hypervisors with details',
    summary: 'The hosts that servers run on, with what is taken of them.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      return { body: await listed(call as Call, detailView) };
    },
  }),
  until(
    87,
    operation({
      ...common,
      id: 'ShowHypervisorStatistics',
      path: '/os-hypervisors/statistics',
      responses: { 200: Type.Object({ hypervisor_statistics: Type.Object({ count: Type.Integer(), ...figures }) }) },
      errors: [400, 401, 403, 404],
      title: 'Show hypervisor statistics',
      summary: 'The figures of all hosts together.',
      examples: [{ title: 'All', status: 200 }],
      async handle(call) {
        const all = (await call.cloud.hosts.usage()).map(figuresOf);
        const names = Object.keys(figures) as Array<keyof typeof figures>;
        const sums = names.map((name) => [name, all.reduce((sum, one) => sum + one[name], 0)]);
        const statistics = { count: all.length, ...Object.fromEntries(sums) };
        return { body: { hypervisor_statistics: statistics } };
      },
    }),
  ),
  operation({
    ...common,
    id: 'ShowHypervisor',
    path: '/os-hypervisors/{hypervisor_id}',
    params: Type.Object({ hypervisor_id: Type.String() }),
    query: Type.Object({ with_servers: queryText('Whether to name the servers as well; from 2.53 on.') }),
    responses: { 200: Type.Object({ hypervisor: Detail }) },
    errors: [401, 403, 404],
    title: 'Show a hypervisor',
    summary: 'One host that servers run on.',
    examples: [{ title: 'By its number', params: { hypervisor_id: '1' }, status: 200 }],
    async handle(call) {
      const minor = minorOf(call.context);
      const usage = await usageNamed(call, call.params.hypervisor_id);
      const servers = minor >= 53 && isYes(call.query.with_servers) ? await serversByHost(call) : undefined;
      return {
        body: { hypervisor: { ...(await detailView(usage, minor, call.cloud)), ...serversOf(usage, servers) } },
      };
    },
  }),
  until(
    87,
    operation({
      ...common,
      id: 'ShowHypervisorUptime',
      path: '/os-hypervisors/{hypervisor_id}/uptime',
      params: Type.Object({ hypervisor_id: Type.String() }),
      responses: { 200: Type.Object({ hypervisor: Type.Object({ ...summary, uptime: Type.String() }) }) },
      errors: [400, 401, 403, 404],
      title: 'Show the uptime of a hypervisor',
      summary: 'How long the machine runs, in the words of `uptime`. Refused while the host is down. Up to 2.87.',
      examples: [{ title: 'By its number', params: { hypervisor_id: '1' }, status: 200 }],
      async handle(call) {
        const usage = await usageNamed(call, call.params.hypervisor_id);
        const uptime = await uptimeOf(call.cloud, usage.host);
        if (uptime === null)
          throw new CloudError('invalid', `Compute service of ${usage.host.name} is unavailable at this time.`);
        return { body: { hypervisor: { ...summaryView(usage, minorOf(call.context)), uptime } } };
      },
    }),
  ),
  until(
    52,
    operation({
      ...common,
      id: 'SearchHypervisors',
      path: '/os-hypervisors/{hypervisor_id}/search',
      params: Type.Object({ hypervisor_id: Type.String({ description: 'A part of the name.' }) }),
      responses: { 200: Type.Object({ hypervisors: Type.Array(Type.Object(summary)) }) },
      errors: [401, 403, 404],
      title: 'Search hypervisors',
      summary: 'Those with the text in their names. Up to 2.52.',
      examples: [{ title: 'By a part of the name', params: { hypervisor_id: 'a' }, status: 200 }],
      async handle(call) {
        const found = await matching(call, call.params.hypervisor_id);
        return { body: { hypervisors: found.map((usage) => summaryView(usage, minorOf(call.context))) } };
      },
    }),
  ),
  until(
    52,
    operation({
      ...common,
      id: 'ListHypervisorServers',
      path: '/os-hypervisors/{hypervisor_id}/servers',
      params: Type.Object({ hypervisor_id: Type.String({ description: 'A part of the name.' }) }),
      responses: { 200: Type.Object({ hypervisors: Type.Array(Type.Object(summary)) }) },
      errors: [401, 403, 404],
      title: 'List servers on hypervisors',
      summary: 'The hypervisors with the text in their names, with their servers. Up to 2.52.',
      examples: [{ title: 'By a part of the name', params: { hypervisor_id: 'a' }, status: 200 }],
      async handle(call) {
        const found = await matching(call, call.params.hypervisor_id);
        const servers = await serversByHost(call);
        const minor = minorOf(call.context);
        return {
          body: {
            hypervisors: found.map((usage) => ({ ...summaryView(usage, minor), ...serversOf(usage, servers) })),
          },
        };
      },
    }),
  ),
];

async function matching({ cloud }: Pick<Call, 'cloud'>, part: string): Promise<HostUsage[]> {
  const found = (await cloud.hosts.usage()).filter(({ host }) => host.name.includes(part));
  if (found.length === 0) throw noMatch(part);
  return found;
}
