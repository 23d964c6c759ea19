import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildTinyLinux, tinyLinuxMinimumMemory, tinyLinuxVirtualSize } from '../../../../guest/tinylinux.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';
import { SerialShell } from './serial-shell.fixture.ts';

const env = realEnv();
const bootTimeout = 180_000;
const mebibyte = 2 ** 20;
const serverId = newId(env);
const volumeId = newId(env);
let root: string;
let host: QemuHost;
let shell: SerialShell;

const open = () => openQemuHost({ directory: join(root, 'host'), env, accelerator: 'tcg' });
const contentOf = async (diskId: string) => {
  const path = join(root, `export-${newId(env)}`);
  await host.exportDisk({ diskId, format: 'raw', target: { kind: 'file', path } });
  return (await readFile(path)).subarray(0, 64).toString().split('\n')[0];
};
const write = (words: string) => shell.run(`echo '${words}' >/dev/vdb; sync; head -n 1 /dev/vdb`);

/** Has another process swap the disk, kills it, and tells how far it came. */
async function killedAfter(ms: number, swap: object): Promise<string | undefined> {
  const program = join(import.meta.dirname, 'swap-disk.fixture.ts');
  const agent = spawn(process.execPath, [program, join(root, 'host'), serverId, JSON.stringify(swap)]);
  const said = createInterface({ input: agent.stdout })[Symbol.asyncIterator]();
  let last: string | undefined;
  for (let next = await said.next(); !next.done; next = await said.next()) {
    last = next.value;
    if (last === 'begun') setTimeout(() => agent.kill('SIGKILL'), ms);
  }
  return last;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-disk-swap-'));
  const image = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
  host = await open();
  await host.applyStorages([{ storageId: 'far', path: join(root, 'far'), part: 'host' }]);
  const source = { kind: 'file' as const, path: image.path };
  await host.ensureImageCached({ imageId: 'tinylinux', format: 'qcow2', size: image.size, source });
  const base = { kind: 'image' as const, imageId: 'tinylinux' };
  await host.ensureDisk({ diskId: serverId, size: tinyLinuxVirtualSize, base });
  await host.ensureDisk({ diskId: 'first', size: 256 * mebibyte, base: { kind: 'blank' } });
  await host.ensureGuestRunning({
    serverId,
    instanceName: 'instance-00000001',
    vcpus: 1,
    memoryMb: tinyLinuxMinimumMemory,
    bootMode: 'bios',
    disks: [
      { diskId: serverId, volumeId: serverId, bus: 'virtio' },
      { diskId: 'first', volumeId, bus: 'virtio', limits: { totalBytes: { rate: 64 * mebibyte } } },
    ],
    hasConfigDrive: false,
    nics: [],
  });
  const isUp = async () => expect(await host.consoleLog(serverId)).toMatch(/TinyLinux ready/);
  await vi.waitFor(isUp, { timeout: bootTimeout, interval: 20 });
  shell = new SerialShell(await host.connectConsole(serverId, 'serial'));
}, bootTimeout);
afterAll(async () => {
  shell?.close();
  await host.removeGuest(serverId);
  await host.close();
  await rm(root, { recursive: true, force: true });
});

test(
  'a guest that runs goes on with a copy of its disk in another storage, which can do all that the first could',
  async () => {
    await write('before');
    const swap = { volumeId, fromDiskId: 'first', toDiskId: 'second', storageId: 'far' };
    const { installPath } = await host.swapDisk(serverId, swap);
    expect(installPath).toContain('second');
    expect(await shell.run('head -n 1 /dev/vdb')).toBe('before\n');
    await write('after');
    expect(await contentOf('first')).toBe('before');
    expect(await contentOf('second')).toBe('after');
    await host.removeDisk('first');
    // Copied, made larger and limited under the guest as before.
    await host.ensureDisk({ diskId: 'copy', size: mebibyte, base: { kind: 'copy', diskId: 'second' } });
    expect(await contentOf('copy')).toBe('after');
    await host.ensureDisk({ diskId: 'second', size: 300 * mebibyte, base: { kind: 'blank' } });
    expect(await shell.run('until [ $(cat /sys/block/vdb/size) = 614400 ]; do :; done; echo large')).toBe('large\n');
    await host.attachDisk(serverId, { diskId: 'second', volumeId, bus: 'virtio' });
    await host.detachDisk(serverId, volumeId);
    await host.attachDisk(serverId, { diskId: 'second', volumeId, bus: 'virtio' });
    expect(await shell.run('while [ ! -b /dev/vdb ]; do mdev -s; done; head -n 1 /dev/vdb')).toBe('after\n');
    await host.swapDisk(serverId, { volumeId, fromDiskId: 'second', toDiskId: 'first' });
    await host.removeDisk('second');
  },
  bootTimeout,
);

test(
  'an agent that dies while it copies begins anew, and nothing that the guest writes is lost',
  async () => {
    await write('one');
    await shell.run('dd if=/dev/urandom of=/dev/vdb bs=1M seek=1 count=150 2>/dev/null; sync');
    const sum = await shell.run('dd if=/dev/vdb bs=1M skip=1 count=150 2>/dev/null | md5sum');
    const there = { volumeId, fromDiskId: 'first', toDiskId: 'third' };
    await host.close();
    const ends: Array<string | undefined> = [];
    for (const afterMs of [0, 50, 150, 400, 900]) ends.push(await killedAfter(afterMs, there));
    expect(ends).toContain('begun');
    host = await open();
    await write('two');
    await host.swapDisk(serverId, there);
    await write('three');
    await host.removeDisk('first');
    expect(await shell.run('dd if=/dev/vdb bs=1M skip=1 count=150 2>/dev/null | md5sum')).toBe(sum);
    // The process ends: what it is started with again is the copy.
    await host.stopGuest(serverId, { graceSeconds: 0 });
    expect(await contentOf('third')).toBe('three');
    const { strayFiles, guests } = await host.inventory();
    expect({ strayFiles, guests: guests.length }).toEqual({ strayFiles: [], guests: 1 });
  },
  bootTimeout,
);
