import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { selfSigned } from '../../../../tests/support/self-signed.ts';
import type { DesiredBalancer, DesiredListener, DesiredNetworks, DesiredRouter } from '../../contract.ts';
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

const listenerId = 'a1'.repeat(16);
const monitor = { interval: 1, timeout: 1, rise: 1, fall: 2 };

describe.skipIf(obstacle !== undefined)('load balancers', () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;
  let router: DesiredRouter;
  let address: string;
  let guests: string[];

  beforeEach(async () => {
    bench = await NetworkBench.open();
    expect(bench.driver.networking.balancerObstacle).toBeUndefined();
    const { cidr, gateway } = bench.driver.networking.externalNetwork!;
    const base = gateway.replace(/\.\d+$/, '');
    address = `${base}.40`;
    desired = twoNetworks();
    desired.networks.push({
      networkId: publicNetwork,
      mtu: 1400,
      external: true,
      domain: 'unkai.internal',
      subnets: [{ subnetId: '5b'.repeat(16), cidr, gateway }],
      hosts: [],
    });
    router = routerOf([desired.networks[0]!], { base, nexthop: gateway });
    desired.routers = [router];
    desired.ports = [portOf(11, web, '10.9.0.11'), portOf(12, web, '10.9.0.12')];
    router.balancers = [balancer(listener())];
    await bench.driver.apply(desired);
    guests = await Promise.all(desired.ports.map((port) => bench.plug(port)));
    for (const guest of guests) await bench.reaches(guest, gateway);
  });
  afterEach(async () => {
    await bench.close();
    expect(await bench.driver.inventory()).toEqual([]);
  });

  const balancer = (...listeners: DesiredListener[]): DesiredBalancer => ({
    balancerId: 'b1'.repeat(16),
    address,
    listeners,
  });
  const member = (number: number) => ({
    memberId: `${number}`.repeat(16),
    address: `10.9.0.${number}`,
    port: 8080,
    weight: 100,
  });
  const listener = (more: Partial<DesiredListener> = {}): DesiredListener => ({
    listenerId,
    protocol: 'tcp',
    port: 80,
    algorithm: 'round-robin',
    idleTimeout: 60,
    maxConnections: 1000,
    monitor,
    members: [member(11), member(12)],
    ...more,
  });
  const inside = (guest: string, ...command: string[]): ChildProcess => {
    const child = spawn('nsenter', [`--net=/run/netns/${guest}`, '--', ...command], { stdio: 'ignore' });
    child.on('error', () => {});
    onTestFinished(() => void child.kill());
    return child;
  };
  /** Each request is answered with the word, by HTTP. */
  const serve = (guest: string, word: string) => {
    const program = `require('http').createServer((q,s)=>s.end('${word} '+(q.headers['x-forwarded-for']??'')+' '+(q.headers['x-forwarded-proto']??''))).listen(8080)`;
    return inside(guest, process.execPath, '-e', program);
  };
  const ask = async (...options: string[]) =>
    (await bench.shOutside(['curl', '-s', '-k', '-m', '3', ...options]))?.trim() ?? 'nothing';
  const answers = async (count: number, url = `http://${address}/`) => {
    const heard: string[] = [];
    for (let i = 0; i < count; i += 1) heard.push(((await ask(url)) || 'nothing').split(' ')[0]!);
    return heard.sort();
  };
  const eventually = (expected: string[], url?: string) =>
    expect.poll(() => answers(expected.length, url), { timeout: patience, interval: 100 }).toEqual(expected);
  const workers = async (master: number) =>
    execFileSync('ps', ['-o', 'pid=', '--ppid', String(master)], { encoding: 'utf8' })
      .split('\n')
      .map(Number);
  const pid = async () =>
    Number(await readFile(join(bench.names.balancerFolder, router.routerId, 'pid'), 'utf8').catch(() => '0'));

  test('give each member its turn, leave out one that does not answer, and go with their listeners', async () => {
    const [one] = guests.map((guest, index) => serve(guest, ['one', 'two'][index]!));
    await eventually(['one', 'one', 'two', 'two']);
    const first = await pid();
    expect(first).toBeGreaterThan(1);
    const workers = execFileSync('ps', ['-o', 'uid=', '--ppid', String(first)], { encoding: 'utf8' });
    expect(workers.split('\n').filter(Boolean).map(Number)).not.toContain(0);

    one!.kill();
    await eventually(['two', 'two', 'two']);
    serve(guests[0]!, 'one');
    await eventually(['one', 'one', 'two', 'two']);

    // Another agent finds what serves, and lets it go on.
    await bench.restart();
    await bench.driver.apply(desired);
    expect(await pid()).toBe(first);
    await eventually(['one', 'one', 'two', 'two']);

    // A member that is taken away gets nothing more, and one that begins anew loses no connection.
    router.balancers = [balancer(listener({ members: [member(12)] }))];
    await bench.driver.apply(desired);
    await eventually(['two', 'two', 'two']);
    expect(await pid()).toBe(first);

    delete router.balancers;
    await bench.driver.apply(desired);
    expect(await answers(1)).toEqual(['nothing']);
    expect(() => process.kill(first, 0)).toThrow('ESRCH');
  });

  test('are begun again after they were killed, and after their namespace was', async () => {
    guests.map((guest, index) => serve(guest, ['one', 'two'][index]!));
    await eventually(['one', 'two']);
    process.kill(await pid(), 'SIGKILL');
    await bench.restart();
    await bench.driver.apply(desired);
    await eventually(['one', 'two']);

    // As when an agent dies after it has written what is to be, and before it has told those who serve.
    const folder = join(bench.names.balancerFolder, router.routerId);
    const text = await readFile(join(folder, 'haproxy.cfg'), 'utf8');
    const servers = await workers(await pid());
    await writeFile(join(folder, 'next.cfg'), text);
    await bench.restart();
    await bench.driver.apply(desired);
    await expect.poll(async () => (await workers(await pid())).some((one) => !servers.includes(one))).toBe(true);
    expect(await readdir(folder)).not.toContain('next.cfg');
    await eventually(['one', 'two']);

    // As when an agent dies after it has taken the router away: what is left serves where nobody is.
    const before = await pid();
    await bench.commands.ip(bench.fabric, ['link del pl-30303030303', 'link del pl-44444444444']);
    await bench.commands.ip(undefined, [`netns del ${bench.names.routerNamespace(router.routerId)}`]);
    await bench.restart();
    await bench.driver.apply(desired);
    await eventually(['one', 'two']);
    expect(await pid()).not.toBe(before);
  });

  test('speak HTTP and HTTPS, check by HTTP, and keep a client with its member', async () => {
    guests.map((guest, index) => serve(guest, ['one', 'two'][index]!));
    const { chain, privateKey } = selfSigned('x');
    const http = { ...monitor, http: { method: 'GET' as const, path: '/a?b=#%2e&c', classes: [2] } };
    router.balancers = [
      balancer(
        listener({ protocol: 'http', monitor: http, cookie: { kind: 'insert', name: 'STAYS' } }),
        listener({
          listenerId: 'a2'.repeat(16),
          protocol: 'https',
          port: 443,
          monitor: http,
          certificate: { chain, privateKey },
          tls: { lowest: '1.2', modern: true },
        }),
        // Its members are never right.
        listener({
          listenerId: 'a3'.repeat(16),
          protocol: 'http',
          port: 81,
          monitor: { ...monitor, http: { ...http.http, classes: [5] } },
        }),
      ),
    ];
    await bench.driver.apply(desired);
    await eventually(['one', 'two']);
    await eventually(['one', 'two'], `https://${address}/`);
    expect(await ask(`https://${address}/`)).toMatch(/ [\d.]+ https$/);
    const jar = join(bench.directory, 'cookies');
    const stays: string[] = [];
    for (let i = 0; i < 4; i += 1) stays.push((await ask('-c', jar, '-b', jar, `http://${address}/`)).split(' ')[0]!);
    expect(new Set(stays).size).toBe(1);
    await expect
      .poll(() => ask('-o', '/dev/null', '-w', '%{http_code}', `http://${address}:81/`), { timeout: patience })
      .toBe('503');
    expect(await ask('--tls-max', '1.1', `https://${address}/`)).toBe('nothing');
  });
});
