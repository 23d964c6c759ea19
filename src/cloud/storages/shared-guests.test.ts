import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCloud } from '../../../tests/support/real-cloud.ts';
import { AgentError } from '../../agent/contract.ts';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { tinyLinuxId } from '../../assembly/tinylinux.ts';
import { auditCloud } from '../audit/audit.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { gib } from '../volumes/test-cloud.ts';

const bootTimeout = 300_000;
let opened: RealCloud;
let shell: SerialShell | undefined;

beforeAll(async () => {
  opened = await RealCloud.open('shared', { hosts: 2 });
}, bootTimeout);

afterAll(async () => {
  shell?.close();
  await opened.close();
}, bootTimeout);

const agentOf = (hostId: string) => opened.cloud.hosts.agent(hostId) as QemuHost;
const ended = (action: { actionId?: string }) => opened.ended(action);

async function shellOf(hostId: string, serverId: string): Promise<void> {
  shell?.close();
  shell = new SerialShell(await agentOf(hostId).connectConsole(serverId, 'serial'));
}

/** @param boots how often it has come up on the host by then */
async function up(hostId: string, serverId: string, boots = 1): Promise<void> {
  const log = () => agentOf(hostId).consoleLog(serverId);
  await expect
    .poll(async () => (await log()).split('TinyLinux ready').length - 1, { timeout: bootTimeout, interval: 50 })
    .toBe(boots);
  await shellOf(hostId, serverId);
}

test(
  'a server with its disks in a shared storage moves while it runs, is found again when its host is down, and never has two writers',
  async () => {
    const { cloud, folder } = opened;
    const { blockStorage, hosts, servers, storages } = cloud;
    const subject = opened.subject();
    const [first] = await hosts.list();
    const path = join(folder, 'common');
    await mkdir(path);
    const { id } = await storages.add({ name: 'common', zoneId: first!.zoneId, path, kind: 'shared' });
    await storages.attach(id, first!.clusterId);

    const flavors = await cloud.flavors.list(subject, {});
    const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
    const wanted = { name: 'guest', flavorId: flavor.id, imageId: tinyLinuxId, networks: 'none' } as const;
    const place = { storageId: id, hostId: first!.id };
    const [built] = await servers.create(subject, {
      ...{ ...wanted, securityGroups: [], hostId: first!.id },
      rootPlace: { storageId: id },
    });
    await ended(built!);
    const serverId = built!.server.id;
    await up(first!.id, serverId);
    const made = await blockStorage.create(subject, { name: 'data', size: gib, place });
    await ended(made);
    const volumeId = made.volume.id;
    await ended(await blockStorage.attach(subject, serverId, { volumeId }));
    await shell!.run('while [ ! -b /dev/vdb ]; do mdev -s; done');
    for (const disk of ['vda', 'vdb'])
      await shell!.run(`echo kept | dd of=/dev/${disk} bs=1M seek=900 conv=notrunc; sync`);
    const kept = async (disk: string) =>
      expect(await shell!.run(`dd if=/dev/${disk} bs=1M skip=900 count=1 2>/dev/null | head -n 1`)).toBe('kept\n');
    const rootOf = async () => await cloud.volumes.get(subject, (await servers.byId(serverId)).rootVolumeId!);
    const fileOf = async () => await stat((await rootOf()).installPath!);
    const { ino } = await fileOf();
    const violations = async () => (await auditCloud(cloud)).filter(({ level }) => level === 'violation');
    expect(await violations()).toEqual([]);

    await ended(await servers.liveMigrate(subject, serverId));
    const there = await rootOf();
    expect(there.hostId).not.toBe(first!.id);
    expect(there.installPath).toBe(join(path, there.hostId!, `${there.diskId}.qcow2`));
    expect((await fileOf()).ino).toBe(ino);
    await cloud.runner.idle();
    expect(await reapDisks(cloud)).toMatchObject({ failed: 0 });
    expect((await readdir(join(path, first!.id))).filter((name) => name !== 'images')).toEqual([]);
    await shellOf(there.hostId!, serverId);
    await kept('vda');
    await kept('vdb');
    expect(await violations()).toEqual([]);

    // Its host is said to be down, does not answer, and runs the guest all the same.
    const agent = agentOf(there.hostId!);
    const { stopGuest } = agent;
    agent.stopGuest = () => Promise.reject(new AgentError('unreachable', 'no answer'));
    await hosts.setForcedDown(there.hostId!, true);
    const refused = await servers.evacuate(subject, serverId);
    const outcome = await cloud.runner.wait(refused.actionId, { timeoutMs: bootTimeout });
    expect(outcome).toMatchObject({ state: 'failed', failure: { message: expect.stringMatching(/lock/) } });
    expect(await rootOf()).toMatchObject({ hostId: there.hostId, diskId: there.diskId });
    await shell!.run('echo more | dd of=/dev/vdb bs=1M seek=901 conv=notrunc; sync');

    // Now it can be stopped.
    agent.stopGuest = stopGuest;
    shell!.close();
    await ended(await servers.evacuate(subject, serverId));
    expect(await rootOf()).toMatchObject({ hostId: first!.id, storageId: id });
    expect((await fileOf()).ino).toBe(ino);
    await up(first!.id, serverId);
    await shell!.run('while [ ! -b /dev/vdb ]; do mdev -s; done');
    await kept('vda');
    await kept('vdb');
    expect(await shell!.run('dd if=/dev/vdb bs=1M skip=901 count=1 2>/dev/null | head -n 1')).toBe('more\n');
    await hosts.setForcedDown(there.hostId!, false);

    // It changes hosts switched off, and goes back to where it was.
    shell!.close();
    await ended(await servers.migrate(subject, serverId));
    expect((await fileOf()).ino).toBe(ino);
    await ended(await servers.revertResize(subject, serverId));
    await up(first!.id, serverId, 2);
    await kept('vda');

    shell!.close();
    await ended(await servers.delete(subject, serverId));
    await ended(await blockStorage.delete(subject, volumeId));
    await agent.removeGuest(serverId);
    expect(await reapDisks(cloud)).toMatchObject({ failed: 0 });
    expect(await violations()).toEqual([]);
    await storages.detach(id, first!.clusterId);
    await storages.remove(id);
    expect(await readdir(path)).toEqual([]);
  },
  4 * bootTimeout,
);
