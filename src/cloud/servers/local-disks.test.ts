import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { auditCloud } from '../audit/audit.ts';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';
import type { BlockDevice } from './block-devices.ts';
import { planLocalDisks } from './local-disks.ts';

const mib = 2 ** 20;
const sizes = { ephemeralGb: 4, swapMb: 512 };
const device = (change: Partial<BlockDevice>): BlockDevice => ({
  bootIndex: null,
  source: 'blank',
  destination: 'local',
  deleteOnTermination: true,
  ...change,
});
const ext4 = (index: number) => ({ format: 'ext4', label: `ephemeral${index}` });

describe('the local disks of a new server', () => {
  const plan = (...devices: BlockDevice[]) => planLocalDisks(devices, sizes);

  test('are those of its flavor, where nobody names any', () => {
    expect(plan()).toEqual([
      { kind: 'ephemeral', size: 4 * gib, byFlavor: true, content: ext4(0) },
      { kind: 'swap', size: 512 * mib, byFlavor: true, content: { format: 'swap' } },
    ]);
    expect(planLocalDisks([], { ephemeralGb: 0, swapMb: 0 })).toEqual([]);
    expect(planLocalDisks([], { ephemeralGb: 1, swapMb: 0 }, 'windows')).toEqual([
      { kind: 'ephemeral', size: gib, byFlavor: true },
    ]);
  });

  test('are those that are named, ephemeral ones first', () => {
    const swap = device({ guestFormat: 'swap', sizeMb: 64 });
    const named = [swap, device({ sizeGb: 1 }), device({ sizeGb: 3, guestFormat: 'xfs', bus: 'sata', tag: 'scratch' })];
    expect(plan(...named)).toEqual([
      { kind: 'ephemeral', size: gib, byFlavor: false, content: ext4(0) },
      {
        ...{ kind: 'ephemeral', size: 3 * gib, byFlavor: false, bus: 'sata', tag: 'scratch' },
        content: { format: 'xfs', label: 'ephemeral1' },
      },
      { kind: 'swap', size: 64 * mib, byFlavor: false, content: { format: 'swap' } },
    ]);
    expect(plan(device({}))).toMatchObject([
      { size: 4 * gib, byFlavor: false },
      { kind: 'swap', byFlavor: true },
    ]);
  });

  test.each<[string, BlockDevice[], RegExp]>([
    [
      'ephemeral disks that are too large',
      [device({ sizeGb: 2 }), device({ sizeGb: 3 })],
      /^Ephemeral disks requested/,
    ],
    ['two ephemeral disks of no size', [device({}), device({})], /^Ephemeral disks requested are larger/],
    [
      'a swap disk that is too large',
      [device({ guestFormat: 'swap', sizeMb: 513 })],
      /^Swap drive requested is larger/,
    ],
    ['two swap disks', [1, 2].map((sizeMb) => device({ guestFormat: 'swap', sizeMb })), /More than one swap drive/],
    ['more than Nova takes', Array(4).fill(device({ sizeGb: 1 })), /more local devices than the limit allows/],
    ['a format that no host makes', [device({ guestFormat: 'ntfs' })], /ntfs format is not supported/],
    ['a bus that no host has', [device({ bus: 'scsi' })], /disk bus scsi is not valid/],
    ['what is no disk', [device({ deviceType: 'floppy' })], /no floppy/],
  ])('are refused: %s', (_what, devices, message) => {
    expect(() => plan(...devices)).toThrow(message);
  });
});

eachDatabase('local disks', (_open, kind) => localDisks(kind));

