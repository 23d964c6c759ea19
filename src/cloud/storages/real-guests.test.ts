import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCloud } from '../../../tests/support/real-cloud.ts';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { tinyLinuxId } from '../../assembly/tinylinux.ts';
import { auditCloud } from '../audit/audit.ts';
import type { NewServer } from '../servers/creation.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { gib } from '../volumes/test-cloud.ts';

const bootTimeout = 300_000;
let opened: RealCloud;
let shell: SerialShell | undefined;

beforeAll(async () => {
  opened = await RealCloud.open('mounted', { hosts: 2 });
}, bootTimeout);

afterAll(async () => {
  shell?.close();
  await opened.close();
}, bootTimeout);

const agentOf = (hostId: string) => opened.cloud.hosts.agent(hostId) as QemuHost;

/** A storage that both hosts have. */
async function attached(name: string) {
  const [host] = await opened.cloud.hosts.list();
  const path = join(opened.folder, name);
  const { id } = await opened.cloud.storages.add({ name, zoneId: host!.zoneId, path });
  await opened.cloud.storages.attach(id, host!.clusterId);
  return { id, path, host: host! };
}

/** A server on the host whose guest has come up, with a shell in it. */
async function booted(hostId: string, more: Partial<NewServer> = {}): Promise<string> {
  const flavors = await opened.cloud.flavors.list(opened.subject(), {});
  const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
  const wanted = { name: 'guest', flavorId: flavor.id, imageId: tinyLinuxId, networks: 'none', hostId } as const;
  const [built] = await opened.cloud.servers.create(opened.subject(), { ...wanted, securityGroups: [], ...more });
  await ended(built!);
  await up(hostId, built!.server.id);
  return built!.server.id;
}

async function up(hostId: string, serverId: string): Promise<void> {
  await expect
    .poll(() => agentOf(hostId).consoleLog(serverId), { timeout: bootTimeout, interval: 50 })
    .toMatch(/TinyLinux ready/);
  shell = new SerialShell(await agentOf(hostId).connectConsole(serverId, 'serial'));
}

const ended = (action: { actionId?: string }) => opened.ended(action);

const violations = async () => (await auditCloud(opened.cloud)).filter(({ level }) => level === 'violation');

