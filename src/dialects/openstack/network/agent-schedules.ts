import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import { AgentView, agentKinds, agentsOf } from './agents.ts';
import { networkView } from './networks.ts';
import { routerView } from './routers.ts';
import { idInPath } from './wire.ts';

const common = { dialect: 'network', group: 'agents', mode: 'sync', method: 'GET', allow: 'admin' } as const;
const Params = Type.Object({ id: Type.String() });
const Members = Type.Object({}, { additionalProperties: true });
const AgentOfRouter = Type.Object({
  ...AgentView.properties,
  ha_state: Type.Null({ description: 'Routers have no stand-ins.' }),
});
const exampleAgent = { id: 'b5a9c1d2-7f30-4e21-8d5a-1c0f9e7b3a64' };

/** The host of the agent, if it is one of this kind. Throws `not_found` for an id that is no agent's. */
async function hostOfAgent({ cloud }: Pick<Call, 'cloud'>, id: string, kind: string): Promise<string | undefined> {
  const hosts = await cloud.hosts.list();
  const wanted = idInPath('agent', id);
  const all = hosts.flatMap((host) => agentsOf([host], new Map()).map((agent) => ({ agent, hostId: host.id })));
  const found = all.find(({ agent }) => String(agent['id']).replaceAll('-', '') === wanted);
  if (!found) throw notFound('agent', wanted);
  return found.agent['agent_type'] === kind ? found.hostId : undefined;
}

/** The agents of this kind on the hosts. */
async function agentsOn({ cloud }: Pick<Call, 'cloud'>, hostIds: ReadonlySet<string>, kind: string) {
  const hosts = (await cloud.hosts.list()).filter(({ id }) => hostIds.has(id));
  return agentsOf(hosts, await cloud.zones.names()).filter((agent) => agent['agent_type'] === kind);
}

/** What each host's agents serve. It follows from where guests are, so nothing is given to an agent or taken from one. */
export const agentScheduleOperations = [
  operation({
    ...common,
    id: 'ListNetworksOfDhcpAgent',
    path: '/agents/{id}/dhcp-networks',
    params: Params,
    responses: { 200: Type.Object({ networks: Type.Array(Members) }) },
    errors: [401, 403, 404],
    title: 'List networks of a DHCP agent',
    summary: 'The networks whose guests on this host get their addresses from it.',
    examples: [{ title: 'By its id', params: exampleAgent, status: 404 }],
    handle: async (call) => {
      const { cloud, subject, params } = call;
      const hostId = await hostOfAgent(call, params.id, agentKinds.dhcp);
      const served = await cloud.hostNetworks.served();
      const ids = served.filter((one) => one.hostId === hostId).map(({ networkId }) => networkId);
      if (hostId === undefined || ids.length === 0) return { body: { networks: [] } };
      const networks = await cloud.networks.networks.list(subject, { filters: { id: ids } });
      return { body: { networks: networks.map((network) => networkView(network, subject)) } };
    },
  }),
  operation({
    ...common,
    id: 'ListDhcpAgentsOfNetwork',
    path: '/networks/{id}/dhcp-agents',
    params: Params,
    responses: { 200: Type.Object({ agents: Type.Array(AgentView) }) },
    errors: [401, 403, 404],
    title: 'List DHCP agents of a network',
    summary: 'Those of the hosts on which the network has guests: each host serves its own.',
    examples: [{ title: 'By its id', params: { id: '0d3c8a52-6f1b-4c0e-9f57-2a4be9d1c7aa' }, status: 200 }],
    handle: async (call) => {
      const { id } = await call.cloud.networks.networks.get(call.subject, idInPath('network', call.params.id));
      const served = (await call.cloud.hostNetworks.served()).filter(({ networkId }) => networkId === id);
      const hosts = new Set(served.flatMap(({ hostId }) => hostId ?? []));
      return { body: { agents: await agentsOn(call, hosts, agentKinds.dhcp) } };
    },
  }),
  operation({
    ...common,
    id: 'ListRoutersOfL3Agent',
    path: '/agents/{id}/l3-routers',
    params: Params,
    responses: { 200: Type.Object({ routers: Type.Array(Members) }) },
    errors: [401, 403, 404],
    title: 'List routers of an L3 agent',
    summary:
      'The routers that are on this host now. A router is on one, as long as one of its networks has a guest anywhere.',
    examples: [{ title: 'By its id', params: exampleAgent, status: 404 }],
    handle: async (call) => {
      const { cloud, subject, params } = call;
      const hostId = await hostOfAgent(call, params.id, agentKinds.l3);
      const placed = await cloud.hostNetworks.placedRouters();
      const ids = placed.filter((one) => one.hostId === hostId).map(({ routerId }) => routerId);
      if (hostId === undefined || ids.length === 0) return { body: { routers: [] } };
      const routers = await cloud.networks.routers.list(subject, { filters: { id: ids } });
      return { body: { routers: routers.map(routerView) } };
    },
  }),
  operation({
    ...common,
    id: 'ListL3AgentsOfRouter',
    path: '/routers/{id}/l3-agents',
    params: Params,
    responses: { 200: Type.Object({ agents: Type.Array(AgentOfRouter) }) },
    errors: [401, 403, 404],
    title: 'List L3 agents of a router',
    summary: 'That of the host on which the router is; none while its networks have no guests.',
    examples: [{ title: 'By its id', params: { id: '4e1f7c30-2b6a-4d9f-8c1e-5a7d3f9b2e60' }, status: 200 }],
    handle: async (call) => {
      const { id } = await call.cloud.networks.routers.get(call.subject, idInPath('router', call.params.id));
      const placed = (await call.cloud.hostNetworks.placedRouters()).filter(({ routerId }) => routerId === id);
      const agents = await agentsOn(call, new Set(placed.map(({ hostId }) => hostId)), agentKinds.l3);
      return { body: { agents: agents.map((agent) => ({ ...agent, ha_state: null })) } };
    },
  }),
];
