import { type Static, Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { defaultHostname, networkDomain } from '../../../cloud/networks/hostnames.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import type { PortField, PortListRequest } from '../../../cloud/networks/ports.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest, type Query, valuesOf } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import {
  Body,
  commonView,
  deviceIdView,
  FixedIps,
  fixedIpsOf,
  HostName,
  IpVersion,
  idInBody,
  ipVersionOf,
  Name,
  Nullable,
  ownerMembers,
  ownerOf,
  View,
} from './wire.ts';

const attributes: Attributes<PortField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  network_id: ['networkId', 'id'],
  mac_address: ['macAddress', 'mac'],
  admin_state_up: ['adminStateUp', 'boolean'],
  status: ['status', 'text'],
  device_id: ['deviceId', 'id'],
  device_owner: ['deviceOwner', 'text'],
  port_security_enabled: ['portSecurity', 'boolean'],
  dns_name: ['dnsName', 'text'],
  qos_policy_id: ['qosPolicyId', 'id'],
  revision_number: ['revision', 'integer'],
};

const special = ['fixed_ips', 'security_groups', 'binding:host_id'];

const AddressPairs = Type.Array(
  Type.Object(
    { ip_address: Type.String(), mac_address: Type.Optional(Type.String()) },
    { additionalProperties: false },
  ),
);

const DhcpOptions = Type.Array(
  Type.Object({
    opt_name: Type.String({ minLength: 1, maxLength: 64 }),
    opt_value: Nullable(Type.String({ maxLength: 255 })),
    ip_version: Type.Optional(IpVersion),
  }),
);

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  admin_state_up: Type.Optional(Type.Boolean()),
  mac_address: Type.Optional(Type.String()),
  fixed_ips: Type.Optional(FixedIps),
  security_groups: Type.Optional(Type.Array(Type.String())),
  device_id: Type.Optional(Name),
  device_owner: Type.Optional(Name),
  'binding:vnic_type': Type.Optional(Type.Literal('normal')),
  'binding:host_id': Type.Optional(Nullable(Name)),
  'binding:profile': Type.Optional(Nullable(Type.Object({}, { additionalProperties: false }))),
  port_security_enabled: Type.Optional(Type.Boolean()),
  allowed_address_pairs: Type.Optional(Nullable(AddressPairs)),
  dns_name: Type.Optional(HostName),
  dns_domain: Type.Optional(Name),
  extra_dhcp_opts: Type.Optional(Nullable(DhcpOptions)),
  qos_policy_id: Type.Optional(Nullable(Type.String())),
};

const CreateBody = Body({ ...ownerMembers, network_id: Type.String(), ...changeable });
const UpdateBody = Body(changeable);

/** The port as Neutron's clients know it; where it is served is for administrators. */
function portView(port: Port, subject: Subject): Record<string, unknown> {
  return {
    ...commonView(port),
    name: port.name,
    network_id: withDashes(port.networkId),
    mac_address: port.macAddress,
    admin_state_up: port.adminStateUp,
    status: port.status,
    // Servers' ids are printed as Nova prints them; any other text stays as the client set it.
    device_id: deviceIdView(port.deviceId),
    device_owner: port.deviceOwner,
    fixed_ips: port.fixedIps.map(({ subnetId, ipAddress }) => ({
      subnet_id: withDashes(subnetId),
      ip_address: ipAddress,
    })),
    security_groups: port.securityGroupIds.map(withDashes),
    port_security_enabled: port.portSecurity,
    allowed_address_pairs: port.allowedAddressPairs.map(({ ipAddress, macAddress }) => ({
      ip_address: ipAddress,
      mac_address: macAddress,
    })),
    dns_name: port.dnsName,
    dns_domain: port.dnsDomain,
    dns_assignment: port.fixedIps.map(({ ipAddress }) => dnsAssignment(port, ipAddress)),
    extra_dhcp_opts: port.extraDhcpOptions.map(({ name, value, version }) => ({
      opt_name: name,
      opt_value: value,
      ip_version: version,
    })),
    qos_policy_id: port.qosPolicyId === null ? null : withDashes(port.qosPolicyId),
    'binding:vnic_type': 'normal',
    ...(subject.isAdmin ? binding(port) : {}),
  };
}

function binding(port: Port) {
  return {
    'binding:host_id': port.hostName ?? port.bindingHost,
    'binding:vif_type': port.hostId === null ? 'unbound' : 'tap',
    'binding:vif_details': {},
    'binding:profile': {},
  };
}

function changesOf(body: Static<typeof UpdateBody>) {
  return {
    name: body.name,
    description: body.description,
    adminStateUp: body.admin_state_up,
    macAddress: body.mac_address,
    fixedIps: body.fixed_ips && fixedIpsOf(body.fixed_ips),
    securityGroupIds: body.security_groups?.map((id) => idInBody('security_groups', id)),
    deviceId: body.device_id === undefined ? undefined : (parseId(body.device_id) ?? body.device_id),
    deviceOwner: body.device_owner,
    portSecurity: body.port_security_enabled,
    allowedAddressPairs: pairsOf(body.allowed_address_pairs),
    dnsName: body.dns_name?.toLowerCase(),
    dnsDomain: body.dns_domain,
    bindingHost: body['binding:host_id'] === null ? '' : body['binding:host_id'],
    extraDhcpOptions: dhcpOptionsOf(body.extra_dhcp_opts),
    qosPolicyId: body.qos_policy_id ? idInBody('qos_policy_id', body.qos_policy_id) : body.qos_policy_id,
  };
}

