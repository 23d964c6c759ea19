import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOf } from '../../../agent/file-content.ts';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/simulated-host.ts';
import { type OpenedUnkai, openUnkai } from '../../../assembly/open-unkai.ts';
import { operator, type Subject } from '../../identity/subject.ts';
import { defaultGroupId } from '../default-security-group.ts';
import { ensureServicePorts, networksToServe } from '../service-ports.ts';
import { desiredRule } from './desired-groups.ts';
import { desiredNetworks } from './desired-networks.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let folder: string;
let opened: OpenedUnkai;
let networkId: string;
let subnetId: string;
let publicId: string;
let serverId: string;
let portId: string;
let hostId: string;

const subject = (): Subject => operator('req-test');
const host = () => opened.agents[0]!.agent as SimulatedHost;
const networks = () => opened.cloud.networks;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-host-networks-'));
  opened = await openUnkai({ dataDir: folder, hypervisor: 'simulated', adminPassword: 'secret', log: silent });
  const { cloud } = opened;
  const imageId = 'ab'.repeat(16);
  const image = { id: imageId, name: 'blank', diskFormat: 'raw', containerFormat: 'bare' } as const;
  await cloud.images.create(subject(), image);
  await cloud.images.upload(subject(), imageId, Readable.from([Buffer.alloc(1024 * 1024)]), {});
  networkId = (await networks().networks.create(subject(), [{ name: 'web', mtu: 1400 }]))[0]!.id;
  const hostRoutes = [{ destination: '192.0.2.0/24', nexthop: '10.5.0.9' }];
  const plan = { networkId, ipVersion: 4, cidr: '10.5.0.0/24', hostRoutes };
  subnetId = (await networks().subnets.create(subject(), [plan]))[0]!.id;
  publicId = (await networks().networks.list(subject(), { filters: { external: [true] } }))[0]!.id;
  const [flavor] = await cloud.flavors.list(subject(), {});
  const [made] = await cloud.servers.create(subject(), {
    name: 'web-1',
    flavorId: flavor!.id,
    imageId,
    networks: [{ networkId }],
    securityGroups: [],
    userData: Buffer.from('#!/bin/sh\n').toString('base64'),
  });
  expect(await cloud.runner.wait(made!.actionId, { timeoutMs: 30_000 })).toEqual({ state: 'succeeded' });
  serverId = made!.server.id;
  portId = (await networks().nicsOf(serverId))[0]!.portId;
  hostId = [...cloud.hosts.agents.keys()][0]!;
});

afterAll(async () => {
  await opened.close();
  await rm(folder, { recursive: true, force: true });
});

