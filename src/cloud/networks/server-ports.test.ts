import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InterfaceRequest, PlugRequest } from './server-ports.ts';
import { admin, member, projectA, projectB, type TestNetworks, testNetworks } from './test-cloud.ts';

const alice = member(projectA);
const serverId = '5'.repeat(32);
let cloud: TestNetworks;

beforeEach(async () => {
  cloud = await testNetworks();
});
afterEach(() => cloud.db.close());

async function newNetwork(name: string, cidr?: string, subject = alice, shared = false) {
  const [network] = await cloud.networks.networks.create(subject, [{ name, shared }]);
  const subnet = { networkId: network!.id, ipVersion: 4, cidr: cidr!, dnsNameservers: ['9.9.9.9'] };
  if (cidr) await cloud.networks.subnets.create(subject, [subnet]);
  return network!.id;
}

function plug(requested: PlugRequest['requested'], more: Partial<PlugRequest> = {}) {
  const request = { serverId, projectId: projectA, subject: alice, requested, securityGroupNames: [], ...more };
  return cloud.db.write((tx) => cloud.networks.plugServer(tx, request));
}

const reason = (code: string, word: string) => ({ code, details: expect.objectContaining({ reason: word }) });

describe('a server is plugged', () => {
  test('into the networks asked for, with what its host and its lists need', async () => {
    const one = await newNetwork('one', '10.0.1.0/24');
    const two = await newNetwork('two', '10.0.2.0/24');
    await cloud.networks.securityGroups.create(alice, [{ name: 'web' }]);
    const ports = await plug([{ networkId: two, fixedIp: '10.0.2.20' }, { networkId: one }], {
      securityGroupNames: ['web', 'default'],
    });
    expect(ports).toMatchObject([
      { networkId: two, deviceId: serverId, deviceOwner: 'compute:nova', madeForServer: true },
      { networkId: one, fixedIps: [{ ipAddress: '10.0.1.2' }] },
    ]);
    expect(await cloud.networks.nicsOf(serverId)).toMatchObject([
      {
        portId: ports[0]!.id,
        macAddress: ports[0]!.macAddress,
        mtu: 1500,
        model: 'virtio',
        subnet: { cidr: '10.0.2.0/24', gateway: '10.0.2.1', address: '10.0.2.20', dnsNameservers: ['9.9.9.9'] },
      },
      { portId: ports[1]!.id },
    ]);
    const addresses = await cloud.networks.addressesOf([serverId, '6'.repeat(32)]);
    expect([...addresses.keys()]).toEqual([serverId]);
    expect(addresses.get(serverId)).toMatchObject([
      { networkName: 'two', address: '10.0.2.20', version: 4, macAddress: ports[0]!.macAddress },
      { networkName: 'one', address: '10.0.1.2', portId: ports[1]!.id },
    ]);
    expect((await cloud.networks.securityGroupsOf([serverId])).get(serverId)).toEqual(['default', 'web']);
  });

  test('into a network that filters nothing, without groups, unless some are asked for', async () => {
    const [network] = await cloud.networks.networks.create(alice, [{ name: 'open', portSecurity: false }]);
    const subnet = { networkId: network!.id, ipVersion: 4 as const, cidr: '10.0.1.0/24' };
    await cloud.networks.subnets.create(alice, [subnet]);
    await cloud.networks.securityGroups.create(alice, [{ name: 'web' }]);
    const there = [{ networkId: network!.id }];
    const failure = reason('invalid', 'security_group_cannot_be_applied');
    await expect(plug(there, { securityGroupNames: ['web'] })).rejects.toMatchObject(failure);
    const [port] = await plug(there, { securityGroupNames: ['default'] });
    expect(port).toMatchObject({ portSecurity: false, securityGroupIds: [] });
    expect(await plug(there)).toMatchObject([{ portSecurity: false, securityGroupIds: [] }]);
  });

  test('into a network of IPv6 alone, beside one of IPv4', async () => {
    const one = await newNetwork('one', '10.0.1.0/24');
    const six = await newNetwork('six');
    const mode = { ipv6AddressMode: 'slaac', ipv6RaMode: 'slaac' } as const;
    await cloud.networks.subnets.create(alice, [{ networkId: six, ipVersion: 6, cidr: 'fd00:6::/64', ...mode }]);
    await plug([{ networkId: six }, { networkId: one }]);
    const [first, second] = await cloud.networks.nicsOf(serverId);
    expect(first).toMatchObject({ networkId: six, subnets6: [{ cidr: 'fd00:6::/64', mode: 'slaac' }] });
    expect(first).not.toHaveProperty('subnet');
    expect(second).toMatchObject({ networkId: one, subnet: { cidr: '10.0.1.0/24' } });
  });

  test('into the one network that its project sees, if it is one', async () => {
    expect(await plug('auto')).toEqual([]);
    expect(await plug('none')).toEqual([]);
    const shared = await newNetwork('shared', '10.0.1.0/24', admin, true);
    await newNetwork('of another', '10.0.2.0/24', member(projectB));
    expect(await plug('auto')).toMatchObject([{ networkId: shared }]);
    // An administrator sees all networks, but his server is no member of all projects.
    expect(await plug('auto', { subject: admin })).toMatchObject([{ networkId: shared, projectId: projectA }]);
    await newNetwork('own', '10.0.3.0/24');
    await expect(plug('auto')).rejects.toMatchObject(reason('conflict', 'multiple_networks'));
  });

  test('into a port that exists, which only one server gets, and which outlives it', async () => {
    const networkId = await newNetwork('one', '10.0.1.0/24');
    const [port] = await cloud.networks.ports.create(alice, [{ networkId, name: 'mine' }]);
    const other = '6'.repeat(32);
    const outcomes = await Promise.allSettled([
      plug([{ portId: port!.id }]),
      plug([{ portId: port!.id }], { serverId: other }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject(reason('conflict', 'port_in_use'));
    await cloud.db.write((tx) => cloud.networks.unplugServer(tx, serverId));
    expect(await cloud.networks.ports.get(alice, port!.id)).toMatchObject({
      deviceId: '',
      deviceOwner: '',
      status: 'DOWN',
      fixedIps: port!.fixedIps,
    });
  });

  test.each<[string, () => Promise<InterfaceRequest>, string]>([
    ['a network that is not there', async () => ({ networkId: 'f'.repeat(32) }), 'network_not_found'],
    ['a port that is not there', async () => ({ portId: 'f'.repeat(32) }), 'port_not_found'],
    ['a network without a subnet', async () => ({ networkId: await newNetwork('bare') }), 'network_requires_subnet'],
    [
      'an address of another network',
      async () => ({ networkId: await newNetwork('one', '10.0.1.0/24'), fixedIp: '10.0.2.2' }),
      'invalid_ip_for_network',
    ],
    [
      'a port without an address',
      async () => {
        const networkId = await newNetwork('one', '10.0.1.0/24');
        return { portId: (await cloud.networks.ports.create(alice, [{ networkId, fixedIps: [] }]))[0]!.id };
      },
      'port_requires_fixed_ip',
    ],
  ])('but not into %s', async (_, wanted, word) => {
    await expect(plug([await wanted()])).rejects.toMatchObject(reason('invalid', word));
  });

  test('but not with an address that is taken, or a group that is not there', async () => {
    const networkId = await newNetwork('one', '10.0.1.0/24');
    await plug([{ networkId, fixedIp: '10.0.1.9' }]);
    await expect(plug([{ networkId, fixedIp: '10.0.1.9' }])).rejects.toMatchObject(
      reason('invalid', 'ip_address_in_use'),
    );
    const groups = plug([{ networkId }], { securityGroupNames: ['nope'] });
    await expect(groups).rejects.toMatchObject(reason('invalid', 'security_group_not_found'));
    expect(await cloud.networks.ports.list(alice)).toHaveLength(1);
  });
});

test('what was made for a server goes with it; binding says where it is served', async () => {
  const networkId = await newNetwork('one', '10.0.1.0/24');
  const [port] = await plug([{ networkId }]);
  const bind = (hostId: string | null, status: 'ACTIVE' | 'DOWN') =>
    cloud.db.write((tx) => cloud.networks.bindPorts(tx, serverId, hostId, status));
  await bind('7'.repeat(32), 'ACTIVE');
  const bound = await cloud.networks.ports.get(alice, port!.id);
  expect(bound).toMatchObject({ hostId: '7'.repeat(32), status: 'ACTIVE' });
  await bind('7'.repeat(32), 'ACTIVE');
  expect((await cloud.networks.ports.get(alice, port!.id)).revision).toBe(bound.revision);
  expect(await cloud.db.write((tx) => cloud.networks.unplugPort(tx, '6'.repeat(32), port!.id))).toBe(false);
  await cloud.db.write((tx) => cloud.networks.unplugServer(tx, serverId));
  expect(await cloud.networks.ports.list(alice)).toEqual([]);
  expect((await plug([{ networkId }]))[0]!.fixedIps).toEqual(port!.fixedIps);
});
