import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DesiredForwarding, DesiredNetworks } from '../../contract.ts';
import {
  NetworkBench,
  obstacle,
  patience,
  portOf,
  publicNetwork,
  routerOf,
  twoNetworks,
  web,
} from './network-bench.fixture.ts';

describe.skipIf(obstacle !== undefined)('forwarded ports', () => {
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

  const inside = (guest: string, ...command: string[]): ChildProcess => {
    const child = spawn('nsenter', [`--net=/run/netns/${guest}`, '--', ...command], { stdio: 'ignore' });
    child.on('error', () => {});
    onTestFinished(() => void child.kill());
    return child;
  };
  /** Each connection is answered with the word. */
  const listen = (guest: string, port: number, word: string) =>
    inside(guest, '/bin/busybox', 'nc', '-ll', '-p', String(port), '-e', 'echo', word);
  const answers = (guest: string | undefined, address: string, port: number, word: string) =>
    expect
      .poll(async () => (await bench.sh(guest, 'nc', '-w', '2', address, String(port)))?.trim(), {
        timeout: patience,
        interval: 50,
      })
      .toBe(word);

  test('of TCP and UDP, alone and in ranges, lead to the guests they are for, also from their own network', async () => {
    const { externalNetwork } = bench.driver.networking;
    const base = externalNetwork!.gateway.replace(/\.1$/, '');
    desired.networks.pop();
    desired.networks.push({
      networkId: publicNetwork,
      mtu: 1500,
      external: true,
      domain: 'unkai.internal',
      subnets: [{ subnetId: '5b'.repeat(16), cidr: externalNetwork!.cidr, gateway: externalNetwork!.gateway }],
      hosts: [],
    });
    const router = routerOf(desired.networks.slice(0, 1), { base, nexthop: externalNetwork!.gateway });
    desired.routers = [router];
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12')];
    const address = `${base}.20`;
    const lead = (protocol: 'tcp' | 'udp', ports: number[], fixedAddress: string, fixedPorts: number[]) =>
      ({
        address,
        protocol,
        ports: { first: ports[0]!, last: ports.at(-1)! },
        fixedAddress,
        fixedPorts: { first: fixedPorts[0]!, last: fixedPorts.at(-1)! },
      }) satisfies DesiredForwarding;
    router.forwardings = [
      lead('tcp', [2201], '10.9.0.11', [22]),
      lead('tcp', [2202], '10.9.0.12', [22]),
      lead('tcp', [8000, 8002], '10.9.0.11', [9000, 9002]),
      lead('tcp', [7000, 7001], '10.9.0.12', [22]),
      lead('udp', [5300], '10.9.0.12', [53]),
    ];
    await bench.driver.apply(desired);
    const [one, two] = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    for (const guest of [one!, two!]) await bench.reaches(guest, externalNetwork!.gateway);
    listen(one!, 22, 'one');
    listen(two!, 22, 'two');
    listen(one!, 9000, 'first');
    listen(one!, 9002, 'last');
    await answers(undefined, address, 2201, 'one');
    await answers(undefined, address, 2202, 'two');
    await answers(undefined, address, 8000, 'first');
    await answers(undefined, address, 8002, 'last');
    await answers(undefined, address, 7001, 'two');
    await answers(one, address, 2202, 'two');
    await answers(two, address, 2202, 'two');
    expect(await bench.sh(undefined, 'nc', '-w', '2', address, '22')).toBeUndefined();

    const echo =
      "const s=require('dgram').createSocket('udp4');s.on('message',(m,p)=>s.send('two '+m,p.port,p.address));s.bind(53)";
    inside(two!, process.execPath, '-e', echo);
    const socket = createSocket('udp4');
    onTestFinished(() => void socket.close());
    const heard: string[] = [];
    socket.on('error', () => {});
    socket.on('message', (message) => heard.push(String(message)));
    const asks = async () => {
      socket.send('hears', 5300, address);
      await bench.sh(undefined, 'true');
      return heard.at(-1);
    };
    await expect.poll(asks, { timeout: patience, interval: 100 }).toBe('two hears');

    router.forwardings.shift();
    await bench.driver.apply(desired);
    expect(await bench.sh(undefined, 'nc', '-w', '2', address, '2201')).toBeUndefined();
    await answers(undefined, address, 2202, 'two');
    delete router.forwardings;
    await bench.driver.apply(desired);
    await bench.misses(undefined, address);
  });
});
