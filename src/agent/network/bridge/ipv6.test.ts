import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredNetworks, DesiredPort, Ipv6Mode } from '../../contract.ts';
import { digitsOf, linkLocalOf } from './ipv6.ts';
import {
  closed,
  NetworkBench,
  obstacle,
  other,
  patience,
  portOf,
  routerOf,
  twoNetworks,
  web,
} from './network-bench.fixture.ts';

test('an address of every link is made of a MAC address; digits of an address are all of them', () => {
  expect(linkLocalOf('fa:16:3e:11:22:33')).toBe('fe80::f816:3eff:fe11:2233');
  expect(digitsOf('fe80::a9fe:a9fe')).toBe('fe8000000000000000000000a9fea9fe');
});

describe.skipIf(obstacle !== undefined)('networks of IPv6', () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;

  beforeEach(async () => {
    bench = await NetworkBench.open();
    desired = twoNetworks();
    desired.networks.forEach(({ subnets }, index) => {
      subnets.push(subnet6(index, 'dhcpv6-stateful'));
    });
  });

  afterEach(async () => {
    await bench.close();
    expect(await bench.driver.inventory()).toEqual([]);
  });

  const subnet6 = (index: number, ipv6Mode: Ipv6Mode) => ({
    subnetId: `6${index}`.repeat(16),
    cidr: `fd00:${index}::/64`,
    gateway: `fd00:${index}::1`,
    dhcp: { address: `fd00:${index}::2`, dnsNameservers: [], routes: [] },
    ipv6Mode,
  });
  const dual = (
    number: number,
    networkId: string,
    address: string,
    address6: string,
    groups?: string[],
  ): DesiredPort => {
    const port = portOf(number, networkId, address, groups);
    return { ...port, addresses: [...port.addresses, address6] };
  };
  const apply = () => bench.driver.apply(desired);

  test('guests reach each other; nobody claims an address, or to be a router', async () => {
    desired.ports = [dual(11, web, '10.9.0.11', 'fd00:0::11'), dual(12, web, '10.9.0.12', 'fd00:0::12')];
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.reaches(one, 'fd00:0::12');
    await bench.reaches(one, 'fd00:0::2');
    await bench.commands.ip(one, ['addr add fd00:0::66/64 dev eth0 nodad']);
    await bench.misses(one, 'fd00:0::12', '-I', 'fd00:0::66');
    await bench.misses(two, 'fd00:0::66');
    desired.ports[0]!.allowedPairs = [{ macAddress: desired.ports[0]!.macAddress, cidr: 'fd00:0::66/128' }];
    await apply();
    await bench.reaches(one, 'fd00:0::12', '-I', 'fd00:0::66');
    await bench.reaches(two, 'fd00:0::66');
  });

  test('security groups hold for either family by itself', async () => {
    desired.ports = [
      dual(11, web, '10.9.0.11', 'fd00:0::11', [closed]),
      dual(12, web, '10.9.0.12', 'fd00:0::12', [closed]),
    ];
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    await bench.reaches(two, 'fd00:0::2');
    await bench.misses(two, 'fd00:0::11');
    const group = desired.securityGroups[1]!;
    group.members = [{ networkId: web, addresses: ['10.9.0.11', '10.9.0.12', 'fd00::11', 'fd00::12'] }];
    group.rules.push({
      direction: 'ingress',
      family: 6,
      protocol: 58,
      icmp: { type: 128 },
      remote: { groupId: closed },
    });
    await apply();
    await bench.reaches(two, 'fd00:0::11');
    await bench.misses(two, '10.9.0.11');
    group.rules.at(-1)!.remote = { cidr: 'fd00::12/128' };
    await apply();
    await bench.reaches(two, 'fd00:0::11');
    await bench.misses(one, 'fd00:0::12');
  });

  test('a router joins networks, and tells guests how they get addresses', async () => {
    desired.networks.forEach(({ subnets }, index) => {
      subnets[1] = subnet6(index, 'slaac');
      subnets[0]!.cidr = `10.9.${index}.0/24`;
      subnets[0]!.gateway = `10.9.${index}.1`;
      subnets[0]!.dhcp!.address = `10.9.${index}.2`;
      subnets[0]!.dhcp!.routes = [];
    });
    const router = routerOf(desired.networks);
    router.interfaces.forEach((one, index) => {
      one.addresses.push({ address: `fd00:${index}::1`, prefix: 64 });
      one.advertises = [{ cidr: `fd00:${index}::/64`, mode: 'slaac', dnsNameservers: [] }];
    });
    desired.routers = [router];
    const own = (index: number, mac: string) => linkLocalOf(mac).replace('fe80::', index === 0 ? 'fd00::' : 'fd00:1::');
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(13, other, '10.9.1.13')];
    desired.ports.forEach((port, index) => {
      port.addresses.push(own(index, port.macAddress));
    });
    await apply();
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port, { configure: false })));
    const addressesOf = async (guest: string) =>
      (await bench.commands.links(guest)).flatMap(({ addr_info = [] }) => addr_info.map(({ local }) => local));
    for (const [index, guest] of [one!, two!].entries()) {
      await expect
        .poll(() => addressesOf(guest), { timeout: patience })
        .toContain(own(index, desired.ports[index]!.macAddress));
    }
    await bench.reaches(one, own(1, desired.ports[1]!.macAddress));
    router.adminStateUp = false;
    await apply();
    await bench.misses(one, own(1, desired.ports[1]!.macAddress));
  });

  test('metadata is asked for by the address of every link', async () => {
    desired.ports = [dual(11, web, '10.9.0.11', 'fd00:0::11', [])];
    bench.driver.serveMetadata(async ({ address }) => ({ status: 200, contentType: 'text/plain', body: address }));
    await apply();
    const guest = await bench.plug(desired.ports[0]!);
    const ask = () =>
      bench.sh(guest, 'timeout', '5', 'wget', '-q', '-O', '-', 'http://[fe80::a9fe:a9fe%eth0]/openstack');
    await expect.poll(ask, { timeout: patience }).toBe(linkLocalOf(desired.ports[0]!.macAddress));
  });
});
