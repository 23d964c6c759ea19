import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTinyLinux, tinyLinuxVirtualSize } from '../../../guest/tinylinux.ts';
import { CephCluster } from '../../../tests/support/ceph-cluster.ts';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { type OpenedUnkai, openUnkai } from '../../assembly/open-unkai.ts';
import { auditCloud, isSound } from '../audit/audit.ts';
import { operator } from '../identity/subject.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';

const run = promisify(execFile);
const patience = 180_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const subject = operator('req-00000000-0000-0000-0000-000000000000');
/** What the guest writes, and where, in sectors: at the end of its image. */
const mark = { words: 'written by the guest', sector: tinyLinuxVirtualSize / 512 - 8 };

const isAsked = process.env['UNKAI_TEST_STORES'] === 'all';
if (!isAsked)
  console.log('Disks that are clones in a real Ceph: skipped, as it takes minutes. `unkai test --stores` runs it.');

describe.skipIf(!isAsked)('root disks that are clones in a real Ceph', { timeout: 4 * patience }, () => {
  let cluster: CephCluster;
  let folder: string;
  let opened: OpenedUnkai;
  let imageId: string;
  let storeId: string;

  beforeAll(async () => {
    cluster = await CephCluster.start();
    await cluster.ceph('osd', 'pool', 'create', 'vms', '8');
    await cluster.rbd('pool', 'init', 'vms');
    folder = await mkdtemp(join(tmpdir(), 'unkai-clones-'));
    const url = `${cluster.url()}&clones=vms`;
    opened = await openUnkai({
      dataDir: join(folder, 'cloud'),
      hypervisor: 'qemu',
      hosts: 2,
      adminPassword: 'secret',
      log: silent,
      settings: { shutdownGrace: 1 },
      imageStores: [{ name: 'zs', kind: 'ceph', zones: ['nova'], url }],
    });
    const { path } = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../var/cache') });
    const raw = join(folder, 'tinylinux.raw');
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, raw]);
    const { images, imageStores } = opened.cloud;
    storeId = imageStores.byName('zs')!.id;
    const facts = { name: 'tinylinux-raw', diskFormat: 'raw', containerFormat: 'bare' };
    imageId = (await images.create(subject, facts)).id;
    await images.upload(subject, imageId, createReadStream(raw), { storeId });
  }, 2 * patience);

  afterAll(async () => {
    for (const { agent } of opened?.agents ?? [])
      for (const { serverId } of (await agent.inventory()).guests) await agent.removeGuest(serverId);
    await opened?.close();
    await cluster?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  }, patience);

  async function ended({ actionId }: { actionId?: string | undefined }): Promise<void> {
    const { servers, runner } = opened.cloud;
    const outcome = await runner.wait(actionId!, { timeoutMs: patience });
    const faults = (await servers.list(subject, {}, { limit: 10, sort: [] })).map(({ fault }) => fault?.message);
    expect({ ...outcome, faults: faults.filter(Boolean) }).toEqual({ state: 'succeeded', faults: [] });
  }

  async function hostOf(serverId: string): Promise<QemuHost> {
    const { hostId } = await opened.cloud.servers.get(subject, serverId);
    const { name } = await opened.cloud.hosts.get(hostId!);
    return opened.agents.find((one) => one.name === name)!.agent as QemuHost;
  }

  /** Waits until the system is up, of which its disk knows that it has booted so many times. */
  async function isUp(serverId: string, boots: number): Promise<void> {
    const host = await hostOf(serverId);
    const newest = async () => {
      const [, count, after = ''] = /^.*TinyLinux disk: boot (\d+)(.*)$/s.exec(await host.consoleLog(serverId)) ?? [];
      return { boots: Number(count), isReady: after.includes('TinyLinux ready') };
    };
    await expect.poll(newest, { timeout: patience, interval: 200 }).toEqual({ boots, isReady: true });
  }

  /** Does what starts the guest, here or there, and waits until its system is up. */
  async function comesUp(serverId: string, change: () => Promise<{ actionId?: string | undefined }>): Promise<void> {
    const logs = () => Promise.all(opened.agents.map(({ agent }) => agent.consoleLog(serverId).catch(() => '')));
    const before = await logs();
    await ended(await change());
    const host = await hostOf(serverId);
    const index = opened.agents.findIndex(({ agent }) => agent === host);
    const saidSince = async () => {
      const log = (await logs())[index]!;
      return log.startsWith(before[index]!) ? log.slice(before[index]!.length) : log;
    };
    await expect.poll(saidSince, { timeout: patience, interval: 200 }).toContain('TinyLinux ready');
  }

  async function inGuest(serverId: string, command: string): Promise<string> {
    const shell = new SerialShell(await (await hostOf(serverId)).connectConsole(serverId, 'serial'));
    try {
      return await shell.run(command);
    } finally {
      shell.close();
    }
  }

  const write = (serverId: string) =>
    inGuest(
      serverId,
      `echo '${mark.words}' | dd of=/dev/vda bs=512 seek=${mark.sector} conv=notrunc 2>/dev/null; sync`,
    );
  const read = (serverId: string, device = 'vda') =>
    inGuest(
      serverId,
      `dd if=/dev/${device} bs=512 skip=${mark.sector} count=1 2>/dev/null | head -c ${mark.words.length} | tr -cd 'a-z '`,
    );

  async function rootOf(serverId: string) {
    const { rootVolumeId } = await opened.cloud.servers.get(subject, serverId);
    return await opened.cloud.volumes.get(subject, rootVolumeId!);
  }

  const clones = async () => (await cluster.rbd('ls', 'vms')).split('\n').filter(Boolean).sort();
  const children = async () => (await cluster.rbd('children', `images/${imageId}@image`)).split('\n').filter(Boolean);
  const isClean = async () => {
    await expect
      .poll(async () => (await auditCloud(opened.cloud)).filter(({ level }) => level !== 'remaining work'), {
        timeout: patience,
      })
      .toEqual([]);
  };

  async function newServer(name: string) {
    const { servers, flavors } = opened.cloud;
    // Others, of other tests, bring local disks along, which are clones in the pool as well.
    const sizes = (await flavors.list(subject, {})).filter(
      ({ memoryMb, ephemeralGb, swapMb }) => memoryMb >= 96 && ephemeralGb === 0 && swapMb === 0,
    );
    const [small, larger] = sizes.sort((a, b) => a.memoryMb - b.memoryMb || a.diskGb - b.diskGb);
    const [made] = await servers.create(subject, {
      name,
      flavorId: small!.id,
      imageId,
      networks: 'none',
      securityGroups: [],
    });
    await ended(made!);
    return { id: made!.server.id, larger: larger! };
  }

  /** Each disk of the list is a clone of the image, and there are no others. */
  async function areClones(...diskIds: Array<string | null>): Promise<void> {
    expect(await children()).toEqual(diskIds.map((id) => `vms/${id}`).toSorted());
    expect(await clones()).toEqual(diskIds.toSorted());
  }

  it('are rescued, go cold to another host and back, are put away, written anew and evacuated', async () => {
    const { servers, hosts } = opened.cloud;
    const { id, larger } = await newServer('nomad');
    const first = await rootOf(id);
    const home = await hostOf(id);
    await isUp(id, 1);
    await write(id);

    await comesUp(id, () => servers.rescue(subject, id));
    const { rescueDiskId } = await servers.get(subject, id);
    await areClones(first.diskId, rescueDiskId);
    expect(await read(id, 'vdb')).toContain(mark.words);
    expect(await read(id)).not.toContain(mark.words);
    await isClean();
    await ended(await servers.unrescue(subject, id));
    await areClones(first.diskId);

    // What was grown for the new flavor, or brought to the other host, goes; the disk of before was not touched.
    await ended(await servers.resize(subject, id, larger.id));
    await ended(await servers.revertResize(subject, id));
    await areClones(first.diskId);
    expect(await rootOf(id)).toMatchObject({ diskId: first.diskId, size: first.size });
    await comesUp(id, () => servers.migrate(subject, id));
    expect(await hostOf(id)).not.toBe(home);
    await areClones(first.diskId, (await rootOf(id)).diskId);
    expect(await read(id)).toContain(mark.words);
    await isClean();
    await ended(await servers.revertResize(subject, id));
    await areClones(first.diskId);
    expect(await hostOf(id)).toBe(home);
    await ended(await servers.stop(subject, id));
    await ended(await servers.migrate(subject, id));
    await ended(await servers.confirmResize(subject, id));
    expect(await hostOf(id)).not.toBe(home);
    await areClones((await rootOf(id)).diskId);

    // What it is put away as is a qcow2 image, which Ceph can't clone: it comes back on a file.
    await ended(await servers.shelve(subject, id));
    expect(await clones()).toEqual([]);
    await comesUp(id, () => servers.unshelve(subject, id));
    expect(await read(id)).toContain(mark.words);
    expect((await rootOf(id)).installPath).toMatch(/\.qcow2$/);
    await isClean();

    await ended(await servers.rebuild(subject, id, { imageId }));
    await areClones((await rootOf(id)).diskId);
    const { hostId } = await servers.get(subject, id);
    await hosts.setForcedDown(hostId!, true);
    await comesUp(id, () => servers.evacuate(subject, id));
    expect((await servers.get(subject, id)).hostId).not.toBe(hostId);
    await hosts.setForcedDown(hostId!, false);
    // What is left on the host that was down goes when it is back.
    await reapDisks(opened.cloud);
    await areClones((await rootOf(id)).diskId);
    expect(await read(id)).not.toContain(mark.words);
    await isClean();
    await ended(await servers.delete(subject, id));
    await expect.poll(clones, { timeout: patience }).toEqual([]);
  });

  it('have the local disks of their server beside them, ready to be used, wherever it is', async () => {
    const { servers, flavors, volumes } = opened.cloud;
    const sizes = { vcpus: 1, memoryMb: 128, diskGb: 1, ephemeralGb: 1, swapMb: 64 };
    await flavors.create({ id: 'local', name: 'local', ...sizes });
    const wanted = { name: 'local', flavorId: 'local', imageId, networks: 'none', securityGroups: [] } as const;
    const [made] = await servers.create(subject, wanted);
    await ended(made!);
    const { id } = made!.server;
    /** What is on the disks, all of which are in the pool. */
    const found = async () => {
      const disks = await volumes.ofServer(id);
      expect(await clones()).toEqual(disks.map(({ diskId }) => diskId).toSorted());
      const types: string[] = [];
      for (const { diskId } of disks.slice(1)) {
        const path = join(folder, diskId!);
        await cluster.rbd('export', '--no-progress', `vms/${diskId}`, path);
        types.push((await run('/usr/sbin/blkid', ['-p', '-o', 'value', '-s', 'TYPE', path])).stdout.trim());
        await rm(path);
      }
      return types;
    };
    await isUp(id, 1);
    expect(await found()).toEqual(['ext4', 'swap']);
    expect(await inGuest(id, 'cat /sys/block/vdb/size /sys/block/vdc/size')).toBe(`${2 ** 21}\n${2 ** 17}\n`);
    await ended(await servers.liveMigrate(subject, id));
    expect(await found()).toEqual(['ext4', 'swap']);
    await isClean();
    await ended(await servers.migrate(subject, id));
    await ended(await servers.confirmResize(subject, id));
    await ended(await servers.rebuild(subject, id, { imageId }));
    expect(await found()).toEqual(['ext4', 'swap']);
    await isClean();
    await ended(await servers.delete(subject, id));
    await expect.poll(clones, { timeout: patience }).toEqual([]);
  });

  it('boot, move, grow, are saved, rebuilt and removed', async () => {
    const { servers, images, runner } = opened.cloud;
    const { id, larger } = await newServer('cloned');
    const first = await rootOf(id);
    expect(first.installPath).toBe(`ceph://vms/${first.diskId}`);
    expect(await clones()).toEqual([first.diskId]);
    expect(await children()).toEqual([`vms/${first.diskId}`]);
    // Nothing of the image was copied to a host.
    expect(await readdir(join(folder, 'cloud', 'hosts', 'qemu-1', 'cache')).catch(() => [])).not.toContain(imageId);
    await isUp(id, 1);
    await write(id);
    await isClean();

    await ended(await servers.liveMigrate(subject, id));
    expect(await read(id)).toContain(mark.words);
    expect(await clones()).toEqual([(await rootOf(id)).diskId]);
    await isClean();

    await ended(await servers.resize(subject, id, larger.id));
    await ended(await servers.confirmResize(subject, id));
    await isUp(id, 2);
    expect(await read(id)).toContain(mark.words);
    const grown = await rootOf(id);
    await expect.poll(clones, { timeout: patience }).toEqual([grown.diskId]);
    const info = JSON.parse(await cluster.rbd('info', '--format=json', `vms/${grown.diskId}`));
    expect(info).toMatchObject({ size: grown.size, parent: { pool: 'images', image: imageId } });

    const saved = await servers.createImage(subject, id, { name: 'saved' });
    await ended(saved);
    const spec = await images.cachedImageSpec(saved.image.id);
    const flat = join(folder, 'saved.raw');
    const { format, source } = spec;
    await run('qemu-img', ['convert', '-f', format, '-O', 'raw', source.kind === 'file' ? source.path : '', flat]);
    const file = await open(flat);
    const { buffer } = await file.read(Buffer.alloc(64), 0, 64, mark.sector * 512);
    await file.close();
    expect(buffer.toString()).toContain(mark.words);
    await isClean();

    await ended(await servers.rebuild(subject, id, { imageId }));
    await isUp(id, 1);
    expect(await read(id)).not.toContain(mark.words);
    await expect.poll(clones, { timeout: patience }).toEqual([(await rootOf(id)).diskId]);

    // As long as a disk is a layer over it, the image's bytes stay, whatever was asked.
    await images.delete(subject, imageId);
    const { actionId } = await images.expunge(subject, imageId);
    expect(await runner.wait(actionId, { timeoutMs: patience })).toMatchObject({ state: 'parked' });
    expect(await children()).toHaveLength(1);
    expect(isSound(await auditCloud(opened.cloud))).toBe(true);
    await ended(await servers.delete(subject, id));
    await expect.poll(clones, { timeout: patience }).toEqual([]);
    // What the action does at its next try.
    await images.removeBytes(imageId, storeId);
    expect(await cluster.rbd('ls', 'images')).not.toContain(imageId);

    const stray = 'c'.repeat(32);
    await cluster.rbd('create', '--size=1M', `vms/${stray}`);
    const findings = await auditCloud(opened.cloud);
    expect(findings).toContainEqual(expect.objectContaining({ invariant: 'disk-is-known', id: stray }));
  });
});
