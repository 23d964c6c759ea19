import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { realEnv } from '../../../env/real.ts';
import type { DesiredNetworks, DesiredPort } from '../../contract.ts';
import { noNetworks } from '../../network-contract.ts';
import { NetworkCommands } from './commands.ts';
import {
  closed,
  everyone,
  NetworkBench,
  networkOf,
  noTunnels,
  patience,
  portOf,
  publicNetwork,
  routerOf,
  web,
} from './network-bench.fixture.ts';

const tunnelPort = 4789;
const number = 4711;

/** Two agents on two machines: namespaces with an address each, and a cable between them. */
describe.skipIf(noTunnels !== undefined)('networks of two hosts', () => {
  const commands = new NetworkCommands(realEnv());
  const machines = ['192.0.2.1', '192.0.2.2'] as const;
  let namespaces: string[];
  let benches: NetworkBench[];
  let desired: DesiredNetworks[];

  beforeEach(async () => {
    const name = `unkai-machine-${randomBytes(3).toString('hex')}`;
    namespaces = machines.map((_, index) => `${name}-${index}`);
    await commands.ip(undefined, [
      ...namespaces.map((one) => `netns add ${one}`),
      `link add eth0 netns ${namespaces[0]} type veth peer name eth0 netns ${namespaces[1]}`,
    ]);
    await Promise.all(
      machines.map((address, index) =>
        commands.ip(namespaces[index], ['link set lo up', `addr add ${address}/24 dev eth0`, 'link set eth0 up']),
      ),
    );
    benches = await Promise.all(
      machines.map((address, index) => NetworkBench.open({ address, port: tunnelPort, namespace: namespaces[index]! })),
    );
    desired = machines.map((_, index) => ({
      networks: [{ ...networkOf(web, '10.9.0'), tunnel: { number, peers: [peer(1 - index)] } }],
      ports: [],
      securityGroups: [
        { groupId: everyone, members: [], rules: [{ direction: 'egress' }, { direction: 'ingress' }] },
        { groupId: closed, members: [], rules: [{ direction: 'egress' }] },
      ],
      routers: [],
    }));
  });

  afterEach(async () => {
    for (const bench of benches) {
      await bench.close();
      expect(await bench.driver.inventory()).toEqual([]);
    }
    for (const namespace of namespaces) {
      expect(await bench0().shOutside(['nsenter', `--net=/run/netns/${namespace}`, 'nft', 'list', 'tables'])).toBe('');
      await commands.ip(undefined, [`netns del ${namespace}`]);
    }
  });

  const bench0 = () => benches[0]!;
  const peer = (index: number, ...macAddresses: string[]) => ({
    address: machines[index]!,
    port: tunnelPort,
    macAddresses,
  });
  const apply = () => Promise.all(benches.map((bench, index) => bench.driver.apply(desired[index]!)));
  const plugged = async (...ports: DesiredPort[]) => {
    for (const [index, port] of ports.entries()) desired[index]!.ports.push(port);
    const macs = ports.map(({ macAddress }) => macAddress);
    desired.forEach((host, index) => {
      host.networks[0]!.tunnel!.peers = [peer(1 - index, ...macs.filter((_, owner) => owner !== index))];
    });
    await apply();
    return await Promise.all(ports.map((port, index) => benches[index]!.plug(port)));
  };

  test('tell how they are reached, and how much goes through', () => {
    expect(benches.map(({ driver }) => driver.networking.tunnel)).toEqual(
      machines.map((address) => ({ address, port: tunnelPort, mtu: 1450 })),
    );
  });

  test('guests reach each other from host to host, as their groups say, also with large packets', async () => {
    const [one, two] = await plugged(portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12', [closed]));
    await benches[1]!.reaches(two, '10.9.0.11');
    await benches[1]!.reaches(two, '10.9.0.11', '-s', '1372');
    await benches[1]!.reaches(two, '10.9.0.11', '-s', '4000');
    await bench0().misses(one, '10.9.0.12');

    const group = desired[1]!.securityGroups[1]!;
    group.members = [{ networkId: web, addresses: ['10.9.0.11'] }];
    group.rules.push({ direction: 'ingress', remote: { groupId: closed } });
    await apply();
    await bench0().reaches(one, '10.9.0.12');

    await bench0().commands.ip(one, ['addr add 10.9.0.66/24 dev eth0']);
    await bench0().misses(one, '10.9.0.12', '-I', '10.9.0.66');
  });

  test('each host serves its own guests by the same addresses', async () => {
    const stops = benches.map((bench, index) =>
      bench.driver.serveMetadata(async ({ address }) => ({
        status: 200,
        contentType: 'text/plain',
        body: `host ${index} ${address}`,
      })),
    );
    onTestFinished(() => {
      for (const stop of stops) stop();
    });
    const guests = await plugged(portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12'));
    await bench0().reaches(guests[0], '10.9.0.12');
    for (const [index, guest] of guests.entries()) {
      const bench = benches[index]!;
      await bench.commands.ip(guest, ['route add 169.254.169.254 via 10.9.0.2']);
      const request = 'printf "GET /openstack HTTP/1.0\\r\\n\\r\\n" | busybox nc -w 3 169.254.169.254 80';
      const ask = () => bench.sh(guest, 'sh', '-c', request);
      await expect.poll(ask, { timeout: patience }).toMatch(`host ${index} 10.9.0.${11 + index}`);
      // Only one answers: two would be told as a second MAC address.
      const answers = await bench.sh(guest, 'arping', '-c', '2', '-w', '4', '-I', 'eth0', '10.9.0.2');
      expect(answers).toMatch(/Received 2 response/);
    }
  });

  test('a router is on one host; guests of the other reach what is outside, and are reached by a floating IP', async () => {
    const { externalNetwork } = bench0().driver.networking;
    const base = externalNetwork!.gateway.replace(/\.1$/, '');
    const router = routerOf([desired[0]!.networks[0]!], { base, nexthop: externalNetwork!.gateway });
    router.floatingIps = [{ address: `${base}.20`, fixedAddress: '10.9.0.12' }];
    desired[0]!.routers = [router];
    desired[0]!.networks.push({
      networkId: publicNetwork,
      mtu: 1500,
      external: true,
      domain: 'unkai.internal',
      subnets: [{ subnetId: '5b'.repeat(16), cidr: externalNetwork!.cidr, gateway: externalNetwork!.gateway }],
      hosts: [],
    });
    const [, two] = await plugged(portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12'));
    await benches[1]!.reaches(two, externalNetwork!.gateway);
    await benches[1]!.reaches(undefined, `${base}.20`);
  });

  test('a guest that moves is found at its new place, at once and by another agent', async () => {
    const moving = portOf(12, web, '10.9.0.12');
    const [one] = await plugged(portOf(11, web, '10.9.0.11'), moving);
    await bench0().reaches(one, '10.9.0.12');
    await benches[1]!.unplug(moving);
    desired[1]!.ports = [];
    desired[0]!.ports.push(moving);
    desired[0]!.networks[0]!.tunnel!.peers = [peer(1)];
    desired[1]!.networks[0]!.tunnel!.peers = [peer(0, moving.macAddress, desired[0]!.ports[0]!.macAddress)];
    await Promise.all(benches.map((bench) => bench.restart()));
    await apply();
    await bench0().plug(moving);
    await bench0().reaches(one, '10.9.0.12');
    const entries = await bench0().commands.forwardingEntries(bench0().fabric, `vx-${web.slice(0, 11)}`);
    expect(entries.filter(({ dst }) => dst !== undefined).map(({ mac }) => mac)).toEqual(['00:00:00:00:00:00']);
  });

  test('nobody else sends frames of networks, and a network that is on one host only has no tunnel', async () => {
    const [one] = await plugged(portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12'));
    await bench0().reaches(one, '10.9.0.12');
    const rulesOf = async () => {
      const rules = await bench0().shOutside([
        'nsenter',
        `--net=/run/netns/${namespaces[0]}`,
        'nft',
        'list',
        'ruleset',
      ]);
      return rules ?? '';
    };
    expect(await rulesOf()).toMatch(/udp dport 4789 ip saddr != 192\.0\.2\.2 drop/);
    desired[0]!.networks[0]!.tunnel = undefined;
    await bench0().driver.apply(desired[0]!);
    expect((await bench0().commands.links(bench0().fabric)).filter(({ ifname }) => ifname.startsWith('vx-'))).toEqual(
      [],
    );
    expect(await rulesOf()).toBe('');
    await bench0().driver.apply(noNetworks);
  });
});