test(
  'a volume in a storage is used, grown and copied by a guest that runs, moves with it, and outlives that nothing is mounted',
  async () => {
    const { cloud } = opened;
    const { blockStorage, servers, storages } = cloud;
    const { id, path, host } = await attached('big');
    expect(await readdir(path)).toHaveLength(2);
    const serverId = await booted(host.id);

    // Over an image, which lies on the host's own disk.
    const place = { storageId: id, hostId: host.id };
    const made = await blockStorage.create(opened.subject(), { name: 'data', size: gib, imageId: tinyLinuxId, place });
    await ended(made);
    const volumeId = made.volume.id;
    const before = await blockStorage.get(opened.subject(), volumeId);
    expect(before).toMatchObject({ storageId: id, installPath: join(path, host.id, `${before.diskId}.qcow2`) });
    await ended(await blockStorage.attach(opened.subject(), serverId, { volumeId }));
    await shell!.run('while [ ! -b /dev/vdb ]; do mdev -s; done');
    await shell!.run('echo kept | dd of=/dev/vdb bs=1M seek=900 conv=notrunc; sync');
    const taken = await blockStorage.createSnapshot(opened.subject(), { volumeId, force: true });
    await ended(taken);
    await ended(await blockStorage.extend(opened.subject(), volumeId, 2 * gib));
    expect(await shell!.run('cat /sys/block/vdb/size')).toBe('4194304\n');
    expect(await readdir(join(path, host.id))).toHaveLength(2);
    expect(await violations()).toEqual([]);

    // The guest moves while it runs, and what it has in the storage with it.
    shell!.close();
    await ended(await blockStorage.deleteSnapshot(opened.subject(), taken.snapshot.id));
    await ended(await servers.liveMigrate(opened.subject(), serverId));
    await cloud.runner.idle();
    const after = await blockStorage.get(opened.subject(), volumeId);
    expect(after).toMatchObject({ storageId: id, status: 'in-use' });
    expect(after.hostId).not.toBe(host.id);
    expect(after.installPath ?? '').toContain(join(path, after.hostId!));
    expect(await reapDisks(cloud)).toMatchObject({ failed: 0 });
    expect(await readdir(join(path, host.id))).toEqual([]);
    shell = new SerialShell(await agentOf(after.hostId!).connectConsole(serverId, 'serial'));
    expect(await shell!.run('dd if=/dev/vdb bs=1M skip=900 count=1 2>/dev/null | head -n 1')).toBe('kept\n');

    // Nobody may take the folder's absence for the disk's.
    await ended(await servers.stop(opened.subject(), serverId));
    await rename(path, `${path}.away`);
    expect(await storages.tellHosts()).toMatchObject({ disconnected: 2 });
    const started = await servers.start(opened.subject(), serverId);
    expect(await cloud.runner.wait(started.actionId, { timeoutMs: bootTimeout })).toMatchObject({ state: 'failed' });
    await rename(`${path}.away`, path);
    expect(await storages.tellHosts()).toMatchObject({ disconnected: 0 });
    await ended(await servers.start(opened.subject(), serverId));

    await ended(await servers.delete(opened.subject(), serverId));
    await ended(await blockStorage.delete(opened.subject(), volumeId));
    expect(await reapDisks(cloud)).toMatchObject({ failed: 0 });
    expect(await violations()).toEqual([]);
    await storages.detach(id, host.clusterId);
    await storages.remove(id);
    expect(await readdir(path)).toEqual([]);
  },
  3 * bootTimeout,
);

test(
  'a root disk in a storage is what a guest boots from, and goes along with it, running or not',
  async () => {
    const { servers, storages } = opened.cloud;
    const { id, path, host } = await attached('roots');
    const serverId = await booted(host.id, { rootPlace: { storageId: id } });
    const rootOf = async () => {
      const server = await servers.byId(serverId);
      return await opened.cloud.volumes.get(opened.subject(), server.rootVolumeId!);
    };
    const before = await rootOf();
    expect(before).toMatchObject({ storageId: id, installPath: join(path, host.id, `${before.diskId}.qcow2`) });
    await shell!.run('echo kept | dd of=/dev/vda bs=1M seek=900 conv=notrunc; sync');
    expect(await violations()).toEqual([]);

    shell!.close();
    await ended(await servers.liveMigrate(opened.subject(), serverId));
    const there = await rootOf();
    expect(there.hostId).not.toBe(host.id);
    expect(there).toMatchObject({ storageId: id, installPath: expect.stringContaining(join(path, there.hostId!)) });
    expect(await readdir(join(path, host.id))).toEqual([]);
    shell = new SerialShell(await agentOf(there.hostId!).connectConsole(serverId, 'serial'));
    const kept = 'dd if=/dev/vda bs=1M skip=900 count=1 2>/dev/null | head -n 1';
    expect(await shell.run(kept)).toBe('kept\n');

    shell.close();
    await ended(await servers.migrate(opened.subject(), serverId));
    await ended(await servers.confirmResize(opened.subject(), serverId));
    expect(await rootOf()).toMatchObject({ storageId: id, hostId: host.id });
    await up(host.id, serverId);
    expect(await shell.run(kept)).toBe('kept\n');
    expect(await violations()).toEqual([]);

    shell.close();
    await ended(await servers.delete(opened.subject(), serverId));
    expect(await reapDisks(opened.cloud)).toMatchObject({ failed: 0 });
    await storages.detach(id, host.clusterId);
    await storages.remove(id);
    expect(await readdir(path)).toEqual([]);
  },
  3 * bootTimeout,
);
