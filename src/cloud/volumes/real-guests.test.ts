import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCloud } from '../../../tests/support/real-cloud.ts';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { tinyLinuxId } from '../../assembly/tinylinux.ts';
import { auditCloud } from '../audit/audit.ts';
import { reapDisks } from './disk-reaper.ts';
import { gib } from './test-cloud.ts';

const bootTimeout = 300_000;
let opened: RealCloud;
const shells: SerialShell[] = [];

const subject = () => opened.subject();
const host = () => opened.agents[0]!.agent as QemuHost;
const ended = (action: { actionId?: string }) => opened.ended(action);

beforeAll(async () => {
  opened = await RealCloud.open('real-volumes');
}, bootTimeout);

afterAll(async () => {
  for (const shell of shells) shell.close();
  await opened.close();
}, bootTimeout);

async function volume(wanted: object): Promise<string> {
  const made = await opened.cloud.blockStorage.create(subject(), wanted);
  await ended(made);
  return made.volume.id;
}

async function server(name: string, change: object): Promise<string> {
  const flavors = await opened.cloud.flavors.list(subject(), {});
  const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
  const [made] = await opened.cloud.servers.create(subject(), {
    name,
    flavorId: flavor.id,
    networks: 'none',
    securityGroups: [],
    ...change,
  });
  await ended(made!);
  return made!.server.id;
}

/** Waits until the guest is up and gives its shell. */
async function shellOf(serverId: string, boots = 1): Promise<SerialShell> {
  const ups = async () => (await host().consoleLog(serverId)).match(/TinyLinux ready/g)?.length ?? 0;
  await expect.poll(ups, { timeout: bootTimeout, interval: 50 }).toBe(boots);
  const shell = new SerialShell(await host().connectConsole(serverId, 'serial'));
  shells.push(shell);
  return shell;
}

async function eventsOf(serverId: string, action: string): Promise<string[]> {
  const { log } = opened.cloud.servers;
  const found = (await log.list(subject(), serverId)).find(({ name }) => name === action)!;
  const { events } = await log.get(subject(), serverId, found.requestId);
  return events.map(({ name }) => name).reverse();
}

test(
  'a server boots from a volume, is put away without an image, and comes back as it was',
  async () => {
    const id = await volume({ name: 'system', size: gib, imageId: tinyLinuxId });
    const device = { bootIndex: 0, source: 'volume', destination: 'volume', id, deleteOnTermination: false } as const;
    const serverId = await server('from-volume', { blockDevices: [device] });
    const shell = await shellOf(serverId);
    expect(await shell.run('cat /sys/block/vda/size; cat /proc/mounts | grep -c vda')).toMatch(/^2097152\n[1-9]/);
    const images = (await opened.cloud.images.list(subject())).length;

    await ended(await opened.cloud.servers.shelve(subject(), serverId));
    expect(await eventsOf(serverId, 'shelve')).toEqual(['compute_shelve_offload_instance']);
    expect(await opened.cloud.images.list(subject())).toHaveLength(images);
    expect(await host().guestState(serverId)).toBe('absent');
    expect(await opened.cloud.blockStorage.get(subject(), id)).toMatchObject({ status: 'in-use', serverId });

    await ended(await opened.cloud.servers.unshelve(subject(), serverId));
    expect(await eventsOf(serverId, 'unshelve')).toEqual(['schedule_instances', 'compute_unshelve_instance']);
    await shellOf(serverId);
    expect(await host().consoleLog(serverId)).toMatch(/TinyLinux disk: boot 2/);

    await ended(await opened.cloud.servers.delete(subject(), serverId));
    expect(await opened.cloud.blockStorage.get(subject(), id)).toMatchObject({ status: 'available', serverId: null });
    await ended(await opened.cloud.blockStorage.delete(subject(), id));
  },
  3 * bootTimeout,
);

