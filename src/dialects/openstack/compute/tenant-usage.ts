import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { requireAdmin } from '../../../cloud/identity/subject.ts';
import type { ServerFilter } from '../../../cloud/servers/listing.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { statusOf } from '../../../cloud/servers/states.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { badMarker, nextLinks, pageOf } from '../common/pagination.ts';
import { isoMicros, parseTime } from '../common/time.ts';
import { invalidQuery, minorOf } from './microversions.ts';
import { lastOf, type Query, queryText, TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'quotas', method: 'GET', since: '2.1', mode: 'sync' } as const;

const UsageQuery = Type.Object({
  start: queryText('Begin of the period; four weeks before its end where none is said.'),
  end: queryText('End of the period; now where none is said.'),
  limit: queryText('Servers at most; from 2.40 on.'),
  marker: queryText('The id of the last server of the page before; from 2.40 on.'),
});
const Links = Type.Optional(Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })));

const ServerUsage = Type.Object({
  instance_id: Type.String(),
  name: Type.String(),
  tenant_id: Type.String(),
  flavor: Type.String(),
  state: Type.String(),
  vcpus: Type.Integer(),
  memory_mb: Type.Integer(),
  local_gb: Type.Integer(),
  hours: Type.Number(),
  uptime: Type.Integer({ description: 'Seconds.' }),
  started_at: Type.String(),
  ended_at: TextOrNull,
});
const Usage = Type.Object({
  tenant_id: Type.Optional(Type.String()),
  start: Type.Optional(Type.String()),
  stop: Type.Optional(Type.String()),
  total_hours: Type.Optional(Type.Number()),
  total_vcpus_usage: Type.Optional(Type.Number()),
  total_memory_mb_usage: Type.Optional(Type.Number()),
  total_local_gb_usage: Type.Optional(Type.Number()),
  server_usages: Type.Optional(Type.Array(ServerUsage)),
});

interface Period {
  start: number;
  end: number;
  now: number;
}

const hour = 3600 * 1_000_000;
const fourWeeks = 28 * 24 * hour;
const batch = 1000;

function periodOf({ cloud, query }: Call): Period {
  const now = cloud.env.now();
  const time = (name: string, otherwise: number) => {
    const text = lastOf((query as Query)[name]);
    if (text === undefined) return otherwise;
    const read = parseTime(text);
    if (read === undefined) throw invalidQuery(name, text, `'${text}' is not a 'date-time'`);
    return read;
  };
  const end = time('end', now);
  const start = time('start', end - fourWeeks);
  if (start >= end)
    throw new CloudError('invalid', 'Invalid start time. The start time cannot occur after the end time.');
  return { start, end, now };
}

/** Projects after projects, and each one's servers by their ids. */
const sort = [{ key: 'project_id', direction: 'asc' }] as const;

/**
 * The servers that ran in the period, also those that are deleted now, and the link to the next page: clients ask for
 * pages until one is empty. Before 2.40 all is one page.
 */
async function serversIn(
  call: Call,
  name: 'tenant_usages' | 'tenant_usage',
  period: Period,
  projectId?: string,
): Promise<{ servers: Server[]; links: object }> {
  // Nothing has run yet after now.
  const ranIn = { start: period.start, end: Math.min(period.end, period.now) };
  const filter: ServerFilter = call.subject.isAdmin ? { allProjects: true, projectId, ranIn } : { ranIn };
  if (period.start >= period.now) return { servers: [], links: {} };
  if (minorOf(call.context) < 40) return { servers: await allServers(call, filter), links: {} };
  const page = pageOf('compute', call.query as Query);
  const marker = page.marker === undefined ? undefined : parseId(page.marker);
  if (page.marker !== undefined && marker === undefined) throw badMarker('compute', page.marker);
  const servers = await call.cloud.servers.list(call.subject, filter, { limit: page.limit!, marker, sort });
  const ends = servers.map(({ id }) => ({ id: withDashes(id) }));
  return { servers, links: nextLinks(name, ends, page, { origin: call.origin, url: call.raw.url }) };
}

