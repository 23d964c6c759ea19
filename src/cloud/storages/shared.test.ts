import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { AgentError, type DesiredStorage, type DiskSpec, type HostAgent } from '../../agent/contract.ts';
import type { Database } from '../../database/database.ts';
import { auditCloud } from '../audit/audit.ts';
import { storageRooms } from '../hosts/disk-places.ts';
import type { Host } from '../hosts/model.ts';
import { removeStaleGuests } from '../servers/stale-guests.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';

eachDatabase('storages that hosts share', (_open, kind) => sharedStorages(kind));

function sharedStorages(kind: Database['kind']): void {
  let world: StorageCloud;
  let root: string;
  let flavorId: string;
  /** Disks that were offered to another host to be copied, and what hosts were told. */
  let offered: string[];
  let made: DiskSpec[];
  let told: Array<DesiredStorage['shared']>;
  /** Hosts that have nothing mounted, and one that does not answer, in the order in which hosts were opened. */
  let unmounted: Set<number>;
  let silent: Set<number>;

  beforeEach(async () => {
    [offered, made, told, unmounted, silent] = [[], [], [], new Set(), new Set()];
    root = await mkdtemp(join(tmpdir(), 'unkai-common-'));
    let opened = 0;
    const wrapAgent = (agent: HostAgent) => listenedTo(agent, opened++);
    world = await StorageCloud.start({ database: kind, hosts: 2, wrapAgent });
    const size = { vcpus: 1, memoryMb: 64, diskGb: 2, ephemeralGb: 1 };
    flavorId = (await world.cloud.flavors.create({ id: 'small', name: 'small', ...size })).id;
  });
  afterEach(async () => {
    silent.clear();
    await world.cloud.runner.idle();
    await world.cloud.storages.tellHosts();
    await reapDisks(world.cloud);
    expect((await auditCloud(world.cloud)).filter(({ level }) => level === 'violation')).toEqual([]);
    await world.stop();
    await rm(root, { recursive: true, force: true });
  });

  function listenedTo(agent: HostAgent, index: number): HostAgent {
    const changed: Partial<HostAgent> = {
      offerDisk: (id) => {
        offered.push(id);
        return agent.offerDisk(id);
      },
      ensureDisk: (disk) => {
        made.push(disk);
        return agent.ensureDisk(disk);
      },
      applyStorages: async (desired) => {
        told.push(...desired.map(({ shared }) => shared));
        const reports = await agent.applyStorages(desired);
        if (!unmounted.has(index)) return reports;
        return desired.map(({ storageId }) => ({ storageId, totalBytes: 0, freeBytes: 0, problem: 'nothing mounted' }));
      },
    };
    return new Proxy(agent, {
      get(target, name) {
        const value = (Reflect.get(changed, name) ?? Reflect.get(target, name)) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (!silent.has(index)) return Reflect.apply(value, target, args) as unknown;
          return Promise.reject(new AgentError('unreachable', 'no answer'));
        };
      },
    });
  }

  const hosts = async () => (await world.cloud.hosts.list()) as [Host, Host];
  const indexOf = (hostId: string) => [...world.cloud.hosts.agents.keys()].indexOf(hostId);
  const attached = async () => {
    const [{ zoneId, clusterId }] = await hosts();
    const wanted = { name: 'common', zoneId, path: join(root, 'common'), kind: 'shared' } as const;
    const { id } = await world.cloud.storages.add(wanted);
    await world.cloud.storages.attach(id, clusterId);
    return id;
  };
  const serverIn = (storageId: string, more: object = {}) =>
    world.server({ flavorId, rootPlace: { storageId }, ...more });
  const rootOf = async (serverId: string) =>
    (await world.cloud.volumes.ofServer(serverId)).find(({ kind: what }) => what === 'root')!;
  const takenGb = async (storageId: string) => {
    const rooms = (await storageRooms(world.cloud.db.read)).filter((room) => room.storageId === storageId);
    expect(new Set(rooms.map(({ takenBytes }) => takenBytes)).size).toBe(1);
    return rooms[0]!.takenBytes / gib;
  };
  const shown = async (id: string) =>
    await world.cloud.db.read.selectFrom('primary_storages').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const done = async (begun: Promise<{ actionId?: string }>) =>
    expect(await world.ended((await begun).actionId)).toBe('succeeded');
  /** All of it but so much is promised from now on. */
  const fill = async (storageId: string, leaveGb: number) => {
    const [room] = (await storageRooms(world.cloud.db.read)).filter((one) => one.storageId === storageId);
    const free = Math.floor((room!.totalBytes * room!.diskRatio - room!.takenBytes) / gib);
    return await world.volume({ size: (free - leaveGb) * gib, place: { storageId } });
  };

  it('have their room once, whichever hosts use it', async () => {
    const id = await attached();
    const [one] = await storageRooms(world.cloud.db.read);
    const before = await shown(id);
    expect(before).toMatchObject({ kind: 'shared', status: 'connected', total_physical_bytes: one!.totalBytes });
    for (const host of await hosts()) await world.volume({ size: gib, place: { storageId: id, hostId: host.id } });
    await serverIn(id);
    expect(await takenGb(id)).toBe(4);
    const after = await shown(id);
    expect(Number(before.available_bytes) - Number(after.available_bytes)).toBe(4 * gib);
    expect(after.total_bytes).toBe(before.total_bytes);
  });

  it('are never promised more than there is, whichever hosts ask at the same moment', async () => {
    const id = await attached();
    await fill(id, 5);
    const imageId = await world.image();
    const wanted = { name: 'server', flavorId, imageId, networks: 'none', securityGroups: [] } as const;
    const place = { rootPlace: { storageId: id } };
    const begun = await Promise.all(
      Array.from({ length: 5 }, () => world.cloud.servers.create(world.member, { ...wanted, ...place })),
    );
    const outcomes = await Promise.all(begun.map(([each]) => world.ended(each!.actionId)));
    expect(outcomes.filter((outcome) => outcome === 'succeeded')).toHaveLength(2);
    expect(outcomes.find((outcome) => outcome !== 'succeeded')).toContain('lack disk (need 2 GB, free 1/1 GB)');
  });

  it('let servers move without a copy, however full they are', async () => {
    const id = await attached();
    const server = await serverIn(id);
    const data = await world.volume({ size: gib, place: { storageId: id, hostId: server.hostId! } });
    await done(world.cloud.blockStorage.attach(world.member, server.id, { volumeId: data.id }));
    await fill(id, 0);
    const full = await takenGb(id);
    const before = await rootOf(server.id);

    await done(world.cloud.servers.liveMigrate(world.admin, server.id));
    await world.cloud.runner.idle();
    const there = await rootOf(server.id);
    expect(there).toMatchObject({ storageId: id });
    expect(there.hostId).not.toBe(before.hostId);
    expect(await takenGb(id)).toBe(full);
    await done(world.cloud.servers.migrate(world.admin, server.id));
    expect(await takenGb(id)).toBe(full);
    await done(world.cloud.servers.revertResize(world.member, server.id));
    expect(await rootOf(server.id)).toMatchObject({ hostId: there.hostId, diskId: there.diskId });
    await done(world.cloud.servers.migrate(world.admin, server.id));
    await done(world.cloud.servers.confirmResize(world.member, server.id));
    await world.cloud.runner.idle();
    expect(await takenGb(id)).toBe(full);
    expect(await rootOf(server.id)).toMatchObject({ hostId: before.hostId });
    // Only the ephemeral disk is copied, which is on the own disk of its host.
    expect(offered).toHaveLength(2);
    expect(made.filter(({ base }) => base.kind === 'same')).toHaveLength(6);
  });

  it('let a disk grow as it comes to another host, and count what it grows by', async () => {
    const id = await attached();
    const server = await serverIn(id);
    const larger = await world.cloud.flavors.create({
      id: 'big',
      name: 'big',
      vcpus: 1,
      memoryMb: 64,
      diskGb: 5,
      ephemeralGb: 1,
    });
    await world.cloud.hosts.setState(server.hostId!, 'disabled');
    await done(world.cloud.servers.resize(world.member, server.id, larger.id));
    expect((await rootOf(server.id)).hostId).not.toBe(server.hostId);
    expect(await takenGb(id)).toBe(5);
    await done(world.cloud.servers.confirmResize(world.member, server.id));
    await world.cloud.runner.idle();
    await reapDisks(world.cloud);
    expect(await takenGb(id)).toBe(5);
    expect(await rootOf(server.id)).toMatchObject({ storageId: id, size: 5 * gib });
  });

  it('hand a volume to a server on any host', async () => {
    const id = await attached();
    const server = await serverIn(id);
    const [other] = (await hosts()).filter((host) => host.id !== server.hostId);
    const place = { storageId: id, hostId: other!.id };
    const volume = await world.volume({ size: gib, imageId: await world.image(), place });
    await fill(id, 0);
    // It comes also from a host that does not answer.
    silent.add(indexOf(other!.id));
    await done(world.cloud.blockStorage.attach(world.member, server.id, { volumeId: volume.id }));
    const now = await world.cloud.blockStorage.get(world.member, volume.id);
    expect(now).toMatchObject({ hostId: server.hostId, storageId: id, status: 'in-use' });
    expect(offered).toEqual([]);
  });

  it('are where servers find their disks again when their host is down', async () => {
    const id = await attached();
    const server = await serverIn(id);
    const volume = await world.volume({ size: gib, place: { storageId: id, hostId: server.hostId! } });
    await done(world.cloud.blockStorage.attach(world.member, server.id, { volumeId: volume.id }));
    const before = await rootOf(server.id);
    silent.add(indexOf(server.hostId!));
    const { db, hosts: known } = world.cloud;
    await db.write((tx) =>
      tx.updateTable('hosts').set({ status: 'disconnected' }).where('id', '=', server.hostId).execute(),
    );
    // Nobody knows whether its guest still writes.
    const asked = () => world.cloud.servers.evacuate(world.admin, server.id);
    await expect(asked()).rejects.toMatchObject({ code: 'conflict', details: { reason: 'not_fenced' } });
    await known.setForcedDown(server.hostId!, true);
    await done(asked());
    const after = await rootOf(server.id);
    expect(after.hostId).not.toBe(server.hostId);
    expect(after.diskId).not.toBe(before.diskId);
    expect(made.filter(({ base }) => base.kind === 'same').map(({ base }) => base)).toEqual([
      { kind: 'same', source: expect.objectContaining({ diskId: before.diskId, part: server.hostId }) },
      { kind: 'same', source: expect.objectContaining({ diskId: volume.diskId, part: server.hostId }) },
    ]);
    expect(await world.cloud.blockStorage.get(world.member, volume.id)).toMatchObject({ hostId: after.hostId });
    expect(await takenGb(id)).toBe(3);
    await db.write((tx) =>
      tx.updateTable('hosts').set({ status: 'connected' }).where('id', '=', server.hostId).execute(),
    );
    await known.setForcedDown(server.hostId!, false);
    silent.clear();
    expect(await removeStaleGuests(world.cloud)).toMatchObject({ removed: 1 });
  });

  it('keep what lies there of a server whose other disks are lost with their host, also what it boots from', async () => {
    const id = await attached();
    const server = await world.server({ flavorId, rootPlace: { storageId: null } });
    const [other] = (await hosts()).filter((host) => host.id !== server.hostId);
    const place = { storageId: id, hostId: server.hostId! };
    const data = await world.volume({ size: gib, place });
    await done(world.cloud.blockStorage.attach(world.member, server.id, { volumeId: data.id }));
    const boot = await world.volume({ size: gib, imageId: await world.image(), place });
    const device = { source: 'volume', destination: 'volume', bootIndex: 0, id: boot.id, deleteOnTermination: false };
    const booted = await world.server({ flavorId, blockDevices: [device] } as never);
    await world.cloud.hosts.setForcedDown(server.hostId!, true);
    for (const one of [server, booted]) await done(world.cloud.servers.evacuate(world.admin, one.id));
    for (const volume of [data, boot])
      expect(await world.cloud.blockStorage.get(world.member, volume.id)).toMatchObject({
        ...{ hostId: other!.id, storageId: id, status: 'in-use' },
      });
    const same = made.flatMap(({ base }) => (base.kind === 'same' ? base.source.diskId : []));
    expect(same).toEqual([data.diskId, boot.diskId]);
    expect(await rootOf(server.id)).toMatchObject({ hostId: other!.id, storageId: null });
    await world.cloud.hosts.setForcedDown(server.hostId!, false);
  });

  it('of a host that answers, a guest that can’t be stopped keeps its disks', async () => {
    const id = await attached();
    const server = await serverIn(id);
    await world.cloud.hosts.setForcedDown(server.hostId!, true);
    const agent = world.cloud.hosts.agent(server.hostId!);
    const stop = agent.stopGuest;
    agent.stopGuest = () => Promise.reject(new AgentError('hypervisor_failed', 'it hangs'));
    const begun = await world.cloud.servers.evacuate(world.admin, server.id);
    expect(await world.ended(begun.actionId)).toContain('it hangs');
    agent.stopGuest = stop;
    expect(await rootOf(server.id)).toMatchObject({ hostId: server.hostId });
    await world.cloud.hosts.setForcedDown(server.hostId!, false);
  });

  it('are marked by one host that has them, and no host without is one of theirs', async () => {
    unmounted.add(0);
    const id = await attached();
    const row = async () =>
      await world.cloud.db.read.selectFrom('storages').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const { marker } = await row();
    expect(await row()).toMatchObject({ marker: expect.stringMatching(/^[0-9a-f]{32}$/), marking_host_id: null });
    expect(told).toEqual([
      { marker: expect.not.stringMatching(marker!), mayMark: true },
      { marker, mayMark: true },
    ]);
    const rooms = await storageRooms(world.cloud.db.read);
    expect(rooms.map(({ status }) => status).toSorted()).toEqual(['connected', 'disconnected']);
    expect(await shown(id)).toMatchObject({ status: 'connected' });
    const lacking = [...world.cloud.hosts.agents.keys()][0]!;
    expect((await serverIn(id)).hostId).not.toBe(lacking);
    unmounted.clear();
    told.length = 0;
    expect(await world.cloud.storages.tellHosts()).toMatchObject({ disconnected: 0 });
    expect(told).toEqual([
      { marker, mayMark: false },
      { marker, mayMark: false },
    ]);
  });

  it('keep their mark when the host that wrote it could not say so', async () => {
    const [{ zoneId, clusterId }] = await hosts();
    const { storages, db } = world.cloud;
    const { id } = await storages.add({ name: 'common', zoneId, path: join(root, 'common'), kind: 'shared' });
    silent.add(0);
    await storages.attach(id, clusterId);
    const row = async () =>
      await db.read.selectFrom('storages').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const lost = await row();
    expect(lost).toMatchObject({ marking_host_id: [...world.cloud.hosts.agents.keys()][0] });
    silent.clear();
    expect(await storages.tellHosts()).toMatchObject({ disconnected: 0 });
    expect(await row()).toMatchObject({ marker: lost.marker, marking_host_id: null });
  });

  it('that no cluster has any more are marked anew, and not before', async () => {
    const id = await attached();
    const [{ clusterId }] = await hosts();
    const markOf = async () =>
      (await world.cloud.db.read.selectFrom('storages').select('marker').where('id', '=', id).executeTakeFirst())
        ?.marker;
    const first = await markOf();
    await world.cloud.storages.detach(id, clusterId);
    expect(await markOf()).toBeNull();
    await world.cloud.storages.attach(id, clusterId);
    expect(await markOf()).not.toBe(first);
    unmounted.add(0).add(1);
    await world.cloud.storages.detach(id, clusterId);
    await expect(world.cloud.storages.attach(id, clusterId)).rejects.toMatchObject({
      code: 'conflict',
      details: { reason: 'not_connected' },
    });
    expect(await markOf()).toBeNull();
    await world.cloud.storages.remove(id);
  });
}
