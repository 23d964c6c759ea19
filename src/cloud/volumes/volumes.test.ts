import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { AgentError, type HostAgent } from '../../agent/contract.ts';
import type { Database } from '../../database/database.ts';
import type { StoragePage } from './listing.ts';
import { gib, StorageCloud } from './test-cloud.ts';
import { localVolumeType } from './type-model.ts';

eachDatabase('block storage', (_open, kind) => blockStorage(kind));

function blockStorage(database: Database['kind']): void {
  let storage: StorageCloud;
  let fault: ((verb: string) => Error | undefined) | undefined;

  const faulty = (agent: HostAgent): HostAgent =>
    new Proxy(agent, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const error = fault?.(String(name));
          return error ? Promise.reject(error) : (value.apply(target, args) as unknown);
        };
      },
    });

  beforeEach(async () => {
    fault = undefined;
    storage = await StorageCloud.start({ wrapAgent: faulty, database });
  });
  afterEach(() => storage.stop());

  const failsFor = (verb: string) => {
    fault = (one) => (one === verb ? new AgentError('hypervisor_failed', 'it broke', { retryable: false }) : undefined);
  };
  const refused = (code: string, message?: RegExp) =>
    expect.objectContaining({ code, ...(message ? { message: expect.stringMatching(message) } : {}) });
  const get = (id: string) => storage.cloud.blockStorage.get(storage.member, id);
  const page: StoragePage = { limit: 100, sort: [{ key: 'created_at', direction: 'desc' }] };
  const diskIds = async () => (await storage.host.inventory()).disks;

  describe('a volume', () => {
    test('is made blank, and deleted with its disk', async () => {
      const { blockStorage } = storage.cloud;
      const { volume, actionId } = await blockStorage.create(storage.member, { name: 'data', size: 2 * gib });
      expect(volume).toMatchObject({
        status: 'creating',
        bootable: false,
        size: 2 * gib,
        volumeType: localVolumeType.id,
      });
      expect(await storage.ended(actionId)).toBe('succeeded');
      expect(await get(volume.id)).toMatchObject({ status: 'available', hostId: expect.any(String) });
      expect(await diskIds()).toEqual([(await get(volume.id)).diskId]);
      const deletion = await blockStorage.delete(storage.member, volume.id);
      expect((await get(volume.id)).status).toBe('deleting');
      expect(await storage.ended(deletion.actionId)).toBe('succeeded');
      await expect(get(volume.id)).rejects.toEqual(refused('not_found'));
      expect(await diskIds()).toEqual([]);
      expect(await storage.cloud.db.read.selectFrom('disks').selectAll().execute()).toEqual([]);
    });

    test('is made of an image, as a layer over it, and is bootable', async () => {
      const imageId = await storage.image(gib, { os_distro: 'debian' });
      const volume = await storage.volume({ size: 3 * gib, imageId });
      expect(volume).toMatchObject({ bootable: true, imageId, imageMetadata: { os_distro: 'debian', min_disk: '0' } });
      const disk = await storage.cloud.db.read.selectFrom('disks').selectAll().executeTakeFirstOrThrow();
      expect(disk).toMatchObject({ image_id: imageId, size: 3 * gib, volume_id: volume.id });
      const tooSmall = { size: gib / 2, imageId };
      await expect(storage.volume(tooSmall)).rejects.toEqual(refused('invalid', /cannot be smaller than the image/));
      const both = { size: gib, imageId, sourceVolumeId: volume.id };
      await expect(storage.volume(both)).rejects.toEqual(refused('invalid', /one image, one volume/));
    });

    test('is a copy of another one, also of one that a server writes to, and may be larger', async () => {
      const imageId = await storage.image();
      const source = await storage.volume({ size: gib, imageId });
      expect(await storage.volume({ sourceVolumeId: source.id })).toMatchObject({ size: gib, bootable: true });
      const server = await storage.server();
      await storage.ended(
        (await storage.cloud.blockStorage.attach(storage.member, server.id, { volumeId: source.id })).actionId,
      );
      const copy = await storage.volume({ sourceVolumeId: source.id, size: 2 * gib });
      expect(copy).toMatchObject({ size: 2 * gib, hostId: source.hostId, sourceVolumeId: source.id });
      const disk = storage.cloud.db.read.selectFrom('disks').select('image_id').where('id', '=', copy.diskId);
      expect(await disk.executeTakeFirst()).toEqual({ image_id: imageId });
    });

    test('that can not be made says why, leaves nothing on its host, and can be deleted', async () => {
      failsFor('ensureDisk');
      const { volume, actionId } = await storage.cloud.blockStorage.create(storage.member, { size: gib });
      expect(await storage.ended(actionId)).toBe('failed: it broke');
      expect(await get(volume.id)).toMatchObject({ status: 'error', lastError: 'it broke', hostId: null });
      expect(await storage.cloud.db.read.selectFrom('disks').selectAll().execute()).toEqual([]);
      fault = undefined;
      const { actionId: deletion } = await storage.cloud.blockStorage.delete(storage.member, volume.id);
      expect(await storage.ended(deletion)).toBe('succeeded');
    });

    test('for which no host has room is in error, and says which host lacks what', async () => {
      const { actionId } = await storage.cloud.blockStorage.create(storage.member, { size: 2 ** 20 * gib });
      expect(await storage.ended(actionId)).toMatch(/No valid host was found.*1 lacks disk/);
    });

    test('counts for the quota of its project, and so do snapshots', async () => {
      const { quotas, blockStorage } = storage.cloud;
      await quotas.setLimits(storage.admin, storage.admin.projectId!, { volumes: 1, gigabytes: 3 });
      const volume = await storage.volume({ size: 2 * gib });
      await expect(storage.volume({ size: gib })).rejects.toEqual(refused('quota_exceeded', /volumes/));
      await expect(blockStorage.extend(storage.member, volume.id, 4 * gib)).rejects.toEqual(refused('quota_exceeded'));
      const snapshot = { volumeId: volume.id };
      await expect(blockStorage.createSnapshot(storage.member, snapshot)).rejects.toEqual(refused('quota_exceeded'));
    });

    test('is not known to other projects', async () => {
      const { blockStorage } = storage.cloud;
      const { id } = await storage.volume();
      const verbs = [
        () => blockStorage.get(storage.stranger, id),
        () => blockStorage.delete(storage.stranger, id),
        () => blockStorage.extend(storage.stranger, id, 2 * gib),
        () => blockStorage.update(storage.stranger, id, { name: 'mine' }),
        () => blockStorage.createSnapshot(storage.stranger, { volumeId: id }),
      ];
      for (const verb of verbs) await expect(verb()).rejects.toEqual(refused('not_found'));
      expect(await blockStorage.list(storage.stranger, {}, page)).toEqual([]);
    });

    test('can be found by its words, page by page', async () => {
      const { blockStorage } = storage.cloud;
      const made = [];
      for (const name of ['a', 'b', 'c'])
        made.push(await storage.volume({ name, size: gib, metadata: { tier: name } }));
      const list = (filter: object, change: Partial<StoragePage> = {}) =>
        blockStorage.list(storage.member, filter, { ...page, ...change }).then((all) => all.map(({ name }) => name));
      expect(await list({})).toEqual(['c', 'b', 'a']);
      expect(await list({ name: 'b' })).toEqual(['b']);
      expect(await list({ metadata: { tier: 'c' } })).toEqual(['c']);
      expect(await list({ statuses: ['error'] })).toEqual([]);
      expect(await list({ bootable: true })).toEqual([]);
      expect(await list({}, { marker: made[1]!.id })).toEqual(['a']);
      expect(await list({}, { sort: [{ key: 'name', direction: 'asc' }], marker: made[0]!.id, limit: 1 })).toEqual([
        'b',
      ]);
      await expect(list({}, { marker: 'f'.repeat(32) })).rejects.toEqual(refused('not_found'));
      const strange = blockStorage.list(storage.stranger, {}, { ...page, marker: made[1]!.id });
      await expect(strange).rejects.toEqual(refused('not_found'));
    });
  });

  describe('an attachment', () => {
    const attach = async (serverId: string, volumeId: string, device?: string) => {
      const { volume, actionId } = await storage.cloud.blockStorage.attach(storage.member, serverId, {
        volumeId,
        device,
      });
      return { volume, state: await storage.ended(actionId) };
    };
    const detach = async (serverId: string, volumeId: string) =>
      storage.ended((await storage.cloud.blockStorage.detach(storage.member, serverId, volumeId)).actionId);

    test('is a disk more in a guest that runs, and is in the log of the server', async () => {
      const server = await storage.server();
      const [one, two] = [await storage.volume(), await storage.volume()];
      const attached = await attach(server.id, one.id);
      expect(attached).toMatchObject({ state: 'succeeded', volume: { device: '/dev/vdb', status: 'attaching' } });
      expect(await get(one.id)).toMatchObject({
        status: 'in-use',
        serverId: server.id,
        attachmentId: expect.any(String),
      });
      expect((await attach(server.id, two.id, '/dev/vdd')).volume.device).toBe('/dev/vdd');
      expect(storage.disksOf(server.id)).toEqual([server.rootVolumeId, one.id, two.id]);
      const detail = await storage.cloud.servers.detail(storage.member, server.id);
      expect(detail.attachedVolumes.map(({ id }) => id)).toEqual([one.id, two.id]);

      expect(await detach(server.id, one.id)).toBe('succeeded');
      expect(await get(one.id)).toMatchObject({
        status: 'available',
        serverId: null,
        device: null,
        attachmentId: null,
      });
      expect(storage.disksOf(server.id)).toEqual([server.rootVolumeId, two.id]);
      const log = await storage.cloud.servers.log.list(storage.member, server.id);
      expect(log.map(({ name }) => name)).toEqual(['detach_volume', 'attach_volume', 'attach_volume', 'create']);
      const events = storage.cloud.db.read
        .selectFrom('action_events')
        .select('name')
        .orderBy('started_at', 'desc')
        .limit(1);
      expect(await events.execute()).toEqual([{ name: 'compute_detach_volume' }]);
    });

    test('refuses what can not be', async () => {
      const server = await storage.server();
      const volume = await storage.volume();
      await expect(attach(server.id, volume.id, '/dev/vda')).rejects.toEqual(refused('conflict', /in use/));
      await expect(attach(server.id, volume.id, '/dev/sdb')).rejects.toEqual(refused('invalid', /is invalid/));
      await expect(attach(server.id, 'f'.repeat(32))).rejects.toEqual(refused('not_found'));
      await attach(server.id, volume.id, '/dev/vdc');
      await expect(attach(server.id, volume.id)).rejects.toEqual(refused('invalid', /must be available to reserve/));
      const other = await storage.volume();
      await expect(attach(server.id, other.id, '/dev/vdc')).rejects.toEqual(refused('conflict', /in use/));
      await expect(detach(server.id, other.id)).rejects.toEqual(refused('not_found'));
      const { blockStorage } = storage.cloud;
      await expect(blockStorage.delete(storage.member, volume.id)).rejects.toEqual(refused('invalid', /attached/));
      await storage.ended((await storage.cloud.servers.pause(storage.member, server.id)).actionId);
      await expect(detach(server.id, volume.id)).rejects.toEqual(refused('conflict', /vm_state paused/));
    });

    test('that fails leaves the volume as it was', async () => {
      const server = await storage.server();
      const volume = await storage.volume();
      failsFor('attachDisk');
      expect((await attach(server.id, volume.id)).state).toBe('failed: it broke');
      expect(await get(volume.id)).toMatchObject({ status: 'available', serverId: null, lastError: 'it broke' });
      fault = undefined;
      await attach(server.id, volume.id);
      failsFor('detachDisk');
      expect(await detach(server.id, volume.id)).toBe('failed: it broke');
      expect(await get(volume.id)).toMatchObject({ status: 'in-use', serverId: server.id });
      expect(storage.disksOf(server.id)).toEqual([server.rootVolumeId, volume.id]);
    });

    test('of a server that is off, or put away, is there when it comes back', async () => {
      const server = await storage.server();
      const { servers } = storage.cloud;
      await storage.ended((await servers.stop(storage.member, server.id)).actionId);
      const [one, two] = [await storage.volume(), await storage.volume()];
      await attach(server.id, one.id);
      await storage.ended((await servers.shelve(storage.member, server.id)).actionId);
      await attach(server.id, two.id);
      expect(await storage.ended((await servers.unshelve(storage.member, server.id)).actionId)).toBe('succeeded');
      expect(storage.disksOf(server.id)).toEqual([server.rootVolumeId, one.id, two.id]);
    });

    test('ends with the server; the volume stays, unless it is to go with it and has no snapshots', async () => {
      const { blockStorage, servers } = storage.cloud;
      const server = await storage.server();
      const [stays, goes, held] = [await storage.volume(), await storage.volume(), await storage.volume()];
      for (const volume of [stays, goes, held]) await attach(server.id, volume.id);
      for (const volume of [goes, held]) {
        await blockStorage.setDeleteOnTermination(storage.member, server.id, volume.id, true);
      }
      const snapshot = await blockStorage.createSnapshot(storage.member, { volumeId: held.id, force: true });
      await storage.ended(snapshot.actionId);
      expect(await storage.ended((await servers.delete(storage.member, server.id)).actionId)).toBe('succeeded');
      expect(await get(stays.id)).toMatchObject({ status: 'available', serverId: null, diskId: expect.any(String) });
      expect(await get(held.id)).toMatchObject({ status: 'available', deleteOnTermination: false });
      await expect(get(goes.id)).rejects.toEqual(refused('not_found'));
      expect(await diskIds()).toHaveLength(3);
    });

    test('grows while it is in use', async () => {
      const server = await storage.server();
      const volume = await storage.volume();
      await attach(server.id, volume.id);
      const { blockStorage } = storage.cloud;
      const offline = { evenIfAttached: false };
      await expect(blockStorage.extend(storage.member, volume.id, 2 * gib, offline)).rejects.toEqual(
        refused('invalid'),
      );
      await expect(blockStorage.extend(storage.member, volume.id, gib)).rejects.toEqual(refused('invalid', /greater/));
      const { actionId } = await blockStorage.extend(storage.member, volume.id, 2 * gib);
      expect((await get(volume.id)).status).toBe('extending');
      expect(await storage.ended(actionId)).toBe('succeeded');
      const grown = await get(volume.id);
      expect(grown).toMatchObject({ status: 'in-use', size: 2 * gib });
      expect(await storage.host.diskUsage(grown.diskId!)).toMatchObject({ virtualSize: 2 * gib });
    });
  });

  describe('a snapshot', () => {
    test('is a disk of its own: volumes are made of it and reverted to it, and it goes by itself', async () => {
      const { blockStorage } = storage.cloud;
      const volume = await storage.volume();
      const made = await blockStorage.createSnapshot(storage.member, { volumeId: volume.id, name: 'before' });
      expect(await storage.ended(made.actionId)).toBe('succeeded');
      const snapshot = await blockStorage.snapshot(storage.member, made.snapshot.id);
      expect(snapshot).toMatchObject({ status: 'available', name: 'before', size: gib });
      expect(await diskIds()).toEqual([volume.diskId, snapshot.diskId].sort());
      expect(await storage.volume({ snapshotId: snapshot.id })).toMatchObject({ size: gib, snapshotId: snapshot.id });

      const reverted = await blockStorage.revert(storage.member, volume.id, snapshot.id);
      expect(await storage.ended(reverted.actionId)).toBe('succeeded');
      const after = await get(volume.id);
      expect(after.status).toBe('available');
      expect(after.diskId).not.toBe(volume.diskId);
      expect(await diskIds()).not.toContain(volume.diskId);

      const later = await blockStorage.createSnapshot(storage.member, { volumeId: volume.id });
      expect(await storage.ended(later.actionId)).toBe('succeeded');
      const cindersWay = blockStorage.revert(storage.member, volume.id, snapshot.id, { onlyLatest: true });
      await expect(cindersWay).rejects.toEqual(refused('invalid', /its latest snapshot/));
      for (const id of [snapshot.id, later.snapshot.id]) {
        const { actionId } = await blockStorage.revert(storage.member, volume.id, id);
        expect(await storage.ended(actionId)).toBe('succeeded');
      }
      const elsewhere = await storage.volume();
      await expect(blockStorage.revert(storage.member, elsewhere.id, snapshot.id)).rejects.toEqual(
        refused('invalid', /a snapshot of its own/),
      );
      const gone = await blockStorage.deleteSnapshot(storage.member, later.snapshot.id);
      expect(await storage.ended(gone.actionId)).toBe('succeeded');

      await expect(blockStorage.delete(storage.member, volume.id)).rejects.toEqual(
        refused('invalid', /have snapshots/),
      );
      const { actionId } = await blockStorage.deleteSnapshot(storage.member, snapshot.id);
      expect(await storage.ended(actionId)).toBe('succeeded');
      await expect(blockStorage.snapshot(storage.member, snapshot.id)).rejects.toEqual(refused('not_found'));
      expect(await blockStorage.listSnapshots(storage.member, {}, page)).toEqual([]);
    });

    test('of a volume in use needs force; cascade takes it away with its volume', async () => {
      const { blockStorage } = storage.cloud;
      const server = await storage.server();
      const volume = await storage.volume();
      await storage.ended((await blockStorage.attach(storage.member, server.id, { volumeId: volume.id })).actionId);
      const wanted = { volumeId: volume.id };
      await expect(blockStorage.createSnapshot(storage.member, wanted)).rejects.toEqual(refused('invalid', /in-use/));
      const { actionId } = await blockStorage.createSnapshot(storage.member, { ...wanted, force: true });
      expect(await storage.ended(actionId)).toBe('succeeded');
      await storage.ended((await blockStorage.detach(storage.member, server.id, volume.id)).actionId);
      const deletion = await blockStorage.delete(storage.member, volume.id, { cascade: true });
      expect(await storage.ended(deletion.actionId)).toBe('succeeded');
      expect(await blockStorage.listSnapshots(storage.member, {}, page)).toEqual([]);
      expect(await diskIds()).toHaveLength(1);
    });
  });

  test('an image is made of a volume, and a server boots from a volume of it', async () => {
    const { blockStorage, images, servers } = storage.cloud;
    const volume = await storage.volume({ size: gib, imageId: await storage.image(gib, { os_distro: 'debian' }) });
    const template = { name: 'golden', diskFormat: 'qcow2' as const };
    const made = await blockStorage.uploadImage(storage.member, volume.id, template);
    expect((await get(volume.id)).status).toBe('uploading');
    expect(await storage.ended(made.actionId)).toBe('succeeded');
    expect(await get(volume.id)).toMatchObject({ status: 'available' });
    const image = await images.get(storage.member, made.image.id);
    expect(image).toMatchObject({
      status: 'active',
      name: 'golden',
      minDiskGb: 1,
      properties: { os_distro: 'debian' },
    });

    const boot = await storage.volume({ size: gib, imageId: image.id });
    const blockDevices = [
      { bootIndex: 0, source: 'volume', destination: 'volume', id: boot.id, deleteOnTermination: false } as const,
    ];
    const server = await storage.server({ blockDevices });
    expect(server.imageId).toBeNull();
    expect(await get(boot.id)).toMatchObject({ status: 'in-use', device: '/dev/vda', kind: 'root' });
    await expect(blockStorage.detach(storage.member, server.id, boot.id)).rejects.toEqual(refused('forbidden'));
    await storage.ended((await servers.delete(storage.member, server.id)).actionId);
    expect(await get(boot.id)).toMatchObject({ status: 'available', serverId: null });
  });
}
