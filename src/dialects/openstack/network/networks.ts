import { type Static, Type } from 'typebox';
import type { Network } from '../../../cloud/networks/model.ts';
import type { NetworkField } from '../../../cloud/networks/network-registry.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, commonView, Name, ownerMembers, ownerOf, View } from './wire.ts';

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
  revision_number: ['revision', 'integer'],
};

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  admin_state_up: Type.Optional(Type.Boolean()),
  shared: Type.Optional(Type.Boolean()),
  'router:external': Type.Optional(Type.Boolean()),
  mtu: Type.Optional(Type.Integer()),
  port_security_enabled: Type.Optional(Type.Boolean()),
};

const CreateBody = Body({ ...ownerMembers, ...changeable });
const UpdateBody = Body(changeable);

/** The network as Neutron's clients know it. */
export function networkView(network: Network): Record<string, unknown> {
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
    subnets: network.subnetIds.map(withDashes),
  };
}

function changesOf(body: Static<typeof UpdateBody>) {
  return {
    name: body.name,
    description: body.description,
    adminStateUp: body.admin_state_up,
    shared: body.shared,
    external: body['router:external'],
    mtu: body.mtu,
    portSecurity: body.port_security_enabled,
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
    subnets: Type.Array(Type.String()),
  }),
  filters: Object.keys(attributes),
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '0d3c8a52-6f1b-4c0e-9f57-2a4be9d1c7aa',
    create: { name: 'web', admin_state_up: true },
    update: { name: 'web-2' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.networks.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.networks.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.networks.create(
      subject,
      bodies.map((body) => ({ ...changesOf(body), projectId: ownerOf(body) })),
    ),
  update: ({ cloud, subject }, id, body, revision) =>
    cloud.networks.networks.update(subject, id, changesOf(body), revision),
  delete: ({ cloud, subject }, id) => cloud.networks.networks.delete(subject, id),
};

export const networkOperations = resourceOperations(networks);
