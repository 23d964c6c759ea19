import { afterEach, beforeEach, expect, test } from 'vitest';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';
import type { BlockDevice } from './block-devices.ts';

let storage: StorageCloud;
beforeEach(async () => {
  storage = await StorageCloud.start();
});
afterEach(() => storage.stop());

const snapshotsOf = () => storage.cloud.blockStorage.listSnapshots(storage.member, {}, { limit: 10, sort: [] });
const device = (change: Partial<BlockDevice>): BlockDevice => ({
  bootIndex: null,
  source: 'blank',
  destination: 'volume',
  deleteOnTermination: false,
  ...change,
});

/** A server that boots from a volume and has another one, and an image of it whose snapshots are made. */
async function imaged() {
  const { servers } = storage.cloud;
  const imageId = await storage.image(gib, { os_distro: 'debian' });
  const system = await storage.volume({ size: gib, imageId });
  const server = await storage.server({
    blockDevices: [
      device({ source: 'volume', id: system.id, bootIndex: 0, deleteOnTermination: true }),
      device({ sizeGb: 2 }),
    ],
  });
  const template = { name: 'whole', properties: { a: 'b' } };
  const made = await servers.createMappedImage(storage.member, server.id, template);
  expect(made.image).toMatchObject({ status: 'saving', size: null });
  expect(await storage.ended(made.actionId)).toBe('succeeded');
  const image = await storage.cloud.images.get(storage.member, made.image.id);
  await expect.poll(async () => (await snapshotsOf()).map(({ status }) => status)).toEqual(['available', 'available']);
  return { server, image, snapshots: await snapshotsOf() };
}

test('an image of a server that boots from a volume has no bytes, but names snapshots of its volumes', async () => {
  const { image, snapshots, server } = await imaged();
  expect(image).toMatchObject({
    status: 'active',
    size: 0,
    properties: { a: 'b', bdm_v2: 'True', os_distro: 'debian' },
  });
  const mappings = JSON.parse(image.properties['block_device_mapping']!);
  expect(mappings).toMatchObject([
    { source_type: 'snapshot', destination_type: 'volume', boot_index: 0, volume_size: 1, delete_on_termination: true },
    { source_type: 'snapshot', destination_type: 'volume', boot_index: null, volume_size: 2 },
  ]);
  const named = mappings.map(({ snapshot_id }: { snapshot_id: string }) => snapshot_id.replaceAll('-', ''));
  expect(named.toSorted()).toEqual(snapshots.map(({ id }) => id).toSorted());
  expect(snapshots.map(({ name }) => name)).toEqual(['snapshot for whole', 'snapshot for whole']);

  // Its snapshots are the user's: they outlive the image, and the server.
  await storage.cloud.images.delete(storage.member, image.id);
  await storage.ended((await storage.cloud.servers.delete(storage.member, server.id)).actionId);
  expect(await snapshotsOf()).toHaveLength(2);
});

test('a server made of it boots from a new volume, and has new ones of the others', async () => {
  const { image, snapshots } = await imaged();
  const { volumes, blockStorage } = storage.cloud;
  const root = device({ bootIndex: 0, source: 'image', destination: 'local', id: image.id });
  const server = await storage.server({ imageId: image.id, blockDevices: [root, device({ sizeGb: 3 })] });
  expect(server).toMatchObject({ imageId: null, hardware: { os_distro: 'debian' } });
  const got = await volumes.ofServer(server.id);
  expect(got.map(({ size, deleteOnTermination }) => [size / gib, deleteOnTermination])).toEqual([
    [1, true],
    [2, false],
    [3, false],
  ]);
  expect(
    got
      .slice(0, 2)
      .map(({ snapshotId }) => snapshotId)
      .toSorted(),
  ).toEqual(snapshots.map(({ id }) => id).toSorted());

  const { volume } = await blockStorage.create(storage.member, { imageId: image.id });
  expect(volume).toMatchObject({ size: gib, snapshotId: got[0]!.snapshotId });
});

test('nothing else is made of it', async () => {
  const { image } = await imaged();
  const other = await storage.server({ imageId: await storage.image() });
  const rebuilt = storage.cloud.servers.rebuild(storage.member, other.id, { imageId: image.id });
  await expect(rebuilt).rejects.toMatchObject({ code: 'invalid', details: { reason: 'image_is_mapped' } });
});

test('an image that names itself as its disk is refused', async () => {
  const { id } = (await imaged()).image;
  const mapping = { boot_index: 0, source_type: 'image', destination_type: 'volume', image_id: id, volume_size: 1 };
  const properties = { block_device_mapping: JSON.stringify([mapping]) };
  await storage.cloud.images.update(storage.member, id, { properties });
  const asked = storage.server({ imageId: id });
  await expect(asked).rejects.toMatchObject({ code: 'invalid', details: { reason: 'image_is_mapped' } });
});

test('where there is no room for all of its snapshots, there is neither one nor an image', async () => {
  const imageId = await storage.image();
  const system = await storage.volume({ size: gib, imageId });
  const boot = device({ source: 'volume', id: system.id, bootIndex: 0 });
  const server = await storage.server({ blockDevices: [boot, device({ sizeGb: 1 })] });
  const { quotas, servers, images } = storage.cloud;
  await quotas.setLimits(storage.admin, storage.member.projectId!, { snapshots: 1 });
  const before = (await images.list(storage.member)).length;
  const asked = servers.createMappedImage(storage.member, server.id, { name: 'whole' });
  await expect(asked).rejects.toMatchObject({ code: 'quota_exceeded' });
  expect(await snapshotsOf()).toEqual([]);
  expect(await images.list(storage.member)).toHaveLength(before);
});
