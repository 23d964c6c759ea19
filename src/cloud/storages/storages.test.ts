import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { AgentError, type HostAgent } from '../../agent/contract.ts';
import type { Database } from '../../database/database.ts';
import { auditCloud } from '../audit/audit.ts';
import type { Host } from '../hosts/model.ts';
import { removeHost } from '../hosts/removal.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';
import { StorageHosts } from './tell-hosts.ts';

eachDatabase('storages that are added', (_open, kind) => added(kind));

function added(kind: Database['kind']): void {
  let world: StorageCloud;
  let root: string;
  /** What hosts answer to `applyStorages` instead, by turn. */
  let refusal: Error | undefined;
  /** Hosts, by their order, of which a mount hangs until it is let go; and how often each was asked meanwhile. */
  let hung: Map<number, { until: Promise<void>; asked: number }>;
  let opened: number;

  const wrapAgent = (agent: HostAgent): HostAgent => {
    const index = opened++;
    const applyStorages: HostAgent['applyStorages'] = async (desired) => {
      if (refusal) throw refusal;
      const hang = hung.get(index);
      if (hang) {
        hang.asked += 1;
        await hang.until;
      }
      return await agent.applyStorages(desired);
    };
    return new Proxy(agent, {
      get(target, name) {
        const value = (name === 'applyStorages' ? applyStorages : Reflect.get(target, name)) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  };

  beforeEach(async () => {
    [refusal, hung, opened] = [undefined, new Map(), 0];
    root = await mkdtemp(join(tmpdir(), 'unkai-added-'));
    world = await StorageCloud.start({ database: kind, hosts: 2, wrapAgent });
  });
  afterEach(async () => {
    await reapDisks(world.cloud);
    expect(await auditCloud(world.cloud, world.cloud.hosts.agents)).toEqual([]);
    await world.stop();
    await rm(root, { recursive: true, force: true });
  });

  const hosts = () => world.cloud.hosts.list();
  const add = async (name = 'big') => {
    const [host] = await hosts();
    return await world.cloud.storages.add({ name, zoneId: host!.zoneId, path: join(root, name) });
  };
  const attached = async (name?: string) => {
    const storage = await add(name);
    const [host] = await hosts();
    await world.cloud.storages.attach(storage.id, host!.clusterId);
    return { ...storage, clusterId: host!.clusterId };
  };
  const volumeIn = (storageId: string | null, more: object = {}) =>
    world.volume({ size: gib, place: { storageId }, ...more });
  const diskRow = async (id: string) =>
    await world.cloud.db.read.selectFrom('disks').selectAll().where('id', '=', id).executeTakeFirst();

  it('are refused where they would lie among other things', async () => {
    const [host] = await hosts();
    await mkdir(join(root, 'full'));
    await writeFile(join(root, 'full', 'notes'), '');
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    const storage = await add();
    const odd = [
      'relative',
      '/',
      '/proc/unkai',
      '/etc/unkai',
      join(root, 'full'),
      join(root, 'link', 'x'),
      `${root}/../${root}`,
      storage.path,
      join(storage.path, 'inside'),
      root,
    ];
    for (const path of odd) {
      const wanted = { name: 'odd', zoneId: host!.zoneId, path };
      await expect(world.cloud.storages.add(wanted), path).rejects.toMatchObject({
        code: 'invalid',
        details: { reason: 'no_storage_place' },
      });
    }
    const store = { name: 'store', url: join(storage.path, 'images') };
    await expect(world.cloud.imageStores.addConnected(store)).rejects.toMatchObject({ code: 'invalid' });
    const taken = { id: host!.id, name: 'odd', zoneId: host!.zoneId, path: join(root, 'free') };
    await expect(world.cloud.storages.add(taken)).rejects.toMatchObject({ code: 'duplicate' });
    const nowhere = { name: 'odd', zoneId: 'f'.repeat(32), path: join(root, 'free') };
    await expect(world.cloud.storages.add(nowhere)).rejects.toMatchObject({ code: 'not_found' });
    await world.cloud.storages.remove(storage.id);
  });

  it('hold volumes and their snapshots, which stay there whatever becomes of them', async () => {
    const { id } = await attached();
    const volume = await volumeIn(id);
    expect(volume).toMatchObject({ storageId: id, installPath: expect.stringContaining(join(root, 'big')) });

    const { blockStorage } = world.cloud;
    const taken = await blockStorage.createSnapshot(world.member, { volumeId: volume.id });
    expect(await world.ended(taken.actionId)).toBe('succeeded');
    const snapshot = await blockStorage.snapshot(world.member, taken.snapshot.id);
    expect(await diskRow(snapshot.diskId!)).toMatchObject({ storage_id: id, host_id: volume.hostId });

    expect(await world.ended((await blockStorage.extend(world.member, volume.id, 2 * gib)).actionId)).toBe('succeeded');
    const copy = await world.volume({ snapshotId: snapshot.id });
    expect(copy.storageId).toBe(id);
    const now = await blockStorage.get(world.member, volume.id);
    expect(now.storageId).toBe(id);
    expect(await diskRow(now.diskId!)).toMatchObject({ storage_id: id });

    // Nothing of it is taken from the host's own disk.
    const usage = await world.cloud.hosts.usage();
    expect(usage.map(({ used }) => used.diskGb)).toEqual([0, 0]);
    await expect(world.cloud.storages.detach(id, (await hosts())[0]!.clusterId)).rejects.toMatchObject({
      details: { reason: 'in_use' },
    });
  });

  it('take what finds most room there, nothing while they are disabled, and only what they have room for', async () => {
    const { id } = await attached();
    const own = await volumeIn(null, { size: 100 * gib });
    expect(own.storageId).toBeNull();
    const place = { hostId: own.hostId! };
    // The host's own disk has less left by now.
    expect((await world.volume({ size: gib, place })).storageId).toBe(id);
    await world.cloud.storages.setState(id, 'disabled');
    expect((await world.volume({ size: gib, place })).storageId).toBeNull();
    await expect(volumeIn(id)).rejects.toThrow('disabled');
    await world.cloud.storages.setState(id, 'enabled');
    await expect(volumeIn(id, { size: 50_000 * gib })).rejects.toThrow('lack');
  });

  it('are kept by a volume that moves to a host that has them, and left for one that has not', async () => {
    const { id } = await attached();
    const [one, other] = (await hosts()) as [Host, Host];
    const volume = await volumeIn(id, { place: { storageId: id, hostId: one.id } });
    const attach = async () => {
      await world.cloud.hosts.setState(one.id, 'disabled');
      const server = await world.server();
      await world.cloud.hosts.setState(one.id, 'enabled');
      expect(server.hostId).toBe(other.id);
      const { actionId } = await world.cloud.blockStorage.attach(world.member, server.id, { volumeId: volume.id });
      expect(await world.ended(actionId)).toBe('succeeded');
      return server;
    };
    const server = await attach();
    const there = await world.cloud.blockStorage.get(world.member, volume.id);
    expect(there).toMatchObject({ storageId: id, hostId: other.id });
    expect(there.installPath).toContain(join(root, 'big', other.id));

    const moved = await world.cloud.servers.migrate(world.admin, server.id);
    expect(await world.ended(moved.actionId)).toBe('succeeded');
    await world.cloud.runner.idle();
    expect(await world.cloud.blockStorage.get(world.member, volume.id)).toMatchObject({
      storageId: id,
      hostId: one.id,
    });
    await world.ended((await world.cloud.servers.confirmResize(world.member, server.id)).actionId);

    // The other host comes to a cluster that has no such storage.
    await reapDisks(world.cloud);
    const cluster = await world.cloud.zones.changes.createCluster({
      ...{ zoneId: (await hosts())[0]!.zoneId, name: 'bare', hypervisorType: 'simulated' },
    });
    await world.cloud.db.write((tx) =>
      tx.updateTable('hosts').set({ cluster_id: cluster }).where('id', '=', other.id).execute(),
    );
    await world.cloud.storages.tellHosts();
    const gone = await world.cloud.servers.migrate(world.admin, server.id);
    expect(await world.ended(gone.actionId)).toBe('succeeded');
    const left = await world.cloud.blockStorage.get(world.member, volume.id);
    expect(left).toMatchObject({ storageId: null, hostId: other.id });
    await world.ended((await world.cloud.servers.revertResize(world.member, server.id)).actionId);
    expect(await world.cloud.blockStorage.get(world.member, volume.id)).toMatchObject({
      storageId: id,
      hostId: one.id,
    });
  });

  it('are given back only when nothing is left in them', async () => {
    const { id, clusterId } = await attached();
    const volume = await volumeIn(id);
    const { storages, blockStorage } = world.cloud;
    const refused = { code: 'conflict', details: { reason: 'in_use' } };
    await expect(storages.remove(id)).rejects.toMatchObject(refused);
    await expect(storages.detach(id, clusterId)).rejects.toMatchObject(refused);
    await expect(storages.update(id, { path: join(root, 'elsewhere') })).rejects.toMatchObject(refused);
    expect(await world.ended((await blockStorage.delete(world.member, volume.id)).actionId)).toBe('succeeded');
    await expect(storages.remove(id)).rejects.toMatchObject(refused);
    await storages.detach(id, clusterId);
    await storages.detach(id, clusterId);
    expect(await world.cloud.db.read.selectFrom('storage_hosts').selectAll().execute()).toEqual([]);
    await storages.update(id, { path: join(root, 'elsewhere'), name: 'renamed' });
    await storages.attach(id, clusterId);
    expect((await volumeIn(id)).installPath).toContain(join(root, 'elsewhere'));
  });

  it('are attached once, in their zone, and where a host can use them', async () => {
    const { id, clusterId } = await attached();
    const { storages, zones } = world.cloud;
    await expect(storages.attach(id, clusterId)).rejects.toMatchObject({ details: { reason: 'attached' } });
    const zoneId = await zones.changes.createZone({ name: 'west' });
    const far = await zones.changes.createCluster({ zoneId, name: 'far', hypervisorType: 'simulated' });
    await expect(storages.attach(id, far)).rejects.toMatchObject({ details: { reason: 'other_zone' } });
    await expect(storages.attach(id, 'f'.repeat(32))).rejects.toMatchObject({ code: 'not_found' });

    refusal = new AgentError('unreachable', 'no answer');
    const second = await add('second');
    await expect(storages.attach(second.id, clusterId)).rejects.toMatchObject({ details: { reason: 'not_connected' } });
    refusal = undefined;
    await storages.tellHosts();
    expect(await world.cloud.db.read.selectFrom('storage_clusters').selectAll().execute()).toHaveLength(1);
    await storages.remove(second.id);
  });

  it('are not taken from under what is placed there at the same moment', async () => {
    const { id, clusterId } = await attached();
    const { db, hosts: engine, storages, volumes } = world.cloud;
    const placed = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const diskId = 'd'.repeat(32);
    const registering = db.write(async (tx) => {
      const { host, storageId } = await engine.placeDisk(tx, { size: gib, storageId: id });
      placed.resolve();
      // SQLite has one writer: others wait for this transaction in any case.
      if (kind === 'postgres') await goOn.promise;
      const disk = { id: diskId, volumeId: 'e'.repeat(32), imageId: null, size: gib, storageId };
      await volumes.announceDisk(tx, host.id, disk);
    });
    await placed.promise;
    const detaching = expect(storages.detach(id, clusterId)).rejects.toMatchObject({ details: { reason: 'in_use' } });
    goOn.resolve();
    await registering;
    await detaching;
    await db.write((tx) => tx.deleteFrom('disks').where('id', '=', diskId).execute());
  });

  it('take nothing while their hosts do not answer for them, and are told when they do', async () => {
    const { id } = await attached();
    refusal = new AgentError('unreachable', 'no answer');
    expect(await world.cloud.storages.tellHosts()).toEqual({ hosts: 2, disconnected: 2 });
    await expect(volumeIn(id)).rejects.toThrow('not connected');
    refusal = undefined;
    expect(await world.cloud.storages.tellHosts()).toEqual({ hosts: 2, disconnected: 0 });
    await volumeIn(id);
  });

  it('of a host with a mount that hangs keep no other host from being told, and are back with it', async () => {
    await attached();
    const { db, env, log, hosts: known } = world.cloud;
    const hurried = { ...env, sleep: (ms: number, signal?: AbortSignal) => env.sleep(ms / 100, signal) };
    const told = new StorageHosts({ db, env: hurried, log }, known);
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    const hang = { until, asked: 0 };
    hung.set(0, hang);
    for (let time = 0; time < 3; time += 1) expect(await told.tell()).toEqual({ hosts: 2, disconnected: 1 });
    expect(hang.asked).toBe(1);
    const [stuck, other] = [...known.agents.keys()];
    const rows = await db.read.selectFrom('storage_hosts').selectAll().execute();
    expect(rows.find(({ host_id }) => host_id === stuck)).toMatchObject({
      status: 'disconnected',
      problem: 'the host has not said for 20 seconds what it has: does one of its mounts hang?',
    });
    expect(rows.find(({ host_id }) => host_id === other)).toMatchObject({ status: 'connected', problem: null });
    hung.clear();
    letGo();
    await expect.poll(() => told.tell()).toEqual({ hosts: 2, disconnected: 0 });
  });

  it('leave with the host that they are on', async () => {
    const { id } = await attached();
    const [one, other] = await hosts();
    const volume = await volumeIn(id, { place: { storageId: id, hostId: one!.id } });
    await expect(removeHost(world.cloud, one!.id)).rejects.toMatchObject({ details: { reason: 'in_use' } });
    await world.ended((await world.cloud.blockStorage.delete(world.member, volume.id)).actionId);
    await world.cloud.runner.idle();
    await removeHost(world.cloud, one!.id);
    const rows = await world.cloud.db.read.selectFrom('storage_hosts').select('host_id').execute();
    expect(rows).toEqual([{ host_id: other!.id }]);
    expect(await world.host.applyStorages([])).toEqual([]);
  });
}
