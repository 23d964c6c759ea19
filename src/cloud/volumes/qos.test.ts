import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentError, type DiskLimits, type HostAgent } from '../../agent/contract.ts';
import { connectionTo } from './connections.ts';
import { gib, StorageCloud } from './test-cloud.ts';

let storage: StorageCloud;
let isRefusing: boolean;

const refusing = (agent: HostAgent): HostAgent =>
  new Proxy(agent, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== 'attachDisk' || !isRefusing) return typeof value === 'function' ? value.bind(target) : value;
      return () => Promise.reject(new AgentError('hypervisor_failed', 'it broke', { retryable: false }));
    },
  });

beforeEach(async () => {
  isRefusing = false;
  storage = await StorageCloud.start({ wrapAgent: refusing });
});
afterEach(() => storage.stop());

/** A volume type with limits. */
async function type(name: string, specs: Record<string, string>, consumer: 'front-end' | 'back-end' = 'front-end') {
  const { qos, types } = storage.cloud.blockStorage;
  const { id: qosId } = await qos.create(storage.admin, { name, consumer, specs });
  const { id } = await types.create(storage.admin, { name });
  await types.setQos(storage.admin, id, qosId);
}

const limitsIn = (serverId: string, volumeId: string): DiskLimits | undefined =>
  storage.host.guestSpec(serverId)!.disks.find((disk) => disk.volumeId === volumeId)!.limits;

test('the limits of its type go with a volume to the guest, change when it gets another type, and hold at each start', async () => {
  const { blockStorage, servers } = storage.cloud;
  await type('slow', { total_iops_sec_per_gb: '50', read_bytes_sec: '1000000' });
  await type('quick', { write_iops_sec: '9000' });
  await type('behind', { total_iops_sec: '1' }, 'back-end');
  const server = await storage.server();
  const volume = await storage.volume({ size: 2 * gib, volumeType: 'slow' });
  await storage.ended((await blockStorage.attach(storage.member, server.id, { volumeId: volume.id })).actionId);
  const slow = { totalRequests: { rate: 100 }, readBytes: { rate: 1_000_000 } };
  expect(limitsIn(server.id, volume.id)).toEqual(slow);

  const retyped = await blockStorage.retype(storage.admin, volume.id, 'quick');
  expect(retyped.volume.status).toBe('retyping');
  expect(await storage.ended(retyped.actionId)).toBe('succeeded');
  expect(limitsIn(server.id, volume.id)).toEqual({ writeRequests: { rate: 9000 } });
  const inUse = { status: 'in-use', volumeType: (await blockStorage.types.find(storage.admin, 'quick')).id };
  expect(await blockStorage.get(storage.member, volume.id)).toMatchObject(inUse);

  isRefusing = true;
  const failing = await blockStorage.retype(storage.admin, volume.id, 'slow');
  expect(await storage.ended(failing.actionId)).toMatch(/it broke/);
  expect(await blockStorage.get(storage.member, volume.id)).toMatchObject(inUse);
  isRefusing = false;

  await storage.ended((await servers.stop(storage.member, server.id)).actionId);
  await storage.ended((await blockStorage.retype(storage.admin, volume.id, 'slow')).actionId);
  await storage.ended((await servers.start(storage.member, server.id)).actionId);
  expect(limitsIn(server.id, volume.id)).toEqual(slow);
  await storage.ended((await blockStorage.retype(storage.admin, volume.id, 'behind')).actionId);
  expect(limitsIn(server.id, volume.id)).toBe(undefined);
});

test('limits of its own hold for a volume beside those of its type, and whoever connects it elsewhere is told', async () => {
  const { blockStorage } = storage.cloud;
  await type('slow', { total_iops_sec: '100', read_bytes_sec: '5000' });
  const server = await storage.server();
  const volume = await storage.volume({ size: gib, volumeType: 'slow' });
  expect(await blockStorage.limit(storage.member, volume.id, { totalRequests: 20, writeBytes: 700 })).toEqual({});
  expect((await connectionTo(storage.cloud, storage.member, volume.id))!.qosSpecs).toEqual({
    ...{ total_iops_sec: '20', read_bytes_sec: '5000', write_bytes_sec: '700' },
  });
  await storage.ended((await blockStorage.attach(storage.member, server.id, { volumeId: volume.id })).actionId);
  const limits = { totalRequests: { rate: 20 }, readBytes: { rate: 5000 }, writeBytes: { rate: 700 } };
  expect(limitsIn(server.id, volume.id)).toEqual(limits);

  isRefusing = true;
  const failing = await blockStorage.limit(storage.member, volume.id, { writeBytes: 800 });
  expect(await storage.ended(failing.actionId)).toMatch(/it broke/);
  isRefusing = false;
  expect((await blockStorage.get(storage.member, volume.id)).ownLimits).toEqual({ totalRequests: 20, writeBytes: 700 });
  expect(limitsIn(server.id, volume.id)).toEqual(limits);
  await storage.ended((await blockStorage.limit(storage.member, volume.id, { writeBytes: null })).actionId);
  expect(limitsIn(server.id, volume.id)).toEqual({ totalRequests: { rate: 20 }, readBytes: { rate: 5000 } });
});

test("a flavor's limits hold for the disk that is part of the server, and for no volume", async () => {
  const { blockStorage, flavors, servers } = storage.cloud;
  const [flavor] = await flavors.list(storage.member, {});
  await flavors.setExtraSpecs(storage.admin, flavor!.id, (specs) => {
    specs['quota:disk_write_bytes_sec'] = '5000';
  });
  const server = await storage.server();
  expect(limitsIn(server.id, server.rootVolumeId!)).toEqual({ writeBytes: { rate: 5000 } });
  const volume = await storage.volume();
  await storage.ended((await blockStorage.attach(storage.member, server.id, { volumeId: volume.id })).actionId);
  await storage.ended((await servers.reboot(storage.member, server.id, 'hard')).actionId);
  expect(limitsIn(server.id, server.rootVolumeId!)).toEqual({ writeBytes: { rate: 5000 } });
  expect(limitsIn(server.id, volume.id)).toBe(undefined);
});

test('a volume for reading stays so when its server is started again', async () => {
  const { blockStorage, servers } = storage.cloud;
  const server = await storage.server();
  const volume = await storage.volume();
  await blockStorage.setReadOnly(storage.member, volume.id, true);
  await storage.ended((await blockStorage.attach(storage.member, server.id, { volumeId: volume.id })).actionId);
  await storage.ended((await servers.stop(storage.member, server.id)).actionId);
  await storage.ended((await servers.start(storage.member, server.id)).actionId);
  expect(storage.host.guestSpec(server.id)!.disks[1]).toMatchObject({ volumeId: volume.id, readOnly: true });
});
