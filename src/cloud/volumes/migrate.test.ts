import { afterEach, beforeEach, expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { AgentError, type HostAgent } from '../../agent/contract.ts';
import type { Database } from '../../database/database.ts';
import { reapDisks } from './disk-reaper.ts';
import { gib, StorageCloud } from './test-cloud.ts';

eachDatabase('volumes that move', (_open, kind) => migrations(kind));

function migrations(database: Database['kind']): void {
  let storage: StorageCloud;
  let beforeCopy: (() => Promise<void>) | undefined;

  const watched = (agent: HostAgent): HostAgent =>
    new Proxy(agent, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (name === 'ensureDisk')
          return async (disk: Parameters<HostAgent['ensureDisk']>[0]) => {
            if (disk.base.kind === 'moved') await beforeCopy?.();
            return await target.ensureDisk(disk);
          };
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });

  beforeEach(async () => {
    beforeCopy = undefined;
    storage = await StorageCloud.start({ database, hosts: 2, wrapAgent: watched });
  });
  afterEach(() => storage.stop());

  const blocks = () => storage.cloud.blockStorage;
  const get = (id: string) => blocks().get(storage.member, id);
  const disks = () =>
    storage.cloud.db.read.selectFrom('disks').select(['id', 'host_id']).where('released_at', 'is', null).execute();
  const elsewhere = async (hostId: string | null) =>
    (await storage.cloud.hosts.list()).find(({ id }) => id !== hostId)!.id;
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) });

  test('a volume goes to another host, with its layer over an image, and its former disk goes', async () => {
    const volume = await storage.volume({ size: 2 * gib, imageId: await storage.image() });
    const to = await elsewhere(volume.hostId);
    const looked = Promise.withResolvers<void>();
    beforeCopy = () => looked.promise;
    const { actionId } = await blocks().migrate(storage.admin, volume.id, { hostId: to });
    expect(await get(volume.id)).toMatchObject({ status: 'maintenance', migrationStatus: 'migrating' });
    looked.resolve();
    expect(await storage.ended(actionId)).toBe('succeeded');
    const moved = await get(volume.id);
    expect(moved).toMatchObject({ status: 'available', migrationStatus: 'success', hostId: to, size: 2 * gib });
    expect(moved.diskId).not.toBe(volume.diskId);
    expect(await disks()).toEqual([{ id: moved.diskId, host_id: to }]);
    await reapDisks(storage.cloud);
    const { disks: left } = await storage.cloud.hosts.agent(volume.hostId!).inventory();
    expect(left).toEqual([]);
    expect((await storage.cloud.hosts.agent(to).inventory()).disks).toEqual([moved.diskId]);
  });

  test('one whose copy fails stays as it was, and says so', async () => {
    const volume = await storage.volume();
    beforeCopy = () => Promise.reject(new AgentError('hypervisor_failed', 'it broke', { retryable: false }));
    const { actionId } = await blocks().migrate(storage.admin, volume.id, { hostId: await elsewhere(volume.hostId) });
    expect(await storage.ended(actionId)).toMatch(/it broke/);
    const { status, migrationStatus, hostId, diskId } = await get(volume.id);
    expect({ status, migrationStatus }).toEqual({ status: 'available', migrationStatus: 'error' });
    expect({ hostId, diskId }).toEqual({ hostId: volume.hostId, diskId: volume.diskId });
    expect(await disks()).toEqual([{ id: diskId, host_id: hostId }]);
  });

  test('one that is said to be free meanwhile keeps the disk that it has', async () => {
    const volume = await storage.volume();
    beforeCopy = async () => {
      await blocks().resetStatus(storage.admin, volume.id, { status: 'available' });
    };
    const { actionId } = await blocks().migrate(storage.admin, volume.id, { hostId: await elsewhere(volume.hostId) });
    expect(await storage.ended(actionId)).toBe('succeeded');
    const kept = { status: 'available', migrationStatus: 'error', hostId: volume.hostId, diskId: volume.diskId };
    expect(await get(volume.id)).toMatchObject(kept);
    expect(await disks()).toEqual([{ id: volume.diskId, host_id: volume.hostId }]);
  });

  test('is refused to others, for what has to stay, and where there is no room', async () => {
    const volume = await storage.volume();
    const to = await elsewhere(volume.hostId);
    const migrate = (hostId = to) => blocks().migrate(storage.admin, volume.id, { hostId });
    await expect(blocks().migrate(storage.member, volume.id, { hostId: to })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(migrate(volume.hostId!)).rejects.toEqual(refused(/must be different/));
    await expect(migrate('0'.repeat(32))).rejects.toMatchObject({ code: 'not_found' });

    const setDisk = (disk_gb: number) =>
      storage.cloud.db.write((tx) => tx.updateTable('hosts').set({ disk_gb }).where('id', '=', to).execute());
    const { diskGb } = await storage.cloud.hosts.get(to);
    await setDisk(0);
    await expect(migrate()).rejects.toEqual(refused(/^Invalid input received: /));
    await setDisk(diskGb);
    const unknownStorage = { hostId: to, storageId: '0'.repeat(32) };
    await expect(blocks().migrate(storage.admin, volume.id, unknownStorage)).rejects.toEqual(refused(/received/));

    const { snapshot, actionId } = await blocks().createSnapshot(storage.member, { volumeId: volume.id });
    await expect(migrate()).rejects.toEqual(refused(/is being copied/));
    await storage.ended(actionId);
    await expect(migrate()).rejects.toEqual(refused(/must not have snapshots/));
    await storage.ended((await blocks().deleteSnapshot(storage.member, snapshot.id)).actionId);

    const server = await storage.server();
    await storage.ended((await blocks().attach(storage.member, server.id, { volumeId: volume.id })).actionId);
    await expect(migrate(await elsewhere(server.hostId))).rejects.toEqual(refused(/moves with its server/));
    expect(await get(volume.id)).toMatchObject({ migrationStatus: null });
  });

  /** A server's volume on its host's own disk, and a storage beside that. */
  async function attached() {
    const server = await storage.server();
    const hostId = server.hostId!;
    const host = await storage.cloud.hosts.get(hostId);
    const added = { name: 'far', zoneId: host.zoneId, path: '/srv/unkai-far' };
    const { id: storageId } = await storage.cloud.storages.add(added);
    await storage.cloud.storages.attach(storageId, host.clusterId);
    const volume = await storage.volume({ size: gib, place: { hostId, storageId: null } });
    const { actionId } = await blocks().attach(storage.member, server.id, { volumeId: volume.id });
    expect(await storage.ended(actionId)).toBe('succeeded');
    const guestDisks = async () => {
      const { guests } = await storage.cloud.hosts.agent(hostId).inventory();
      return guests.find(({ serverId }) => serverId === server.id)?.openDisks ?? [];
    };
    return { server, hostId, storageId, volume: await get(volume.id), guestDisks };
  }

  test('a volume that a server has goes to another storage of its host, as a swap that the server tells of', async () => {
    const { server, hostId, storageId, volume, guestDisks } = await attached();
    const looked = Promise.withResolvers<void>();
    beforeCopy = () => looked.promise;
    const { actionId } = await blocks().migrate(storage.admin, volume.id, { hostId, storageId });
    expect(await get(volume.id)).toMatchObject({ status: 'maintenance', migrationStatus: 'migrating' });
    const busy = expect.objectContaining({ code: 'conflict' });
    await expect(storage.cloud.servers.stop(storage.member, server.id)).rejects.toEqual(busy);
    looked.resolve();
    expect(await storage.ended(actionId)).toBe('succeeded');
    const moved = await get(volume.id);
    const told = { status: 'in-use', migrationStatus: 'success', hostId, storageId, serverId: server.id };
    expect(moved).toMatchObject({ ...told, attachmentId: volume.attachmentId, device: volume.device });
    expect(moved.diskId).not.toBe(volume.diskId);
    expect(await guestDisks()).toContain(moved.diskId);
    expect(await guestDisks()).not.toContain(volume.diskId);
    expect(await storage.cloud.servers.get(storage.member, server.id)).toMatchObject({ taskState: null });
    await reapDisks(storage.cloud);
    expect((await storage.cloud.hosts.agent(hostId).inventory()).disks).not.toContain(volume.diskId);
    // What it is now is where it goes from.
    const same = blocks().migrate(storage.admin, volume.id, { hostId, storageId });
    await expect(same).rejects.toEqual(refused(/must be different/));
    const back = await blocks().migrate(storage.admin, volume.id, { hostId, storageId: null });
    expect(await storage.ended(back.actionId)).toBe('succeeded');
    expect(await get(volume.id)).toMatchObject({ storageId: null, status: 'in-use' });
  });

  test('a server that is deleted meanwhile leaves the volume with all that it wrote', async () => {
    const { server, hostId, storageId, volume } = await attached();
    const { actionId } = await blocks().migrate(storage.admin, volume.id, { hostId, storageId });
    const deleted = await storage.cloud.servers.delete(storage.member, server.id);
    await storage.ended(actionId);
    await storage.ended(deleted.actionId);
    const left = await get(volume.id);
    expect(left).toMatchObject({ status: 'available', serverId: null });
    await reapDisks(storage.cloud);
    expect((await storage.cloud.hosts.agent(hostId).inventory()).disks).toEqual([left.diskId]);
    expect(await disks()).toEqual([{ id: left.diskId, host_id: hostId }]);
  });

  test('one that is for reading only, has snapshots or belongs to several servers stays while a server has it', async () => {
    const { hostId, storageId, volume } = await attached();
    const migrate = () => blocks().migrate(storage.admin, volume.id, { hostId, storageId });
    const change = (columns: object) =>
      storage.cloud.db.write((tx) => tx.updateTable('volumes').set(columns).where('id', '=', volume.id).execute());
    await change({ metadata: JSON.stringify({ readonly: 'True' }) });
    await expect(migrate()).rejects.toEqual(refused(/for reading only/));
    await change({ metadata: '{}', multiattach: 1 });
    await expect(migrate()).rejects.toEqual(refused(/several servers/));
    await change({ multiattach: 0 });
    const made = await blocks().createSnapshot(storage.member, { volumeId: volume.id, force: true });
    await storage.ended(made.actionId);
    await expect(migrate()).rejects.toEqual(refused(/must not have snapshots/));
    expect(await get(volume.id)).toMatchObject({ status: 'in-use', migrationStatus: null });
  });
}
