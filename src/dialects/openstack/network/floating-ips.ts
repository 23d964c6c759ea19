import { type Static, Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { Association, FloatingIpField } from '../../../cloud/networks/floating-ips.ts';
import type { AssociatedPort, FloatingIpWithPort } from '../../../cloud/networks/router-model.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest, type Query, valuesOf } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import {
  Body,
  commonView,
  deviceIdView,
  HostName,
  idInBody,
  Name,
  Nullable,
  ownerMembers,
  ownerOf,
  View,
} from './wire.ts';

const attributes: Attributes<FloatingIpField> = {
  id: ['id', 'id'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  floating_network_id: ['networkId', 'id'],
  floating_ip_address: ['ipAddress', 'text'],
  fixed_ip_address: ['fixedIpAddress', 'text'],
  port_id: ['portId', 'id'],
  router_id: ['routerId', 'id'],
  revision_number: ['revision', 'integer'],
};

const special = ['status'];

const changeable = {
  description: Type.Optional(Name),
  port_id: Type.Optional(Nullable(Type.String())),
  fixed_ip_address: Type.Optional(Nullable(Type.String())),
};

const CreateBody = Body({
  ...ownerMembers,
  floating_network_id: Type.String(),
  floating_ip_address: Type.Optional(Nullable(Type.String())),
  subnet_id: Type.Optional(Nullable(Type.String())),
  dns_name: Type.Optional(HostName),
  dns_domain: Type.Optional(Name),
  ...changeable,
});
const UpdateBody = Body(changeable);

/** The floating IP as Neutron's clients know it. */
function floatingIpView(floatingIp: FloatingIpWithPort): Record<string, unknown> {
  const { portId, routerId } = floatingIp;
  return {
    ...commonView(floatingIp),
    floating_network_id: withDashes(floatingIp.networkId),
    floating_ip_address: floatingIp.address,
    fixed_ip_address: floatingIp.fixedAddress,
    port_id: portId && withDashes(portId),
    router_id: routerId && withDashes(routerId),
    status: floatingIp.status,
    dns_name: floatingIp.dnsName,
    dns_domain: floatingIp.dnsDomain,
    port_details: floatingIp.port && portDetails(floatingIp.port),
  };
}

function portDetails(port: AssociatedPort) {
  return {
    name: port.name,
    network_id: withDashes(port.networkId),
    mac_address: port.macAddress,
    admin_state_up: port.adminStateUp,
    status: port.status,
    device_id: deviceIdView(port.deviceId),
    device_owner: port.deviceOwner,
  };
}

const PortDetails = Type.Object({
  name: Type.String(),
  network_id: Type.String(),
  mac_address: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.String(),
  device_id: Type.String(),
  device_owner: Type.String(),
});

/** Undefined where nothing is said of it, null to free the address. */
function associationOf(body: Static<typeof UpdateBody>): Association | null | undefined {
  const { port_id: portId, fixed_ip_address: fixedAddress } = body;
  if (portId) return { portId: idInBody('port_id', portId), fixedAddress: fixedAddress ?? undefined };
  if (!fixedAddress) return portId === null ? null : undefined;
  const message = 'Bad floatingip request: fixed_ip_address cannot be specified without a port_id.';
  throw new CloudError('invalid', message, { reason: 'bad_request' });
}

function statusOf(query: Query): string | undefined {
  const [status, ...more] = new Set(valuesOf(query, 'status'));
  return more.length === 0 ? status : undefined;
}

const floatingIps: Resource<FloatingIpWithPort, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'floatingip',
  plural: 'floatingips',
  collection: 'floatingips',
  name: 'FloatingIp',
  title: 'floating IP',
  summary:
    'An address of an external network that stands for an address of a port, and can stand for another one later.',
  view: floatingIpView,
  viewSchema: View({
    floating_network_id: Type.String(),
    floating_ip_address: Type.String(),
    fixed_ip_address: Nullable(Type.String()),
    port_id: Nullable(Type.String()),
    router_id: Nullable(Type.String()),
    status: Type.String(),
    dns_name: Type.String(),
    dns_domain: Type.String(),
    port_details: Nullable(PortDetails),
  }),
  filters: [...Object.keys(attributes), ...special],
  tagged: true,
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '2f245a7b-796b-4f26-9cf9-9e82d248fda7',
    create: { floating_network_id: '376da547-b977-4cfe-9cba-275c80debf57' },
    update: { description: 'of the web server' },
  },
  list: ({ cloud, subject }, query) =>
    cloud.networks.floatingIps.list(subject, { ...listRequest(query, attributes, special), status: statusOf(query) }),
  get: ({ cloud, subject }, id) => cloud.networks.floatingIps.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.floatingIps.create(
      subject,
      bodies.map((body) => ({
        projectId: ownerOf(body),
        description: body.description,
        networkId: idInBody('floating_network_id', body.floating_network_id),
        subnetId: body.subnet_id ? idInBody('subnet_id', body.subnet_id) : undefined,
        address: body.floating_ip_address ?? undefined,
        dnsName: body.dns_name?.toLowerCase(),
        dnsDomain: body.dns_domain,
        association: associationOf(body) ?? undefined,
      })),
    ),
  update: ({ cloud, subject }, id, body, revision) =>
    cloud.networks.floatingIps.update(
      subject,
      id,
      { description: body.description, association: associationOf(body) },
      revision,
    ),
  delete: ({ cloud, subject }, id) => cloud.networks.floatingIps.delete(subject, id),
};

export const floatingIpOperations = resourceOperations(floatingIps);
