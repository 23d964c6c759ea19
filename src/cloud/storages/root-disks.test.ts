import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { auditCloud } from '../audit/audit.ts';
import type { Flavor } from '../flavors/flavors.ts';
import { storageRooms } from '../hosts/disk-places.ts';
import type { Host } from '../hosts/model.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';

eachDatabase('root disks in storages that are added', (_open, kind) => rootDisks(kind));

function rootDisks(kind: Database['kind']): void {
  let world: StorageCloud;
  let root: string;
  let small: Flavor;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'unkai-roots-'));
    world = await StorageCloud.start({ database: kind, hosts: 2 });
    small = await flavor('small', { diskGb: 2, ephemeralGb: 1 });
  });
  afterEach(async () => {
    await world.cloud.runner.idle();
    await reapDisks(world.cloud);
    expect(await auditCloud(world.cloud, world.cloud.hosts.agents)).toEqual([]);
    await world.stop();
    await rm(root, { recursive: true, force: true });
  });

  const flavor = (id: string, more: Partial<Flavor>) =>
    world.cloud.flavors.create({ id, name: id, vcpus: 1, memoryMb: 64, diskGb: 2, ...more });
  const attached = async (name: string) => {
    const [host] = await world.cloud.hosts.list();
    const made = await world.cloud.storages.add({ name, zoneId: host!.zoneId, path: join(root, name) });
    await world.cloud.storages.attach(made.id, host!.clusterId);
    return made.id;
  };
  const serverIn = (storageId: string | null | undefined, more: object = {}) =>
    world.server({ flavorId: small.id, rootPlace: { storageId }, ...more });
  const rootOf = async (serverId: string) =>
    (await world.cloud.volumes.ofServer(serverId)).find(({ kind: what }) => what === 'root')!;
  const held = async (serverId: string) =>
    (await world.cloud.hosts.allocations({ serverId })).map(({ hostId, diskGb, storageId, storageGb }) => ({
      ...{ hostId, diskGb, storageId, storageGb },
    }));
  const takenGb = async (storageId: string) =>
    (await storageRooms(world.cloud.db.read))
      .filter((room) => room.storageId === storageId)
      .reduce((sum, { takenBytes }) => sum + takenBytes / gib, 0);
  const done = async (begun: Promise<{ actionId?: string }>) =>
    expect(await world.ended((await begun).actionId)).toBe('succeeded');
  /** What is promised of the storage on one host from now on. */
  const fill = async (storageId: string, host: Host, leaveGb: number) => {
    const [room] = (await storageRooms(world.cloud.db.read, host.id)).filter((one) => one.storageId === storageId);
    const free = Math.floor((room!.totalBytes * room!.diskRatio - room!.takenBytes) / gib);
    return await world.volume({ size: (free - leaveGb) * gib, place: { hostId: host.id, storageId } });
  };

  it('hold their room there, and only what is beside them on the own disk of the host', async () => {
    const id = await attached('big');
    const server = await serverIn(id);
    expect(await rootOf(server.id)).toMatchObject({
      storageId: id,
      installPath: expect.stringContaining(join(root, 'big', server.hostId!)),
    });
    expect(await held(server.id)).toEqual([{ hostId: server.hostId, diskGb: 1, storageId: id, storageGb: 2 }]);
    expect(await takenGb(id)).toBe(2);
    const usage = (await world.cloud.hosts.usage()).find(({ host }) => host.id === server.hostId)!;
    expect([usage.used.diskGb, usage.storages[0]!.usedGb]).toEqual([1, 2]);
    expect(await held((await serverIn(null)).id)).toMatchObject([{ diskGb: 3, storageId: null, storageGb: 0 }]);
    await done(world.cloud.servers.delete(world.member, server.id));
    await world.cloud.runner.idle();
    expect(await takenGb(id)).toBe(0);
  });

  it('are on the own disk of the host while that has room where nothing is said, else where there is most', async () => {
    const id = await attached('big');
    const [one, other] = (await world.cloud.hosts.list()) as [Host, Host];
    await world.cloud.hosts.setState(other.id, 'disabled');
    const plain = () => world.server({ flavorId: small.id });
    expect(await rootOf((await plain()).id)).toMatchObject({ storageId: null });
    // Of both there is as much, and less of the own disk since.
    expect(await rootOf((await serverIn(undefined)).id)).toMatchObject({ storageId: id });
    const own = (await world.cloud.hosts.usage()).find(({ host }) => host.id === one.id)!;
    const left = one.diskGb * one.diskRatio - own.used.diskGb;
    await world.volume({ size: (left - 2) * gib, place: { hostId: one.id, storageId: null } });
    const late = await plain();
    expect(await rootOf(late.id)).toMatchObject({ storageId: id });
    expect(await held(late.id)).toMatchObject([{ diskGb: 1, storageId: id, storageGb: 2 }]);
    await expect(serverIn(null)).rejects.toThrow('lacks disk (need 2 GB, free 0 GB)');
  });

  it('are never promised more than there is, whoever asks at the same moment', async () => {
    const id = await attached('big');
    for (const host of await world.cloud.hosts.list()) await fill(id, host, 5);
    const imageId = await world.image();
    const wanted = { name: 'server', flavorId: small.id, imageId, networks: 'none', securityGroups: [] } as const;
    const asked = await Promise.all(
      Array.from({ length: 7 }, () =>
        world.cloud.servers.create(world.member, { ...wanted, rootPlace: { storageId: id } }),
      ),
    );
    const outcomes = await Promise.all(asked.map(([one]) => world.ended(one!.actionId)));
    expect(outcomes.filter((outcome) => outcome === 'succeeded')).toHaveLength(4);
    expect(outcomes.find((outcome) => outcome !== 'succeeded')).toContain('lack disk (need 2 GB, free 1/1 GB)');
  });

  it('are refused where no host has the storage, or it takes nothing', async () => {
    const [host] = await world.cloud.hosts.list();
    const bare = await world.cloud.storages.add({ name: 'bare', zoneId: host!.zoneId, path: join(root, 'bare') });
    await expect(serverIn(bare.id)).rejects.toThrow('2 do not have the storage asked for');
    await expect(serverIn(null, { withStorageIds: [bare.id] })).rejects.toThrow('2 do not have the storage asked for');
    const id = await attached('big');
    await world.cloud.storages.setState(id, 'maintenance');
    await expect(serverIn(id)).rejects.toThrow('2 have the storage in maintenance');
  });

  it('stay there when they are made anew, larger, or again', async () => {
    const id = await attached('big');
    const server = await serverIn(id);
    const there = { storageId: id, hostId: server.hostId };
    await done(world.cloud.servers.rebuild(world.member, server.id, { imageId: await world.image() }));
    expect(await rootOf(server.id)).toMatchObject(there);
    await done(world.cloud.servers.extendRoot(world.member, server.id, 4 * gib));
    expect(await held(server.id)).toMatchObject([{ diskGb: 1, storageId: id, storageGb: 4 }]);

    const large = await flavor('large', { diskGb: 6, ephemeralGb: 1 });
    await done(world.cloud.servers.resize(world.member, server.id, large.id));
    expect(await takenGb(id)).toBe(10);
    await done(world.cloud.servers.revertResize(world.member, server.id));
    expect(await held(server.id)).toMatchObject([{ storageId: id, storageGb: 4 }]);
    await done(world.cloud.servers.resize(world.member, server.id, large.id));
    await done(world.cloud.servers.confirmResize(world.member, server.id));
    expect(await rootOf(server.id)).toMatchObject(there);
    expect(await held(server.id)).toMatchObject([{ diskGb: 1, storageId: id, storageGb: 6 }]);
    expect(await takenGb(id)).toBe(6);

    await done(world.cloud.servers.rescue(world.member, server.id, { imageId: await world.image() }));
    await done(world.cloud.servers.unrescue(world.member, server.id));
    await done(world.cloud.servers.shelve(world.member, server.id));
    expect(await takenGb(id)).toBe(0);
    await done(world.cloud.servers.unshelve(world.member, server.id));
    expect(await rootOf(server.id)).toMatchObject({ storageId: id });
    expect(await takenGb(id)).toBe(6);
  });

  it('of a flavor without a disk hold what their image takes', async () => {
    const id = await attached('big');
    const diskless = await flavor('diskless', { diskGb: 0, ephemeralGb: 0 });
    const server = await serverIn(id, { flavorId: diskless.id });
    expect(await held(server.id)).toMatchObject([{ diskGb: 0, storageId: id, storageGb: 1 }]);
    await done(world.cloud.servers.rebuild(world.member, server.id, { imageId: await world.image(3 * gib) }));
    expect(await held(server.id)).toMatchObject([{ diskGb: 0, storageId: id, storageGb: 3 }]);
    await done(world.cloud.servers.rebuild(world.member, server.id, { imageId: await world.image(2 * gib) }));
    expect(await takenGb(id)).toBe(2);
    await fill(id, (await world.cloud.hosts.list()).find((host) => host.id === server.hostId)!, 1);
    const imageId = await world.image(4 * gib);
    await expect(world.cloud.servers.rebuild(world.member, server.id, { imageId })).rejects.toThrow('lack');
  });

  it.each(['migrate', 'liveMigrate'] as const)('go along where there is room, by %s', async (move) => {
    const id = await attached('big');
    const spare = await attached('spare');
    const server = await serverIn(id);
    const confirm = async () => {
      if (move === 'migrate') await done(world.cloud.servers.confirmResize(world.member, server.id));
    };
    const placed = async () => {
      const { storageId, hostId, installPath } = await rootOf(server.id);
      expect(await held(server.id)).toMatchObject([{ hostId, storageId, diskGb: storageId === null ? 3 : 1 }]);
      return { storageId, hostId, installPath };
    };
    const first = await placed();
    await done(world.cloud.servers[move](world.admin, server.id));
    await confirm();
    await world.cloud.runner.idle();
    const second = await placed();
    expect(second).toMatchObject({ storageId: id, installPath: expect.stringContaining(join(root, 'big')) });
    expect(second.hostId).not.toBe(first.hostId);

    // Back, where the storage is full now: into whatever has most room.
    const host = await world.cloud.hosts.get(first.hostId!);
    await fill(id, host, 1);
    await world.volume({ size: gib, place: { hostId: host.id, storageId: null } });
    await done(world.cloud.servers[move](world.admin, server.id));
    await confirm();
    await world.cloud.runner.idle();
    expect(await placed()).toMatchObject({ storageId: spare, hostId: first.hostId });
    expect(await world.cloud.servers.migrationTargets(world.admin, server.id)).toMatchObject([{ isPossible: true }]);

    // There is neither of them: on the own disk of the host.
    const clusterId = await world.cloud.zones.changes.createCluster({
      ...{ zoneId: host.zoneId, name: 'bare', hypervisorType: 'simulated' },
    });
    await reapDisks(world.cloud);
    await world.cloud.db.write((tx) =>
      tx.updateTable('hosts').set({ cluster_id: clusterId }).where('id', '=', second.hostId!).execute(),
    );
    await world.cloud.storages.tellHosts();
    await done(world.cloud.servers[move](world.admin, server.id));
    await confirm();
    expect(await placed()).toMatchObject({ storageId: null, hostId: second.hostId });
  });

  it('are made anew in the same storage when their host is down', async () => {
    const id = await attached('big');
    const server = await serverIn(id);
    await world.cloud.hosts.setForcedDown(server.hostId!, true);
    await done(world.cloud.servers.evacuate(world.admin, server.id));
    const { hostId } = await rootOf(server.id);
    expect(hostId).not.toBe(server.hostId);
    expect(await held(server.id)).toMatchObject([{ hostId, storageId: id, storageGb: 2 }]);
    await world.cloud.hosts.setForcedDown(server.hostId!, false);
    const { agents } = world.cloud.hosts;
    for (const one of (await agents.get(server.hostId!)!.inventory()).guests)
      await agents.get(server.hostId!)!.removeGuest(one.serverId);
  });

  it('keep their storage from being taken away, and are remembered by it no longer than it is there', async () => {
    const id = await attached('big');
    const server = await serverIn(id);
    const { clusterId } = await world.cloud.hosts.get(server.hostId!);
    const refused = { code: 'conflict', details: { reason: 'in_use' } };
    await expect(world.cloud.storages.detach(id, clusterId)).rejects.toMatchObject(refused);
    await expect(world.cloud.storages.remove(id)).rejects.toMatchObject(refused);
    await done(world.cloud.servers.shelve(world.member, server.id));
    await world.cloud.runner.idle();
    await reapDisks(world.cloud);
    await world.cloud.storages.detach(id, clusterId);
    await world.cloud.storages.remove(id);
    expect(await rootOf(server.id)).toMatchObject({ storageId: null });
    await done(world.cloud.servers.unshelve(world.member, server.id));
    expect(await held(server.id)).toMatchObject([{ diskGb: 3, storageId: null, storageGb: 0 }]);
  });

  it('are counted when volumes move, which find a place or keep their server where it is', async () => {
    const id = await attached('big');
    const server = await serverIn(id);
    const volume = await world.volume({ size: 4 * gib, place: { hostId: server.hostId!, storageId: id } });
    await done(world.cloud.blockStorage.attach(world.member, server.id, { volumeId: volume.id }));
    const other = (await world.cloud.hosts.list()).find((host) => host.id !== server.hostId)!;
    await fill(id, other, 3);
    const own = await world.volume({
      size: other.diskGb * other.diskRatio * gib,
      place: { hostId: other.id, storageId: null },
    });
    const refused = await world.cloud.servers.migrate(world.admin, server.id);
    expect(await world.ended(refused.actionId)).toContain('1 lacks disk (need 4 GB, free 1 GB)');
    await done(world.cloud.blockStorage.delete(world.member, own.id));
    await world.cloud.runner.idle();
    await done(world.cloud.servers.migrate(world.admin, server.id));
    await done(world.cloud.servers.confirmResize(world.member, server.id));
    expect(await rootOf(server.id)).toMatchObject({ storageId: id, hostId: other.id });
    expect(await world.cloud.blockStorage.get(world.member, volume.id)).toMatchObject({
      ...{ storageId: null, hostId: other.id },
    });
  });
}
