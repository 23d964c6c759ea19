import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QemuHost } from '../../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { obstacle } from '../../../agent/network/bridge/network-bench.fixture.ts';
import { type OpenedUnkai, openUnkai } from '../../../assembly/open-unkai.ts';
import { ensureTinyLinux, tinyLinuxId } from '../../../assembly/tinylinux.ts';
import { operator, type Subject } from '../../identity/subject.ts';
import { defaultGroupId } from '../default-security-group.ts';

const run = promisify(execFile);
const bootTimeout = 300_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe.skipIf(obstacle !== undefined)('real guests on a network of their own', () => {
  let folder: string;
  let opened: OpenedUnkai;
  let networkId: string;
  let subnetId: string;
  let routerId: string;
  let publicId: string;
  const shells: SerialShell[] = [];

  const subject = (): Subject => operator('req-test');
  const host = () => opened.agents[0]!.agent as QemuHost;
  const networks = () => opened.cloud.networks;
  const open = () =>
    openUnkai({ dataDir: folder, hypervisor: 'qemu', network: 'bridge', adminPassword: 'secret', log: silent });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unkai-real-networks-'));
    opened = await open();
    await ensureTinyLinux(opened.cloud, { cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
    await run('dropbearkey', ['-t', 'ed25519', '-f', join(folder, 'key')]);
    const { stdout } = await run('dropbearkey', ['-y', '-f', join(folder, 'key')]);
    const publicKey = stdout.split('\n').find((line) => line.startsWith('ssh-'))!;
    await opened.cloud.keypairs.create(subject(), { name: 'key', publicKey });
  }, bootTimeout);

  afterAll(async () => {
    for (const shell of shells) shell.close();
    await deleteServers();
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }, bootTimeout);

  const deleteServers = async () => {
    for (const server of await opened.cloud.servers.list(subject(), {}, { limit: 10, sort: [] })) {
      const { actionId } = await opened.cloud.servers.delete(subject(), server.id);
      if (actionId) await opened.cloud.runner.wait(actionId, { timeoutMs: bootTimeout });
    }
  };
  const boot = async (name: string): Promise<string> => {
    const flavors = await opened.cloud.flavors.list(subject(), {});
    const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
    const [made] = await opened.cloud.servers.create(subject(), {
      name,
      flavorId: flavor.id,
      imageId: tinyLinuxId,
      networks: [{ networkId }],
      securityGroups: [],
      keyName: 'key',
    });
    const outcome = await opened.cloud.runner.wait(made!.actionId, { timeoutMs: bootTimeout });
    expect(outcome).toEqual({ state: 'succeeded' });
    return made!.server.id;
  };
  const shellOf = async (serverId: string): Promise<SerialShell> => {
    const isUp = async () => (await host().consoleLog(serverId)).includes('TinyLinux ready');
    await expect.poll(isUp, { timeout: bootTimeout, interval: 100 }).toBe(true);
    const shell = new SerialShell(await host().connectConsole(serverId, 'serial'));
    shells.push(shell);
    return shell;
  };
  const addressOf = async (serverId: string) =>
    (await networks().addressesOf([serverId])).get(serverId)!.find(({ kind }) => kind === 'fixed')!;
  const ssh = (address: string, command: string): Promise<string | undefined> =>
    run('dbclient', ['-y', '-y', '-i', join(folder, 'key'), `root@${address}`, command], {
      timeout: 20_000,
      env: { ...process.env, HOME: folder },
    }).then(
      ({ stdout }) => stdout,
      () => undefined,
    );
  /** Rules of a change are in force a moment after the change. */
  const pings = (shell: SerialShell, address: string, expected: boolean, options = '') =>
    expect
      .poll(
        async () => (await shell.run(`ping -c 1 -W 2 ${options} ${address} >/dev/null && echo yes || echo no`)).trim(),
        {
          timeout: 20_000,
        },
      )
      .toBe(expected ? 'yes' : 'no');

  test(
    'lease, ping, metadata, names, floating IP, security groups, spoofing; nothing is left over',
    async () => {
      const [network] = await networks().networks.create(subject(), [{ name: 'web', mtu: 1400 }]);
      networkId = network!.id;
      const [subnet] = await networks().subnets.create(subject(), [{ networkId, ipVersion: 4, cidr: '10.77.0.0/24' }]);
      subnetId = subnet!.id;
      publicId = (await networks().networks.list(subject(), { filters: { name: ['public'] } }))[0]!.id;
      const [router] = await networks().routers.create(subject(), [{ name: 'web', gateway: { networkId: publicId } }]);
      routerId = router!.id;
      await networks().routerInterfaces.add(subject(), routerId, { subnetId });

      const [oneId, twoId] = await Promise.all([boot('one'), boot('two')]);
      const one = await shellOf(oneId);
      await shellOf(twoId);
      const [first, second] = [await addressOf(oneId), await addressOf(twoId)];
      expect(await one.run('ip -4 -o addr show eth0')).toContain(`${first.address}/24`);
      await pings(one, second.address, true);

      const lease = await one.run(
        'udhcpc -n -q -t 5 -T 2 -i eth0 -s /etc/udhcpc.script -O 121 -O mtu 2>&1; ip route; ip link show eth0',
      );
      expect(lease).toContain(`lease of ${first.address} obtained`);
      expect(lease).toContain('default via 10.77.0.1');
      expect(lease).toContain('169.254.169.254 via');
      expect(lease).toContain('mtu 1400');
      expect(await one.run('nslookup two.unkai.internal 2>&1')).toContain(second.address);

      const ask = (path: string) => one.run(`wget -q -O - http://169.254.169.254/${path}; echo`);
      expect(JSON.parse(await ask('openstack/latest/meta_data.json'))).toMatchObject({ name: 'one' });
      expect(await ask('latest/meta-data/local-ipv4')).toBe(`${first.address}\n`);
      expect(await ask('latest/meta-data/public-keys/0/openssh-key')).toContain('ssh-ed25519');

      const association = { portId: first.portId };
      const [floating] = await networks().floatingIps.create(subject(), [{ networkId: publicId, association }]);
      expect((await networks().addressesOf([oneId])).get(oneId)).toHaveLength(2);
      const groupId = defaultGroupId(subject().projectId!);
      expect(await ssh(floating!.address, 'hostname')).toBeUndefined();
      const [rule] = await networks().securityGroupRules.create(subject(), [
        { securityGroupId: groupId, direction: 'ingress', protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 },
      ]);
      await expect.poll(() => ssh(floating!.address, 'hostname')).toBe('one\n');

      // In no group of an API that knows such, everything comes through; in any other, what its rules let through.
      const unguarded = { portId: second.portId };
      const [outside] = await networks().floatingIps.create(subject(), [
        { networkId: publicId, association: unguarded },
      ]);
      const [strict] = await networks().securityGroups.create(subject(), [{ name: 'strict' }]);
      const portIds = [second.portId];
      await networks().openGroups.join(subject(), strict!.id, portIds);
      await networks().openGroups.leave(subject(), groupId, { portIds });
      await expect.poll(() => ssh(outside!.address, 'hostname')).toBeUndefined();
      await networks().openGroups.leave(subject(), strict!.id, { portIds });
      await expect.poll(() => ssh(outside!.address, 'hostname')).toBe('two\n');
      await pings(one, second.address, true);
      await networks().openGroups.join(subject(), strict!.id, portIds);
      await expect.poll(() => ssh(outside!.address, 'hostname')).toBeUndefined();
      await networks().ports.update(subject(), second.portId, { securityGroupIds: [groupId] });
      await networks().floatingIps.delete(subject(), outside!.id);

      // The control plane goes and comes back: guests go on, and what was lost meanwhile is made again.
      for (const shell of shells.splice(0)) shell.close();
      const fabric = (await host().inventory()).networkDevices.find((name) => /^unkai-[0-9a-f]+$/.test(name))!;
      await opened.close();
      await run('nsenter', [`--net=/run/netns/${fabric}`, '--', 'nft', 'flush', 'ruleset']);
      opened = await open();
      await expect.poll(() => ssh(floating!.address, 'hostname')).toBe('one\n');
      await networks().securityGroupRules.delete(subject(), rule!.id);
      await expect.poll(() => ssh(floating!.address, 'hostname')).toBeUndefined();

      const again = await shellOf(twoId);
      await pings(again, first.address, true);

      // A guest that runs gets an interface on another network, and loses it again.
      const [back] = await networks().networks.create(subject(), [{ name: 'back' }]);
      await networks().subnets.create(subject(), [{ networkId: back!.id, ipVersion: 4, cidr: '10.78.0.0/24' }]);
      const attached = await opened.cloud.servers.attachInterface(subject(), twoId, { networkId: back!.id });
      expect(await opened.cloud.runner.wait(attached.actionId, { timeoutMs: bootTimeout })).toEqual({
        state: 'succeeded',
      });
      const [fixed] = attached.port.fixedIps;
      const eth1 = await again.run(
        'while [ ! -e /sys/class/net/eth1 ]; do :; done; ip link set eth1 up; ' +
          'udhcpc -n -q -t 20 -T 2 -i eth1 -s /etc/udhcpc.script >/dev/null 2>&1; ip -4 -o addr show eth1',
      );
      expect(eth1).toContain(`${fixed!.ipAddress}/24`);
      const { actionId } = await opened.cloud.servers.detachInterface(subject(), twoId, attached.port.id);
      expect(await opened.cloud.runner.wait(actionId, { timeoutMs: bootTimeout })).toEqual({ state: 'succeeded' });
      expect(await again.run('ls /sys/class/net')).not.toContain('eth1');
      expect(await networks().portIdsOf(twoId)).toEqual([second.portId]);
      await again.run('ip addr add 10.77.0.200/24 dev eth0');
      await pings(again, first.address, false, '-I 10.77.0.200');
      await pings(again, first.address, true);
      await again.run('ip link set eth0 down; ip link set eth0 address fa:16:3e:99:99:99; ip link set eth0 up');
      await pings(again, first.address, false);

      await deleteServers();
      await expect.poll(async () => (await host().inventory()).networkDevices, { timeout: 90_000 }).toEqual([]);
    },
    2 * bootTimeout,
  );
});
