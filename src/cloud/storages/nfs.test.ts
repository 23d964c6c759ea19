import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { KillableProcess, Killed } from '../../../tests/support/killable.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { DesiredStorage, DiskSpec, HostAgent } from '../../agent/contract.ts';
import type { Database } from '../../database/database.ts';
import { auditCloud } from '../audit/audit.ts';
import type { Host } from '../hosts/model.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';
import { checkNfsOptions, nfsUrl } from './nfs-place.ts';
import { Storages } from './storages.ts';

describe('the folder of an NFS server', () => {
  test.each([
    ['10.0.0.1:/share', '10.0.0.1:/share'],
    ['nas.example-1.org:/', 'nas.example-1.org:/'],
    ['nas:/srv/a_b.c/', 'nas:/srv/a_b.c'],
    ['[2001:db8::1]:/x', '[2001:db8::1]:/x'],
  ])('%s is one', (said, kept) => expect(nfsUrl(said)).toBe(kept));

  test.each([
    ...['', 'nas', '/share', ':/share', 'nas:', 'nas:share', 'nas:/a b', 'nas:/a\n/b', 'nas:/$(reboot)', 'nas:/a;b'],
    ...['nas:/a/../b', 'nas:/./a', 'nas://a', '-o:/share', 'nas;x:/a', '10.0.0.256:/a', '2001:db8::1:/x', '[nas]:/x'],
    ...['[fe80::1%eth0]:/x', 'nas:/dev', 'nas:/proc/x', 'nas:/sys/', 'nfs://nas/share', `nas:/${'a'.repeat(1024)}`],
  ])('%s is none', (said) =>
    expect(() => nfsUrl(said)).toThrow(expect.objectContaining({ details: { reason: 'no_storage_place' } })),
  );

  test.each(['hard', 'soft,timeo=100,retrans=3', 'vers=4.2,proto=tcp6,nconnect=4,_netdev', 'rsize=1048576'])(
    'may be mounted with %s',
    (options) => expect(checkNfsOptions(options)).toBe(options),
  );

  test.each([
    ...[
      '',
      'nolock',
      'local_lock=all',
      'ro',
      'bg',
      'bind',
      'remount',
      'helper=x',
      'uhelper=x',
      'x-mount.mkdir',
      'exec',
    ],
    ...['hard,', 'timeo', 'hard=1', 'timeo=1=2', 'timeo=$(x)', 'vers=4 ro', 'vers=', 'context=x', 'hard\nro'],
  ])('is not mounted with %s', (options) =>
    expect(() => checkNfsOptions(options)).toThrow(
      expect.objectContaining({ details: { reason: 'no_storage_options' } }),
    ),
  );
});

eachDatabase('storages that hosts mount by themselves', (_open, kind) => mountedStorages(kind));

