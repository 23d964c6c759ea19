import { afterAll, beforeAll, expect, test } from 'vitest';
import { withDashes } from '../../../env/env.ts';
import { computeDialects } from '../compute/compute.ts';
import { ComputeApi } from '../compute/test-compute-api.ts';
import { placement } from './placement.ts';

let api: ComputeApi;

beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, placement]);
}, 120_000);

afterAll(() => api?.stop());

async function read(path: string, minor = 29) {
  return await api.call('GET', `/placement${path}`, { version: `placement 1.${minor}` });
}

test('hosts are providers of what they have', async () => {
  const { body } = await read('/resource_providers');
  const [host] = await api.unkai.cloud.hosts.list();
  const uuid = withDashes(host!.id);
  expect(body.resource_providers).toEqual([
    expect.objectContaining({ uuid, name: host!.name, parent_provider_uuid: null, root_provider_uuid: uuid }),
  ]);
  const old = await read('/resource_providers', 0);
  expect(Object.keys(old.body.resource_providers[0]).sort()).toEqual(['generation', 'links', 'name', 'uuid']);
  const { body: held } = await read(`/resource_providers/${uuid}/inventories`);
  expect(held.inventories.VCPU).toMatchObject({ total: host!.vcpus, reserved: 0, allocation_ratio: host!.cpuRatio });
  expect(held.inventories.MEMORY_MB).toMatchObject({ total: host!.memoryMb, reserved: host!.reservedMemoryMb });
  const traits = await read(`/resource_providers/${uuid}/traits`);
  expect(traits.body.traits).toContain('COMPUTE_NODE');
  expect((await read(`/resource_providers/${uuid}/traits`, 5)).status).toBe(404);
});

test('servers hold something of them', async () => {
  const [host] = await api.unkai.cloud.hosts.list();
  const uuid = withDashes(host!.id);
  const before = (await read(`/resource_providers/${uuid}/usages`)).body.usages;
  const consumer = await api.server();
  expect((await read(`/allocations/${consumer}`)).body.allocations).toEqual({
    [uuid]: expect.objectContaining({ resources: { VCPU: 1, MEMORY_MB: 128, DISK_GB: 1 } }),
  });
  const after = (await read(`/resource_providers/${uuid}/usages`)).body.usages;
  expect(after.VCPU).toBe(before.VCPU + 1);
  expect((await read(`/resource_providers/${uuid}/allocations`)).body.allocations).toHaveProperty(consumer);
});

test('candidates have room, and the shape of their version', async () => {
  const newest = await read('/allocation_candidates?resources=VCPU:1,MEMORY_MB:64');
  const [uuid] = Object.keys(newest.body.allocation_requests[0].allocations);
  expect(newest.body.allocation_requests[0].allocations[uuid!]).toEqual({ resources: { VCPU: 1, MEMORY_MB: 64 } });
  expect(Object.keys(newest.body.provider_summaries[uuid!].resources).sort()).toEqual(['DISK_GB', 'MEMORY_MB', 'VCPU']);
  const old = await read('/allocation_candidates?resources=VCPU:1', 10);
  expect(old.body.allocation_requests[0].allocations[0].resource_provider).toEqual({ uuid });
  const none = await read('/allocation_candidates?resources=VCPU:1000000');
  expect(none.body.allocation_requests).toEqual([]);
  expect((await read('/allocation_candidates?resources=VCPU')).status).toBe(400);
});

test('is for administrators, tells its versions to anyone, and lets nothing be written', async () => {
  const versions = await api.call('GET', '/placement', { as: 'nobody' });
  expect(versions.body.versions[0]).toMatchObject({ min_version: '1.0', max_version: '1.29' });
  const refused = await api.call('PUT', '/placement/resource_providers/x/inventories', { body: {} });
  expect(refused.status).toBe(405);
});
