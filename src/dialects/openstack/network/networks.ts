import { type Static, Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Network } from '../../../cloud/networks/model.ts';
import type { NetworkField } from '../../../cloud/networks/network-registry.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest, valuesOf } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import {
  Body,
  commonView,
  idInBody,
  Name,
  Nullable,
  numberOf,
  ownerMembers,
  ownerOf,
  View,
  WholeNumber,
} from './wire.ts';

const attributes: Attributes<NetworkField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  admin_state_up: ['adminStateUp', 'boolean'],
  status: ['status', 'text'],
  shared: ['shared', 'boolean'],
  'router:external': ['external', 'boolean'],
  is_default: ['isDefault', 'boolean'],
  mtu: ['mtu', 'integer'],
  port_security_enabled: ['portSecurity', 'boolean'],
  'provider:segmentation_id': ['segmentationId', 'integer'],
  revision_number: ['revision', 'integer'],
};

const carriers = ['provider:network_type', 'provider:physical_network'];

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  admin_state_up: Type.Optional(Type.Boolean()),
  shared: Type.Optional(Type.Boolean()),
  'router:external': Type.Optional(Type.Boolean()),
  mtu: Type.Optional(WholeNumber),
  port_security_enabled: Type.Optional(Type.Boolean()),
  dns_domain: Type.Optional(Name),
  qos_policy_id: Type.Optional(Nullable(Type.String())),
  is_default: Type.Optional(Type.Boolean()),
};

/** How it is carried: said when it is made, and the same ever after. */
const carried = {
  'provider:network_type': Type.Optional(Type.Literal('vxlan')),
  'provider:physical_network': Type.Optional(Type.Null()),
  'provider:segmentation_id': Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 2 ** 24 - 1 }), Type.String({ pattern: '^[1-9][0-9]{0,6}$' })]),
  ),
};

const CreateBody = Body({
  ...ownerMembers,
  ...changeable,
  ...carried,
});
const UpdateBody = Body({ ...changeable, ...carried });

/** The network as Neutron's clients know it. */
export function networkView(network: Network, subject: Subject): Record<string, unknown> {
  return {
    ...commonView(network),
    name: network.name,
    admin_state_up: network.adminStateUp,
    status: network.status,
    shared: network.shared,
    'router:external': network.external,
    is_default: network.isDefault,
    mtu: network.mtu,
    port_security_enabled: network.portSecurity,
    dns_domain: network.dnsDomain,
    qos_policy_id: network.qosPolicyId === null ? null : withDashes(network.qosPolicyId),
    ipv4_address_scope: null,
    ipv6_address_scope: null,
    subnets: network.subnetIds.map(withDashes),
    ...(subject.isAdmin ? provider(network) : {}),
  };
}

/** How hosts carry it, for administrators. */
export function provider(network: Network) {
  return {
    'provider:network_type': 'vxlan',
    'provider:physical_network': null,
    'provider:segmentation_id': network.segmentationId,
  };
}

function refuseOther(number: number, { segmentationId }: Network): void {
  if (number === segmentationId) return;
  const message = 'Invalid input for operation: how a network is carried is not changed while it is there.';
  throw new CloudError('invalid', message, { reason: 'invalid_input', field: 'provider:segmentation_id' });
}

function changesOf(body: Static<typeof UpdateBody>) {
  return {
    name: body.name,
    description: body.description,
    adminStateUp: body.admin_state_up,
    shared: body.shared,
    external: body['router:external'],
    mtu: numberOf(body.mtu),
    portSecurity: body.port_security_enabled,
    dnsDomain: body.dns_domain,
    isDefault: body.is_default,
    qosPolicyId: body.qos_policy_id ? idInBody('qos_policy_id', body.qos_policy_id) : body.qos_policy_id,
  };
}

const networks: Resource<Network, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'network',
  plural: 'networks',
  collection: 'networks',
  name: 'Network',
  title: 'network',
  summary: 'A network that servers can be plugged into. Guests get their addresses from its subnets.',
  view: networkView,
  viewSchema: View({
    name: Type.String(),
    admin_state_up: Type.Boolean(),
    status: Type.String(),
    shared: Type.Boolean(),
    'router:external': Type.Boolean(),
    is_default: Type.Boolean(),
    mtu: Type.Integer(),
    port_security_enabled: Type.Boolean(),
    dns_domain: Type.String(),
    qos_policy_id: Nullable(Type.String()),
    ipv4_address_scope: Type.Null(),
    ipv6_address_scope: Type.Null(),
    subnets: Type.Array(Type.String()),
    'provider:network_type': Type.String(),
    'provider:physical_network': Type.Null(),
    'provider:segmentation_id': Nullable(Type.Integer()),
  }),
  filters: [...Object.keys(attributes), ...carriers],
  tagged: true,
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '0d3c8a52-6f1b-4c0e-9f57-2a4be9d1c7aa',
    create: { name: 'web', admin_state_up: true },
    update: { name: 'web-2' },
  },
  list: async ({ cloud, subject }, query) => {
    // One kind of network, on no physical one: asked for others, there are none.
    const [kinds, places] = carriers.map((key) => valuesOf(query, key));
    if (kinds!.length > 0 && !kinds!.includes('vxlan')) return [];
    if (places!.length > 0 && !places!.some((place) => place === '' || place === 'None')) return [];
    return await cloud.networks.networks.list(subject, listRequest(query, attributes, carriers));
  },
  get: ({ cloud, subject }, id) => cloud.networks.networks.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.networks.create(
      subject,
      bodies.map((body) => ({
        ...changesOf(body),
        projectId: ownerOf(body),
        segmentationId: numberOf(body['provider:segmentation_id']),
      })),
    ),
  update: async ({ cloud, subject }, id, body, revision) => {
    const number = numberOf(body['provider:segmentation_id']);
    if (number !== undefined) refuseOther(number, await cloud.networks.networks.get(subject, id));
    return await cloud.networks.networks.update(subject, id, changesOf(body), revision);
  },
  delete: ({ cloud, subject }, id) => cloud.networks.networks.delete(subject, id),
};

export const networkOperations = resourceOperations(networks);