function mountedStorages(kind: Database['kind']): void {
  let world: StorageCloud;
  /** What each host was told last, what disks were made of, and what no host can mount. */
  let told: Map<HostAgent, readonly DesiredStorage[]>;
  let made: DiskSpec[];
  let lost: Set<string>;

  beforeEach(async () => {
    [told, made, lost] = [new Map(), [], new Set()];
    world = await StorageCloud.start({ database: kind, hosts: 2, wrapAgent: listenedTo });
  });
  afterEach(async () => {
    await world.cloud.runner.idle();
    await reapDisks(world.cloud);
    expect((await auditCloud(world.cloud)).filter(({ level }) => level === 'violation')).toEqual([]);
    await world.stop();
  });

  function listenedTo(agent: HostAgent): HostAgent {
    const changed: Partial<HostAgent> = {
      ensureDisk: (disk) => {
        made.push(disk);
        return agent.ensureDisk(disk);
      },
      applyStorages: async (desired) => {
        told.set(agent, desired);
        const reports = await agent.applyStorages(desired);
        const isLost = (id: string) => lost.has(desired.find((one) => one.storageId === id)?.mount?.source ?? '');
        return reports.map((one) =>
          isLost(one.storageId) ? { storageId: one.storageId, totalBytes: 0, freeBytes: 0, problem: 'no answer' } : one,
        );
      },
    };
    return new Proxy(agent, {
      get: (target, name) => (Reflect.get(changed, name) ?? Reflect.get(target, name)) as unknown,
    });
  }

  const hosts = async () => (await world.cloud.hosts.list()) as [Host, Host];
  const add = async (url: string, options?: string) => {
    const [{ zoneId }] = await hosts();
    return await world.cloud.storages.add({ name: 'nas', zoneId, nfs: { url, options } });
  };
  const attached = async (url = 'nas:/share', options?: string) => {
    const { id } = await add(url, options);
    await world.cloud.storages.attach(id, (await hosts())[0].clusterId);
    return id;
  };
  const shown = async (id: string) =>
    await world.cloud.db.read.selectFrom('primary_storages').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const mounts = () => [...told.values()].map((places) => places.map(({ mount }) => mount));

  it('tell every host what to mount and how, and are told as what they are', async () => {
    const id = await attached('nas:/share/', 'soft,timeo=100');
    const [first] = [...told.values()];
    expect(mounts()).toEqual(Array(2).fill([{ source: 'nas:/share', options: 'soft,timeo=100' }]));
    expect(first).toMatchObject([{ storageId: id, path: `mounts/${id}`, shared: { marker: expect.any(String) } }]);
    const kept = { kind: 'nfs', url: 'nas:/share', mount_path: `mounts/${id}`, status: 'connected' };
    expect(await shown(id)).toMatchObject(kept);
    expect(await world.cloud.storages.find(id)).toMatchObject({ kind: 'shared', nfsUrl: 'nas:/share' });
    await world.cloud.storages.detach(id, (await hosts())[0].clusterId);
    expect(mounts()).toEqual([[], []]);
    expect(await shown(id)).toMatchObject({ status: 'connecting' });
    await world.cloud.storages.remove(id);
  });

  it('are there once', async () => {
    await add('nas:/share');
    const words = expect.stringContaining('there has been a nfs primary storage having url as nas:/share in zone');
    await expect(add('nas:/share/')).rejects.toMatchObject({ code: 'duplicate', message: words });
    await expect(add('nas:/share/sub')).resolves.toMatchObject({ nfsUrl: 'nas:/share/sub' });
    await expect(add('nowhere')).rejects.toMatchObject({ code: 'invalid' });
    await expect(add('nas:/c', 'nolock')).rejects.toMatchObject({ code: 'invalid' });
  });

  it('are taken by a cluster where a host can mount them', async () => {
    lost.add('nas:/share');
    await expect(attached()).rejects.toMatchObject({ details: { reason: 'not_connected' } });
    const [storage] = await world.cloud.storages.list();
    expect(await world.cloud.storages.ofCluster((await hosts())[0].clusterId)).toEqual([]);
    lost.clear();
    await world.cloud.storages.attach(storage!.id, (await hosts())[0].clusterId);
    lost.add('nas:/share');
    await world.cloud.storages.tellHosts();
    expect(await shown(storage!.id)).toMatchObject({ status: 'disconnected' });
    expect(await world.cloud.storages.problems(storage!.id)).toEqual(['no answer', 'no answer']);
  });

  it('let servers move without a copy', async () => {
    const id = await attached();
    const server = await world.server({ rootPlace: { storageId: id } });
    expect(await world.ended((await world.cloud.servers.liveMigrate(world.admin, server.id)).actionId)).toBe(
      'succeeded',
    );
    expect(made.some(({ base }) => base.kind === 'same')).toBe(true);
    const [root] = await world.cloud.volumes.ofServer(server.id);
    expect(root).toMatchObject({ storageId: id });
    expect(root!.hostId).not.toBe(server.hostId);
  });

  it('are found elsewhere while nothing runs on them, and only where a host finds them', async () => {
    const id = await attached();
    const server = await world.server({ rootPlace: { storageId: id } });
    await world.volume({ size: gib, place: { storageId: id } });
    const move = (url: string) => world.cloud.storages.update(id, { nfsUrl: url });
    const words = expect.stringContaining(`there are 1 running VMs on the NFS primary storage`);
    await expect(move('new:/share')).rejects.toMatchObject({ code: 'conflict', message: words });
    const { actionId } = await world.cloud.servers.stop(world.member, server.id);
    expect(await world.ended(actionId)).toBe('succeeded');
    await move('new:/share');
    expect(await shown(id)).toMatchObject({ url: 'new:/share', status: 'connected' });
    expect(mounts()).toEqual(Array(2).fill([{ source: 'new:/share' }]));
    lost.add('gone:/share');
    await expect(move('gone:/share')).rejects.toMatchObject({ message: expect.stringContaining('no answer') });
    expect(await shown(id)).toMatchObject({ url: 'new:/share', status: 'connected' });
    expect(mounts()).toEqual(Array(2).fill([{ source: 'new:/share' }]));
    const other = await add('other:/share');
    await expect(move('other:/share')).rejects.toMatchObject({ code: 'duplicate' });
    await world.cloud.storages.update(other.id, { nfsUrl: 'another:/share', name: 'new name' });
    expect(await shown(other.id)).toMatchObject({ url: 'another:/share', name: 'new name', status: 'connecting' });
  });

  it.each([
    ['no host finds', 'gone:/share', 'nas:/share'],
    ['hosts find', 'new:/share', 'new:/share'],
  ])('that %s elsewhere are settled where who moved them died at once', async (_, url, kept) => {
    const id = await attached();
    lost.add('gone:/share');
    const process = new KillableProcess();
    const core = Object.assign(Object.create(world.cloud), { db: process.database(world.cloud.db) });
    // Its first write is of what is said beside the url.
    process.killAfter(2, 'after');
    const dead = new Storages(core, world.cloud.hosts).update(id, { nfsUrl: url });
    await expect(dead).rejects.toBeInstanceOf(Killed);
    expect(await shown(id)).toMatchObject({ url });
    // Nobody takes the place to which it may go back.
    await expect(add('nas:/share')).rejects.toMatchObject({ code: 'duplicate' });
    await world.cloud.storages.tellHosts();
    expect(await shown(id)).toMatchObject({ url: kept, status: 'connected' });
    expect(mounts()).toEqual(Array(2).fill([{ source: kept }]));
    // It is settled: who is away later is away.
    lost.add(kept);
    await world.cloud.storages.tellHosts();
    expect(await shown(id)).toMatchObject({ url: kept, status: 'disconnected' });
    lost.clear();
    await world.cloud.storages.tellHosts();
  });

  it('are where they were when a second try finds no host either', async () => {
    const id = await attached();
    lost.add('gone:/share').add('lost:/share');
    const moves = ['gone:/share', 'lost:/share'].map((nfsUrl) => world.cloud.storages.update(id, { nfsUrl }));
    for (const { status } of await Promise.allSettled(moves)) expect(status).toBe('rejected');
    expect(await shown(id)).toMatchObject({ url: 'nas:/share', status: 'connected' });
  });
}
