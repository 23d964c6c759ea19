import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../env/env.ts';
import type { GuestNic, GuestSpec } from '../../contract.ts';
import type { QemuHost } from './qemu-host.ts';
import type { SerialShell } from './serial-shell.fixture.ts';
import { named, TinyLinuxBench } from './tinylinux-bench.fixture.ts';

const bootTimeout = 300_000;
let bench: TinyLinuxBench;
let host: QemuHost;
let shell: SerialShell | undefined;

beforeAll(async () => {
  bench = await TinyLinuxBench.open('nics');
  host = bench.host;
}, bootTimeout);
afterAll(() => bench.close());

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
    const guest = await bench.prepare(named('plugged'));
    const { serverId } = guest;
    const [first, second] = [nicOf(1), nicOf(2)];
    const spec = (nics: GuestNic[]): GuestSpec => ({ ...guest, nics });
    const planned = await host.guestDevices(spec([first]));
    await host.ensureGuestRunning(spec([first]));
    expect(await host.guestDevices(spec([first, second])), 'where they were said to be').toEqual(planned);
    expect(Object.keys(planned).toSorted()).toEqual([first.portId, serverId].toSorted());
    const isUp = async () => (await host.consoleLog(serverId)).includes('TinyLinux ready');
    const connect = async () => {
      shell?.close();
      shell = await bench.shell(serverId);
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
    await bench.openHost();
    host = bench.host;
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

    await expect(host.attachNic(newId(bench.env), second)).resolves.toBeUndefined();
    await expect(host.detachNic(newId(bench.env), second.portId)).resolves.toBeUndefined();
  },
  3 * bootTimeout,
);
