import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Network } from '../../../cloud/networks/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { until } from './microversions.ts';
import { TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'network proxies', method: 'GET', since: '2.1', mode: 'sync' } as const;
const Params = Type.Object({ network_id: Type.String() });
const exampleNetwork = { network_id: '8e3f3d6d-5d57-4d6e-9bd4-1c1d4d5a3f10' };

/** What a network of Nova itself had, and the network service tells in its own way. */
const absent = [
  'bridge',
  'vpn_public_port',
  'dhcp_start',
  'bridge_interface',
  'updated_at',
  'cidr_v6',
  'deleted_at',
  'gateway',
  'rxtx_base',
  'priority',
  'vpn_private_address',
  'deleted',
  'vlan',
  'broadcast',
  'netmask',
  'injected',
  'cidr',
  'vpn_public_address',
  'multi_host',
  'dns2',
  'created_at',
  'host',
  'gateway_v6',
  'netmask_v6',
  'dns1',
] as const;

const NetworkSchema = Type.Object({
  id: Type.String(),
  label: Type.String(),
  project_id: Type.Optional(TextOrNull),
  ...Object.fromEntries(absent.map((name) => [name, Type.Optional(Type.Null())])),
});
const TenantNetwork = Type.Object({ id: Type.String(), label: Type.String(), cidr: Type.String() });

function networkView({ id, name, projectId }: Network) {
  const nothing = Object.fromEntries(absent.map((member) => [member, null]));
  return { ...nothing, id: withDashes(id), label: name, project_id: projectId };
}

function tenantView({ id, name }: Network) {
  return { id: withDashes(id), label: name, cidr: 'None' };
}

async function networkNamed({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, text: string): Promise<Network> {
  const id = parseId(text);
  if (!id) throw notFound('network', text, `Network not found`);
  return await cloud.networks.networks.get(subject, id);
}

/** Networks, of which Nova told a little up to 2.35. */
export const networkProxies = [
  operation({
    ...common,
    id: 'ListNetworks',
    path: '/os-networks',
    allow: 'reader',
    responses: { 200: Type.Object({ networks: Type.Array(NetworkSchema) }) },
    errors: [401, 403],
    title: 'List networks',
    summary: 'Ids and names. Up to 2.35; the network API tells more.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject }) {
      return { body: { networks: (await cloud.networks.networks.list(subject)).map(networkView) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowNetwork',
    path: '/os-networks/{network_id}',
    allow: 'reader',
    params: Params,
    responses: { 200: Type.Object({ network: NetworkSchema }) },
    errors: [401, 403, 404],
    title: 'Show a network',
    summary: 'Up to 2.35.',
    examples: [{ title: 'By id', params: exampleNetwork, status: 200 }],
    async handle(call) {
      return { body: { network: networkView(await networkNamed(call, call.params.network_id)) } };
    },
  }),
  operation({
    ...common,
    id: 'ListTenantNetworks',
    path: '/os-tenant-networks',
    allow: 'reader',
    responses: { 200: Type.Object({ networks: Type.Array(TenantNetwork) }) },
    errors: [401, 403],
    title: 'List networks of the project',
    summary: 'Ids and names. Up to 2.35.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject }) {
      return { body: { networks: (await cloud.networks.networks.list(subject)).map(tenantView) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowTenantNetwork',
    path: '/os-tenant-networks/{network_id}',
    allow: 'reader',
    params: Params,
    responses: { 200: Type.Object({ network: TenantNetwork }) },
    errors: [401, 403, 404],
    title: 'Show a network of the project',
    summary: 'Up to 2.35.',
    examples: [{ title: 'By id', params: exampleNetwork, status: 200 }],
    async handle(call) {
      return { body: { network: tenantView(await networkNamed(call, call.params.network_id)) } };
    },
  }),
].map((one) => until(35, one));