async function allServers({ cloud, subject }: Call, filter: ServerFilter): Promise<Server[]> {
  const servers: Server[] = [];
  for (let marker: string | undefined; ; marker = servers.at(-1)!.id) {
    const some = await cloud.servers.list(subject, filter, { limit: batch, marker, sort });
    servers.push(...some);
    if (some.length < batch) return servers;
  }
}

/** How long the server was there in the period, as far as that has passed. */
function hoursOf({ launchedAt, terminatedAt }: Server, { start, end, now }: Period): number {
  if (launchedAt === null) return 0;
  const micros = Math.min(terminatedAt ?? now, end) - Math.max(launchedAt, start);
  return Math.max(0, micros) / hour;
}

function usageView(projectId: string, servers: readonly Server[], period: Period, isDetailed: boolean) {
  const sum = (value: (server: Server) => number) =>
    servers.reduce((total, server) => total + value(server) * hoursOf(server, period), 0);
  return {
    tenant_id: projectId,
    start: isoMicros(period.start),
    stop: isoMicros(period.end),
    total_hours: sum(() => 1),
    total_vcpus_usage: sum(({ flavor }) => flavor.vcpus),
    total_memory_mb_usage: sum(({ flavor }) => flavor.memoryMb),
    total_local_gb_usage: sum(({ flavor }) => flavor.diskGb + flavor.ephemeralGb),
    ...(isDetailed ? { server_usages: servers.map((server) => serverUsage(server, period)) } : {}),
  };
}

function serverUsage(server: Server, period: Period) {
  const { flavor, launchedAt, terminatedAt } = server;
  return {
    instance_id: withDashes(server.id),
    name: server.name,
    tenant_id: server.projectId,
    flavor: flavor.name,
    state: terminatedAt === null ? statusOf(server.vmState, null).toLowerCase() : 'terminated',
    vcpus: flavor.vcpus,
    memory_mb: flavor.memoryMb,
    local_gb: flavor.diskGb + flavor.ephemeralGb,
    hours: hoursOf(server, period),
    uptime: Math.floor(((terminatedAt ?? period.now) - launchedAt!) / 1_000_000),
    started_at: isoMicros(launchedAt!),
    ended_at: terminatedAt === null ? null : isoMicros(terminatedAt),
  };
}

export const tenantUsageOperations = [
  operation({
    ...common,
    id: 'ListTenantUsage',
    path: '/os-simple-tenant-usage',
    allow: 'admin',
    query: Type.Object({ ...UsageQuery.properties, detailed: queryText('`1` for the servers too.') }),
    responses: { 200: Type.Object({ tenant_usages: Type.Array(Usage), tenant_usages_links: Links }) },
    errors: [400, 401, 403],
    title: 'List usage of all projects',
    summary: 'How long the projects had how much, by their servers.',
    examples: [{ title: 'Of the last four weeks', status: 200 }],
    async handle(call) {
      const period = periodOf(call as Call);
      const { servers, links } = await serversIn(call as Call, 'tenant_usages', period);
      const byProject = Map.groupBy(servers, ({ projectId }) => projectId);
      const isDetailed = lastOf(call.query.detailed) === '1';
      const usages = [...byProject].map(([id, some]) => usageView(id, some, period, isDetailed));
      return { body: { tenant_usages: usages, ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ShowTenantUsage',
    path: '/os-simple-tenant-usage/{id}',
    allow: 'reader',
    params: Type.Object({ id: Type.String({ description: 'The project.' }) }),
    query: UsageQuery,
    responses: { 200: Type.Object({ tenant_usage: Usage, tenant_usage_links: Links }) },
    errors: [400, 401, 403],
    title: 'Show usage of a project',
    summary: 'How long a project had how much, server by server. Empty for a project that had none.',
    examples: [{ title: 'Of the last four weeks', params: { id: '36c27e8ff05c4780bf6d2fa65700f22e' }, status: 200 }],
    async handle(call) {
      const id = parseId(call.params.id) ?? call.params.id;
      if (id !== call.subject.projectId) requireAdmin(call.subject, 'os_compute_api:os-simple-tenant-usage:show');
      const period = periodOf(call as Call);
      const { servers, links } = await serversIn(call as Call, 'tenant_usage', period, id);
      return { body: { tenant_usage: servers.length === 0 ? {} : usageView(id, servers, period, true), ...links } };
    },
  }),
];
