import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import { withDashes } from '../../../env/env.ts';
import { derivedId } from '../common/derived-id.ts';
import { isoSeconds } from '../common/time.ts';
import { listQuery, matches, pageLinks, type Query, selected, valuesOf } from './queries.ts';
import { idInPath } from './wire.ts';

/** What of networks each host does; one process does all of it. */
export const agentKinds = {
  bridge: 'Linux bridge agent',
  dhcp: 'DHCP agent',
  l3: 'L3 agent',
  metadata: 'Metadata agent',
} as const;

/** An agent, as far as its members are asked for. */
export const AgentView = Type.Object({
  id: Type.Optional(Type.String()),
  agent_type: Type.Optional(Type.String()),
  binary: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  host: Type.Optional(Type.String()),
  availability_zone: Type.Optional(Type.String()),
  admin_state_up: Type.Optional(Type.Boolean()),
  alive: Type.Optional(Type.Boolean()),
  created_at: Type.Optional(Type.String()),
  started_at: Type.Optional(Type.String()),
  heartbeat_timestamp: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  configurations: Type.Optional(Type.Object({}, { additionalProperties: true })),
});

/** The agents of these hosts. */
export function agentsOf(hosts: readonly Host[], zones: ReadonlyMap<string, string>): Array<Record<string, unknown>> {
  return hosts.flatMap((host) =>
    Object.values(agentKinds).map((kind) => ({
      id: derivedId(`${kind} of ${host.id}`),
      agent_type: kind,
      binary: 'unkai',
      topic: 'N/A',
      host: host.name,
      availability_zone: zones.get(host.zoneId) ?? '',
      admin_state_up: host.state === 'enabled',
      alive: host.status === 'connected' && !host.forcedDown,
      created_at: isoSeconds(host.createdAt),
      started_at: isoSeconds(host.createdAt),
      heartbeat_timestamp: isoSeconds(host.updatedAt),
      description: '',
      configurations: {},
    })),
  );
}

const filters = [
  'id',
  'agent_type',
  'binary',
  'host',
  'alive',
  'admin_state_up',
  'availability_zone',
  'topic',
  'description',
];
const common = { dialect: 'network', group: 'agents', mode: 'sync', method: 'GET' } as const;

export const agentOperations = [
  operation({
    ...common,
    id: 'ListAgents',
    path: '/agents',
    allow: 'authenticated',
    query: listQuery(filters),
    responses: { 200: Type.Object({ agents: Type.Array(AgentView), agents_links: Type.Optional(Type.Any()) }) },
    errors: [401],
    title: 'List agents',
    summary: 'What each host does for networks. Administrators see them; others see none.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      if (!call.subject.isAdmin) return { body: { agents: [] } };
      const query = call.query as Query;
      const all = agentsOf(await call.cloud.hosts.list(), await call.cloud.zones.names());
      const wanted = all.filter((agent) => filters.every((key) => matches(agent[key], valuesOf(query, key))));
      const ids = wanted.map(({ id }) => String(id));
      const links = pageLinks('agents', ids, query, { origin: call.origin, url: call.raw.url });
      return { body: { agents: wanted.map((agent) => selected(agent, query)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ShowAgent',
    path: '/agents/{id}',
    allow: 'admin',
    params: Type.Object({ id: Type.String() }),
    responses: { 200: Type.Object({ agent: AgentView }) },
    errors: [401, 403, 404],
    title: 'Show agent',
    summary: 'What a host does for networks.',
    examples: [{ title: 'By its id', params: { id: 'b5a9c1d2-7f30-4e21-8d5a-1c0f9e7b3a64' }, status: 200 }],
    handle: async ({ cloud, params }) => {
      const id = withDashes(idInPath('agent', params.id));
      const agent = agentsOf(await cloud.hosts.list(), await cloud.zones.names()).find((one) => one['id'] === id);
      if (!agent) throw notFound('agent', id);
      return { body: { agent } };
    },
  }),
];
