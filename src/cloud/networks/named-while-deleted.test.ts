import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Networks } from './networks.ts';
import { admin, type TestNetworks, testNetworks, unlimited } from './test-cloud.ts';

/** Something that others name by its id. */
interface Named {
  make(networks: Networks): Promise<string>;
  /** What makes something that names it. */
  user(networks: Networks): Promise<(networks: Networks, id: string) => Promise<unknown>>;
  remove(networks: Networks, id: string): Promise<void>;
}

async function ruleWith(networks: Networks, peer: (id: string) => object) {
  const [group] = await networks.securityGroups.create(admin, [{ name: 'web' }]);
  return (of: Networks, id: string) =>
    of.securityGroupRules.create(admin, [
      { securityGroupId: group!.id, direction: 'ingress', ethertype: 'IPv4', ...peer(id) },
    ]);
}

const kinds: Record<string, Named> = {
  'QoS policy': {
    make: async ({ qosPolicies }) => (await qosPolicies.create(admin, [{ name: 'p' }]))[0]!.id,
    user: async () => (of, qosPolicyId) => of.networks.create(admin, [{ qosPolicyId }]),
    remove: ({ qosPolicies }, id) => qosPolicies.delete(admin, id),
  },
  'address scope': {
    make: async ({ addressScopes }) => (await addressScopes.create(admin, [{ name: 's', ipVersion: 4 }]))[0]!.id,
    user: async () => (of, addressScopeId) =>
      of.subnetPools.create(admin, [{ prefixes: ['10.9.0.0/16'], addressScopeId }]),
    remove: ({ addressScopes }, id) => addressScopes.delete(admin, id),
  },
  'subnet pool': {
    make: async ({ subnetPools }) => (await subnetPools.create(admin, [{ prefixes: ['10.8.0.0/16'] }]))[0]!.id,
    user: async ({ networks }) => {
      const [network] = await networks.create(admin, [{}]);
      const subnet = { networkId: network!.id, ipVersion: 4, prefixLength: 24 } as const;
      return (of, subnetPoolId) => of.subnets.create(admin, [{ ...subnet, subnetPoolId }]);
    },
    remove: ({ subnetPools }, id) => subnetPools.delete(admin, id),
  },
  'address group': {
    make: async ({ addressGroups }) =>
      (await addressGroups.create(admin, [{ name: 'g', addresses: ['10.1.0.0/16'] }]))[0]!.id,
    user: (networks) => ruleWith(networks, (remoteAddressGroupId) => ({ remoteAddressGroupId })),
    remove: ({ addressGroups }, id) => addressGroups.delete(admin, id),
  },
};

eachDatabase('what is deleted while something else comes to name it', (open) => {
  let cloud: TestNetworks;

  beforeEach(async () => {
    cloud = await testNetworks({ defaultQuotas: unlimited }, await open());
  });
  afterEach(() => cloud.db.close());

  const slowed = async () => {
    const { db, held, commit } = holdWrites(cloud.db);
    return { networks: (await testNetworks({ defaultQuotas: unlimited }, db)).networks, held, commit };
  };

  test.each(Object.keys(kinds))('a %s that goes is not found', async (kind) => {
    const { make, user, remove } = kinds[kind]!;
    const id = await make(cloud.networks);
    const use = await user(cloud.networks);
    const { networks, held, commit } = await slowed();
    const gone = remove(networks, id);
    await held;
    const used = expect(use(cloud.networks, id)).rejects.toMatchObject({ code: 'not_found' });
    await untilBlocked(cloud.db).finally(commit);
    await gone;
    await used;
  });

  test.each(Object.keys(kinds))('a %s that is in use by then stays', async (kind) => {
    const { make, user, remove } = kinds[kind]!;
    const id = await make(cloud.networks);
    const use = await user(cloud.networks);
    const { networks, held, commit } = await slowed();
    const used = use(networks, id);
    await held;
    const gone = expect(remove(cloud.networks, id)).rejects.toMatchObject({ code: 'conflict' });
    await untilBlocked(cloud.db).finally(commit);
    await used;
    await gone;
  });

  test('a security group that goes takes the rules along that have just named it as their peer', async () => {
    const [peer] = await cloud.networks.securityGroups.create(admin, [{ name: 'peer' }]);
    const use = await ruleWith(cloud.networks, (remoteGroupId) => ({ remoteGroupId }));
    const { networks, held, commit } = await slowed();
    const used = use(networks, peer!.id);
    await held;
    const gone = cloud.networks.securityGroups.delete(admin, peer!.id);
    await untilBlocked(cloud.db).finally(commit);
    await used;
    await gone;
    const left = await cloud.networks.securityGroupRules.list(admin, {});
    expect(left.filter(({ remoteGroupId }) => remoteGroupId === peer!.id)).toEqual([]);
  });

  test('a security group that goes is no peer of a new rule', async () => {
    const [peer] = await cloud.networks.securityGroups.create(admin, [{ name: 'peer' }]);
    const use = await ruleWith(cloud.networks, (remoteGroupId) => ({ remoteGroupId }));
    const { networks, held, commit } = await slowed();
    const gone = networks.securityGroups.delete(admin, peer!.id);
    await held;
    const used = expect(use(cloud.networks, peer!.id)).rejects.toMatchObject({ code: 'not_found' });
    await untilBlocked(cloud.db).finally(commit);
    await gone;
    await used;
  });

  test('pools of one scope that are made at once do not overlap', async () => {
    const [scope] = await cloud.networks.addressScopes.create(admin, [{ name: 's', ipVersion: 4 }]);
    const pool = { prefixes: ['10.9.0.0/16'], addressScopeId: scope!.id };
    const { networks, held, commit } = await slowed();
    const first = networks.subnetPools.create(admin, [pool]);
    await held;
    const later = expect(cloud.networks.subnetPools.create(admin, [pool])).rejects.toMatchObject({
      details: { reason: 'address_scope_prefix_conflict' },
    });
    await untilBlocked(cloud.db).finally(commit);
    await first;
    await later;
  });
});
