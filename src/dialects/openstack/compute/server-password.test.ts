import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/simulated-host.ts';
import { parseId } from '../../../env/env.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
});
afterAll(() => api?.stop());

/** What the guest is answered that asks its metadata service. */
async function ask(serverId: string, method: string, path: string, body?: string) {
  const { db } = api.unkai.cloud;
  const place = db.read.selectFrom('ports').innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id');
  const { network_id: networkId, ip_address: address } = await place
    .select(['ports.network_id', 'port_addresses.ip_address'])
    .where('ports.device_id', '=', parseId(serverId)!)
    .executeTakeFirstOrThrow();
  const host = api.unkai.agents[0]!.agent as unknown as SimulatedHost;
  return await host.networks.askMetadata({ networkId, address, method, path, body });
}

const shown = async (id: string) => (await api.call('GET', `/compute/v2.1/servers/${id}/os-server-password`)).body;

test('a guest tells the password that it made once; users read it and clear it', async () => {
  const id = await api.server();
  const path = '/openstack/2013-10-17/password';
  expect(await shown(id)).toEqual({ password: '' });
  expect(await ask(id, 'POST', path, 'QmFzZTY0')).toMatchObject({ status: 200 });
  expect(await ask(id, 'GET', path)).toMatchObject({ status: 200, body: 'QmFzZTY0' });
  expect(await shown(id)).toEqual({ password: 'QmFzZTY0' });
  expect(await ask(id, 'POST', path, 'another')).toMatchObject({ status: 409 });
  expect((await api.call('DELETE', `/compute/v2.1/servers/${id}/os-server-password`)).status).toBe(204);
  expect(await shown(id)).toEqual({ password: '' });
  expect(await ask(id, 'POST', path, 'x'.repeat(1021))).toMatchObject({ status: 400 });
  expect(await ask(id, 'POST', path, 'another')).toMatchObject({ status: 200 });
});

test('nothing else is taken from guests', async () => {
  const id = await api.server();
  for (const path of ['/', '/openstack/latest/meta_data.json', '/latest/user-data', '/openstack/1999-01-01/password'])
    expect(await ask(id, 'POST', path, 'text'), path).toMatchObject({ status: 405 });
});
