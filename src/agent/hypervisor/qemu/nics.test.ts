import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildTinyLinux, tinyLinuxMinimumMemory, tinyLinuxVirtualSize } from '../../../../guest/tinylinux.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import type { GuestNic, GuestSpec } from '../../contract.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';
import { SerialShell } from './serial-shell.fixture.ts';

const env = realEnv();
const bootTimeout = 180_000;
let root: string;
let host: QemuHost;
let shell: SerialShell | undefined;

const open = () => openQemuHost({ directory: root, env, accelerator: 'tcg' });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-nics-'));
  const image = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
  host = await open();
  const source = { kind: 'file' as const, path: image.path };
  await host.ensureImageCached({ imageId: 'tinylinux', format: 'qcow2', size: image.size, source });
}, bootTimeout);
afterAll(async () => {
  shell?.close();
  for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
  await host.close();
  await rm(root, { recursive: true, force: true });
});

function nicOf(number: number, model: GuestNic['model'] = 'virtio'): GuestNic {
  return {
    portId: `${number}a`.repeat(16),
    networkId: `${number}e`.repeat(16),
    macAddress: `fa:16:3e:00:00:0${number}`,
    model,
    mtu: 1400,
    subnet: {
      cidr: `10.${number}.0.0/24`,
      gateway: `10.${number}.0.1`,
      address: `10.${number}.0.9`,
      dnsNameservers: [],
    },
  };
}

test(
  'interfaces come to a guest that runs and go from it, as often as they are told to, and a restart has them',
  async () => {
    const serverId = newId(env);
    await host.ensureDisk({
      diskId: serverId,
      size: tinyLinuxVirtualSize,
      base: { kind: 'image', imageId: 'tinylinux' },
    });
    await host.ensureConfigDrive(serverId, {
      'openstack/latest/meta_data.json': JSON.stringify({ uuid: 'x', hostname: 'plugged' }),
    });
    const [first, second] = [nicOf(1), nicOf(2)];
    const spec = (nics: GuestNic[]): GuestSpec => ({
      serverId,
      instanceName: 'instance-00000001',
      vcpus: 1,
      memoryMb: tinyLinuxMinimumMemory,
      bootMode: 'bios',
      disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }],
      hasConfigDrive: true,
      nics,
    });
    const planned = await host.guestDevices(spec([first]));
    await host.ensureGuestRunning(spec([first]));
    expect(await host.guestDevices(spec([first, second])), 'where they were said to be').toEqual(planned);
    expect(Object.keys(planned).toSorted()).toEqual([first.portId, serverId].toSorted());
    const isUp = async () => (await host.consoleLog(serverId)).includes('TinyLinux ready');
    const connect = async () => {
      shell?.close();
      shell = new SerialShell(await host.connectConsole(serverId, 'serial'));
    };
    await expect.poll(isUp, { timeout: bootTimeout, interval: 20 }).toBe(true);
    await connect();
    const leased = (device: string) =>
      shell!.run(
        `while [ ! -e /sys/class/net/${device} ]; do :; done; cat /sys/class/net/${device}/address; ip link set ${device} up; ` +
          `udhcpc -n -q -t 10 -T 2 -i ${device} -s /etc/udhcpc.script >/dev/null 2>&1; ip -4 -o addr show ${device}`,
      );

    await host.attachNic(serverId, second);
    await host.attachNic(serverId, second);
    expect(await leased('eth1')).toMatch(/^fa:16:3e:00:00:02\n[\s\S]*inet 10\.2\.0\.9\/24/);
    expect(await shell!.run('cat /sys/class/net/eth1/mtu')).toBe('1400\n');

    // Somebody else looks after the guest from now on.
    await host.close();
    host = await open();
    await host.detachNic(serverId, second.portId);
    await host.detachNic(serverId, second.portId);
    await connect();
    expect(await shell!.run('ls /sys/class/net')).not.toContain('eth1');
    await host.attachNic(serverId, nicOf(3, 'e1000'));
    await host.detachNic(serverId, nicOf(3).portId);
    await host.attachNic(serverId, second);
    expect(await leased('eth1')).toMatch(/inet 10\.2\.0\.9\/24/);

    const places = await host.guestDevices(spec([first, second]));
    const [slot] = (await shell!.run('basename "$(readlink -f /sys/class/net/eth1/device/..)"')).trim().split('\n');
    expect(places[second.portId], 'the guest sees it where it is said to be').toEqual({ bus: 'pci', address: slot });

    await host.pauseGuest(serverId);
    await expect(host.detachNic(serverId, second.portId)).rejects.toMatchObject({ code: 'in_use' });
    await host.resumeGuest(serverId);
    await host.suspendGuest(serverId);
    await expect(host.attachNic(serverId, nicOf(3))).rejects.toMatchObject({ code: 'in_use' });
    await host.resumeGuest(serverId);
    await connect();
    expect(await shell!.run('cat /sys/class/net/eth1/address')).toBe('fa:16:3e:00:00:02\n');

    await host.stopGuest(serverId, { graceSeconds: 0 });
    await host.detachNic(serverId, first.portId);
    await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
    const boots = async () => (await host.consoleLog(serverId)).split('TinyLinux ready').length - 1;
    await expect.poll(boots, { timeout: bootTimeout, interval: 20 }).toBe(2);
    await connect();
    expect(await shell!.run('cat /sys/class/net/eth0/address; ls /sys/class/net')).toMatch(
      /^fa:16:3e:00:00:02\n(?![\s\S]*eth1)/,
    );

    await expect(host.attachNic(newId(env), second)).resolves.toBeUndefined();
    await expect(host.detachNic(newId(env), second.portId)).resolves.toBeUndefined();
  },
  3 * bootTimeout,
);
