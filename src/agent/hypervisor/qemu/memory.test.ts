import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../env/env.ts';
import { argumentsForMemory } from './memory.ts';
import type { QemuHost } from './qemu-host.ts';
import { named, TinyLinuxBench } from './tinylinux-bench.fixture.ts';

const bootTimeout = 300_000;
let bench: TinyLinuxBench;
let host: QemuHost;

beforeAll(async () => {
  bench = await TinyLinuxBench.open('memory');
  host = bench.host;
}, bootTimeout);
afterAll(() => bench.close());

const logOf = async (serverId: string) => (await host.consoleLog(serverId)).replaceAll('\r', '');
const ticks = async (serverId: string) =>
  [...(await logOf(serverId)).matchAll(/tick (\d+)$/gm)].map(([, count]) => Number(count));
const tickedTo = (serverId: string, count: number) =>
  expect
    .poll(async () => (await ticks(serverId)).at(-1) ?? 0, { timeout: bootTimeout, interval: 20 })
    .toBeGreaterThanOrEqual(count);

test(
  'a guest that counts goes on counting after its suspension, with a disk that was plugged in out of order',
  async () => {
    const blank = { size: 4 * 1024 ** 2, base: { kind: 'blank' as const } };
    const extras = ['first', 'second', 'third'].map((volumeId) => ({
      diskId: newId(bench.env),
      volumeId,
      bus: 'virtio' as const,
    }));
    for (const { diskId } of extras) await host.ensureDisk({ diskId, ...blank });
    const files = { ...named('sleeper'), 'openstack/latest/user_data': '#!/bin/sh\ntick 0.2 &\n' };
    const guest = await bench.prepare(files, { disks: [extras[0]!, extras[1]!] });
    const { serverId } = guest;
    await host.ensureGuestRunning(guest);
    await tickedTo(serverId, 3);
    await host.detachDisk(serverId, 'first');
    await host.attachDisk(serverId, extras[2]!);

    await host.suspendGuest(serverId);
    const before = (await ticks(serverId)).at(-1)!;
    expect(await readdir(join(bench.folder, 'guests', serverId))).not.toContain('memory.sock');
    expect((await host.inventory()).strayFiles).toEqual([]);
    const memory = join(bench.folder, 'guests', serverId, 'memory');
    await copyFile(memory, join(bench.root, 'kept'));
    await host.close();
    await bench.openHost();
    host = bench.host;
    expect(await host.guestState(serverId)).toBe('suspended');
    expect((await ticks(serverId)).at(-1)).toBe(before);

    await host.resumeGuest(serverId);
    await tickedTo(serverId, before + 3);
    const counted = await ticks(serverId);
    const since = counted.slice(counted.indexOf(before) + 1);
    expect(since).toEqual(since.map((_, index) => before + 1 + index));
    expect((await logOf(serverId)).match(/TinyLinux ready/g)).toHaveLength(1);
    expect((await host.inventory()).strayFiles).toEqual([]);

    // As when the agent dies after the file has appeared and before the process has ended.
    await host.pauseGuest(serverId);
    const paused = await ticks(serverId);
    await copyFile(join(bench.root, 'kept'), memory);
    await host.resumeGuest(serverId);
    await expect.poll(async () => (await ticks(serverId))[paused.length], { timeout: bootTimeout }).toBe(before + 1);
  },
  2 * bootTimeout,
);

test('a machine for a memory has its devices where they were', () => {
  const device = (id: string) => JSON.stringify({ driver: 'virtio-blk-pci', id });
  const args = ['-machine', 'pc,usb=off', '-device', device('a'), '-device', device('b'), '-name', 'pc'];
  expect(argumentsForMemory(args, { machine: 'pc-i440fx-7.2', addresses: { b: '7.0' } })).toEqual([
    '-machine',
    'pc-i440fx-7.2,usb=off',
    '-device',
    device('a'),
    '-device',
    '{"driver":"virtio-blk-pci","id":"b","addr":"7.0"}',
    '-name',
    'pc',
    '-incoming',
    'defer',
    '-S',
  ]);
});
