import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { AddressUse } from '../../../cloud/networks/address-use.ts';
import { withDashes } from '../../../env/env.ts';
import { listQuery, matches, type Query, selected, valuesOf } from './queries.ts';
import { idInPath } from './wire.ts';

/** Small lists of what there is where. */

const common = { dialect: 'network', mode: 'sync', method: 'GET' } as const;

const ZoneView = Type.Object({ name: Type.String(), resource: Type.String(), state: Type.String() });

const zoneFilters = ['name', 'resource', 'state'] as const;

const listZones = operation({
  ...common,
  id: 'ListAvailabilityZones',
  group: 'availability_zones',
  path: '/availability_zones',
  allow: 'authenticated',
  query: listQuery(zoneFilters),
  responses: { 200: Type.Object({ availability_zones: Type.Array(Type.Partial(ZoneView)) }) },
  errors: [401],
  title: 'List availability zones',
  summary: 'Networks and routers are wherever the guests are that need them, in every zone.',
  examples: [{ title: 'All', status: 200 }],
  handle: async ({ cloud, ...call }) => {
    const query = call.query as Query;
    const all = (await cloud.zones.ofHosts()).flatMap(({ name }) =>
      ['network', 'router'].map((resource) => ({ name, resource, state: 'available' })),
    );
    const wanted = all.filter((zone) => zoneFilters.every((key) => matches(zone[key], valuesOf(query, key))));
    return { body: { availability_zones: wanted.map((zone) => selected(zone, query)) } };
  },
});

const ProviderView = Type.Object({ service_type: Type.String(), name: Type.String(), default: Type.Boolean() });
const providerFilters = ['service_type', 'name', 'default'] as const;
const providers = [{ service_type: 'L3_ROUTER_NAT', name: 'single_node', default: true }];

const listProviders = operation({
  ...common,
  id: 'ListServiceProviders',
  group: 'service-providers',
  path: '/service-providers',
  allow: 'authenticated',
  query: listQuery(providerFilters),
  responses: { 200: Type.Object({ service_providers: Type.Array(Type.Partial(ProviderView)) }) },
  errors: [401],
  title: 'List service providers',
  summary: 'There is one kind of router.',
  examples: [{ title: 'All', status: 200 }],
  handle: (call) => {
    const query = call.query as Query;
    const wanted = providers.filter((one) => providerFilters.every((key) => matches(one[key], valuesOf(query, key))));
    return { body: { service_providers: wanted.map((one) => selected(one, query)) } };
  },
});

const SubnetUse = Type.Object({
  subnet_id: Type.String(),
  subnet_name: Type.String(),
  cidr: Type.String(),
  ip_version: Type.Integer(),
  total_ips: Type.Number(),
  used_ips: Type.Integer(),
});

const UseView = Type.Object({
  network_id: Type.String(),
  network_name: Type.String(),
  project_id: Type.String(),
  tenant_id: Type.String(),
  total_ips: Type.Number(),
  used_ips: Type.Integer(),
  subnet_ip_availability: Type.Array(SubnetUse),
});

const useFilters = ['network_id', 'network_name', 'project_id', 'tenant_id'] as const;

const listUse = operation({
  ...common,
  id: 'ListNetworkIpAvailabilities',
  group: 'network-ip-availabilities',
  path: '/network-ip-availabilities',
  allow: 'admin',
  query: listQuery([...useFilters, 'ip_version']),
  responses: { 200: Type.Object({ network_ip_availabilities: Type.Array(Type.Partial(UseView)) }) },
  errors: [401, 403],
  title: 'List use of addresses',
  summary: 'How many addresses of each network ports have, and how many there are for them.',
  examples: [{ title: 'All', status: 200 }],
  handle: async ({ cloud, subject, ...call }) => {
    const query = call.query as Query;
    const all = (await cloud.networks.addressUse(subject)).map((network) => useView(network, query));
    const wanted = all.filter((use) => useFilters.every((key) => matches(use[key], valuesOf(query, key))));
    return { body: { network_ip_availabilities: wanted.map((use) => selected(use, query)) } };
  },
});

