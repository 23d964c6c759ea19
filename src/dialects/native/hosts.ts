import { isIPv4 } from 'node:net';
import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import { CloudError, notFound } from '../../cloud/errors.ts';
import { removeHost } from '../../cloud/hosts/removal.ts';
import { parseId } from '../../env/env.ts';

const common = {
  dialect: 'native',
  group: 'places',
  since: '1.0',
  mode: 'sync',
  allow: 'admin',
  dryRun: false,
} as const;

const text = (description: string) => Type.String({ minLength: 1, maxLength: 255, description });

const Host = Type.Object({
  id: Type.String(),
  name: Type.String(),
  zone: Type.String({ description: 'The name of its availability zone.' }),
  address: Type.String(),
  status: Type.String({ description: '`connecting`, `connected` or `disconnected`.' }),
});

/** Hosts that come and go while the cloud runs; what is on them, and what they can hold, is Nova's and Placement's to say. */
export const hostOperations = [
  operation({
    ...common,
    id: 'AddHost',
    method: 'POST',
    path: '/hosts',
    body: Type.Object({
      name: text('What it is to be called.'),
      address: text('The IPv4 address of the machine.'),
      ssh_port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'Default: 22.' })),
      user: text('As whom it is logged in to by SSH: root, or somebody who may become it by sudo.'),
      password: text('The password of that user.'),
      zone: Type.Optional(text('The name of its availability zone. Default: the default one.')),
    }),
    responses: { 201: Type.Object({ host: Host }) },
    errors: [400, 401, 403, 409, 503],
    title: 'Add a host on another machine',
    summary:
      'Makes another machine a host: logs in to it by SSH, installs what guests need, puts the agent there and starts it. Answers when the host does.',
    examples: [
      {
        title: 'A machine in the rack',
        body: { name: 'host-2', address: '192.0.2.12', user: 'root', password: 'password' },
        status: 201,
        response: {
          host: {
            id: '2b9f6d0a4c8e4f1b9a7d5e3c1b0a9f8e',
            name: 'host-2',
            zone: 'nova',
            address: '192.0.2.12',
            status: 'connected',
          },
        },
      },
    ],
    async handle({ cloud, body }) {
      const { name, address, ssh_port: port = 22, user, password, zone } = body;
      if (!isIPv4(address) || address.startsWith('127.') || address === '0.0.0.0')
        throw new CloudError('invalid', `${address} is not an IPv4 address of another machine.`, { field: 'address' });
      const zones = await cloud.zones.names();
      if (zone !== undefined && ![...zones.values()].includes(zone))
        throw new CloudError('invalid', `There is no availability zone ${zone}.`, { field: 'zone' });
      const { clusterId } = await cloud.zones.placeFor(zone);
      const host = await cloud.farHosts.add({ name, address, port, user, password, clusterId });
      const { id, managementAddress, status, zoneId } = host;
      const view = { id, name, zone: zones.get(zoneId) ?? '', address: managementAddress, status };
      return { status: 201, body: { host: view } };
    },
  }),
  operation({
    ...common,
    id: 'RemoveHost',
    method: 'DELETE',
    path: '/hosts/{host_id}',
    params: Type.Object({ host_id: Type.String() }),
    query: Type.Object({
      machine_gone: Type.Optional(
        Type.Boolean({
          description:
            'Its machine, another one than this, will never answer again: it is not connected to any more from now on, even if ' +
            'the host can not be removed yet, and nobody waits for what it should give up. Also for a host that was removed before.',
        }),
      ),
    }),
    responses: { 204: null },
    errors: [400, 401, 403, 404, 409],
    title: 'Remove a host',
    summary:
      'Takes a host that has neither servers nor volumes out of the cloud. It gives up the images and networks that it has; from another machine the agent goes, too.',
    examples: [
      { title: 'By id', params: { host_id: '2b9f6d0a4c8e4f1b9a7d5e3c1b0a9f8e' }, status: 204 },
      {
        title: 'One whose machine burned down',
        params: { host_id: '2b9f6d0a4c8e4f1b9a7d5e3c1b0a9f8e' },
        query: { machine_gone: 'true' },
        status: 204,
      },
    ],
    async handle({ cloud, params, query }) {
      const id = parseId(params.host_id);
      if (id === undefined) throw notFound('host', params.host_id);
      await removeHost(cloud, id, { isGone: query.machine_gone === true });
      return {};
    },
  }),
];
