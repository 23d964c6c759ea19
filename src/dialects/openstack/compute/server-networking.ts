import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { Port, SecurityGroup } from '../../../cloud/networks/model.ts';
import { groupsCannotBeApplied } from '../../../cloud/networks/port-security.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { minorOf } from './microversions.ts';
import { portsOf } from './ports-of-server.ts';
import { groupView, SecurityGroupSchema } from './security-groups-view.ts';
import { addressesView } from './server-view.ts';
import { closed, exampleServer, ServerParams, serverIdOf } from './wire.ts';

const common = { dialect: 'compute', group: 'server networking', since: '2.1', mode: 'sync' } as const;

const Addresses = Type.Record(Type.String(), Type.Array(Type.Object({ version: Type.Integer(), addr: Type.String() })));

const Interface = Type.Object({
  port_id: Type.String(),
  net_id: Type.String(),
  mac_addr: Type.String(),
  port_state: Type.String(),
  fixed_ips: Type.Array(Type.Object({ subnet_id: Type.String(), ip_address: Type.String() })),
  tag: Type.Optional(
    Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'By what the guest is told to know it; from 2.70 on.',
    }),
  ),
});

function interfaceView(port: Port, context: Call['context']) {
  return {
    port_id: withDashes(port.id),
    net_id: withDashes(port.networkId),
    mac_addr: port.macAddress,
    port_state: port.status,
    fixed_ips: port.fixedIps.map((fixed) => ({
      subnet_id: withDashes(fixed.subnetId),
      ip_address: fixed.ipAddress,
    })),
    ...(minorOf(context) >= 70 ? { tag: port.deviceTag } : {}),
  };
}

async function groupsOf(call: Call<{ server_id: string }>): Promise<SecurityGroup[]> {
  const ids = [...new Set((await portsOf(call)).flatMap((port) => port.securityGroupIds))];
  return ids.length === 0 ? [] : await call.cloud.networks.securityGroups.list(call.subject, { filters: { id: ids } });
}

/** The server's ports and the group that is named. Throws `invalid` as Nova does for a server without ports. */
async function portsAndGroup(call: Call<{ server_id: string }, object, { name: string }>) {
  const ports = await portsOf(call);
  const group = await groupNamed(call, call.body.name);
  if (ports.length === 0) throw new CloudError('invalid', 'The server has no interface for a security group.');
  return { ports, group };
}

async function setGroups({ cloud, subject }: Call, ports: readonly Port[], wanted: (port: Port) => string[]) {
  for (const port of ports) {
    await cloud.networks.ports.update(subject, port.id, { securityGroupIds: wanted });
  }
}

async function groupNamed({ cloud, subject }: Call<{ server_id: string }, object, object>, name: string) {
  const all = await cloud.networks.securityGroups.list(subject, { filters: { projectId: [subject.projectId!] } });
  const id = parseId(name);
  const found = all.filter((group) => group.id === id || group.name === name);
  if (found.length > 1) {
    const words = `Multiple security_groups found matching '${name}'. Use an ID to be more specific.`;
    throw new CloudError('conflict', words, { reason: 'no_unique_match' });
  }
  if (!found[0]) throw notFound('security_group', name, `Security group ${name} not found.`);
  return found[0];
}

const GroupName = closed({ name: Type.String({ minLength: 1, maxLength: 255, description: 'Its name, or its id.' }) });
const groupAction = {
  ...common,
  method: 'POST',
  path: '/servers/{server_id}/action',
  allow: 'member',
  params: ServerParams,
  body: GroupName,
  responses: { 202: null },
  errors: [400, 401, 403, 404, 409],
} as const;

