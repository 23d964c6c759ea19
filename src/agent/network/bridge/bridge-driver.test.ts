import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DesiredNetworks } from '../../contract.ts';
import { noNetworks } from '../../network-contract.ts';
import {
  closed,
  everyone,
  NetworkBench,
  obstacle,
  other,
  patience,
  portOf,
  publicNetwork,
  routerOf,
  twoNetworks,
  web,
} from './network-bench.fixture.ts';

describe.skipIf(obstacle !== undefined)('networks with guests', () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;

  beforeEach(async () => {
    bench = await NetworkBench.open();
    desired = twoNetworks();
  });

  afterEach(async () => {
    await bench.close();
    expect(await bench.driver.inventory()).toEqual([]);
  });

  const apply = () => bench.driver.apply(desired);

  /** A server of TCP in a guest; every connection to it is answered with a line. */
  const listen = (guest: string, port: number): ChildProcess => {
    const command = [
      `--net=/run/netns/${guest}`,
      '--',
      '/bin/busybox',
      'nc',
      '-ll',
      '-p',
      String(port),
      '-e',
      'echo',
      'here',
    ];
    const child = spawn('nsenter', command, { stdio: 'ignore' });
    onTestFinished(() => void child.kill());
    return child;
  };
  /** Whether a connection is answered; the server may only be starting. */
  const connects = async (guest: string | undefined, address: string, port: number, expected: boolean) => {
    const answered = async () =>
      (await bench.sh(guest, 'nc', '-w', '2', address, String(port)))?.startsWith('here') ?? false;
    if (expected) await expect.poll(answered, { timeout: patience, interval: 50 }).toBe(true);
    else expect(await answered()).toBe(false);
  };

  test('guests reach each other on their network, and nobody on another one that has the same addresses', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12'), portOf(13, other, '10.9.0.13')];
    await apply();
    const [one, two, foreign] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.reaches(one, '10.9.0.12');
    await bench.reaches(two, '10.9.0.11');
    await bench.misses(foreign, '10.9.0.11');
    await bench.misses(one, '10.9.0.13');
  });

  test('DHCP gives a guest its own address, routes, MTU and name server, by which it finds others', async () => {
    const one = portOf(11, web, '10.9.0.11');
    desired.ports = [one];
    desired.networks[0]!.hosts = [
      { portId: one.portId, macAddress: one.macAddress, address: '10.9.0.11', hostname: 'one' },
      { portId: 'x', macAddress: 'fa:16:3e:00:00:12', address: '10.9.0.12', hostname: 'two' },
    ];
    await apply();
    const guest = await bench.plug(one, { configure: false });
    const told = join(bench.directory, 'told');
    const script = join(bench.directory, 'lease');
    await writeFile(script, `#!/bin/sh\n[ "$1" = bound ] && env > ${told}\nexit 0\n`, { mode: 0o755 });
    const lease = await bench.sh(
      guest,
      'udhcpc',
      '-nq',
      '-t',
      '12',
      '-T',
      '1',
      '-i',
      'eth0',
      '-O',
      '121',
      '-O',
      'mtu',
      '-s',
      script,
    );
    expect(lease).toBeDefined();
    const facts = await readFile(told, 'utf8');
    expect(facts).toContain('ip=10.9.0.11\n');
    expect(facts).toContain('mtu=1400\n');
    expect(facts).toContain('dns=10.9.0.2\n');
    expect(facts).toContain('staticroutes=198.51.100.0/24 10.9.0.7 169.254.169.254/32 10.9.0.2 0.0.0.0/0 10.9.0.1\n');
    await bench.commands.ip(guest, ['addr add 10.9.0.11/24 dev eth0']);
    const lookUp = (name: string) => bench.sh(guest, 'nslookup', `${name}.unkai.internal`, '10.9.0.2');
    await expect.poll(() => lookUp('two'), { timeout: patience }).toMatch('10.9.0.12');

    desired.networks[0]!.hosts[1]!.hostname = 'renamed';
    await apply();
    await expect.poll(() => lookUp('renamed'), { timeout: patience }).toMatch('10.9.0.12');
  });

  test('a guest can be nobody else: neither by MAC nor by IP address, and no DHCP server', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12')];
    await apply();
    const [one] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.reaches(one, '10.9.0.12');
    await bench.commands.ip(one, ['addr add 10.9.0.66/24 dev eth0', 'neigh flush dev eth0']);
    await bench.misses(one, '10.9.0.12', '-I', '10.9.0.66');
    await bench.commands.ip(one, ['link set eth0 address fa:16:3e:00:00:66']);
    await bench.misses(one, '10.9.0.12', '-I', '10.9.0.11');

    desired.ports[0]!.portSecurity = false;
    await apply();
    await bench.reaches(one, '10.9.0.12', '-I', '10.9.0.66');
  });

  test('an allowed address pair is one more address that a guest may have', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12')];
    desired.ports[0]!.allowedPairs = [{ macAddress: desired.ports[0]!.macAddress, cidr: '10.9.0.64/28' }];
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.commands.ip(one, ['addr add 10.9.0.66/24 dev eth0', 'addr add 10.9.0.99/24 dev eth0']);
    await bench.reaches(one, '10.9.0.12', '-I', '10.9.0.66');
    await bench.reaches(two, '10.9.0.66');
    await bench.misses(one, '10.9.0.12', '-I', '10.9.0.99');
    desired.ports[0]!.securityGroupIds = [closed];
    await apply();
    await bench.misses(two, '10.9.0.66');
  });

  test('security groups open and close, also for connections that are open; replies come through', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11', [closed]), portOf(12, web, '10.9.0.12', [closed])];
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    listen(one!, 22);
    await connects(two, '10.9.0.11', 22, false);
    await bench.misses(two, '10.9.0.11');

    const group = desired.securityGroups[1]!;
    group.members = [{ networkId: web, addresses: ['10.9.0.11', '10.9.0.12'] }];
    group.rules.push({
      direction: 'ingress',
      protocol: 6,
      ports: { first: 20, last: 23 },
      remote: { groupId: closed },
    });
    await apply();
    await connects(two, '10.9.0.11', 22, true);
    await bench.misses(two, '10.9.0.11');

    group.rules.push({ direction: 'ingress', protocol: 1, icmp: { type: 8 }, remote: { cidr: '10.9.0.12/32' } });
    await apply();
    await bench.reaches(two, '10.9.0.11');
    await bench.misses(one, '10.9.0.12');

    group.rules = group.rules.filter(({ direction }) => direction === 'ingress');
    await apply();
    await bench.misses(two, '10.9.0.11');
  });

  test('a port without groups, and one that is switched off, carry nothing but their own lease', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11', []), portOf(12, web, '10.9.0.12')];
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.misses(one, '10.9.0.12');
    await bench.misses(two, '10.9.0.11');
    desired.ports[0]!.securityGroupIds = [everyone];
    desired.ports[0]!.adminStateUp = false;
    await apply();
    await bench.misses(two, '10.9.0.11');
    desired.ports[0]!.adminStateUp = true;
    await apply();
    await bench.reaches(two, '10.9.0.11');
  });

  test('metadata is asked for on each network by the guest that it is about, and by nobody else', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11', []), portOf(13, other, '10.9.0.11')];
    const stop = bench.driver.serveMetadata(async ({ networkId, address, path, body }) => ({
      status: 200,
      contentType: 'text/plain',
      body: [networkId.slice(0, 2), address, path, ...(body === undefined ? [] : [`told ${body}`])].join(' '),
    }));
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    const ask = (guest: string | undefined, ...options: string[]) =>
      bench.sh(guest, 'wget', '-q', '-O', '-', ...options, 'http://169.254.169.254/openstack');
    for (const guest of [one!, two!]) await bench.commands.ip(guest, ['route add 169.254.169.254 via 10.9.0.2']);
    await expect.poll(() => ask(one), { timeout: patience }).toBe('c1 10.9.0.11 /openstack');
    await expect.poll(() => ask(two), { timeout: patience }).toBe('c2 10.9.0.11 /openstack');
    expect(await ask(one, '--header', 'X-Forwarded-For: 10.9.0.12')).toBeUndefined();
    expect(await ask(one, '--header', 'X-Instance-ID: 1')).toBeUndefined();
    expect(await ask(one, '--post-data', 'x')).toBe('c1 10.9.0.11 /openstack told x');
    expect(await ask(one, '--method', 'PUT', '--body-data', 'x')).toBeUndefined();
    stop();
    expect(await ask(one)).toBeUndefined();
  });

  test('routers join networks, and reach what is outside by their own address', async () => {
    const { externalNetwork } = bench.driver.networking;
    const base = externalNetwork!.gateway.replace(/\.1$/, '');
    desired.networks[1]!.subnets[0] = {
      ...desired.networks[1]!.subnets[0]!,
      cidr: '10.9.1.0/24',
      gateway: '10.9.1.1',
      dhcp: { address: '10.9.1.2', dnsNameservers: [], routes: [] },
    };
    desired.networks.push({
      networkId: publicNetwork,
      mtu: 1500,
      external: true,
      domain: 'unkai.internal',
      subnets: [{ subnetId: '5b'.repeat(16), cidr: externalNetwork!.cidr, gateway: externalNetwork!.gateway }],
      hosts: [],
    });
    const router = routerOf(desired.networks.slice(0, 2), { base, nexthop: externalNetwork!.gateway });
    desired.routers = [router];
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(13, other, '10.9.1.13')];
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.reaches(one, '10.9.1.13');
    await bench.reaches(one, externalNetwork!.gateway);
    await bench.misses(undefined, `${base}.20`);

    router.floatingIps = [
      { address: `${base}.20`, fixedAddress: '10.9.0.11' },
      { address: `${base}.21`, fixedAddress: '10.9.1.13' },
    ];
    await apply();
    listen(one!, 22);
    await bench.reaches(undefined, `${base}.20`);
    await connects(undefined, `${base}.20`, 22, true);
    await connects(two, `${base}.20`, 22, true);
    await connects(one, `${base}.20`, 22, true);

    router.floatingIps.shift();
    await apply();
    await bench.misses(undefined, `${base}.20`);
    await bench.reaches(undefined, `${base}.21`);

    desired.routers = [];
    desired.networks.pop();
    await apply();
    await bench.misses(one, '10.9.1.13');
    expect((await bench.driver.inventory()).filter((name) => /router|^uk[0-9a-f]/.test(name))).toEqual([]);
  });

  test('another agent on the same host makes all of it so again, whatever was lost', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12', [closed])];
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.restart();
    // Guests don't notice.
    await bench.reaches(two, '10.9.0.11');
    await bench.misses(one, '10.9.0.12');
    await bench.commands.run(bench.fabric, ['nft', 'flush', 'ruleset']);
    await bench.commands.ip(bench.fabric, ['link del pl-ddc1ddc1ddc']);
    await bench.reaches(one, '10.9.0.12');
    await apply();
    await bench.misses(one, '10.9.0.12');
    await bench.reaches(two, '10.9.0.2');
    expect(await bench.driver.inventory()).toHaveLength(3);
  });

  test('applying the same again changes nothing, and a guest that runs keeps its tap', async () => {
    desired.ports = [portOf(11, web, '10.9.0.11')];
    await apply();
    const links = async () =>
      (await bench.commands.links(bench.fabric)).map(({ ifname, address }) => [ifname, address]);
    const before = await links();
    await apply();
    expect(await links()).toEqual(before);

    const nic = {
      model: 'virtio' as const,
      mtu: 1400,
      subnet: { cidr: '10.9.0.0/24', address: '10.9.0.12', dnsNameservers: [] },
    };
    const { portId, networkId, macAddress } = portOf(12, web, '10.9.0.12');
    await bench.driver.prepareGuest([{ ...nic, portId, networkId, macAddress }]);
    await bench.driver.apply(noNetworks);
    expect((await links()).map(([name]) => name)).toContain('tap12121212121');
    await bench.driver.removePorts([portId]);
    await bench.driver.apply(noNetworks);
    expect(await bench.driver.inventory()).toEqual([]);
  });
});