describe('what a host is told of networks', () => {
  test('is there from the start: a public network, and a router from the default network to it', async () => {
    const [router] = await networks().routers.list(subject(), { filters: { name: ['default'] } });
    expect(router!.gateway).toMatchObject({ networkId: publicId, enableSnat: true });
    expect(router!.gateway!.fixedIps[0]!.ipAddress).toMatch(/^172\.24\.4\.\d+$/);
  });

  test('is what its guests need: their network, ports and groups, and nothing of others', async () => {
    const desired = await desiredNetworks(opened.cloud.db, [{ hostId, seat: 0 }]);
    expect(desired.networks.map((network) => network.networkId)).toEqual([networkId]);
    expect(desired.routers).toEqual([]);
    expect(desired.ports).toMatchObject([
      { portId, networkId, addresses: ['10.5.0.2'], adminStateUp: true, portSecurity: true, allowedPairs: [] },
    ]);
    const groupId = defaultGroupId(subject().projectId!);
    expect(desired.securityGroups).toMatchObject([{ groupId, members: [{ networkId, addresses: ['10.5.0.2'] }] }]);
    expect(desired.securityGroups[0]!.rules).toEqual(
      expect.arrayContaining([
        { direction: 'egress', family: 4 },
        { direction: 'ingress', family: 6, remote: { groupId } },
      ]),
    );
    expect(desired.networks[0]).toMatchObject({
      mtu: 1400,
      hosts: [{ portId, address: '10.5.0.2', hostname: 'web-1' }],
    });
    await expect.poll(() => host().networks.desired).toEqual(desired);
  });

  test('gets a router with all that it leads to, and floating IPs, as soon as they are there', async () => {
    const [router] = await networks().routers.create(subject(), [{ name: 'r', gateway: { networkId: publicId } }]);
    await networks().routerInterfaces.add(subject(), router!.id, { subnetId });
    const [floating] = await networks().floatingIps.create(subject(), [
      { networkId: publicId, association: { portId } },
    ]);
    await expect
      .poll(() => host().networks.desired.routers[0]?.floatingIps)
      .toEqual([{ address: floating!.address, fixedAddress: '10.5.0.2' }]);
    const { routers, networks: told } = host().networks.desired;
    expect(routers[0]).toMatchObject({
      routerId: router!.id,
      interfaces: [{ networkId, addresses: [{ address: '10.5.0.1', prefix: 24 }] }],
      gateway: { networkId: publicId, nexthop: '172.24.4.1', enableSnat: true },
    });
    expect(told.find((network) => network.networkId === publicId)).toMatchObject({ external: true });
    expect((await networks().addressesOf([serverId])).get(serverId)).toMatchObject([
      { address: '10.5.0.2', kind: 'fixed' },
      { address: floating!.address, kind: 'floating' },
    ]);
    await networks().floatingIps.delete(subject(), floating!.id);
    await expect.poll(() => host().networks.desired.routers[0]?.floatingIps).toEqual([]);
    await networks().routerInterfaces.remove(subject(), router!.id, { subnetId });
    await expect.poll(() => host().networks.desired.routers).toEqual([]);
  });

  test('puts a router on one of several sites, and joins its networks to where guests are', async () => {
    const { db } = opened.cloud;
    const [router] = await networks().routers.create(subject(), [{ name: 'r', gateway: { networkId: publicId } }]);
    await networks().routerInterfaces.add(subject(), router!.id, { subnetId });
    const site = (id: string, ids: string[], externalCidr?: string) => ({
      ...{ id, hosts: ids.map((one, seat) => ({ hostId: one, seat })), tunnel: { address: id, port: 4789 } },
      ...(externalCidr ? { externalCidr } : {}),
    });
    const guests = site('192.0.2.1', [hostId]);
    const outside = site('192.0.2.2', ['f0'.repeat(16)], '172.24.4.0/24');
    const told = (own: typeof guests, ...others: Array<typeof guests>) =>
      desiredNetworks(db, own.hosts, [], { own, others, kept: [] });

    const inside = await told(guests, outside);
    const [nic] = await networks().nicsOf(serverId);
    expect(inside.routers).toEqual([]);
    expect(inside.networks.map((network) => network.networkId)).toEqual([networkId]);
    const { tunnel } = inside.networks[0]!;
    expect(tunnel!.number).toBeGreaterThan(0);
    expect(tunnel!.peers).toMatchObject([{ address: '192.0.2.2', port: 4789, macAddresses: [expect.any(String)] }]);

    const there = await told(outside, guests);
    expect(there.ports).toEqual([]);
    expect(there.routers.map(({ routerId }) => routerId)).toEqual([router!.id]);
    const both = new Map(there.networks.map((network) => [network.networkId, network]));
    expect(both.get(networkId)!.tunnel).toEqual({
      number: tunnel!.number,
      peers: [{ address: '192.0.2.1', port: 4789, macAddresses: [nic!.macAddress] }],
    });
    expect(both.get(publicId)).toMatchObject({ external: true });
    expect(both.get(publicId)).not.toHaveProperty('tunnel');

    // A site that has nothing to do with it is told nothing.
    const idle = await told(site('192.0.2.3', ['f1'.repeat(16)]), guests, outside);
    expect(idle).toMatchObject({ networks: [], routers: [] });
    await networks().routerInterfaces.remove(subject(), router!.id, { subnetId });
    await networks().routers.delete(subject(), router!.id);
  });

  test('names the port by which a network is served, which follows the subnets', async () => {
    const { db } = opened.cloud;
    const serve = () => db.write((tx) => ensureServicePorts(networks().ports, tx, [networkId]));
    expect(await networksToServe(db, hostId)).toEqual([networkId]);
    await serve();
    expect(await networksToServe(db, hostId)).toEqual([]);
    const desired = await desiredNetworks(db, [{ hostId, seat: 0 }]);
    expect(desired.networks[0]!.subnets[0]).toMatchObject({ gateway: '10.5.0.1', dhcp: { address: '10.5.0.3' } });
    expect((await networks().nicsOf(serverId))[0]!.subnet!.routes).toEqual([
      { destination: '192.0.2.0/24', nexthop: '10.5.0.9' },
      { destination: '169.254.169.254/32', nexthop: '10.5.0.3' },
    ]);
    await networks().subnets.update(subject(), subnetId, { enableDhcp: false });
    expect(await networksToServe(db, hostId)).toEqual([networkId]);
    await serve();
    expect((await desiredNetworks(db, [{ hostId, seat: 0 }])).networks[0]!.subnets[0]!.dhcp).toBeUndefined();
    await networks().subnets.update(subject(), subnetId, { enableDhcp: true });
    await serve();
    expect(await networksToServe(db, hostId)).toEqual([]);
  });

  test('has no rules of a group that is switched off', async () => {
    const groupId = defaultGroupId(subject().projectId!);
    const rules = async () =>
      (await desiredNetworks(opened.cloud.db, [{ hostId, seat: 0 }])).securityGroups.find(
        (group) => group.groupId === groupId,
      )!.rules.length;
    const before = await rules();
    await networks().securityGroups.update(subject(), groupId, { enabled: false });
    expect(await rules()).toBe(0);
    await networks().securityGroups.update(subject(), groupId, { enabled: true });
    expect(await rules()).toBe(before);
    expect(before).toBeGreaterThan(0);
  });

  test('says rules in numbers', () => {
    const rule = {
      id: 'r',
      projectId: 'p',
      description: '',
      createdAt: 0,
      updatedAt: 0,
      revision: 0,
      securityGroupId: 'g',
      direction: 'ingress' as const,
      ethertype: 'IPv4' as const,
      protocol: 'tcp',
      portRangeMin: 22,
      portRangeMax: 22,
      remoteIpPrefix: '192.0.2.77',
      remoteGroupId: null,
      remoteAddressGroupId: null,
    };
    expect(desiredRule(rule)).toEqual({
      direction: 'ingress',
      family: 4,
      protocol: 6,
      ports: { first: 22, last: 22 },
      remote: { cidr: '192.0.2.77/32' },
    });
    expect(desiredRule({ ...rule, protocol: 'icmp', portRangeMin: 8, portRangeMax: 0 })).toMatchObject({
      protocol: 1,
      icmp: { type: 8, code: 0 },
    });
    expect(
      desiredRule({ ...rule, protocol: null, portRangeMin: null, portRangeMax: null, remoteIpPrefix: null }),
    ).toEqual({ direction: 'ingress', family: 4 });
  });
});