export const serverNetworkingOperations = [
  operation({
    ...common,
    id: 'ListServerAddresses',
    method: 'GET',
    path: '/servers/{server_id}/ips',
    allow: 'reader',
    params: ServerParams,
    responses: { 200: Type.Object({ addresses: Addresses }) },
    errors: [401, 403, 404],
    title: 'List addresses of a server',
    summary: 'Its addresses, by the names of its networks.',
    examples: [{ title: 'All', params: exampleServer, status: 200 }],
    async handle(call) {
      const server = await call.cloud.servers.detail(call.subject, serverIdOf(call));
      return { body: { addresses: addressesView(server) } };
    },
  }),
  operation({
    ...common,
    id: 'ListServerAddressesOfNetwork',
    method: 'GET',
    path: '/servers/{server_id}/ips/{network_label}',
    allow: 'reader',
    params: Type.Object({ ...ServerParams.properties, network_label: Type.String() }),
    responses: { 200: Addresses },
    errors: [401, 403, 404],
    title: 'List addresses on one network',
    summary: 'Its addresses on the network of that name.',
    examples: [{ title: 'By name', params: { ...exampleServer, network_label: 'default' }, status: 200 }],
    async handle(call) {
      const { network_label: label } = call.params;
      const views = addressesView(await call.cloud.servers.detail(call.subject, serverIdOf(call)));
      if (Object.hasOwn(views, label)) return { body: { [label]: views[label]! } };
      throw new CloudError('not_found', 'Instance is not a member of specified network', { resource: 'network' });
    },
  }),
  operation({
    ...common,
    id: 'ListServerInterfaces',
    method: 'GET',
    path: '/servers/{server_id}/os-interface',
    allow: 'reader',
    params: ServerParams,
    responses: { 200: Type.Object({ interfaceAttachments: Type.Array(Interface) }) },
    errors: [401, 403, 404],
    title: 'List interfaces of a server',
    summary: 'The ports that a server has.',
    examples: [{ title: 'All', params: exampleServer, status: 200 }],
    handle: async (call) => ({
      body: { interfaceAttachments: (await portsOf(call)).map((port) => interfaceView(port, call.context)) },
    }),
  }),
  operation({
    ...common,
    id: 'ShowServerInterface',
    method: 'GET',
    path: '/servers/{server_id}/os-interface/{port_id}',
    allow: 'reader',
    params: Type.Object({ ...ServerParams.properties, port_id: Type.String() }),
    responses: { 200: Type.Object({ interfaceAttachment: Interface }) },
    errors: [401, 403, 404],
    title: 'Show an interface of a server',
    summary: 'One port that a server has.',
    examples: [
      { title: 'By port', params: { ...exampleServer, port_id: 'ce531f90-199f-48c0-816c-13e38010b442' }, status: 200 },
    ],
    async handle(call) {
      const { port_id } = call.params;
      const port = (await portsOf(call)).find(({ id }) => id === parseId(port_id));
      if (port) return { body: { interfaceAttachment: interfaceView(port, call.context) } };
      const words = `Instance does not have a port with id ${port_id}`;
      throw new CloudError('not_found', words, { resource: 'port' });
    },
  }),
  operation({
    ...common,
    id: 'ListServerSecurityGroups',
    method: 'GET',
    path: '/servers/{server_id}/os-security-groups',
    allow: 'reader',
    params: ServerParams,
    responses: { 200: Type.Object({ security_groups: Type.Array(SecurityGroupSchema) }) },
    errors: [401, 403, 404],
    title: 'List security groups of a server',
    summary: 'The security groups of its ports, with their rules for what comes in.',
    examples: [{ title: 'All', params: exampleServer, status: 200 }],
    handle: async (call) => ({ body: { security_groups: (await groupsOf(call)).map((group) => groupView(group)) } }),
  }),
  operation({
    ...groupAction,
    id: 'AddSecurityGroup',
    bodyKey: 'addSecurityGroup',
    title: 'Add a security group to a server',
    summary: 'Gives the group to every port of the server.',
    examples: [{ title: 'By name', params: exampleServer, body: { addSecurityGroup: { name: 'web' } }, status: 202 }],
    async handle(call) {
      const { ports, group } = await portsAndGroup(call);
      if (!ports.every(({ portSecurity }) => portSecurity)) throw groupsCannotBeApplied();
      await setGroups(call, ports, (port) => [...new Set([...port.securityGroupIds, group.id])]);
      return {};
    },
  }),
  operation({
    ...groupAction,
    id: 'RemoveSecurityGroup',
    bodyKey: 'removeSecurityGroup',
    title: 'Remove a security group from a server',
    summary: 'Takes the group from every port of the server that has it.',
    examples: [
      { title: 'By name', params: exampleServer, body: { removeSecurityGroup: { name: 'web' } }, status: 202 },
    ],
    async handle(call) {
      const { ports, group } = await portsAndGroup(call);
      const having = ports.filter((port) => port.securityGroupIds.includes(group.id));
      if (having.length === 0) {
        const words = `Security group ${group.name} is not associated with the server.`;
        throw new CloudError('not_found', words, { resource: 'security_group' });
      }
      await setGroups(call, having, (port) => port.securityGroupIds.filter((id) => id !== group.id));
      return {};
    },
  }),
];
