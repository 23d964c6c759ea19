import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTinyLinux, tinyLinuxVirtualSize } from '../../../../guest/tinylinux.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { findUefi } from './firmware.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';

const run = promisify(execFile);
const env = realEnv();
const bootTimeout = 240_000;

/** TinyLinux for UEFI: its kernel is an EFI program, and the shell of OVMF starts it by a script. */
async function buildUefiImage(folder: string): Promise<string> {
  const bios = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
  const raw = join(folder, 'uefi.raw');
  const target = join(folder, 'uefi.qcow2');
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', bios.path, raw]);
  const partition = `${raw}@@${2048 * 512}`;
  await run('mcopy', ['-i', partition, '::/syslinux.cfg', folder]);
  const options = /APPEND (.*)/.exec(await readFile(join(folder, 'syslinux.cfg'), 'utf8'))![1]!;
  await writeFile(join(folder, 'startup.nsh'), `fs0:\r\n\\vmlinuz initrd=\\initrd ${options}\r\n`);
  await run('mcopy', ['-i', partition, join(folder, 'startup.nsh'), '::/startup.nsh']);
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, target]);
  await rm(raw);
  return target;
}

describe.skipIf(!findUefi())('a guest that boots by UEFI', () => {
  let root: string;
  let host: QemuHost;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'unkai-uefi-'));
    host = await openQemuHost({ directory: root, env, accelerator: 'tcg' });
    const path = await buildUefiImage(root);
    const { size } = await stat(path);
    await host.ensureImageCached({ imageId: 'uefi', format: 'qcow2', size, source: { kind: 'file', path } });
  }, bootTimeout);
  afterAll(async () => {
    for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
    await host.close();
    await rm(root, { recursive: true, force: true });
  });

  it(
    'comes up, and finds that it was started by its firmware',
    async () => {
      const serverId = newId(env);
      await host.ensureDisk({ diskId: serverId, size: tinyLinuxVirtualSize, base: { kind: 'image', imageId: 'uefi' } });
      await host.ensureGuestRunning({
        serverId,
        instanceName: 'instance-00000001',
        vcpus: 1,
        memoryMb: 256,
        bootMode: 'uefi',
        disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }],
        hasConfigDrive: false,
        nics: [],
      });
      await expect
        .poll(() => host.consoleLog(serverId), { timeout: bootTimeout, interval: 200 })
        .toMatch(/UEFI Interactive Shell.*TinyLinux ready/s);
    },
    2 * bootTimeout,
  );
});
