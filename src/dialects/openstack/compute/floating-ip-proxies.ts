import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { FloatingIp } from '../../../cloud/networks/router-model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { until } from './microversions.ts';
import { portsOf, proxiedAction } from './ports-of-server.ts';
import { closed, exampleServer, TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'network proxies', since: '2.1', mode: 'sync' } as const;
const Params = Type.Object({ floating_ip_id: Type.String() });
const exampleFloatingIp = { floating_ip_id: '2f245a7b-796b-4f26-9cf9-9e82d248fda7' };

const FloatingIpSchema = Type.Object({
  id: Type.String(),
  ip: Type.String(),
  pool: Type.String({ description: 'Name of the external network.' }),
  fixed_ip: TextOrNull,
  instance_id: TextOrNull,
});
const FloatingIpDocument = Type.Object({ floating_ip: FloatingIpSchema });

type Asked = Pick<Call, 'cloud' | 'subject'>;

async function shown({ cloud, subject }: Asked, floatingIps: readonly FloatingIp[]) {
  const networks = await cloud.networks.networks.list(subject, { filters: { external: [true] } });
  const names = new Map(networks.map(({ id, name }) => [id, name]));
  const portIds = floatingIps.flatMap(({ portId }) => portId ?? []);
  const filters = { id: portIds };
  const ports = portIds.length === 0 ? [] : await cloud.networks.ports.list(subject, { filters });
  const servers = new Map(ports.map(({ id, deviceId }) => [id, parseId(deviceId)]));
  return floatingIps.map((one) => {
    const serverId = servers.get(one.portId ?? '');
    return {
      id: withDashes(one.id),
      ip: one.address,
      pool: names.get(one.networkId) ?? withDashes(one.networkId),
      fixed_ip: one.fixedAddress,
      instance_id: serverId ? withDashes(serverId) : null,
    };
  });
}

function idOf(text: string): string {
  const id = parseId(text);
  if (id) return id;
  throw notFound('floating_ip', text, `Floating IP not found for ID ${text}`);
}

async function externalNetwork({ cloud, subject }: Asked, pool: string | null | undefined) {
  const all = await cloud.networks.networks.list(subject, { filters: { external: [true] } });
  const found = pool ? all.find(({ id, name }) => name === pool || id === parseId(pool)) : all[0];
  if (found) return found;
  throw new CloudError('not_found', 'Floating IP pool not found.', { resource: 'network' });
}

/** The project's floating IP of that address. Throws `not_found`. */
async function byAddress({ cloud, subject }: Asked, address: string): Promise<FloatingIp> {
  const [found] = await cloud.networks.floatingIps.list(subject, { filters: { ipAddress: [address] } });
  if (found) return found;
  throw new CloudError('not_found', 'floating IP not found', { resource: 'floating_ip' });
}

/** Nova calls what the network refuses here a bad request. */
function asBadRequest(error: unknown): never {
  if (!(error instanceof CloudError) || error.code !== 'conflict') throw error;
  throw new CloudError('invalid', error.message, { ...error.details, cause: error });
}

