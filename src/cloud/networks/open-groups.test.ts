import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { defaultGroupId } from './default-security-group.ts';
import { openGroupId } from './open-security-group.ts';
import type { NewPort } from './ports.ts';
import { admin, member, projectA, projectB, type TestNetworks, testNetworks, unlimited } from './test-cloud.ts';

const alice = member(projectA);
const open = openGroupId(projectA);
const refused = { code: 'conflict', details: { reason: 'security_group_open' } };

eachDatabase('the group that lets everything through', (openDatabase) => {
  let cloud: TestNetworks;
  let networkId: string;

  beforeEach(async () => {
    const defaultQuotas = { ...unlimited, security_groups: 3 };
    cloud = await testNetworks({ defaultQuotas }, await openDatabase());
    networkId = await newNetwork();
  });
  afterEach(() => cloud.db.close());

  const newNetwork = async (more = {}) => (await cloud.networks.networks.create(alice, [more]))[0]!.id;
  const newPort = async (more: Partial<NewPort> = { isOpen: true }, subject = alice) =>
    (await cloud.networks.ports.create(subject, [{ networkId, ...more }]))[0]!.id;
  const newGroup = async (name: string) => (await cloud.networks.securityGroups.create(alice, [{ name }]))[0]!.id;
  const port = (id: string) => cloud.networks.ports.get(alice, id);
  const groups = async (id: string) => (await port(id)).securityGroupIds.sort();

  it('has a rule for each direction and family, once, also where several ports are its first', async () => {
    const ports = await Promise.all([newPort(), newPort(), newPort()]);
    for (const id of ports) expect(await groups(id)).toEqual([open]);
    const all = await cloud.networks.securityGroups.list(alice);
    const found = all.filter(({ id }) => id === open);
    expect(found).toMatchObject([{ name: 'open', projectId: projectA, isOpen: true }]);
    const anything = {
      protocol: null,
      portRangeMin: null,
      portRangeMax: null,
      remoteIpPrefix: null,
      remoteGroupId: null,
      remoteAddressGroupId: null,
    };
    for (const rule of found[0]!.rules) expect(rule).toMatchObject(anything);
    expect(found[0]!.rules.map(({ direction, ethertype }) => `${direction} ${ethertype}`).sort()).toEqual([
      'egress IPv4',
      'egress IPv6',
      'ingress IPv4',
      'ingress IPv6',
    ]);
    expect(all.filter(({ isOpen }) => !isOpen).map(({ name }) => name)).toEqual(['default']);
  });

  it('stays as it is, for administrators as well, used or not', async () => {
    const { securityGroups, securityGroupRules, ports } = cloud.networks;
    const id = await newPort();
    const [rule] = (await securityGroups.get(alice, open)).rules;
    const closed = { securityGroupId: open, direction: 'ingress', protocol: 'tcp' } as const;
    const tryAll = async () => {
      for (const subject of [alice, admin]) {
        await expect(securityGroups.update(subject, open, { name: 'other' })).rejects.toMatchObject(refused);
        await expect(securityGroups.update(subject, open, { enabled: false })).rejects.toMatchObject(refused);
        await expect(securityGroups.delete(subject, open)).rejects.toMatchObject(refused);
        await expect(securityGroupRules.delete(subject, rule!.id)).rejects.toMatchObject(refused);
        await expect(securityGroupRules.create(subject, [closed])).rejects.toMatchObject(refused);
      }
    };
    await tryAll();
    await ports.delete(alice, id);
    await tryAll();
    expect((await securityGroups.get(alice, open)).rules).toHaveLength(4);
    expect(await groups(await newPort())).toEqual([open]);
  });

  it('takes nothing from what its project may have', async () => {
    await newPort();
    // With the default group these are all that there may be.
    const securityGroupId = await newGroup('web');
    await newGroup('other');
    await cloud.networks.securityGroupRules.create(alice, [{ securityGroupId, direction: 'ingress', protocol: 'tcp' }]);
    const all = await cloud.networks.securityGroups.list(alice);
    const rules = all.flatMap((group) => (group.isOpen ? [] : group.rules));
    const used = await cloud.quotas.usage(alice, projectA);
    expect(used).toMatchObject({ security_groups: 3, security_group_rules: rules.length, ports: 1 });
    await expect(newGroup('more')).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(await groups(await newPort())).toEqual([open]);
  });

  it('is left by who joins another one, and joined by who leaves the last', async () => {
    const [web, other] = [await newGroup('web'), await newGroup('other')];
    const { openGroups } = cloud.networks;
    const [one, two, usual] = [await newPort(), await newPort(), await newPort({})];
    await openGroups.join(alice, web, [one, two, usual]);
    expect(await groups(one)).toEqual([web]);
    expect(await groups(usual)).toEqual([defaultGroupId(projectA), web].sort());
    await openGroups.join(alice, other, [one]);
    expect(await groups(one)).toEqual([web, other].sort());
    await openGroups.leave(alice, other, { portIds: [two] });
    const unchanged = await port(two);
    expect(unchanged.securityGroupIds).toEqual([web]);
    await openGroups.leave(alice, web, { portIds: [one, usual] });
    expect(await groups(one)).toEqual([other]);
    expect(await groups(usual)).toEqual([defaultGroupId(projectA)]);
    expect(await port(two)).toEqual(unchanged);
    await openGroups.leave(alice, other, { portIds: [one] });
    await openGroups.leave(alice, web, { portIds: [two] });
    for (const id of [one, two]) expect(await groups(id)).toEqual([open]);
  });

  it('is joined by all or none, and others’ ports are nobody’s to take out', async () => {
    const web = await newGroup('web');
    const one = await newPort();
    const joined = cloud.networks.openGroups.join(alice, web, [one, 'f'.repeat(32)]);
    await expect(joined).rejects.toMatchObject({ code: 'not_found' });
    expect(await groups(one)).toEqual([open]);
    await cloud.networks.openGroups.join(alice, web, [one]);
    await cloud.networks.openGroups.leave(member(projectB), web, {});
    expect(await groups(one)).toEqual([web]);
  });

  it('is left and joined as often as is asked at the same moment', async () => {
    const [web, other] = [await newGroup('web'), await newGroup('other')];
    const { openGroups } = cloud.networks;
    const ports = [await newPort(), await newPort(), await newPort()];
    await Promise.all([openGroups.join(alice, web, ports), openGroups.join(alice, other, ports.toReversed())]);
    for (const id of ports) expect(await groups(id)).toEqual([web, other].sort());
    await Promise.all([openGroups.leave(alice, web, {}), openGroups.leave(alice, other, { portIds: ports })]);
    for (const id of ports) expect(await groups(id)).toEqual([open]);
  });

  it.each(['joined', 'named by a port that is new'])(
    'is there or not for who has it %s while another one goes',
    async (how) => {
      const [web, one] = [await newGroup('web'), await newPort()];
      const { db, held, commit } = holdWrites(cloud.db);
      const { networks } = await testNetworks({ defaultQuotas: unlimited }, db);
      const gone = networks.securityGroups.delete(alice, web);
      await held;
      const joined =
        how === 'joined' ? cloud.networks.openGroups.join(alice, web, [one]) : newPort({ securityGroupIds: [web] });
      const outcome = expect(joined).rejects.toMatchObject({
        code: 'not_found',
        details: { resource: 'security_group' },
      });
      await untilBlocked(cloud.db).finally(commit);
      await gone;
      await outcome;
      expect(await groups(one)).toEqual([open]);
    },
  );

  it('takes in the ports of one network, or of a group that goes', async () => {
    const web = await newGroup('web');
    const there = await newNetwork();
    const { openGroups, securityGroups } = cloud.networks;
    const [one, two] = [await newPort(), await newPort({ isOpen: true, networkId: there })];
    await openGroups.join(alice, web, [one, two]);
    await openGroups.leave(alice, web, { networkId: there });
    expect([await groups(one), await groups(two)]).toEqual([[web], [open]]);
    await openGroups.deleteGroup(alice, web);
    expect(await groups(one)).toEqual([open]);
    await expect(securityGroups.get(alice, web)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('takes nobody in when a group that should go does not', async () => {
    const usual = await newPort({});
    const deleted = cloud.networks.openGroups.deleteGroup(alice, defaultGroupId(projectA));
    await expect(deleted).rejects.toMatchObject({ details: { reason: 'security_group_cannot_remove_default' } });
    expect(await groups(usual)).toEqual([defaultGroupId(projectA)]);
  });

  it('is for ports that are filtered', async () => {
    const unfiltered = await newNetwork({ portSecurity: false });
    const id = await newPort({ isOpen: true, networkId: unfiltered });
    expect(await port(id)).toMatchObject({ portSecurity: false, securityGroupIds: [] });
    await cloud.networks.openGroups.leave(alice, await newGroup('web'), { portIds: [id] });
    expect(await groups(id)).toEqual([]);
  });

  it('is that of the port’s project, whoever owns its network', async () => {
    const shared = (await cloud.networks.networks.create(admin, [{ shared: true, projectId: projectA }]))[0]!.id;
    const bob = member(projectB);
    const id = await newPort({ isOpen: true, networkId: shared }, bob);
    const [web] = await cloud.networks.securityGroups.create(bob, [{ name: 'web' }]);
    await cloud.networks.openGroups.join(bob, web!.id, [id]);
    await cloud.networks.openGroups.leave(admin, web!.id, {});
    expect((await cloud.networks.ports.get(bob, id)).securityGroupIds).toEqual([openGroupId(projectB)]);
  });
});
