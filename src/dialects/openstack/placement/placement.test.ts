import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { withDashes } from '../../../env/env.ts';
import { computeDialects } from '../compute/compute.ts';
import { ComputeApi } from '../compute/test-compute-api.ts';
import { placement } from './placement.ts';

let api: ComputeApi;

beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, placement]);
});

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

test('the storages that a host has are its children, and servers hold of them what lies there', async () => {
  const { cloud } = api.unkai;
  const folder = await mkdtemp(join(tmpdir(), 'unkai-placement-'));
  const [host] = await cloud.hosts.list();
  const uuid = withDashes(host!.id);
  const { id } = await cloud.storages.add({ name: 'big', zoneId: host!.zoneId, path: join(folder, 'big') });
  await cloud.storages.attach(id, host!.clusterId);
  const name = `${host!.name}_${withDashes(id)}`;
  const [part] = (await read(`/resource_providers?name=${name}`)).body.resource_providers;
  expect(part).toMatchObject({ name, parent_provider_uuid: uuid, root_provider_uuid: uuid });
  const path = `/resource_providers/${part.uuid}`;
  for (const inTree of [uuid, part.uuid]) {
    const tree = (await read(`/resource_providers?in_tree=${inTree}`)).body.resource_providers;
    expect(tree.map((one: { uuid: string }) => one.uuid).sort()).toEqual([uuid, part.uuid].sort());
  }
  expect((await read('/resource_providers?resources=VCPU:1')).body.resource_providers).toHaveLength(1);
  expect((await read('/resource_providers?required=COMPUTE_NODE')).body.resource_providers).toHaveLength(1);
  const { inventories } = (await read(`${path}/inventories`)).body;
  expect(inventories).toEqual({ DISK_GB: expect.objectContaining({ reserved: 0, allocation_ratio: host!.diskRatio }) });
  expect((await read(`${path}/inventories/VCPU`)).status).toBe(404);
  expect((await read(`${path}/traits`)).body.traits).toEqual([]);
  expect((await read(`${path}/aggregates`)).body.aggregates).toEqual([]);

  // What is on the own disk of the host is promised: new servers have their root disks in the storage.
  const used = (await cloud.hosts.usage())[0]!.used.diskGb;
  const size = (host!.diskGb * host!.diskRatio - used) * 2 ** 30;
  const place = { hostId: host!.id, storageId: null };
  const filling = await cloud.blockStorage.create(operator(), { size, place });
  await cloud.runner.wait(filling.actionId, { timeoutMs: 60_000 });
  const wanted = 'VCPU:1,DISK_GB:1';
  const { body } = await read(`/allocation_candidates?resources=${wanted}`);
  const held = { [uuid]: { resources: { VCPU: 1 } }, [part.uuid]: { resources: { DISK_GB: 1 } } };
  expect(body.allocation_requests).toEqual([{ allocations: held }]);
  expect(Object.keys(body.provider_summaries).sort()).toEqual([uuid, part.uuid].sort());
  expect((await read(`/allocation_candidates?resources=${wanted}`, 28)).body.allocation_requests).toEqual([]);
  const consumer = await api.server();
  const { allocations } = (await read(`/allocations/${consumer}`)).body;
  expect(allocations[part.uuid]).toMatchObject({ resources: { DISK_GB: 1 } });
  expect(allocations[uuid].resources).toEqual({ VCPU: 1, MEMORY_MB: 128 });
  expect((await read(`${path}/usages`)).body.usages).toEqual({ DISK_GB: 1 });
  expect((await read(`${path}/allocations`)).body.allocations).toEqual({ [consumer]: { resources: { DISK_GB: 1 } } });

  await cloud.storages.setState(id, 'disabled');
  expect((await read(`${path}/inventories/DISK_GB`)).body).toMatchObject({ reserved: inventories.DISK_GB.total });
  expect((await read(`/allocation_candidates?resources=${wanted}`)).body.allocation_requests).toEqual([]);
  const gone = await cloud.servers.delete(operator(), consumer.replaceAll('-', ''));
  await cloud.runner.wait(gone.actionId!, { timeoutMs: 60_000 });
  const emptied = await cloud.blockStorage.delete(operator(), filling.volume.id);
  await cloud.runner.wait(emptied.actionId!, { timeoutMs: 60_000 });
  await cloud.storages.detach(id, host!.clusterId);
  await cloud.storages.remove(id);
  expect((await read(path)).status).toBe(404);
  await rm(folder, { recursive: true, force: true });
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