/** Floating IPs, which Nova passed on to the network service up to 2.35. */
const proxies = [
  operation({
    ...common,
    id: 'ListFloatingIps',
    method: 'GET',
    path: '/os-floating-ips',
    allow: 'reader',
    responses: { 200: Type.Object({ floating_ips: Type.Array(FloatingIpSchema) }) },
    errors: [401, 403],
    title: 'List floating IPs',
    summary: "The project's floating IPs. Up to 2.35; the network API tells more.",
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const filters = { projectId: [call.subject.projectId!] };
      const all = await call.cloud.networks.floatingIps.list(call.subject, { filters });
      return { body: { floating_ips: await shown(call, all) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateFloatingIp',
    method: 'POST',
    path: '/os-floating-ips',
    allow: 'member',
    body: Type.Optional(
      Type.Unsafe<{ pool?: string | null } | null>({
        type: ['object', 'null'],
        properties: { pool: { type: ['string', 'null'] } },
        additionalProperties: false,
        description: 'The external network, where it is not the first one.',
      }),
    ),
    responses: { 200: FloatingIpDocument },
    errors: [400, 401, 403, 404],
    title: 'Create a floating IP',
    summary: 'Up to 2.35.',
    examples: [{ title: 'Of a pool', body: { pool: 'public' }, status: 200 }],
    async handle(call) {
      const { id } = await externalNetwork(call, call.body?.pool);
      const made = await call.cloud.networks.floatingIps.create(call.subject, [{ networkId: id }]);
      return { body: { floating_ip: (await shown(call, made))[0]! } };
    },
  }),
  operation({
    ...common,
    id: 'ShowFloatingIp',
    method: 'GET',
    path: '/os-floating-ips/{floating_ip_id}',
    allow: 'reader',
    params: Params,
    responses: { 200: FloatingIpDocument },
    errors: [401, 403, 404],
    title: 'Show a floating IP',
    summary: 'Up to 2.35.',
    examples: [{ title: 'One that is not there', params: exampleFloatingIp, status: 404 }],
    async handle(call) {
      const found = await call.cloud.networks.floatingIps.get(call.subject, idOf(call.params.floating_ip_id));
      return { body: { floating_ip: (await shown(call, [found]))[0]! } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteFloatingIp',
    method: 'DELETE',
    path: '/os-floating-ips/{floating_ip_id}',
    allow: 'member',
    params: Params,
    responses: { 202: null },
    errors: [401, 403, 404],
    title: 'Delete a floating IP',
    summary: 'Up to 2.35.',
    examples: [{ title: 'One that is not there', params: exampleFloatingIp, status: 404 }],
    async handle(call) {
      await call.cloud.networks.floatingIps.delete(call.subject, idOf(call.params.floating_ip_id));
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ListFloatingIpPools',
    method: 'GET',
    path: '/os-floating-ip-pools',
    allow: 'reader',
    responses: { 200: Type.Object({ floating_ip_pools: Type.Array(Type.Object({ name: Type.String() })) }) },
    errors: [401, 403],
    title: 'List floating IP pools',
    summary: 'The external networks. Up to 2.35.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject }) {
      const networks = await cloud.networks.networks.list(subject, { filters: { external: [true] } });
      return { body: { floating_ip_pools: networks.map(({ name, id }) => ({ name: name || withDashes(id) })) } };
    },
  }),
].map((one) => until(35, one));

/** Up to 2.43. */
const actions = [
  operation({
    ...proxiedAction,
    id: 'AddFloatingIp',
    bodyKey: 'addFloatingIp',
    body: closed({
      address: Type.String({ format: 'ipv4' }),
      fixed_address: Type.Optional(Type.String({ format: 'ipv4' })),
    }),
    title: 'Give a server a floating IP',
    summary: 'Lets a floating IP stand for an address of the server. Up to 2.43.',
    examples: [
      {
        title: 'One that is not there',
        params: exampleServer,
        body: { addFloatingIp: { address: '198.51.100.7' } },
        status: 404,
      },
    ],
    async handle(call) {
      const { cloud, subject, body } = call;
      const ports = await portsOf(call);
      const floatingIp = await byAddress(call, body.address);
      const wanted = body.fixed_address;
      const port = ports.find(({ fixedIps }) =>
        fixedIps.some(({ ipAddress }) => (wanted === undefined ? !ipAddress.includes(':') : ipAddress === wanted)),
      );
      if (!port) throw new CloudError('invalid', 'No fixed IPs associated to instance', { field: 'fixed_address' });
      const fixedAddress = wanted ?? port.fixedIps.find(({ ipAddress }) => !ipAddress.includes(':'))!.ipAddress;
      const association = { portId: port.id, fixedAddress };
      await cloud.networks.floatingIps.update(subject, floatingIp.id, { association }).catch(asBadRequest);
      return {};
    },
  }),
  operation({
    ...proxiedAction,
    id: 'RemoveFloatingIp',
    bodyKey: 'removeFloatingIp',
    body: closed({ address: Type.String({ format: 'ipv4' }) }),
    title: 'Take a floating IP from a server',
    summary: 'The floating IP stays with the project. Up to 2.43.',
    examples: [
      {
        title: 'One that is not there',
        params: exampleServer,
        body: { removeFloatingIp: { address: '198.51.100.7' } },
        status: 404,
      },
    ],
    async handle(call) {
      const { cloud, subject, body } = call;
      const ports = await portsOf(call);
      const floatingIp = await byAddress(call, body.address);
      if (!ports.some(({ id }) => id === floatingIp.portId)) {
        const words = `Floating IP ${body.address} is not associated with the server.`;
        throw new CloudError('conflict', words, { reason: 'not_associated' });
      }
      await cloud.networks.floatingIps.update(subject, floatingIp.id, { association: null });
      return {};
    },
  }),
].map((one) => until(43, one));

export const floatingIpProxies = [...proxies, ...actions];
