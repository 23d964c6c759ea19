import { type Static, Type } from 'typebox';
import type { Subnet } from '../../../cloud/networks/model.ts';
import type { SubnetField } from '../../../cloud/networks/subnets.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import {
  Body,
  commonView,
  IpVersion,
  idInBody,
  ipVersionOf,
  Name,
  Nullable,
  ownerMembers,
  ownerOf,
  PrefixLength,
  View,
} from './wire.ts';

const attributes: Attributes<SubnetField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  network_id: ['networkId', 'id'],
  ip_version: ['ipVersion', 'integer'],
  cidr: ['cidr', 'text'],
  gateway_ip: ['gatewayIp', 'text'],
  enable_dhcp: ['enableDhcp', 'boolean'],
  ipv6_address_mode: ['ipv6AddressMode', 'text'],
  ipv6_ra_mode: ['ipv6RaMode', 'text'],
  subnetpool_id: ['subnetPoolId', 'id'],
  revision_number: ['revision', 'integer'],
};

const Pools = Type.Array(Type.Object({ start: Type.String(), end: Type.String() }));
const Routes = Type.Array(Type.Object({ destination: Type.String(), nexthop: Type.String() }));

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  gateway_ip: Type.Optional(Nullable(Type.String())),
  enable_dhcp: Type.Optional(Type.Boolean()),
  allocation_pools: Type.Optional(Pools),
  dns_nameservers: Type.Optional(Type.Array(Type.String())),
  host_routes: Type.Optional(Routes),
  service_types: Type.Optional(Type.Array(Name)),
};

const Ipv6Mode = Type.Optional(
  Nullable(Type.Union([Type.Literal('slaac'), Type.Literal('dhcpv6-stateful'), Type.Literal('dhcpv6-stateless')])),
);

const CreateBody = Body({
  ...ownerMembers,
  network_id: Type.String(),
  ip_version: IpVersion,
  cidr: Type.Optional(Nullable(Type.String())),
  prefixlen: Type.Optional(PrefixLength),
  ...changeable,
  subnetpool_id: Type.Optional(Nullable(Type.String())),
  use_default_subnetpool: Type.Optional(Type.Boolean()),
  ipv6_address_mode: Ipv6Mode,
  ipv6_ra_mode: Ipv6Mode,
});
const UpdateBody = Body(changeable);

/** The subnet as Neutron's clients know it. */
function subnetView(subnet: Subnet): Record<string, unknown> {
  return {
    ...commonView(subnet),
    name: subnet.name,
    network_id: withDashes(subnet.networkId),
    ip_version: subnet.ipVersion,
    cidr: subnet.cidr,
    gateway_ip: subnet.gatewayIp,
    enable_dhcp: subnet.enableDhcp,
    allocation_pools: subnet.allocationPools,
    dns_nameservers: subnet.dnsNameservers,
    host_routes: subnet.hostRoutes,
    service_types: subnet.serviceTypes,
    subnetpool_id: subnet.subnetPoolId === null ? null : withDashes(subnet.subnetPoolId),
    ipv6_address_mode: subnet.ipv6AddressMode,
    ipv6_ra_mode: subnet.ipv6RaMode,
  };
}

function changesOf(body: Static<typeof UpdateBody>) {
  return {
    name: body.name,
    description: body.description,
    gatewayIp: body.gateway_ip,
    enableDhcp: body.enable_dhcp,
    allocationPools: body.allocation_pools,
    dnsNameservers: body.dns_nameservers,
    hostRoutes: body.host_routes,
    serviceTypes: body.service_types,
  };
}

function newSubnet(body: Static<typeof CreateBody>) {
  return {
    ...changesOf(body),
    projectId: ownerOf(body),
    networkId: idInBody('network_id', body.network_id),
    ipVersion: ipVersionOf(body.ip_version),
    cidr: body.cidr ?? undefined,
    prefixLength: body.prefixlen === undefined ? undefined : Number(body.prefixlen),
    subnetPoolId: body.subnetpool_id ? idInBody('subnetpool_id', body.subnetpool_id) : undefined,
    useDefaultPool: body.use_default_subnetpool,
    ipv6AddressMode: body.ipv6_address_mode,
    ipv6RaMode: body.ipv6_ra_mode,
  };
}

const subnets: Resource<Subnet, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'subnet',
  plural: 'subnets',
  collection: 'subnets',
  name: 'Subnet',
  title: 'subnet',
  summary: 'A block of addresses on a network, from which ports get theirs.',
  view: subnetView,
  viewSchema: View({
    name: Type.String(),
    network_id: Type.String(),
    ip_version: Type.Integer(),
    cidr: Type.String(),
    gateway_ip: Nullable(Type.String()),
    enable_dhcp: Type.Boolean(),
    allocation_pools: Pools,
    dns_nameservers: Type.Array(Type.String()),
    host_routes: Routes,
    service_types: Type.Array(Type.String()),
    subnetpool_id: Nullable(Type.String()),
    ipv6_address_mode: Nullable(Type.String()),
    ipv6_ra_mode: Nullable(Type.String()),
  }),
  filters: Object.keys(attributes),
  tagged: true,
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '7b0a5f0e-3f52-4d7c-8c39-93a1f4b1d2e6',
    create: { network_id: '0d3c8a52-6f1b-4c0e-9f57-2a4be9d1c7aa', ip_version: 4, cidr: '192.168.10.0/24' },
    update: { dns_nameservers: ['192.168.10.2'] },
  },
  list: ({ cloud, subject }, query) => cloud.networks.subnets.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.subnets.get(subject, id),
  create: ({ cloud, subject }, bodies) => cloud.networks.subnets.create(subject, bodies.map(newSubnet)),
  update: ({ cloud, subject }, id, body, revision) =>
    cloud.networks.subnets.update(subject, id, changesOf(body), revision),
  delete: ({ cloud, subject }, id) => cloud.networks.subnets.delete(subject, id),
};

export const subnetOperations = resourceOperations(subnets);