test(
  'data goes from one running server to another on a volume, grows there, and is kept by a snapshot and an image',
  async () => {
    const { blockStorage, images } = opened.cloud;
    const [one, two] = await Promise.all([
      server('one', { imageId: tinyLinuxId }),
      server('two', { imageId: tinyLinuxId }),
    ]);
    const [first, second] = await Promise.all([shellOf(one), shellOf(two)]);
    const id = await volume({ name: 'data', size: gib });
    const seen = 'while [ ! -b /dev/vdb ]; do mdev -s; done; cat /sys/block/vdb/size';

    await ended(await blockStorage.attach(subject(), one, { volumeId: id }));
    expect(await first.run(seen)).toBe('2097152\n');
    await first.run('echo kept >/dev/vdb; sync');
    const { snapshot, actionId } = await blockStorage.createSnapshot(subject(), { volumeId: id, force: true });
    await ended({ actionId });
    await ended(await blockStorage.detach(subject(), one, id));
    expect(await first.run('ls /sys/block')).not.toContain('vdb');

    await ended(await blockStorage.attach(subject(), two, { volumeId: id }));
    await second.run(seen);
    expect(await second.run('head -n 1 /dev/vdb')).toBe('kept\n');
    await ended(await blockStorage.extend(subject(), id, 2 * gib));
    expect(
      await second.run('while [ $(cat /sys/block/vdb/size) = 2097152 ]; do :; done; cat /sys/block/vdb/size'),
    ).toBe('4194304\n');
    await second.run('echo changed >/dev/vdb; sync');
    const upload = await blockStorage.uploadImage(
      subject(),
      id,
      { name: 'data', diskFormat: 'qcow2' },
      { force: true },
    );
    await ended(upload);
    expect(await images.get(subject(), upload.image.id)).toMatchObject({ status: 'active', virtualSize: 2 * gib });

    const copy = await volume({ name: 'copy', snapshotId: snapshot.id });
    await ended(await blockStorage.attach(subject(), one, { volumeId: copy }));
    await first.run(seen);
    expect(await first.run('head -n 1 /dev/vdb')).toBe('kept\n');

    await ended(await opened.cloud.servers.delete(subject(), one));
    await ended(await opened.cloud.servers.delete(subject(), two));
    for (const volumeId of [copy, id]) await ended(await blockStorage.delete(subject(), volumeId, { cascade: true }));
    expect((await host().inventory()).disks).toEqual([]);
  },
  3 * bootTimeout,
);

test(
  'a server boots from a copy of a snapshot of its volume, and a revert brings back what the volume held',
  async () => {
    const { blockStorage, servers, volumes } = opened.cloud;
    const boot = { bootIndex: 0, destination: 'volume', deleteOnTermination: true } as const;
    const first = await server('first', { blockDevices: [{ ...boot, source: 'image', id: tinyLinuxId, sizeGb: 1 }] });
    const { id: root } = (await volumes.ofServer(first))[0]!;
    const shell = await shellOf(first);
    const disk = await shell.run("sed -n 's,^/dev/\\(vda[0-9]*\\) .*,\\1,p' /proc/mounts | head -n 1");
    expect(disk).toMatch(/^vda/);
    const where = await shell.run("sed -n 's,^/dev/vda[0-9]* \\([^ ]*\\) .*,\\1,p' /proc/mounts | head -n 1");
    const file = `${where.trim()}/kept`;
    await shell.run(`echo before >${file}; sync`);
    const made = await blockStorage.createSnapshot(subject(), { volumeId: root, force: true });
    await ended(made);
    await shell.run(`echo after >${file}; sync`);

    const second = await server('second', {
      blockDevices: [
        { ...boot, source: 'snapshot', id: made.snapshot.id },
        { ...boot, source: 'blank', sizeGb: 1, bootIndex: null },
      ],
    });
    const other = await shellOf(second);
    expect(await other.run(`cat ${file}; cat /sys/block/vdb/size`)).toBe('before\n2097152\n');

    await ended(await servers.delete(subject(), second));
    await ended(await servers.delete(subject(), first));
    expect(await blockStorage.get(subject(), root)).toMatchObject({ status: 'available' });
    await ended(await blockStorage.revert(subject(), root, made.snapshot.id));
    const device = { ...boot, source: 'volume', id: root, deleteOnTermination: false } as const;
    const third = await server('third', { blockDevices: [device] });
    expect(await (await shellOf(third)).run(`cat ${file}`)).toBe('before\n');
    await ended(await servers.delete(subject(), third));
    await ended(await blockStorage.delete(subject(), root, { cascade: true }));
    expect((await host().inventory()).disks).toEqual([]);
  },
  4 * bootTimeout,
);

test(
  'the disk that is part of a server is limited by itself while the server runs',
  async () => {
    const { blockStorage, servers } = opened.cloud;
    const serverId = await server('limited', { imageId: tinyLinuxId });
    const { rootVolumeId } = await servers.get(subject(), serverId);
    const shell = await shellOf(serverId);
    const read = async () => {
      const start = performance.now();
      await shell.run('echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda of=/dev/null bs=64k count=16');
      return performance.now() - start;
    };
    await ended(await blockStorage.limit(subject(), rootVolumeId!, { readBytes: 2 ** 18 }));
    const limited = await read();
    // A lower bound is certain: nothing makes a limited disk fast.
    expect(limited).toBeGreaterThan(3000);
    await ended(await blockStorage.limit(subject(), rootVolumeId!, { readBytes: null }));
    expect(await read()).toBeLessThan(limited / 2);
    await ended(await servers.delete(subject(), serverId));
  },
  3 * bootTimeout,
);

