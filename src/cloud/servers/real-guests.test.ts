import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCloud } from '../../../tests/support/real-cloud.ts';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { tinyLinuxId } from '../../assembly/tinylinux.ts';
import { power } from './model.ts';

const bootTimeout = 300_000;
const shells: SerialShell[] = [];
let opened: RealCloud;

const subject = () => opened.subject();
const host = () => opened.agents[0]!.agent as QemuHost;
const ended = (action: { actionId?: string }) => opened.ended(action);

beforeAll(async () => {
  opened = await RealCloud.open('real-servers');
}, bootTimeout);

afterAll(async () => {
  for (const shell of shells) shell.close();
  await opened.close();
}, bootTimeout);

async function newServer(): Promise<string> {
  const flavors = await opened.cloud.flavors.list(subject(), {});
  const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
  const [made] = await opened.cloud.servers.create(subject(), {
    name: 'sleeper',
    flavorId: flavor.id,
    imageId: tinyLinuxId,
    networks: 'none',
    securityGroups: [],
  });
  await ended(made!);
  return made!.server.id;
}

async function isUp(serverId: string, boots: number): Promise<void> {
  const ups = async () => (await host().consoleLog(serverId)).match(/TinyLinux ready/g)?.length ?? 0;
  await expect.poll(ups, { timeout: bootTimeout, interval: 50 }).toBe(boots);
}

async function shellOf(serverId: string): Promise<SerialShell> {
  const shell = new SerialShell(await host().connectConsole(serverId, 'serial'));
  shells.push(shell);
  return shell;
}

async function stateOf(serverId: string) {
  const { vmState, taskState, powerState } = await opened.cloud.servers.get(subject(), serverId);
  return { vmState, taskState, powerState };
}

test(
  'a server remembers over its suspension, and its disk is seen from a rescue system',
  async () => {
    const { servers } = opened.cloud;
    const serverId = await newServer();
    await isUp(serverId, 1);
    const shell = await shellOf(serverId);
    await shell.run(
      'mkdir -p /run; echo remembered >/run/in-memory; echo kept | dd of=/dev/vda bs=512 seek=65000 conv=notrunc',
    );
    await ended(await servers.triggerCrashDump(subject(), serverId));
    expect(await shell.run('sleep 1; dmesg | grep -ci nmi')).not.toBe('0\n');
    shell.close();

    await ended(await servers.suspend(subject(), serverId));
    expect(await stateOf(serverId)).toEqual({ vmState: 'suspended', taskState: null, powerState: power.suspended });
    await opened.reopen();
    expect(await host().guestState(serverId)).toBe('suspended');
    await ended(await opened.cloud.servers.resume(subject(), serverId));
    expect(await stateOf(serverId)).toEqual({ vmState: 'active', taskState: null, powerState: power.running });
    const again = await shellOf(serverId);
    expect(await again.run('cat /run/in-memory; sync')).toBe('remembered\n');
    again.close();

    const root = (await opened.cloud.volumes.ofServer(serverId))[0]!.id;
    const serials = 'cat /sys/block/vda/serial; echo; cat /sys/block/vdb/serial; echo; ls /run/in-memory';
    await ended(await opened.cloud.servers.rescue(subject(), serverId));
    expect(await stateOf(serverId)).toMatchObject({ vmState: 'rescued', taskState: null });
    await isUp(serverId, 2);
    const rescued = await shellOf(serverId);
    const { rescueDiskId } = await opened.cloud.servers.get(subject(), serverId);
    const seen = (await rescued.run(`${serials} 2>/dev/null`)).split('\n');
    expect(seen.slice(0, 3)).toEqual([rescueDiskId!.slice(0, 20), root.slice(0, 20), '']);
    expect(await rescued.run('dd if=/dev/vdb bs=512 skip=65000 count=1 2>/dev/null | head -c 5')).toContain('kept');
    rescued.close();

    await ended(await opened.cloud.servers.unrescue(subject(), serverId));
    await isUp(serverId, 3);
    const back = await shellOf(serverId);
    expect(await back.run('cat /sys/block/vda/serial; echo')).toBe(`${root.slice(0, 20)}\n`);
    expect((await host().inventory()).disks).not.toContain(rescueDiskId);

    // With its boot sector gone it boots from a disk beside its own ones, which keep their names.
    await back.run('dd if=/dev/zero of=/dev/vda bs=440 count=1 conv=notrunc 2>/dev/null; sync');
    back.close();
    await opened.cloud.images.update(subject(), tinyLinuxId, ({ properties }) => ({
      properties: { ...properties, hw_rescue_device: 'disk' },
    }));
    await ended(await opened.cloud.servers.rescue(subject(), serverId));
    await isUp(serverId, 4);
    const beside = await shellOf(serverId);
    const after = (await opened.cloud.servers.get(subject(), serverId)).rescueDiskId;
    const order = (await beside.run(`${serials} 2>/dev/null`)).split('\n');
    expect(order.slice(0, 2)).toEqual([root.slice(0, 20), after!.slice(0, 20)]);
    beside.close();
    await ended(await opened.cloud.servers.unrescue(subject(), serverId));
  },
  4 * bootTimeout,
);

test(
  'a root disk grows under a server that runs, and of one that is stopped',
  async () => {
    const { servers } = opened.cloud;
    const serverId = await newServer();
    await isUp(serverId, 1);
    const shell = await shellOf(serverId);
    const sectors = 'cat /sys/block/vda/size';
    const gib = 2 ** 30;
    const before = Number(await shell.run(sectors));
    await ended(await servers.extendRoot(subject(), serverId, 3 * gib));
    const seen = async () => Number(await shell.run(sectors));
    await expect.poll(seen, { timeout: 30_000, interval: 100 }).toBe((3 * gib) / 512);
    expect(before).toBeLessThan((3 * gib) / 512);
    await shell.run('echo kept | dd of=/dev/vda bs=512 seek=6000000 conv=notrunc; sync');
    shell.close();
    await ended(await servers.stop(subject(), serverId));
    await ended(await servers.extendRoot(subject(), serverId, 4 * gib));
    await ended(await servers.start(subject(), serverId));
    await isUp(serverId, 2);
    const again = await shellOf(serverId);
    expect(await again.run(sectors)).toBe(`${(4 * gib) / 512}\n`);
    expect(await again.run('dd if=/dev/vda bs=512 skip=6000000 count=1 2>/dev/null | head -c 5')).toContain('kept');
    again.close();
  },
  2 * bootTimeout,
);
