import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { invalidField, type KnownIn, knownMembers, minorOf } from './microversions.ts';
import { DeviceTag } from './server-tag-names.ts';
import { closed, exampleServer, type Of, ServerParams, serverIdOf, TextOrNull, uuidOf } from './wire.ts';

const common = { dialect: 'compute', group: 'server networking', since: '2.1', mode: 'sync' } as const;
const exampleNetworkId = '8e3f3d6d-5d57-4d6e-9bd4-1c1d4d5a3f10';
const examplePort = { ...exampleServer, port_id: 'ce531f90-199f-48c0-816c-13e38010b442' };

const Attachment = closed({
  port_id: Type.Optional(Type.String({ description: 'A port that nothing has.' })),
  net_id: Type.Optional(Type.String({ description: 'The network to make a port in; the only one, if none is said.' })),
  fixed_ips: Type.Optional(Type.Array(closed({ ip_address: Type.String() }), { minItems: 1, maxItems: 1 })),
  tag: Type.Optional({ ...DeviceTag, description: 'By what the guest is told to know it; from 2.49 on.' }),
});
const knownIn: { [K in keyof Of<typeof Attachment>]?: KnownIn } = { tag: [49] };

const Interface = Type.Object({
  port_id: Type.String(),
  net_id: Type.String(),
  mac_addr: Type.String(),
  port_state: Type.String(),
  fixed_ips: Type.Array(Type.Object({ subnet_id: Type.String(), ip_address: Type.String() })),
  tag: Type.Optional(TextOrNull),
});

function view(port: Port, context: Call['context']) {
  return {
    port_id: withDashes(port.id),
    net_id: withDashes(port.networkId),
    mac_addr: port.macAddress,
    port_state: port.status,
    fixed_ips: port.fixedIps.map(({ subnetId, ipAddress }) => ({
      subnet_id: withDashes(subnetId),
      ip_address: ipAddress,
    })),
    ...(minorOf(context) >= 70 ? { tag: port.deviceTag } : {}),
  };
}

function wantedOf(context: Call['context'], attachment: Of<typeof Attachment>) {
  const { port_id, net_id, fixed_ips, tag } = knownMembers(context, 'interfaceAttachment', attachment, knownIn);
  if (port_id !== undefined && net_id !== undefined) {
    throw invalidField('interfaceAttachment', attachment, 'Must not input both network_id and port_id');
  }
  if (fixed_ips !== undefined && net_id === undefined) {
    throw invalidField('interfaceAttachment', attachment, 'Must input network_id when request IP address');
  }
  if (port_id === undefined && net_id === undefined && tag === undefined) return undefined;
  return {
    portId: port_id === undefined ? undefined : uuidOf('port_id', port_id),
    networkId: net_id === undefined ? undefined : uuidOf('net_id', net_id),
    fixedIp: fixed_ips?.[0]?.ip_address,
    tag,
  };
}

/** To give interfaces to servers, and to take them, also while they run. */
export const serverInterfaceOperations = [
  operation({
    ...common,
    id: 'AttachInterface',
    method: 'POST',
    path: '/servers/{server_id}/os-interface',
    allow: 'member',
    params: ServerParams,
    body: closed({ interfaceAttachment: Type.Optional(Attachment) }),
    responses: { 200: Type.Object({ interfaceAttachment: Interface }) },
    errors: [400, 401, 403, 404, 409],
    title: 'Give a server an interface',
    summary:
      'Gives a server one more network interface: a guest that runs sees it appear, any other has it when it starts.',
    examples: [
      {
        title: 'In a network',
        params: exampleServer,
        body: { interfaceAttachment: { net_id: exampleNetworkId } },
        status: 200,
      },
    ],
    async handle(call) {
      const { cloud, subject, context, body } = call;
      const wanted = wantedOf(context, body.interfaceAttachment ?? {});
      const { port } = await cloud.servers.attachInterface(subject, serverIdOf(call), wanted);
      return { body: { interfaceAttachment: view(await cloud.networks.ports.get(subject, port.id), context) } };
    },
  }),
  operation({
    ...common,
    id: 'DetachInterface',
    method: 'DELETE',
    path: '/servers/{server_id}/os-interface/{port_id}',
    allow: 'member',
    params: Type.Object({ ...ServerParams.properties, port_id: Type.String() }),
    responses: { 202: null },
    errors: [401, 403, 404, 409],
    title: 'Take an interface from a server',
    summary:
      'Takes a network interface from a server; the system of a guest that runs is asked to let go of it first. A port that was made for the server goes too.',
    examples: [{ title: 'By port', params: examplePort, status: 202 }],
    async handle(call) {
      const given = call.params.port_id;
      const portId = parseId(given);
      if (portId === undefined) throw notFound('port', given, `Port id ${given} could not be found.`);
      await call.cloud.servers.detachInterface(call.subject, serverIdOf(call), portId);
      return {};
    },
  }),
];