/** Of the subnets of one family where the query names it. */
function useView(network: AddressUse, query: Query) {
  const versions = valuesOf(query, 'ip_version');
  const subnets = network.subnets.filter(({ subnet }) => matches(subnet.ipVersion, versions));
  return {
    network_id: withDashes(network.networkId),
    network_name: network.networkName,
    project_id: network.projectId,
    tenant_id: network.projectId,
    total_ips: subnets.reduce((sum, { total }) => sum + total, 0),
    used_ips: subnets.reduce((sum, { used }) => sum + used, 0),
    subnet_ip_availability: subnets.map(({ subnet, total, used }) => ({
      subnet_id: withDashes(subnet.id),
      subnet_name: subnet.name,
      cidr: subnet.cidr,
      ip_version: subnet.ipVersion,
      total_ips: total,
      used_ips: used,
    })),
  };
}

const showUse = operation({
  ...common,
  id: 'ShowNetworkIpAvailability',
  group: 'network-ip-availabilities',
  path: '/network-ip-availabilities/{network_id}',
  allow: 'admin',
  params: Type.Object({ network_id: Type.String() }),
  responses: { 200: Type.Object({ network_ip_availability: UseView }) },
  errors: [401, 403, 404],
  title: 'Show use of addresses of network',
  summary: 'How many addresses of the network ports have, and how many there are for them.',
  examples: [{ title: 'By its id', params: { network_id: '0d3c8a52-6f1b-4c0e-9f57-2a4be9d1c7aa' }, status: 200 }],
  handle: async ({ cloud, subject, params }) => {
    const id = idInPath('network', params.network_id);
    const use = (await cloud.networks.addressUse(subject)).find(({ networkId }) => networkId === id);
    if (!use) throw notFound('network', id);
    return { body: { network_ip_availability: useView(use, {}) } };
  },
});

/** `None` is one's own. */
function projectOfTopology(subject: Subject, given: string): string {
  const projectId = given === 'None' ? subject.projectId! : given.replaceAll('-', '');
  if (projectId !== subject.projectId && !subject.isAdmin) throw notFound('auto_allocated_topology', projectId);
  return projectId;
}

const getTopology = operation({
  ...common,
  id: 'GetAutoAllocatedTopology',
  group: 'auto-allocated-topology',
  path: '/auto-allocated-topology/{project_id}',
  allow: 'member',
  params: Type.Object({ project_id: Type.String() }),
  query: Type.Object({ fields: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])) }),
  responses: {
    200: Type.Object({
      auto_allocated_topology: Type.Object({
        id: Type.String(),
        project_id: Type.String(),
        tenant_id: Type.String(),
      }),
    }),
  },
  errors: [401, 404, 409],
  title: 'Show auto allocated topology',
  summary:
    "The network that the project's servers get when they ask for none: the cloud's default one, which is there for all. " +
    'With fields=dry-run, only whether there is one.',
  examples: [
    { title: 'Of the project admin', params: { project_id: '36c27e8ff05c4780bf6d2fa65700f22e' }, status: 200 },
  ],
  handle: async ({ cloud, subject, params, query }) => {
    const projectId = projectOfTopology(subject, params.project_id);
    const [network] = await cloud.networks.networks.list(subject, { filters: { isDefault: [true] } });
    if (!network) throw new CloudError('conflict', 'Deployment error: there is no default network.');
    const id = [query.fields].flat().includes('dry-run') ? 'dry-run=pass' : withDashes(network.id);
    return { body: { auto_allocated_topology: { id, project_id: projectId, tenant_id: projectId } } };
  },
});

const deleteTopology = operation({
  ...common,
  id: 'DeleteAutoAllocatedTopology',
  group: 'auto-allocated-topology',
  method: 'DELETE',
  path: '/auto-allocated-topology/{project_id}',
  allow: 'member',
  params: Type.Object({ project_id: Type.String() }),
  responses: { 204: null },
  errors: [401, 403, 404],
  title: 'Delete auto allocated topology',
  summary:
    'Takes away what was made for the project alone. That is nothing here: the network that its servers get by themselves ' +
    'is there for all, and stays.',
  examples: [{ title: "One's own", params: { project_id: 'None' }, status: 204 }],
  handle: ({ subject, params }) => {
    projectOfTopology(subject, params.project_id);
    return {};
  },
});

export const placeOperations = [listZones, listProviders, listUse, showUse, getTopology, deleteTopology];