function dhcpOptionsOf(options: Static<typeof DhcpOptions> | null | undefined) {
  if (options === null) return [];
  // Without a value an option is taken away, and there is none to begin with: all of them are given each time.
  return options?.flatMap(({ opt_name: name, opt_value: value, ip_version }) => {
    const version = ipVersionOf(ip_version ?? 4);
    return value === null ? [] : [{ name, value, version }];
  });
}

/** Under which name the port is found on its network. */
function dnsAssignment({ dnsName }: Port, ipAddress: string) {
  const hostname = dnsName || defaultHostname(ipAddress);
  return { hostname, ip_address: ipAddress, fqdn: `${hostname}.${networkDomain}.` };
}

function pairsOf(pairs: Static<typeof AddressPairs> | null | undefined) {
  if (pairs === null) return [];
  return pairs?.map(({ ip_address, mac_address }) => ({ ipAddress: ip_address, macAddress: mac_address }));
}

/** `fixed_ips=ip_address=192.0.2.7`, `fixed_ips=subnet_id=…`, `fixed_ips=ip_address_substr=192.0.`; repeated for more. */
function portListRequest(query: Query): PortListRequest {
  const groups = valuesOf(query, 'security_groups');
  const hostNames = valuesOf(query, 'binding:host_id');
  return {
    ...listRequest(query, attributes, special),
    fixedIps: fixedIpsFilter(valuesOf(query, 'fixed_ips')),
    hostNames: hostNames.length === 0 ? undefined : hostNames,
    securityGroupIds: groups.length === 0 ? undefined : groups.map((id) => parseId(id) ?? id),
  };
}

function fixedIpsFilter(texts: string[]): PortListRequest['fixedIps'] {
  if (texts.length === 0) return undefined;
  const wanted = Map.groupBy(
    texts.map((text) => text.split('=', 2) as [string, string?]),
    ([key]) => key,
  );
  const values = (key: string) => wanted.get(key)?.map(([, value = '']) => value);
  for (const key of wanted.keys()) {
    if (['subnet_id', 'ip_address', 'ip_address_substr'].includes(key)) continue;
    const message = `Invalid input for fixed_ips. Reason: '${key}' is not one of subnet_id, ip_address, ip_address_substr.`;
    throw new CloudError('invalid', message, { reason: 'HTTPBadRequest' });
  }
  return {
    subnetIds: values('subnet_id')?.map((id) => parseId(id) ?? id),
    addresses: values('ip_address'),
    addressParts: values('ip_address_substr'),
  };
}

const Free = Type.Object({}, { additionalProperties: true });

const ports: Resource<Port, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'port',
  plural: 'ports',
  collection: 'ports',
  name: 'Port',
  title: 'port',
  summary: 'A place on a network with a MAC address and IP addresses, which a server can be plugged into.',
  view: portView,
  viewSchema: View({
    name: Type.String(),
    network_id: Type.String(),
    mac_address: Type.String(),
    admin_state_up: Type.Boolean(),
    status: Type.String(),
    device_id: Type.String(),
    device_owner: Type.String(),
    fixed_ips: FixedIps,
    security_groups: Type.Array(Type.String()),
    port_security_enabled: Type.Boolean(),
    allowed_address_pairs: AddressPairs,
    dns_name: Type.String(),
    dns_domain: Type.String(),
    dns_assignment: Type.Array(
      Type.Object({ hostname: Type.String(), ip_address: Type.String(), fqdn: Type.String() }),
    ),
    extra_dhcp_opts: Type.Array(
      Type.Object({ opt_name: Type.String(), opt_value: Nullable(Type.String()), ip_version: Type.Integer() }),
    ),
    qos_policy_id: Nullable(Type.String()),
    'binding:vnic_type': Type.String(),
    'binding:host_id': Type.String(),
    'binding:vif_type': Type.String(),
    'binding:vif_details': Free,
    'binding:profile': Free,
  }),
  filters: [...Object.keys(attributes), ...special],
  tagged: true,
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: 'c3b8f6d4-5a0e-4b0f-8d4b-0d2c6f5b7e91',
    create: { network_id: '0d3c8a52-6f1b-4c0e-9f57-2a4be9d1c7aa', name: 'eth0 of web' },
    update: { name: 'eth0 of web-2' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.ports.list(subject, portListRequest(query)),
  get: ({ cloud, subject }, id) => cloud.networks.ports.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.ports.create(
      subject,
      bodies.map((body) => ({
        ...changesOf(body),
        projectId: ownerOf(body),
        networkId: idInBody('network_id', body.network_id),
      })),
    ),
  update: ({ cloud, subject }, id, body, revision) =>
    cloud.networks.ports.update(subject, id, changesOf(body), revision),
  delete: ({ cloud, subject }, id) => cloud.servers.deletePort(subject, id),
};

export const portOperations = resourceOperations(ports);
