import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCloud } from '../../../tests/support/real-cloud.ts';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { tinyLinuxId } from '../../assembly/tinylinux.ts';
import { auditCloud } from '../audit/audit.ts';
import { reapDisks } from './disk-reaper.ts';
import { gib } from './test-cloud.ts';

const bootTimeout = 300_000;
const shells: SerialShell[] = [];
let opened: RealCloud;

const subject = () => opened.subject();
const ended = (action: { actionId?: string }) => opened.ended(action);

beforeAll(async () => {
  opened = await RealCloud.open('two-hosts', { hosts: 2 });
}, bootTimeout);

afterAll(async () => {
  for (const shell of shells) shell.close();
  await opened.close();
}, bootTimeout);

/** A server on the host of that number, and the shell of its guest. */
async function boot(number: number): Promise<{ id: string; shell: SerialShell }> {
  const { cloud, agents } = opened;
  const { name, agent } = agents[number]!;
  const hostId = (await cloud.hosts.list()).find((host) => host.name === name)!.id;
  const flavors = await cloud.flavors.list(subject(), {});
  const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
  const wanted = {
    name,
    flavorId: flavor.id,
    imageId: tinyLinuxId,
    hostId,
    networks: 'none',
    securityGroups: [],
  } as const;
  const [made] = await cloud.servers.create(subject(), wanted);
  await ended(made!);
  const { id } = made!.server;
  await expect.poll(() => agent.consoleLog(id), { timeout: bootTimeout, interval: 50 }).toMatch(/TinyLinux ready/);
  const shell = new SerialShell(await (agent as QemuHost).connectConsole(id, 'serial'));
  shells.push(shell);
  return { id, shell };
}

test(
  'a volume follows from a server on one host to a server on another with its data, and stays where its snapshots are',
  async () => {
    const { blockStorage, servers } = opened.cloud;
    const [one, two] = await Promise.all([boot(0), boot(1)]);
    const made = await blockStorage.create(subject(), { name: 'data', size: gib, imageId: tinyLinuxId });
    await ended(made);
    const volumeId = made.volume.id;
    const seen = 'while [ ! -b /dev/vdb ]; do mdev -s; done; cat /sys/block/vdb/size';
    await ended(await blockStorage.attach(subject(), one.id, { volumeId }));
    await one.shell.run(seen);
    await one.shell.run('echo kept | dd of=/dev/vdb bs=1M seek=900 conv=notrunc; sync');
    await ended(await blockStorage.detach(subject(), one.id, volumeId));
    const before = await blockStorage.get(subject(), volumeId);

    await ended(await blockStorage.attach(subject(), two.id, { volumeId }));
    expect(await two.shell.run(seen)).toBe('2097152\n');
    expect(await two.shell.run('dd if=/dev/vdb bs=1M skip=900 count=1 2>/dev/null | head -n 1')).toBe('kept\n');
    const after = await blockStorage.get(subject(), volumeId);
    expect(after).toMatchObject({ status: 'in-use', serverId: two.id });
    expect([after.hostId, after.diskId]).not.toEqual([before.hostId, before.diskId]);

    await ended(await blockStorage.detach(subject(), two.id, volumeId));
    const { snapshot, actionId } = await blockStorage.createSnapshot(subject(), { volumeId });
    await ended({ actionId });
    await expect(blockStorage.attach(subject(), one.id, { volumeId })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/can't be moved \(it has snapshots\), but the server is on host/),
    });
    expect(await blockStorage.get(subject(), volumeId)).toMatchObject({ status: 'available' });

    await ended(await blockStorage.deleteSnapshot(subject(), snapshot.id));
    for (const { id } of [one, two]) await ended(await servers.delete(subject(), id));
    await ended(await blockStorage.delete(subject(), volumeId));
    expect(await reapDisks(opened.cloud)).toMatchObject({ failed: 0 });
    const left = await Promise.all(opened.agents.map(async ({ agent }) => (await agent.inventory()).disks));
    expect(left.flat()).toEqual([]);
    expect((await auditCloud(opened.cloud)).filter(({ level }) => level === 'violation')).toEqual([]);
  },
  3 * bootTimeout,
);
