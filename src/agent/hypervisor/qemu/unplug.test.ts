import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import type { GuestNic } from '../../contract.ts';
import { bootGreeting, bootProgram } from './boot-program.ts';
import { writeBootSector } from './boot-sector.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';

const env = realEnv();
let root: string;
let host: QemuHost;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-unplug-'));
  // The minute that a guest has goes by in a moment.
  const hasty = { ...env, sleep: (ms: number, signal?: AbortSignal) => env.sleep(ms === 5000 ? 20 : ms, signal) };
  host = await openQemuHost({ directory: join(root, 'host'), env: hasty, accelerator: 'tcg' });
});
afterAll(async () => {
  for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
  await host.close();
  await rm(root, { recursive: true, force: true });
});

test('a guest whose system answers no request keeps disk and interface until it is stopped', async () => {
  const path = join(root, 'boot.raw');
  await writeBootSector(path, bootProgram());
  const { size } = await stat(path);
  await host.ensureImageCached({ imageId: 'boot', format: 'raw', size, source: { kind: 'file', path } });
  const [serverId, volumeId, portId] = [newId(env), newId(env), newId(env)];
  await host.ensureDisk({ diskId: serverId, size, base: { kind: 'image', imageId: 'boot' } });
  await host.ensureDisk({ diskId: volumeId, size, base: { kind: 'blank' } });
  const nic: GuestNic = {
    portId,
    networkId: newId(env),
    macAddress: 'fa:16:3e:00:00:01',
    model: 'virtio',
    mtu: 1500,
    subnet: { cidr: '10.1.0.0/24', gateway: '10.1.0.1', address: '10.1.0.9', dnsNameservers: [] },
  };
  await host.ensureGuestRunning({
    serverId,
    instanceName: 'instance-00000001',
    vcpus: 1,
    memoryMb: 64,
    bootMode: 'bios',
    disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }],
    hasConfigDrive: false,
    nics: [],
  });
  const greetings = async () => (await host.consoleLog(serverId)).split(bootGreeting).length - 1;
  await expect.poll(greetings, { timeout: 60_000, interval: 20 }).toBe(1);
  await host.attachDisk(serverId, { diskId: volumeId, volumeId, bus: 'virtio' });
  await host.attachNic(serverId, nic);

  const detachDisk = () => host.detachDisk(serverId, volumeId);
  const detachNic = () => host.detachNic(serverId, portId);
  const openDisks = async () => (await host.inventory()).guests[0]!.openDisks;
  for (const [what, detach] of [
    ['disk', detachDisk],
    ['interface', detachNic],
    ['disk', detachDisk],
  ] as const) {
    const message = expect.stringContaining(`did not let go of the ${what} within 60 s`);
    await expect(detach()).rejects.toMatchObject({ code: 'in_use', message });
  }
  expect(await openDisks()).toContain(volumeId);
  await expect(host.removeDisk(volumeId)).rejects.toMatchObject({ code: 'in_use' });

  await host.stopGuest(serverId, { graceSeconds: 0 });
  await detachDisk();
  await detachNic();
  await host.removeDisk(volumeId);
});
