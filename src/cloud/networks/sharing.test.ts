import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { desiredNetworks } from './host-networks/desired-networks.ts';
import { admin, member, projectA, projectB, type TestNetworks, testNetworks, unlimited } from './test-cloud.ts';

eachDatabase('what hangs on networks', (open) => {
  const alice = member(projectA);
  const bob = member(projectB);
  let cloud: TestNetworks;

  beforeEach(async () => {
    cloud = await testNetworks({ defaultQuotas: unlimited }, await open());
  });
  afterEach(() => cloud.db.close());

  const newNetwork = async (words: object = {}) => (await cloud.networks.networks.create(alice, [words]))[0]!;

  test('networks have numbers of their own on the wire', async () => {
    const networks = await cloud.networks.networks.create(admin, [{ segmentationId: 7 }, {}, {}]);
    expect(networks[0]!.segmentationId).toBe(7);
    expect(new Set(networks.map(({ segmentationId }) => segmentationId)).size).toBe(3);
    await expect(cloud.networks.networks.create(admin, [{ segmentationId: 7 }])).rejects.toMatchObject({
      details: { reason: 'vlan_id_in_use' },
    });
  });

  test('what is shared with a project twice at once is shared once', async () => {
    const { id: objectId } = await newNetwork();
    const share = { objectType: 'network', objectId, action: 'access_as_shared' } as const;
    const { rbacPolicies } = cloud.networks;
    const [other] = await rbacPolicies.create(alice, [{ ...share, targetProject: 'c'.repeat(32) }]);
    const { db, held, commit } = holdWrites(cloud.db);
    const slow = (await testNetworks({ defaultQuotas: unlimited }, db)).networks.rbacPolicies;
    const first = slow.create(alice, [{ ...share, targetProject: projectB }]);
    await held;
    const later = Promise.allSettled([
      rbacPolicies.create(alice, [{ ...share, targetProject: projectB }]),
      rbacPolicies.update(alice, other!.id, projectB),
    ]);
    await untilBlocked(cloud.db, 2).finally(commit);
    await first;
    for (const one of await later) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'duplicate' } });
  });

  test('of two default pools that are made at once one is, and one default policy of a project', async () => {
    const { db, held, commit } = holdWrites(cloud.db);
    const slow = (await testNetworks({ defaultQuotas: unlimited }, db)).networks;
    const pool = { prefixes: ['10.64.0.0/16'], isDefault: true };
    const first = slow.subnetPools.create(admin, [pool]);
    await held;
    const later = expect(cloud.networks.subnetPools.create(admin, [pool])).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('A default subnetpool for this IP family has already been set'),
    });
    await untilBlocked(cloud.db).finally(commit);
    await first;
    await later;
    const policies = Array.from({ length: 8 }, (_, n) =>
      cloud.networks.qosPolicies.create(admin, [{ name: `p${n}`, isDefault: true }]),
    );
    const outcomes = await Promise.allSettled(policies);
    const lost = outcomes.filter((one) => one.status === 'rejected');
    expect(lost).toHaveLength(7);
    for (const { reason } of lost)
      expect(reason).toMatchObject({ details: { reason: 'qos_policy_default_already_exists' } });
  });

  test('subnets are cut from pools by several at once, and never overlap', async () => {
    const [scope] = await cloud.networks.addressScopes.create(alice, [{ name: 's', ipVersion: 6 }]);
    const wanted = { prefixes: ['fd00:77::/60'], defaultPrefixLength: 64, addressScopeId: scope!.id };
    const [pool] = await cloud.networks.subnetPools.create(alice, [wanted]);
    const ids = await Promise.all(Array.from({ length: 6 }, async () => (await newNetwork()).id));
    const cut = ids.map((networkId) =>
      cloud.networks.subnets.create(alice, [{ networkId, ipVersion: 6, subnetPoolId: pool!.id }]),
    );
    const cidrs = (await Promise.all(cut)).map(([subnet]) => subnet!.cidr);
    expect(new Set(cidrs).size).toBe(6);
    await expect(cloud.networks.subnetPools.delete(alice, pool!.id)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('IPv6 addresses are taken lowest first, and again when they are free', async () => {
    const { id: networkId } = await newNetwork();
    await cloud.networks.subnets.create(alice, [{ networkId, ipVersion: 6, cidr: 'fd00::/64' }]);
    const made = await Promise.all(
      Array.from({ length: 5 }, () => cloud.networks.ports.create(alice, [{ networkId }])),
    );
    const addresses = made.map(([port]) => port!.fixedIps[0]!.ipAddress).sort();
    expect(addresses).toEqual(['fd00::2', 'fd00::3', 'fd00::4', 'fd00::5', 'fd00::6']);
    const second = made.flat().find(({ fixedIps }) => fixedIps[0]!.ipAddress === 'fd00::3')!;
    await cloud.networks.ports.delete(alice, second.id);
    const [again] = await cloud.networks.ports.create(alice, [{ networkId }]);
    expect(again!.fixedIps[0]!.ipAddress).toBe('fd00::3');
  });

  test('a policy shares a network with a project; tags filter lists', async () => {
    const network = await newNetwork({ name: 'common' });
    const share = { objectType: 'network', objectId: network.id, action: 'access_as_shared' } as const;
    const [policy] = await cloud.networks.rbacPolicies.create(alice, [{ ...share, targetProject: projectB }]);
    expect(await cloud.networks.networks.list(bob, {})).toHaveLength(1);
    await cloud.networks.tags.replace(network.id, ['blue', 'green']);
    const found = (tags: object) => cloud.networks.networks.list(bob, { tags });
    expect(await found({ all: ['blue', 'green'] })).toHaveLength(1);
    expect(await found({ any: ['red'] })).toHaveLength(0);
    expect(await found({ notAll: ['blue', 'red'], notAny: ['red'] })).toHaveLength(1);
    await cloud.networks.rbacPolicies.update(admin, policy!.id, '*');
    expect((await cloud.networks.networks.get(bob, network.id)).shared).toBe(true);
    await cloud.networks.rbacPolicies.delete(alice, policy!.id);
    expect(await cloud.networks.networks.list(bob, {})).toHaveLength(0);
  });

  test('a policy stays while those whom it shares with are on the network; its owner is there without one', async () => {
    const network = await newNetwork({ name: 'common' });
    const share = { objectType: 'network', objectId: network.id, action: 'access_as_shared' } as const;
    const { rbacPolicies, ports } = cloud.networks;
    const [own] = await rbacPolicies.create(admin, [{ ...share, targetProject: alice.projectId! }]);
    const [others] = await rbacPolicies.create(admin, [{ ...share, targetProject: projectB }]);
    await ports.create(alice, [{ networkId: network.id }]);
    const [port] = await ports.create(bob, [{ networkId: network.id }]);
    await rbacPolicies.delete(admin, own!.id);
    await expect(rbacPolicies.delete(admin, others!.id)).rejects.toMatchObject({ code: 'conflict' });
    await ports.delete(bob, port!.id);
    await rbacPolicies.delete(admin, others!.id);
  });

  test('limits, options and names of ports are told to hosts', async () => {
    const [policy] = await cloud.networks.qosPolicies.create(admin, [{ name: 'slow', shared: true }]);
    await cloud.networks.qosPolicies.addRule(admin, policy!.id, { direction: 'egress', maxKbps: 500, maxBurstKbps: 0 });
    const { id: ruleId } = await cloud.networks.qosPolicies.addDscpRule(admin, policy!.id, 46);
    const { id: networkId } = await newNetwork({ qosPolicyId: policy!.id });
    await cloud.networks.subnets.create(alice, [{ networkId, ipVersion: 4, cidr: '10.3.0.0/24' }]);
    const extraDhcpOptions = [{ name: 'bootfile-name', value: 'pxe', version: 4 as const }];
    const [port] = await cloud.networks.ports.create(alice, [{ networkId, dnsName: 'db', extraDhcpOptions }]);
    await cloud.db.write((tx) =>
      tx.updateTable('ports').set({ host_id: 'h', device_id: 'd' }).where('id', '=', port!.id).execute(),
    );
    const desired = await desiredNetworks(cloud.db, [{ hostId: 'h', seat: 0 }]);
    expect(desired.ports[0]).toMatchObject({ bandwidth: { egress: 500_000 }, dscp: 46 });
    await cloud.networks.qosPolicies.updateDscpRule(admin, policy!.id, ruleId, 10);
    expect((await desiredNetworks(cloud.db, [{ hostId: 'h', seat: 0 }])).ports[0]!.dscp).toBe(10);
    await cloud.networks.qosPolicies.deleteDscpRule(admin, policy!.id, ruleId);
    const later = await desiredNetworks(cloud.db, [{ hostId: 'h', seat: 0 }]);
    expect(later.ports[0]).toMatchObject({ bandwidth: { egress: 500_000 } });
    expect(later.ports[0]).not.toHaveProperty('dscp');
    expect(desired.networks[0]!.hosts[0]).toMatchObject({
      hostname: 'db',
      options: [{ name: 'bootfile-name', value: 'pxe' }],
    });
  });
});
