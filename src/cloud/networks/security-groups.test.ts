import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NewSecurityGroupRule } from './security-group-rules.ts';
import { admin, member, projectA, projectB, type TestNetworks, testNetworks } from './test-cloud.ts';

const alice = member(projectA);
const bob = member(projectB);
let cloud: TestNetworks;

beforeEach(async () => {
  cloud = await testNetworks();
});
afterEach(() => cloud.db.close());

async function newGroup(name = 'web') {
  return (await cloud.networks.securityGroups.create(alice, [{ name }]))[0]!;
}

async function newRule(input: Omit<NewSecurityGroupRule, 'direction'>) {
  return (await cloud.networks.securityGroupRules.create(alice, [{ direction: 'ingress', ...input }]))[0]!;
}

const reason = (word: string) => ({ details: expect.objectContaining({ reason: word }) });

describe('the default group', () => {
  test('is there for everyone who looks, once, with its four rules', async () => {
    const lists = await Promise.all([1, 2, 3].map(() => cloud.networks.securityGroups.list(alice)));
    for (const list of lists) {
      expect(list).toHaveLength(1);
      expect(list[0]!.name).toBe('default');
      const rules = list[0]!.rules.map(({ direction, ethertype, remoteGroupId }) => [
        direction,
        ethertype,
        remoteGroupId,
      ]);
      expect(rules.sort()).toEqual([
        ['egress', 'IPv4', null],
        ['egress', 'IPv6', null],
        ['ingress', 'IPv4', list[0]!.id],
        ['ingress', 'IPv6', list[0]!.id],
      ]);
    }
    expect((await cloud.networks.securityGroups.list(bob))[0]!.id).not.toBe(lists[0]![0]!.id);
  });

  test('keeps its name, stays, and is the only one of its name', async () => {
    const { securityGroups } = cloud.networks;
    const [group] = await securityGroups.list(alice);
    const renamed = securityGroups.update(alice, group!.id, { name: 'x' });
    await expect(renamed).rejects.toMatchObject(reason('security_group_cannot_update_default'));
    await expect(securityGroups.delete(alice, group!.id)).rejects.toMatchObject(
      reason('security_group_cannot_remove_default'),
    );
    await expect(newGroup('default')).rejects.toMatchObject(reason('security_group_default_already_exists'));
    // An administrator may delete it; the project gets another when it looks again.
    await securityGroups.delete(admin, group!.id);
    expect((await securityGroups.list(alice))[0]!.rules).toHaveLength(4);
  });
});

describe('groups', () => {
  test('begin with two rules that let everything out, and take theirs along', async () => {
    const group = await newGroup();
    expect(group.rules.map(({ direction, ethertype }) => [direction, ethertype])).toEqual([
      ['egress', 'IPv4'],
      ['egress', 'IPv6'],
    ]);
    const other = await newGroup('other');
    await newRule({ securityGroupId: other.id, remoteGroupId: group.id });
    await cloud.networks.securityGroups.delete(alice, group.id);
    expect((await cloud.networks.securityGroups.get(alice, other.id)).rules).toHaveLength(2);
  });

  test('stay while a port has them', async () => {
    const group = await newGroup();
    const [network] = await cloud.networks.networks.create(alice, [{}]);
    const port = { networkId: network!.id, securityGroupIds: [group.id] };
    const [made] = await cloud.networks.ports.create(alice, [port]);
    const { securityGroups, ports } = cloud.networks;
    await expect(securityGroups.delete(alice, group.id)).rejects.toMatchObject(reason('security_group_in_use'));
    await ports.update(alice, made!.id, { securityGroupIds: [] });
    await securityGroups.delete(alice, group.id);
    await expect(securityGroups.get(alice, group.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('and rules of other projects are unknown', async () => {
    const group = await newGroup();
    const { securityGroups, securityGroupRules } = cloud.networks;
    await expect(securityGroups.get(bob, group.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(securityGroups.delete(bob, group.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(securityGroupRules.delete(bob, group.rules[0]!.id)).rejects.toMatchObject({ code: 'not_found' });
    const rule = { securityGroupId: group.id, direction: 'ingress' } as const;
    await expect(securityGroupRules.create(bob, [rule])).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('rules', () => {
  test('are normal in form', async () => {
    const { id } = await newGroup();
    const rule = { protocol: 'TCP', portRangeMin: 80, portRangeMax: 80, remoteIpPrefix: '192.0.2.7' };
    expect(await newRule({ securityGroupId: id, ...rule })).toMatchObject({
      protocol: 'tcp',
      ethertype: 'IPv4',
      remoteIpPrefix: '192.0.2.7/32',
    });
    expect((await newRule({ securityGroupId: id, protocol: 'any' })).protocol).toBeNull();
    expect((await newRule({ securityGroupId: id, protocol: 112 })).protocol).toBe('112');
  });

  test('come only once, however they are written', async () => {
    const { id } = await newGroup();
    const rule = { protocol: 'tcp', portRangeMin: 22, portRangeMax: 22, remoteIpPrefix: '10.0.0.0/8' };
    const first = await newRule({ securityGroupId: id, ...rule });
    const twin = newRule({ securityGroupId: id, ...rule, protocol: '6', remoteIpPrefix: '10.1.2.3/8' });
    await expect(twin).rejects.toMatchObject({ code: 'duplicate', details: { id: first.id } });
    const both = [
      { ...rule, portRangeMax: 23 },
      { ...rule, portRangeMax: 23 },
    ];
    const many = cloud.networks.securityGroupRules.create(
      alice,
      both.map((one) => ({ ...one, securityGroupId: id, direction: 'ingress' })),
    );
    await expect(many).rejects.toMatchObject(reason('security_group_rule_exists'));
    expect((await cloud.networks.securityGroups.get(alice, id)).rules).toHaveLength(3);
  });

  test.each<[Partial<NewSecurityGroupRule>, string]>([
    [{ protocol: 'tpc' }, 'security_group_rule_invalid_protocol'],
    [{ protocol: 256 }, 'security_group_rule_invalid_protocol'],
    [{ portRangeMin: 1, portRangeMax: 2 }, 'security_group_protocol_required_with_ports'],
    [{ protocol: 'tcp', portRangeMin: 2, portRangeMax: 1 }, 'security_group_invalid_port_range'],
    [{ protocol: 'tcp', portRangeMin: 2 }, 'security_group_invalid_port_range'],
    [{ protocol: 'udp', portRangeMin: 0, portRangeMax: 1 }, 'security_group_invalid_port_value'],
    [{ protocol: 'gre', portRangeMin: 1, portRangeMax: 2 }, 'security_group_invalid_protocol_for_port'],
    [{ protocol: 'icmp', portRangeMin: 256 }, 'security_group_invalid_icmp_value'],
    [{ protocol: 'icmp', portRangeMax: 1 }, 'security_group_missing_icmp_type'],
    [{ protocol: 'icmpv6' }, 'security_group_ethertype_conflict_with_protocol'],
    [{ remoteIpPrefix: '10.0.0.0/40' }, 'invalid_CIDR'],
    [{ remoteIpPrefix: '::/0' }, 'security_group_rule_parameter_conflict'],
    [
      { remoteIpPrefix: '10.0.0.0/8', remoteGroupId: 'f'.repeat(32) },
      'security_group_remote_group_and_remote_ip_prefix',
    ],
  ])('refuse %j', async (input, word) => {
    const { id } = await newGroup();
    await expect(newRule({ securityGroupId: id, ...input })).rejects.toMatchObject(reason(word));
  });
});
