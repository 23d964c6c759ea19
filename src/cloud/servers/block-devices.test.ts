import { afterEach, beforeEach, expect, test } from 'vitest';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';
import type { BlockDevice } from './block-devices.ts';

let storage: StorageCloud;
beforeEach(async () => {
  storage = await StorageCloud.start();
});
afterEach(() => storage.stop());

const device = (change: Partial<BlockDevice>): BlockDevice => ({
  bootIndex: null,
  source: 'blank',
  destination: 'volume',
  deleteOnTermination: false,
  ...change,
});
const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) });

async function snapshotOf(volumeId: string): Promise<string> {
  const made = await storage.cloud.blockStorage.createSnapshot(storage.member, { volumeId, force: true });
  expect(await storage.ended(made.actionId)).toBe('succeeded');
  return made.snapshot.id;
}

test('a server gets volumes of every source, in the order in which they are asked for, and each lives as it should', async () => {
  const { blockStorage, servers, volumes } = storage.cloud;
  const imageId = await storage.image(gib, { os_distro: 'debian' });
  const system = await storage.volume({ size: gib, imageId });
  const existing = await storage.volume({ size: gib });
  const snapshot = await snapshotOf(existing.id);
  const server = await storage.server({
    blockDevices: [
      device({ source: 'snapshot', id: await snapshotOf(system.id), bootIndex: 0, sizeGb: 2 }),
      device({ source: 'volume', id: existing.id }),
      device({ source: 'blank', sizeGb: 3, deleteOnTermination: true }),
      device({ source: 'image', id: imageId, sizeGb: 1, bootIndex: 1 }),
      device({ source: 'snapshot', id: snapshot, deleteOnTermination: true }),
    ],
  });
  expect(server).toMatchObject({ imageId: null, hardware: { os_distro: 'debian' } });
  const got = await volumes.ofServer(server.id);
  const status = { status: 'in-use', hostId: server.hostId, serverId: server.id };
  expect(got).toMatchObject([
    { ...status, kind: 'root', device: '/dev/vda', size: 2 * gib, bootable: true, snapshotId: expect.any(String) },
    { ...status, kind: 'data', device: '/dev/vdb', imageId, bootable: true },
    { ...status, device: '/dev/vdc', id: existing.id },
    { ...status, device: '/dev/vdd', size: 3 * gib, bootable: false },
    { ...status, device: '/dev/vde', size: gib, snapshotId: snapshot },
  ]);
  expect(storage.disksOf(server.id)).toEqual(got.map(({ id }) => id));

  await storage.ended((await servers.delete(storage.member, server.id)).actionId);
  for (const { id, deleteOnTermination } of got) {
    const left = blockStorage.get(storage.member, id);
    if (deleteOnTermination) await expect(left).rejects.toMatchObject({ code: 'not_found' });
    else expect(await left).toMatchObject({ status: 'available', serverId: null });
  }
});

test('a server boots from a volume with nothing on it, as one does that is to be installed', async () => {
  const boot = device({ bootIndex: 0, sizeGb: 2, deleteOnTermination: true });
  const server = await storage.server({ imageId: await storage.image(), blockDevices: [boot] });
  expect(server).toMatchObject({ imageId: null, vmState: 'active' });
  const [root, ...others] = await storage.cloud.volumes.ofServer(server.id);
  expect(root).toMatchObject({ kind: 'root', device: '/dev/vda', size: 2 * gib, imageId: null, status: 'in-use' });
  expect(others).toEqual([]);
  expect(storage.disksOf(server.id)).toEqual([root!.id]);
  const sizeless = storage.server({ blockDevices: [device({ bootIndex: 0 })] });
  await expect(sizeless).rejects.toEqual(refused(/needs a size/));
  const own = storage.server({ blockDevices: [device({ bootIndex: 0, destination: 'local', sizeGb: 1 })] });
  await expect(own).rejects.toEqual(refused(/source is blank/));
});

test('an image beside it is word enough that a volume or a snapshot boots', async () => {
  const imageId = await storage.image();
  const { id } = await storage.volume({ size: gib });
  const snapshot = await snapshotOf(id);
  for (const disk of [{ source: 'volume', id } as const, { source: 'snapshot', id: snapshot } as const]) {
    const server = await storage.server({ imageId, blockDevices: [device({ bootIndex: 0, ...disk })] });
    expect(server).toMatchObject({ vmState: 'active' });
  }
});

test('what can not be made is refused before anything is', async () => {
  const imageId = await storage.image();
  const existing = await storage.volume({ size: gib });
  const blank = await snapshotOf(existing.id);
  const create = (...blockDevices: BlockDevice[]) => storage.server({ imageId, blockDevices });
  const local = { destination: 'local', source: 'image', id: imageId } as const;
  await expect(create(device(local))).rejects.toEqual(refused(/Mapping image to local is not supported/));
  await expect(create(device({}))).rejects.toEqual(refused(/needs a size/));
  await expect(create(device({ source: 'snapshot' }))).rejects.toEqual(refused(/uuid of the snapshot is missing/));
  const boot = { bootIndex: 0, source: 'snapshot', id: blank } as const;
  const empty = { bootIndex: 0, source: 'volume', id: existing.id } as const;
  for (const disk of [boot, empty]) {
    await expect(storage.server({ blockDevices: [device(disk)] })).rejects.toEqual(refused(/is not bootable/));
  }
  await expect(create(device({ ...boot, id: 'f'.repeat(32) }))).rejects.toEqual(refused(/failed to get snapshot/));
  await expect(create(device(boot), device(boot))).rejects.toEqual(refused(/Boot sequence/));
  const twice = device({ source: 'volume', id: existing.id });
  await expect(create(twice, twice)).rejects.toEqual(refused(/must be available/));
  expect(await storage.cloud.blockStorage.get(storage.member, existing.id)).toMatchObject({ status: 'available' });
  const { quotas } = storage.cloud;
  await quotas.setLimits(storage.admin, storage.admin.projectId!, { gigabytes: 3 });
  await expect(create(device({ sizeGb: 5 }))).rejects.toMatchObject({ code: 'quota_exceeded' });
  expect(await storage.cloud.db.read.selectFrom('servers').selectAll().execute()).toEqual([]);
});