function localDisks(database: Database['kind']): void {
  let storage: StorageCloud;
  beforeEach(async () => {
    storage = await StorageCloud.start({ database });
    const common = { vcpus: 1, memoryMb: 128, diskGb: 1 };
    const { flavors } = storage.cloud;
    await flavors.create({ id: 'local', name: 'local', ...common, ephemeralGb: 4, swapMb: 512 });
    await flavors.create({ id: 'larger', name: 'larger', ...common, ephemeralGb: 6, swapMb: 1500 });
    await flavors.create({ id: 'plain', name: 'plain', ...common });
  });
  afterEach(() => storage.stop());

  const volumesOf = (serverId: string) => storage.cloud.volumes.ofServer(serverId);
  const shapesOf = async (serverId: string) =>
    (await volumesOf(serverId)).map(({ kind, device: path, size }) => [kind, path, size / mib]);
  const room = async (serverId: string) =>
    (await storage.cloud.hosts.allocations({ serverId })).map(({ diskGb }) => diskGb);
  const done = async (begun: Promise<{ actionId?: string }>) =>
    expect(await storage.ended((await begun).actionId)).toBe('succeeded');
  const sound = async () => expect(await auditCloud(storage.cloud)).toEqual([]);

  test('a server has them before its volumes, in the room that it holds, and no API for volumes knows them', async () => {
    const data = device({ destination: 'volume', sizeGb: 1, deleteOnTermination: false });
    const server = await storage.server({ imageId: await storage.image(), flavorId: 'local', blockDevices: [data] });
    expect(await shapesOf(server.id)).toEqual([
      ['root', '/dev/vda', 1024],
      ['ephemeral', '/dev/vdb', 4096],
      ['swap', '/dev/vdc', 512],
      ['data', '/dev/vdd', 1024],
    ]);
    const volumes = await volumesOf(server.id);
    expect(storage.disksOf(server.id)).toEqual(volumes.map(({ id }) => id));
    expect(await room(server.id)).toEqual([1 + 4 + 1]);
    const told = JSON.parse(storage.host.configDrive(server.id)?.['ec2/latest/meta-data.json'] as string);
    expect(told).toMatchObject({
      'block-device-mapping': { root: '/dev/vda', ephemeral0: '/dev/vdb', swap: '/dev/vdc', ebs0: '/dev/vdd' },
    });
    const [, ephemeral, swap, own] = volumes;
    const { blockStorage } = storage.cloud;
    const page = { limit: 10, sort: [] };
    expect((await blockStorage.list(storage.member, {}, page)).map(({ id }) => id)).toEqual([own!.id]);
    for (const { id } of [ephemeral!, swap!]) {
      await expect(blockStorage.get(storage.member, id)).rejects.toMatchObject({ code: 'not_found' });
      await expect(storage.cloud.volumes.get(storage.member, id)).rejects.toMatchObject({ code: 'not_found' });
      const asked = blockStorage.createSnapshot(storage.member, { volumeId: id, force: true });
      await expect(asked).rejects.toMatchObject({ code: 'not_found' });
    }
    await done(storage.cloud.servers.delete(storage.member, server.id));
    expect((await storage.host.inventory()).disks).toEqual([own!.diskId]);
    await sound();
  });

  test('they are made anew by a rebuild and when the server is unshelved, and are kept by a reboot', async () => {
    const imageId = await storage.image();
    const { servers } = storage.cloud;
    const { id } = await storage.server({ imageId, flavorId: 'local' });
    const diskIds = async () => (await volumesOf(id)).map(({ diskId }) => diskId);
    const first = await diskIds();
    await done(servers.reboot(storage.member, id, 'hard'));
    expect(await diskIds()).toEqual(first);
    await done(servers.rebuild(storage.member, id, { imageId }));
    const second = await diskIds();
    expect(second.filter((one) => first.includes(one))).toEqual([]);
    await done(servers.shelve(storage.member, id));
    expect(await diskIds()).toEqual([null, null, null]);
    expect((await storage.host.inventory()).disks).toEqual([]);
    await done(servers.unshelve(storage.member, id));
    expect(await shapesOf(id)).toEqual([
      ['root', '/dev/vda', 1024],
      ['ephemeral', '/dev/vdb', 4096],
      ['swap', '/dev/vdc', 512],
    ]);
    expect((await storage.host.inventory()).disks.toSorted()).toEqual((await diskIds()).toSorted());
    await sound();
  });

  test('they follow a resize, and come back when it is reverted', async () => {
    const { servers } = storage.cloud;
    const { id } = await storage.server({ imageId: await storage.image(), flavorId: 'local' });
    const before = await volumesOf(id);
    await done(servers.resize(storage.member, id, 'larger'));
    expect(await shapesOf(id)).toEqual([
      ['root', '/dev/vda', 1024],
      ['ephemeral', '/dev/vdb', 6144],
      ['swap', '/dev/vdc', 1500],
    ]);
    expect((await room(id)).toSorted((a, b) => a - b)).toEqual([6, 1 + 6 + 2]);
    await sound();
    await done(servers.revertResize(storage.member, id));
    expect(await volumesOf(id)).toMatchObject(before.map(({ diskId, size }) => ({ diskId, size })));
    await done(servers.resize(storage.member, id, 'larger'));
    await done(servers.confirmResize(storage.member, id));
    expect((await storage.host.inventory()).disks).toHaveLength(3);
    const refused = servers.resize(storage.member, id, 'local');
    await expect(refused).rejects.toMatchObject({ code: 'invalid', details: { reason: 'disk_shrink' } });
    await sound();
  });

  test('a resize gives a server what it had not, and takes swap away for good once it is confirmed', async () => {
    const { servers, flavors } = storage.cloud;
    await flavors.create({ id: 'swapless', name: 'swapless', vcpus: 1, memoryMb: 128, diskGb: 1, ephemeralGb: 4 });
    const { id } = await storage.server({ imageId: await storage.image(), flavorId: 'plain' });
    await done(servers.resize(storage.member, id, 'local'));
    expect(storage.disksOf(id)).toHaveLength(3);
    await done(servers.revertResize(storage.member, id));
    expect(await shapesOf(id)).toEqual([['root', '/dev/vda', 1024]]);
    await done(servers.resize(storage.member, id, 'local'));
    await done(servers.confirmResize(storage.member, id));
    await done(servers.resize(storage.member, id, 'swapless'));
    await sound();
    expect(storage.disksOf(id)).toHaveLength(2);
    await done(servers.confirmResize(storage.member, id));
    expect(await shapesOf(id)).toEqual([
      ['root', '/dev/vda', 1024],
      ['ephemeral', '/dev/vdb', 4096],
    ]);
    expect((await storage.host.inventory()).disks).toHaveLength(2);
    await sound();
  });

  test('what its user has named keeps its size, also in a server that is made of an image of it', async () => {
    const { servers } = storage.cloud;
    const imageId = await storage.image();
    const boot = device({ source: 'image', destination: 'volume', id: imageId, bootIndex: 0, sizeGb: 1 });
    const named = [device({ sizeGb: 2, guestFormat: 'ext3' }), device({ guestFormat: 'swap', sizeMb: 100 })];
    const { id } = await storage.server({ flavorId: 'local', blockDevices: [boot, ...named] });
    const locals = [
      ['ephemeral', '/dev/vdb', 2048],
      ['swap', '/dev/vdc', 100],
    ];
    expect((await shapesOf(id)).slice(1)).toEqual(locals);
    await done(servers.resize(storage.member, id, 'larger'));
    await done(servers.confirmResize(storage.member, id));
    expect((await shapesOf(id)).slice(1)).toEqual(locals);

    const made = await servers.createMappedImage(storage.member, id, { name: 'whole', properties: {} });
    await done(Promise.resolve(made));
    await expect
      .poll(async () => {
        const page = { limit: 10, sort: [] };
        return (await storage.cloud.blockStorage.listSnapshots(storage.member, {}, page)).map(({ status }) => status);
      })
      .toEqual(['available']);
    const again = await storage.server({ imageId: made.image.id, flavorId: 'local' });
    expect((await shapesOf(again.id)).slice(1)).toEqual(locals);
    expect((await volumesOf(again.id))[1]?.localDisk?.content).toEqual({ format: 'ext3', label: 'ephemeral0' });
    await sound();
  });

  test('volumes that are made with a server have the type that is said', async () => {
    const { blockStorage } = storage.cloud;
    const type = await blockStorage.types.create(storage.admin, { name: 'fast' });
    const imageId = await storage.image();
    const volume = { destination: 'volume', sizeGb: 1 } as const;
    const server = await storage.server({
      blockDevices: [
        device({ ...volume, source: 'image', id: imageId, bootIndex: 0, volumeType: 'fast' }),
        device({ ...volume, volumeType: type.id }),
        device(volume),
      ],
    });
    const types = (await volumesOf(server.id)).map(({ volumeType }) => volumeType);
    expect(types).toEqual([type.id, type.id, expect.not.stringMatching(type.id)]);
    const unknown = storage.server({ imageId, blockDevices: [device({ ...volume, volumeType: 'none' })] });
    await expect(unknown).rejects.toMatchObject({ code: 'invalid', message: 'Volume type none could not be found.' });
    const local = storage.server({ imageId, flavorId: 'local', blockDevices: [device({ volumeType: 'fast' })] });
    await expect(local).rejects.toMatchObject({
      message: expect.stringMatching(/volume_type with destination_type=local/),
    });
  });
}