test(
  'all disks of a running server are copied as of one moment, and it goes back to that moment',
  async () => {
    const { blockStorage, servers } = opened.cloud;
    const { snapshotGroups } = servers;
    const serverId = await server('grouped', { imageId: tinyLinuxId });
    const shell = await shellOf(serverId);
    const id = await volume({ name: 'beside', size: gib });
    await ended(await blockStorage.attach(subject(), serverId, { volumeId: id }));
    await shell.run('while [ ! -b /dev/vdb ]; do mdev -s; done');
    const where = await shell.run("sed -n 's,^/dev/vda[0-9]* \\([^ ]*\\) .*,\\1,p' /proc/mounts | head -n 1");
    const file = `${where.trim()}/count`;
    const [number, onDisk] = [`cat ${file}`, 'head -n 1 /dev/vdb'];
    // First here, then there: whenever both are read as of one moment, they differ by one at the most.
    const count = `i=0; while [ ! -f /tmp/stop ]; do i=$((i+1)); echo $i >${file}; sync; echo $i >/dev/vdb; sync; done`;
    await shell.run(`rm -f /tmp/stop /tmp/stopped; (${count}; touch /tmp/stopped) >/dev/null 2>&1 & true`);
    await shell.run(`while [ "$(cat ${file} 2>/dev/null || echo 0)" -lt 3 ]; do :; done`);
    const group = await snapshotGroups.create(subject(), { serverId, name: 'counting' });
    await ended(group);
    await shell.run('touch /tmp/stop; while [ ! -f /tmp/stopped ]; do :; done');
    const later = Number(await shell.run(onDisk));

    await ended(await servers.stop(subject(), serverId));
    await ended(await snapshotGroups.revert(subject(), group.id));
    await ended(await servers.start(subject(), serverId));
    const again = await shellOf(serverId, 2);
    await again.run('while [ ! -b /dev/vdb ]; do mdev -s; done');
    const [first, second] = [Number(await again.run(number)), Number(await again.run(onDisk))];
    expect(first - second).toBeGreaterThanOrEqual(0);
    expect(first - second).toBeLessThanOrEqual(1);
    expect(second).toBeLessThanOrEqual(later);
    expect(second).toBeGreaterThan(0);
    for (const { actionId } of await snapshotGroups.delete(subject(), group.id)) await ended({ actionId });
    await ended(await servers.delete(subject(), serverId));
    await ended(await blockStorage.delete(subject(), id));
    expect((await host().inventory()).disks).toEqual([]);
  },
  4 * bootTimeout,
);

test(
  'a volume moves to another storage while its server writes to it, and the server goes on from there after a restart',
  async () => {
    const { cloud } = opened;
    const { blockStorage, servers, storages, hosts } = cloud;
    const serverId = await server('mover', { imageId: tinyLinuxId });
    const [place] = await hosts.list();
    const id = await volume({ name: 'moved', size: gib, place: { storageId: null } });
    const far = await storages.add({ name: 'far', zoneId: place!.zoneId, path: join(opened.folder, 'far') });
    await storages.attach(far.id, place!.clusterId);
    await ended(await blockStorage.attach(subject(), serverId, { volumeId: id }));
    const shell = await shellOf(serverId);
    await shell.run('while [ ! -b /dev/vdb ]; do mdev -s; done');
    const count = 'i=0; while [ ! -f /tmp/stop ]; do i=$((i+1)); echo $i >/tmp/count; echo $i >/dev/vdb; sync; done';
    await shell.run(`(${count}; touch /tmp/stopped) >/dev/null 2>&1 & true`);
    const { diskId } = await blockStorage.get(subject(), id);
    await ended(await blockStorage.migrate(subject(), id, { hostId: place!.id, storageId: far.id }));
    expect(await eventsOf(serverId, 'swap_volume')).toEqual(['compute_swap_volume']);
    const moved = await blockStorage.get(subject(), id);
    expect(moved).toMatchObject({ status: 'in-use', migrationStatus: 'success', storageId: far.id });
    const before = Number(await shell.run('cat /tmp/count'));
    await shell.run(`while [ "$(cat /tmp/count)" -le ${before} ]; do :; done; touch /tmp/stop`);
    const last = await shell.run('while [ ! -f /tmp/stopped ]; do :; done; cat /tmp/count');
    await reapDisks(cloud);
    expect((await host().inventory()).disks).not.toContain(diskId);

    await ended(await servers.reboot(subject(), serverId, 'hard'));
    const again = await shellOf(serverId, 2);
    expect(await again.run('while [ ! -b /dev/vdb ]; do mdev -s; done; head -n 1 /dev/vdb')).toBe(last);
    expect((await auditCloud(cloud)).filter(({ level }) => level === 'violation')).toEqual([]);
    await ended(await servers.delete(subject(), serverId));
    await ended(await blockStorage.delete(subject(), id));
    expect((await host().inventory()).disks).toEqual([]);
  },
  4 * bootTimeout,
);
