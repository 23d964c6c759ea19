import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  buildTinyLinux,
  type TinyLinuxImage,
  tinyLinuxMinimumMemory,
  tinyLinuxVirtualSize,
} from '../../../../guest/tinylinux.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import type { GuestSpec } from '../../contract.ts';
import { argumentsForMemory } from './memory.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';

const env = realEnv();
const bootTimeout = 120_000;
let root: string;
let host: QemuHost;
let image: TinyLinuxImage;

const open = () => openQemuHost({ directory: join(root, 'host'), env, accelerator: 'tcg' });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-memory-'));
  image = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
  host = await open();
  const source = { kind: 'file' as const, path: image.path };
  await host.ensureImageCached({ imageId: 'tinylinux', format: 'qcow2', size: image.size, source });
}, bootTimeout);
afterAll(async () => {
  for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
  await host.close();
  await rm(root, { recursive: true, force: true });
});

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
    const serverId = newId(env);
    const blank = { size: 4 * 1024 ** 2, base: { kind: 'blank' as const } };
    const extras = ['first', 'second', 'third'].map((volumeId) => ({
      diskId: newId(env),
      volumeId,
      bus: 'virtio' as const,
    }));
    for (const { diskId } of extras) await host.ensureDisk({ diskId, ...blank });
    await host.ensureDisk({
      diskId: serverId,
      size: tinyLinuxVirtualSize,
      base: { kind: 'image', imageId: 'tinylinux' },
    });
    await host.ensureConfigDrive(serverId, {
      'openstack/latest/meta_data.json': JSON.stringify({ uuid: 'x', hostname: 'sleeper' }),
      'openstack/latest/user_data': '#!/bin/sh\ntick 0.2 &\n',
    });
    const guest: GuestSpec = {
      serverId,
      instanceName: 'instance-00000001',
      vcpus: 1,
      memoryMb: tinyLinuxMinimumMemory,
      bootMode: 'bios',
      disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }, extras[0]!, extras[1]!],
      hasConfigDrive: true,
      nics: [],
    };
    await host.ensureGuestRunning(guest);
    await tickedTo(serverId, 3);
    await host.detachDisk(serverId, 'first');
    await host.attachDisk(serverId, extras[2]!);

    await host.suspendGuest(serverId);
    const before = (await ticks(serverId)).at(-1)!;
    expect(await readdir(join(root, 'host', 'guests', serverId))).not.toContain('memory.sock');
    expect((await host.inventory()).strayFiles).toEqual([]);
    const memory = join(root, 'host', 'guests', serverId, 'memory');
    await copyFile(memory, join(root, 'kept'));
    await host.close();
    host = await open();
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
    await copyFile(join(root, 'kept'), memory);
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
