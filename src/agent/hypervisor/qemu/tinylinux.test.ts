import { mkdtemp, rm } from 'node:fs/promises';
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
import { openQemuHost, type QemuHost } from './qemu-host.ts';

const env = realEnv();
const bootTimeout = 300_000;
let root: string;
let host: QemuHost;
let image: TinyLinuxImage;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-tinylinux-'));
  image = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
  host = await openQemuHost({ directory: root, env, accelerator: 'tcg' });
  const source = { kind: 'file' as const, path: image.path };
  await host.ensureImageCached({ imageId: 'tinylinux', format: 'qcow2', size: image.size, source });
}, bootTimeout);
afterAll(async () => {
  for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
  await host.close();
  await rm(root, { recursive: true, force: true });
});

async function boot(files: Record<string, string>, change: Partial<GuestSpec>): Promise<GuestSpec> {
  const serverId = newId(env);
  const base = { kind: 'image' as const, imageId: 'tinylinux' };
  await host.ensureDisk({ diskId: serverId, size: tinyLinuxVirtualSize, base });
  await host.ensureConfigDrive(serverId, files);
  const guest: GuestSpec = {
    serverId,
    instanceName: 'instance-00000001',
    vcpus: 1,
    memoryMb: tinyLinuxMinimumMemory,
    bootMode: 'bios',
    disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }],
    hasConfigDrive: true,
    nics: [],
    ...change,
  };
  await host.ensureGuestRunning(guest);
  return guest;
}

const said = (serverId: string, pattern: RegExp) =>
  expect
    .poll(async () => (await host.consoleLog(serverId)).replaceAll('\r', ''), { timeout: bootTimeout, interval: 20 })
    .toMatch(pattern);

test(
  'a Linux guest gets its config drive and its address, keeps its disk over a reboot, and shuts down when asked',
  async () => {
    const userData = '#!/bin/sh\necho "dns: $(cat /etc/resolv.conf)"\necho "mtu: $(cat /sys/class/net/eth0/mtu)"\n';
    const { serverId } = await boot(
      {
        'openstack/latest/meta_data.json': JSON.stringify({ uuid: 'x', hostname: 'web-1' }),
        'openstack/latest/user_data': userData,
      },
      {
        nics: [
          {
            portId: 'p',
            networkId: 'n',
            macAddress: 'fa:16:3e:00:00:01',
            model: 'virtio',
            subnet: { cidr: '10.9.8.0/24', gateway: '10.9.8.1', address: '10.9.8.200', dnsNameservers: ['192.0.2.53'] },
            mtu: 1450,
          },
        ],
      },
    );
    await said(serverId, /TinyLinux ready: web-1 10\.9\.8\.200\n/);
    await said(serverId, /dns: nameserver 192\.0\.2\.53\n/);
    await said(serverId, /mtu: 1450\n/);
    await said(serverId, /TinyLinux disk: boot 1\n/);

    const exported = { kind: 'file' as const, path: join(root, 'export.qcow2') };
    await host.exportDisk({ diskId: serverId, serverId, format: 'qcow2', target: exported });
    await rm(exported.path);

    const begun = env.now();
    await host.rebootGuest(serverId, { type: 'soft', graceSeconds: 100 });
    await said(serverId, /TinyLinux disk: boot 2\n/);
    await host.stopGuest(serverId, { graceSeconds: 100 });
    expect(env.now() - begun).toBeLessThan(100_000_000);
    expect(await host.guestState(serverId)).toBe('stopped');
  },
  2 * bootTimeout,
);

test(
  'a disk beside the root disk shows its volume and its size',
  async () => {
    const extra = newId(env);
    await host.ensureDisk({ diskId: extra, size: 5 * 1024 ** 2, base: { kind: 'blank' } });
    const serverId = newId(env);
    await host.ensureDisk({
      diskId: serverId,
      size: tinyLinuxVirtualSize,
      base: { kind: 'image', imageId: 'tinylinux' },
    });
    const script = '#!/bin/sh\necho "vdb: $(cat /sys/block/vdb/serial) $(cat /sys/block/vdb/size)"\n';
    const guest = await boot(
      {
        'openstack/latest/meta_data.json': JSON.stringify({ uuid: 'x', hostname: 'web-2' }),
        'openstack/latest/user_data': script,
      },
      {
        disks: [
          { diskId: serverId, volumeId: serverId, bus: 'virtio' },
          { diskId: extra, volumeId: extra, bus: 'virtio' },
        ],
      },
    );
    await said(guest.serverId, new RegExp(`vdb: ${extra.slice(0, 20)} 10240\\n`));
  },
  bootTimeout,
);
