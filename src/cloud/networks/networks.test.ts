import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultSettings } from '../settings.ts';
import type { NewSubnet } from './subnets.ts';
import { admin, member, projectA, projectB, type TestNetworks, testNetworks } from './test-cloud.ts';

const alice = member(projectA);
const bob = member(projectB);
let cloud: TestNetworks;

beforeEach(async () => {
  cloud = await testNetworks();
});
afterEach(() => cloud.db.close());

async function newNetwork(subject = alice, input: { name?: string; shared?: boolean } = {}) {
  return (await cloud.networks.networks.create(subject, [input]))[0]!;
}

async function newSubnet(networkId: string, input: Partial<NewSubnet> = {}, subject = alice) {
  const subnet = { ipVersion: 4, cidr: '10.0.0.0/24', ...input, networkId };
  return (await cloud.networks.subnets.create(subject, [subnet]))[0]!;
}

const reason = (word: string) => ({ details: expect.objectContaining({ reason: word }) });

describe('networks', () => {
  test('are seen by their project and administrators; shared ones by all, but changed by none of them', async () => {
    const own = await newNetwork(alice, { name: 'own' });
    const shared = await newNetwork(admin, { name: 'shared', shared: true });
    const { networks } = cloud.networks;
    expect((await networks.list(alice)).map(({ name }) => name)).toEqual(['own', 'shared']);
    expect((await networks.list(bob)).map(({ name }) => name)).toEqual(['shared']);
    await expect(networks.get(bob, own.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(networks.update(bob, shared.id, { name: 'mine' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(networks.delete(bob, shared.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(newNetwork(bob, { shared: true })).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('count their revisions, also with their subnets, and keep to a condition on them', async () => {
    const { networks } = cloud.networks;
    const { id } = await newNetwork();
    await newSubnet(id);
    expect((await networks.get(alice, id)).revision).toBe(1);
    expect((await networks.update(alice, id, { name: 'x' }, 1)).revision).toBe(2);
    await expect(networks.update(alice, id, { name: 'y' }, 1)).rejects.toMatchObject(
      reason('revision_number_constraint_failed'),
    );
    expect((await networks.get(alice, id)).name).toBe('x');
  });

  test('go with their subnets, but not while they have ports', async () => {
    const { id } = await newNetwork();
    await newSubnet(id);
    const [port] = await cloud.networks.ports.create(alice, [{ networkId: id }]);
    await expect(cloud.networks.networks.delete(alice, id)).rejects.toMatchObject(reason('network_in_use'));
    await cloud.networks.ports.delete(alice, port!.id);
    await cloud.networks.networks.delete(alice, id);
    expect(await cloud.networks.subnets.list(alice)).toEqual([]);
  });

  test('stay shared while others use them', async () => {
    const { id } = await newNetwork(admin, { shared: true });
    await cloud.networks.ports.create(bob, [{ networkId: id }]);
    await expect(cloud.networks.networks.update(admin, id, { shared: false })).rejects.toMatchObject(
      reason('invalid_shared_setting'),
    );
  });

  test('are made all together or not at all', async () => {
    const defaultQuotas = { ...defaultSettings.defaultQuotas, networks: 2 };
    const small = await testNetworks({ defaultQuotas });
    const three = small.networks.networks.create(alice, [{}, {}, {}]);
    await expect(three).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(await small.networks.networks.list(alice)).toEqual([]);
    await small.db.close();
  });
});

describe('lists', () => {
  test('are filtered, sorted and paged both ways', async () => {
    for (const name of ['c', 'a', 'b', 'a', 'd']) await newNetwork(alice, { name });
    const { networks } = cloud.networks;
    const names = async (request: Parameters<typeof networks.list>[1]) =>
      (await networks.list(alice, request)).map(({ name }) => name);
    expect(await names({ filters: { name: ['a', 'd'] } })).toEqual(['a', 'a', 'd']);
    expect(await names({ filters: { name: [] } })).toEqual([]);
    expect(await names({ filters: { shared: [true] } })).toEqual([]);
    const sort = [{ field: 'name', descending: true }] as const;
    expect(await names({ sort })).toEqual(['d', 'c', 'b', 'a', 'a']);
    const first = await networks.list(alice, { sort, limit: 3 });
    const rest = await networks.list(alice, { sort, limit: 3, marker: first.at(-1)!.id });
    expect(rest.map(({ name }) => name)).toEqual(['a', 'a']);
    const back = await networks.list(alice, { sort, limit: 2, marker: rest[0]!.id, reverse: true });
    expect(back.map(({ name }) => name)).toEqual(['c', 'b']);
    await expect(networks.list(alice, { marker: 'f'.repeat(32) })).rejects.toMatchObject({ code: 'invalid' });
    await expect(networks.list(bob, { sort, marker: rest[0]!.id })).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('subnets', () => {
  test('get a gateway and the pool of all that is left', async () => {
    const { id } = await newNetwork();
    expect(await newSubnet(id)).toMatchObject({
      cidr: '10.0.0.0/24',
      gatewayIp: '10.0.0.1',
      allocationPools: [{ start: '10.0.0.2', end: '10.0.0.254' }],
      enableDhcp: true,
    });
    expect(await newSubnet(id, { cidr: '10.0.1.0/24', gatewayIp: '10.0.1.100' })).toMatchObject({
      allocationPools: [
        { start: '10.0.1.1', end: '10.0.1.99' },
        { start: '10.0.1.101', end: '10.0.1.254' },
      ],
    });
    expect(await newSubnet(id, { cidr: '10.0.2.0/30', gatewayIp: null })).toMatchObject({
      gatewayIp: null,
      allocationPools: [{ start: '10.0.2.1', end: '10.0.2.2' }],
    });
  });

  test('have the prefix of the address that they are written by', async () => {
    const { id } = await newNetwork();
    expect(await newSubnet(id, { cidr: '10.99.99.7/16' })).toMatchObject({
      cidr: '10.99.0.0/16',
      gatewayIp: '10.99.0.1',
    });
    expect(await newSubnet(id, { ipVersion: 6, cidr: 'fd00:1::9/64' })).toMatchObject({ cidr: 'fd00:1::/64' });
  });

  test.each<[string, Partial<NewSubnet>, string]>([
    ['an overlap', { cidr: '10.0.0.128/25' }, 'invalid_input'],
    ['no CIDR', { cidr: '10.1.0.0' }, 'invalid_input'],
    ['IPv6 as IPv4', { ipVersion: 4, cidr: 'fd00::/64' }, 'invalid_input'],
    ['multicast', { cidr: '224.0.0.0/24' }, 'invalid_input'],
    ['loopback', { cidr: '127.0.0.0/8' }, 'invalid_input'],
    ['a /31 with DHCP', { cidr: '10.1.0.0/31' }, 'invalid_input'],
    ['a gateway elsewhere', { cidr: '10.1.0.0/24', gatewayIp: '10.2.0.1' }, 'invalid_input'],
    ['the broadcast address as gateway', { cidr: '10.1.0.0/24', gatewayIp: '10.1.0.255' }, 'invalid_input'],
    [
      'a pool elsewhere',
      { cidr: '10.1.0.0/24', allocationPools: [{ start: '10.1.0.9', end: '10.1.1.9' }] },
      'out_of_bounds_allocation_pool',
    ],
    [
      'a pool upside down',
      { cidr: '10.1.0.0/24', allocationPools: [{ start: '10.1.0.9', end: '10.1.0.8' }] },
      'invalid_allocation_pool',
    ],
    [
      'pools that overlap',
      {
        cidr: '10.1.0.0/24',
        allocationPools: [
          { start: '10.1.0.9', end: '10.1.0.20' },
          { start: '10.1.0.2', end: '10.1.0.9' },
        ],
      },
      'overlapping_allocation_pools',
    ],
    [
      'the gateway in a pool',
      { cidr: '10.1.0.0/24', allocationPools: [{ start: '10.1.0.1', end: '10.1.0.9' }] },
      'gateway_conflict_with_allocation_pools',
    ],
    ['a name server that is none', { cidr: '10.1.0.0/24', dnsNameservers: ['dns'] }, 'invalid_input'],
  ])('refuse %s', async (_, input, word) => {
    const { id } = await newNetwork();
    await newSubnet(id);
    await expect(newSubnet(id, input)).rejects.toMatchObject(reason(word));
  });

  test('change their plan, but not over the heads of ports', async () => {
    const { id: networkId } = await newNetwork();
    const { id } = await newSubnet(networkId);
    await cloud.networks.ports.create(alice, [{ networkId, fixedIps: [{ ipAddress: '10.0.0.50' }] }]);
    const { subnets } = cloud.networks;
    const pools = [{ start: '10.0.0.100', end: '10.0.0.200' }];
    const taken = subnets.update(alice, id, { gatewayIp: '10.0.0.50', allocationPools: pools });
    await expect(taken).rejects.toMatchObject(reason('gateway_ip_in_use'));
    await subnets.update(alice, id, { allocationPools: pools });
    const [port] = await cloud.networks.ports.create(alice, [{ networkId }]);
    expect(port!.fixedIps[0]!.ipAddress).toBe('10.0.0.100');
    await expect(subnets.delete(alice, id)).rejects.toMatchObject(reason('subnet_in_use'));
  });

  test('of a shared network are made by its owner only', async () => {
    const { id } = await newNetwork(admin, { shared: true });
    await expect(newSubnet(id, {}, bob)).rejects.toMatchObject({ code: 'forbidden' });
    const { id: hidden } = await newNetwork(alice);
    await expect(newSubnet(hidden, {}, bob)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('ports', () => {
  test('have a MAC address of their own, an address and the default group', async () => {
    const { id: networkId } = await newNetwork();
    await newSubnet(networkId);
    const ports = await cloud.networks.ports.create(alice, [{ networkId }, { networkId }]);
    const [group] = await cloud.networks.securityGroups.list(alice);
    expect(new Set(ports.map(({ macAddress }) => macAddress)).size).toBe(2);
    for (const port of ports) {
      expect(port.macAddress).toMatch(/^fa:16:3e(:[0-9a-f]{2}){3}$/);
      expect(port.securityGroupIds).toEqual([group!.id]);
      expect(port.status).toBe('DOWN');
    }
  });

  test('ask for addresses by subnet, by number or both', async () => {
    const { id: networkId } = await newNetwork();
    const first = await newSubnet(networkId);
    const second = await newSubnet(networkId, { cidr: '10.0.1.0/24' });
    const fixedIps = [{ subnetId: second.id }, { ipAddress: '10.0.0.9' }, { subnetId: first.id }];
    const [port] = await cloud.networks.ports.create(alice, [{ networkId, fixedIps }]);
    expect(port!.fixedIps.map(({ ipAddress }) => ipAddress).sort()).toEqual(['10.0.0.2', '10.0.0.9', '10.0.1.2']);
    const changed = await cloud.networks.ports.update(alice, port!.id, {
      fixedIps: [{ ipAddress: '10.0.0.9' }, { subnetId: second.id }, { ipAddress: '10.0.1.77' }],
    });
    expect(changed.fixedIps.map(({ ipAddress }) => ipAddress).sort()).toEqual(['10.0.0.9', '10.0.1.2', '10.0.1.77']);
    expect((await cloud.networks.ports.update(alice, port!.id, { fixedIps: [] })).fixedIps).toEqual([]);
  });

  test.each([
    ['in use', '10.0.0.9', 'ip_address_in_use'],
    ['of the gateway', '10.0.0.1', 'ip_address_in_use'],
    ['of no subnet', '10.9.0.9', 'invalid_ip_for_network'],
    ['for broadcasts', '10.0.0.255', 'invalid_ip_for_network'],
    ['that is none', '10.0.0.x', 'invalid_ip_for_network'],
  ])('refuse an address %s', async (_, ipAddress, word) => {
    const { id: networkId } = await newNetwork();
    await newSubnet(networkId);
    await cloud.networks.ports.create(alice, [{ networkId, fixedIps: [{ ipAddress: '10.0.0.9' }] }]);
    const wanted = cloud.networks.ports.create(alice, [{ networkId, fixedIps: [{ ipAddress }] }]);
    await expect(wanted).rejects.toMatchObject(reason(word));
  });

  test('refuse a MAC address that is taken, or that none may have', async () => {
    const { id: networkId } = await newNetwork();
    const { ports } = cloud.networks;
    await ports.create(alice, [{ networkId, macAddress: 'FA-16-3E-00-00-01' }]);
    const again = ports.create(alice, [{ networkId, macAddress: 'fa:16:3e:00:00:01' }]);
    await expect(again).rejects.toMatchObject(reason('mac_address_in_use'));
    for (const macAddress of ['01:00:5e:00:00:01', '00:00:00:00:00:00', 'fa:16:3e:00:00', 'fa:16-3e:00:00:01']) {
      await expect(ports.create(alice, [{ networkId, macAddress }])).rejects.toMatchObject(reason('invalid_input'));
    }
  });

  test('are found by their addresses and groups', async () => {
    const { id: networkId } = await newNetwork();
    await newSubnet(networkId);
    const [group] = await cloud.networks.securityGroups.create(alice, [{ name: 'g' }]);
    await cloud.networks.ports.create(alice, [
      { networkId, name: 'one', fixedIps: [{ ipAddress: '10.0.0.21' }], securityGroupIds: [group!.id] },
      { networkId, name: 'two', fixedIps: [{ ipAddress: '10.0.0.31' }], securityGroupIds: [] },
    ]);
    const names = async (request: object) => (await cloud.networks.ports.list(alice, request)).map(({ name }) => name);
    expect(await names({ fixedIps: { addresses: ['10.0.0.31'] } })).toEqual(['two']);
    expect(await names({ fixedIps: { addressParts: ['.2'] } })).toEqual(['one']);
    expect(await names({ securityGroupIds: [group!.id] })).toEqual(['one']);
    expect(await cloud.networks.ports.list(bob)).toEqual([]);
  });
});

test('the default network is made once, for everyone', async () => {
  await cloud.db.write((tx) => cloud.networks.bootstrap(tx));
  await cloud.db.write((tx) => cloud.networks.bootstrap(tx));
  const [network, ...more] = await cloud.networks.networks.list(alice);
  expect(more).toEqual([]);
  expect(network).toMatchObject({ name: 'default', shared: true, isDefault: true });
  const [port] = await cloud.networks.ports.create(alice, [{ networkId: network!.id }]);
  expect(port!.fixedIps[0]!.ipAddress).toBe('10.64.0.10');
  await cloud.networks.ports.delete(alice, port!.id);
  await cloud.networks.networks.delete(admin, network!.id);
  await cloud.db.write((tx) => cloud.networks.bootstrap(tx));
  expect(await cloud.networks.networks.list(alice)).toEqual([]);
});
