import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyLinuxVirtualSize } from '../../../../guest/tinylinux.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { findUefi } from './firmware.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';
import { buildUefiImage } from './uefi-image.fixture.ts';

const env = realEnv();
const bootTimeout = 300_000;

if (!findUefi()) console.warn('Guests that boot by UEFI are not tested: the firmware (package ovmf) is missing');
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