describe('metadata', () => {
  const ask = async (path: string, at: { networkId?: string; address?: string } = {}) =>
    await host().networks.askMetadata({ networkId, address: '10.5.0.2', method: 'GET', path, ...at });
  const read = async (path: string) => bytesOf((await ask(path))!.body).toString();

  test('has the documents of OpenStack', async () => {
    const answer = await ask('/openstack/latest/meta_data.json');
    expect(answer).toMatchObject({ status: 200, contentType: 'application/json' });
    const body = bytesOf(answer!.body).toString();
    expect(JSON.parse(body)).toMatchObject({ name: 'web-1', project_id: subject().projectId });
    expect(body).not.toContain('admin_pass');
    expect(await read('/openstack/2018-08-27/user_data')).toBe('#!/bin/sh\n');
    expect((await read('/openstack/latest/')).split('\n')).toContain('network_data.json');
  });

  test('has the tree of EC2', async () => {
    expect((await read('/')).split('\n')).toContain('2009-04-04');
    expect((await read('/latest/')).split('\n')).toEqual(['meta-data/', 'user-data']);
    expect((await read('/latest/meta-data/')).split('\n')).toEqual(
      expect.arrayContaining(['instance-id', 'placement/', 'local-ipv4']),
    );
    expect(await ask('/2009-04-04/meta-data/local-ipv4')).toMatchObject({ body: '10.5.0.2' });
    expect(await ask('/latest/meta-data/instance-id')).toMatchObject({ body: `i-${serverId.slice(0, 8)}` });
  });

  test('is for nobody else, and for nothing else', async () => {
    expect(await ask('/latest/meta-data/', { address: '10.5.0.99' })).toMatchObject({ status: 404 });
    expect(await ask('/latest/meta-data/', { networkId: publicId })).toMatchObject({ status: 404 });
    for (const path of ['/openstack/1999-01-01/', '/nothing', '/latest/meta-data/colour', '/openstack/content/0000']) {
      expect(await ask(path)).toMatchObject({ status: 404 });
    }
    expect(await ask('/%zz')).toMatchObject({ status: 400 });
  });
});
