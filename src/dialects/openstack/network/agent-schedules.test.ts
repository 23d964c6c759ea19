import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestCloud } from '../../../../tests/support/cloud.ts';
import type { OpenStackClient } from '../../../cli/clients/openstack-client.ts';

let cloud: TestCloud;
let admin: OpenStackClient;
let networkId: string;
let routerId: string;
let hostName: string;

const base = '/network/v2.0';
// biome-ignore lint/suspicious/noExplicitAny: the bodies of several operations
const get = async (path: string): Promise<any> => await admin.get(`${base}${path}`);
const post = async (what: string, body: object) => (await admin.post(`${base}/${what}s`, { [what]: body }))[what];
const hostsOf = (agents: Array<{ host: string }>) => agents.map(({ host }) => host);

/** The id of an agent on the host, or on the other one. */
async function agentOn(kind: string, isThere: boolean): Promise<string> {
  const { agents } = await get(`/agents?agent_type=${encodeURIComponent(kind)}`);
  expect(agents).toHaveLength(2);
  return agents.find(({ host }: { host: string }) => (host === hostName) === isThere).id;
}

beforeAll(async () => {
  cloud = await TestCloud.start({ hosts: 2 });
  admin = await cloud.openstack();
  networkId = (await post('network', { name: 'web' })).id;
  const subnet = await post('subnet', { network_id: networkId, ip_version: 4, cidr: '10.7.0.0/24' });
  routerId = (await post('router', { name: 'out' })).id;
  await admin.call('PUT', `${base}/routers/${routerId}/add_router_interface`, { subnet_id: subnet.id });
});
afterAll(() => cloud?.close());

it('nobody serves a network without guests, and its router is nowhere', async () => {
  expect(await get(`/networks/${networkId}/dhcp-agents`)).toEqual({ agents: [] });
  expect(await get(`/routers/${routerId}/l3-agents`)).toEqual({ agents: [] });
});

it('the host of its guest serves a network, and has its router', async () => {
  const { id } = await admin.post('/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare' });
  await admin.call('PUT', `/image/v2/images/${id}/file`, Buffer.alloc(2 ** 20));
  const server = { name: 'web', imageRef: id, flavorRef: '42', networks: [{ uuid: networkId }] };
  const made = (await admin.post('/compute/v2.1/servers', { server })).server;
  await cloud.cloud.runner.idle();
  const shown = (await admin.get(`/compute/v2.1/servers/${made.id}`)).server;
  expect(shown.status).toBe('ACTIVE');
  hostName = shown['OS-EXT-SRV-ATTR:host'];

  const { agents: dhcp } = await get(`/networks/${networkId}/dhcp-agents`);
  expect(dhcp).toMatchObject([{ agent_type: 'DHCP agent', host: hostName, alive: true }]);
  const { agents: l3 } = await get(`/routers/${routerId}/l3-agents`);
  expect(l3).toMatchObject([{ agent_type: 'L3 agent', host: hostName, ha_state: null }]);
  expect(hostsOf(l3)).toEqual([hostName]);

  const networksOf = async (kind: string, isThere: boolean) =>
    (await get(`/agents/${await agentOn(kind, isThere)}/dhcp-networks`)).networks;
  expect(await networksOf('DHCP agent', true)).toMatchObject([{ id: networkId, name: 'web' }]);
  expect(await networksOf('DHCP agent', false)).toEqual([]);
  expect(await networksOf('L3 agent', true)).toEqual([]);
  const routersOf = async (kind: string, isThere: boolean) =>
    (await get(`/agents/${await agentOn(kind, isThere)}/l3-routers`)).routers;
  expect(await routersOf('L3 agent', true)).toMatchObject([{ id: routerId, name: 'out' }]);
  expect(await routersOf('L3 agent', false)).toEqual([]);
  expect(await routersOf('DHCP agent', true)).toEqual([]);
});

it.each([
  '/agents/00000000-0000-4000-8000-000000000000/dhcp-networks',
  '/agents/00000000-0000-4000-8000-000000000000/l3-routers',
  '/agents/nobody/l3-routers',
  '/networks/00000000-0000-4000-8000-000000000000/dhcp-agents',
  '/routers/nowhere/l3-agents',
])('%s is not found', async (path) => {
  await expect(get(path)).rejects.toThrow(/404|could not be found/);
});
