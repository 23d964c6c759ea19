import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

describe('networks as ZStack has them', () => {
  let test: TestZStack;
  let zoneUuid: string;
  let clusterUuid: string;

  beforeAll(async () => {
    test = await TestZStack.start();
    [zoneUuid, clusterUuid] = [await first('/zones'), await first('/clusters')];
  });
  afterAll(async () => {
    await test.stop();
  });

  async function first(path: string): Promise<string> {
    const { json } = await test.call('GET', path);
    return (json['inventories'] as Body[])[0]!['uuid'] as string;
  }

  async function made(path: string, params: Body, more: Body = {}): Promise<Body> {
    const { status, json, text } = await test.call('POST', path, { params, ...more });
    expect(status, text).toBe(200);
    return json['inventory'] as Body;
  }

  async function one(path: string): Promise<Body | undefined> {
    const { json } = await test.call('GET', path);
    return (json['inventories'] as Body[])[0];
  }

  async function l3(name: string, networkCidr: string, more: Body = {}): Promise<string> {
    const l2 = await made('/l2-networks/no-vlan', { name, zoneUuid, physicalInterface: 'eth0' });
    const { uuid } = await made('/l3-networks', { name, l2NetworkUuid: l2['uuid'], ...more });
    await made(`/l3-networks/${uuid}/ip-ranges/by-cidr`, { name, networkCidr });
    return uuid as string;
  }

  it('makes L2 networks, attaches them to clusters, and keeps those that are used', async () => {
    const l2 = await made('/l2-networks/vlan', { name: 'rack', zoneUuid, physicalInterface: 'eth1', vlan: 77 });
    expect(l2).toMatchObject({ type: 'L2VlanNetwork', vlan: 77, virtualNetworkId: 77, attachedClusterUuids: [] });
    const attached = await made(`/l2-networks/${l2['uuid']}/clusters/${clusterUuid}`, {});
    expect(attached['attachedClusterUuids']).toEqual([clusterUuid]);
    const again = await test.call('POST', `/l2-networks/${l2['uuid']}/clusters/${clusterUuid}`, { params: {} });
    expect(again.json['error']).toMatchObject({ code: 'SYS.1006' });
    expect(await one(`/l2-networks?q=cluster.uuid=${clusterUuid}&q=name=rack`)).toMatchObject({ uuid: l2['uuid'] });
    const { uuid } = await made('/l3-networks', { name: 'on-rack', l2NetworkUuid: l2['uuid'], dnsDomain: 'lab' });
    expect(await one(`/l3-networks?q=l2Network.name=rack`)).toMatchObject({ uuid, dnsDomain: 'lab' });
    const refused = await test.call('DELETE', `/l2-networks/${l2['uuid']}`);
    expect(refused.json['error']).toMatchObject({ code: 'SYS.1006' });
    expect((await test.call('DELETE', `/l3-networks/${uuid}`)).json).toEqual({});
    expect((await test.call('DELETE', `/l2-networks/${l2['uuid']}`)).json).toEqual({});
    expect(await one(`/l2-networks/${l2['uuid']}`)).toBeUndefined();
  });

  it('makes IP ranges that Neutron calls subnets, with name servers, routes and free addresses', async () => {
    const l2 = await made('/l2-networks/no-vlan', { name: 'a', zoneUuid, physicalInterface: 'eth0' });
    const { uuid } = await made('/l3-networks', { name: 'ranges', l2NetworkUuid: l2['uuid'] });
    const fields = {
      name: 'r',
      startIp: '10.80.0.10',
      endIp: '10.80.0.13',
      netmask: '255.255.255.0',
      gateway: '10.80.0.1',
    };
    const range = await made(`/l3-networks/${uuid}/ip-ranges`, fields);
    expect(range).toMatchObject({ startIp: '10.80.0.10', endIp: '10.80.0.13', networkCidr: '10.80.0.0/24' });
    await made(`/l3-networks/${uuid}/dns`, { dns: '10.80.0.2' });
    await made(`/l3-networks/${uuid}/hostroute`, { prefix: '192.168.9.0/24', nexthop: '10.80.0.11' });
    expect(await one(`/l3-networks/${uuid}`)).toMatchObject({
      dns: ['10.80.0.2'],
      hostRoute: [{ prefix: '192.168.9.0/24', nexthop: '10.80.0.11' }],
    });
    const nic = await made('/nics', { l3NetworkUuid: uuid, ip: '10.80.0.11' });
    expect(nic['ip']).toBe('10.80.0.11');
    const free = await test.call('GET', `/l3-networks/${uuid}/ip/free?limit=2`);
    expect((free.json['inventories'] as Body[]).map(({ ip }) => ip)).toEqual(['10.80.0.10', '10.80.0.12']);
    const taken = await test.call('GET', `/l3-networks/${uuid}/ip/10.80.0.11/availability`);
    expect(taken.json).toMatchObject({ available: false });
    const capacity = await test.call('GET', `/ip-capacity?l3NetworkUuids=${uuid}`);
    expect(capacity.json).toMatchObject({ totalCapacity: 4, usedIpAddressNumber: 1 });
    const wrong = await test.call('POST', `/l3-networks/${uuid}/ip-ranges`, {
      params: { ...fields, netmask: '255.0.255.0' },
    });
    expect(wrong.json['error']).toMatchObject({ code: 'SYS.1007' });
    const neutron = await test.cloud.networks.subnets.get(operator(), range['uuid'] as string);
    expect(neutron).toMatchObject({
      cidr: '10.80.0.0/24',
      allocationPools: [{ start: '10.80.0.10', end: '10.80.0.13' }],
    });
  });

  it('makes of a rule for several ranges as many as the engine needs, and shows it as it was written', async () => {
    const group = await made('/security-groups', { name: 'ranges' });
    const path = `/security-groups/${group['uuid']}/rules`;
    const rule = {
      type: 'Ingress',
      protocol: 'TCP',
      dstPortRange: '443,80-90',
      srcIpRange: '10.0.0.0/8,192.168.0.1-192.168.0.2',
      action: 'ACCEPT',
      state: 'Enabled',
    };
    const { rules } = await made(path, { rules: [rule], priority: 1 });
    const shown = (rules as Body[]).find(({ type }) => type === 'Ingress')!;
    expect(shown).toMatchObject({ ...rule, priority: 1 });
    const engine = await test.cloud.networks.securityGroupRules.list(operator());
    const inside = engine.filter(
      ({ securityGroupId, direction }) => securityGroupId === group['uuid'] && direction === 'ingress',
    );
    // 192.168.0.1 and 192.168.0.2 are no network together.
    expect(inside).toHaveLength(2 * 3);
    const changed = await test.call('PUT', `/security-groups/rules/${shown['uuid']}/actions`, {
      changeSecurityGroupRule: { dstPortRange: '22' },
    });
    expect(changed.json['inventory']).toMatchObject({ dstPortRange: '22', srcIpRange: rule.srcIpRange, priority: 1 });
    const { uuid } = changed.json['inventory'] as Body;
    const other = { type: 'Ingress', protocol: 'TCP', dstPortRange: '81', srcIpRange: '10.0.0.0/8' };
    await made(path, { rules: [other] });
    const twin = await test.call('PUT', `/security-groups/rules/${uuid}/actions`, { changeSecurityGroupRule: other });
    expect(twin.json['error']).toBeDefined();
    expect(await one(`/security-groups/rules?q=uuid=${uuid}`)).toMatchObject({ dstPortRange: '22' });
    const peer = { ...other, srcIpRange: undefined, remoteSecurityGroupUuid: 'f'.repeat(32) };
    const nobody = await test.call('POST', path, { params: { rules: [peer] } });
    expect(nobody.json['error']).toMatchObject({ code: 'SYS.1003' });
    const drop = await test.call('POST', path, { params: { rules: [{ ...rule, action: 'DROP' }] } });
    expect(drop.json['error']).toMatchObject({ code: 'SYS.1014' });
    const left = `/security-groups/rules?q=securityGroupUuid=${group['uuid']}&q=type=Ingress`;
    for (const { uuid: ruleUuid } of await test.query(left))
      await test.call('DELETE', `/security-groups/rules?ruleUuids=${ruleUuid}`);
    expect(await one(left)).toBeUndefined();
    expect((await test.call('DELETE', `/security-groups/${group['uuid']}`)).json).toEqual({});
  });

  it('switches security groups off and on', async () => {
    const { uuid } = await made('/security-groups', { name: 'switched' });
    const set = async (stateEvent: string) => {
      const body = { changeSecurityGroupState: { stateEvent } };
      return (await test.call('PUT', `/security-groups/${uuid}/actions`, body)).json['inventory'] as Body;
    };
    expect(await set('disable')).toMatchObject({ uuid, state: 'Disabled' });
    expect(await one('/security-groups?q=state=Disabled')).toMatchObject({ uuid });
    expect(await set('enable')).toMatchObject({ state: 'Enabled' });
    expect(await one('/security-groups?q=state=Disabled')).toBeUndefined();
  });

  it('gives interfaces to security groups and takes them away', async () => {
    const uuid = await l3('nics', '10.81.0.0/24');
    const nic = await made('/nics', { l3NetworkUuid: uuid });
    const group = await made('/security-groups', { name: 'members' });
    const candidates = `/security-groups/${group['uuid']}/vm-instances/candidate-nics`;
    expect((await test.call('GET', candidates)).text).toContain(nic['uuid']);
    const nics = `/security-groups/${group['uuid']}/vm-instances/nics`;
    await test.call('POST', nics, { params: { vmNicUuids: [nic['uuid']] } });
    expect((await test.call('GET', candidates)).text).not.toContain(nic['uuid']);
    expect(
      await one(`/security-groups/vm-instances/nics?q=vmNicUuid=${nic['uuid']}&q=securityGroupUuid=${group['uuid']}`),
    ).toMatchObject({
      securityGroupUuid: group['uuid'],
    });
    await test.call('DELETE', `${nics}?vmNicUuids=${nic['uuid']}`);
    expect(await one(`/vm-instances/nics?q=securityGroup.name=members`)).toBeUndefined();
    expect((await test.call('DELETE', `/nics/${nic['uuid']}`)).json).toEqual({});
  });

  it('uses a VIP as an EIP over a router that comes and goes with it', async () => {
    const publicUuid = await l3('outside', '203.0.113.0/24', { category: 'Public' });
    const uuid = await l3('eip', '10.82.0.0/24');
    const nic = await made('/nics', { l3NetworkUuid: uuid });
    const vip = await made('/vips', { name: 'outside', l3NetworkUuid: publicUuid });
    const eip = await made('/eips', { name: 'web', vipUuid: vip['uuid'], vmNicUuid: nic['uuid'] });
    expect(eip).toMatchObject({ name: 'web', vipIp: vip['ip'], guestIp: nic['ip'], vmNicUuid: nic['uuid'] });
    expect(await one(`/vips/${vip['uuid']}`)).toMatchObject({ name: 'outside', useFor: 'Eip' });
    expect(await one(`/vm-instances/nics?q=eip.vipIp=${vip['ip']}`)).toMatchObject({ uuid: nic['uuid'] });
    const floating = await test.cloud.networks.floatingIps.get(operator(), vip['uuid'] as string);
    expect(floating).toMatchObject({ address: vip['ip'], portId: nic['uuid'] });
    const detached = await test.call('DELETE', `/eips/${eip['uuid']}/vm-instances/nics`);
    expect(detached.json['inventory']).not.toHaveProperty('guestIp');
    expect((await test.call('DELETE', `/eips/${eip['uuid']}`)).json).toEqual({});
    expect((await test.call('DELETE', `/vips/${vip['uuid']}`)).json).toEqual({});
    expect(await one(`/vips/${vip['uuid']}`)).toBeUndefined();
    await test.call('DELETE', `/nics/${nic['uuid']}`);
    expect((await test.call('DELETE', `/l3-networks/${uuid}`)).json).toEqual({});
    expect((await test.call('DELETE', `/l3-networks/${publicUuid}`)).json).toEqual({});
  });

  it('forwards ports of a VIP to an interface, as Neutron does, and keeps the rule without one', async () => {
    const publicUuid = await l3('ports-outside', '203.0.114.0/24', { category: 'Public' });
    const uuid = await l3('ports-inside', '10.84.0.0/24');
    const nic = await made('/nics', { l3NetworkUuid: uuid });
    const vip = await made('/vips', { name: 'shared', l3NetworkUuid: publicUuid });
    const rule = { vipUuid: vip['uuid'], protocolType: 'TCP', vipPortStart: 8080, privatePortStart: 80 };
    const web = await made('/port-forwarding', { name: 'web', ...rule, vmNicUuid: nic['uuid'] });
    const ends = { vipPortEnd: 8080, privatePortEnd: 80, vipIp: vip['ip'], guestIp: nic['ip'], state: 'Enabled' };
    expect(web).toMatchObject({ ...rule, ...ends, vmNicUuid: nic['uuid'], allowedCidr: '0.0.0.0/0' });
    expect(await one(`/vips/${vip['uuid']}`)).toMatchObject({ useFor: 'PortForwarding' });

    const { portForwardings } = test.cloud.networks;
    const [engine] = await portForwardings.list(operator(), vip['uuid'] as string);
    expect(engine).toMatchObject({ protocol: 'tcp', external: { first: 8080 }, internal: { first: 80 } });
    const ranged = { ...rule, name: 'range', vipPortStart: 9000, vipPortEnd: 9009, privatePortStart: 7000 };
    const range = await made('/port-forwarding', ranged);
    expect(range).toMatchObject({ privatePortStart: 7000, privatePortEnd: 7009 });
    expect(range).not.toHaveProperty('vmNicUuid');
    const attach = `/port-forwarding/${range['uuid']}/vm-instances/nics/${nic['uuid']}`;
    // Two at once: one of them is told that the other was first.
    const both = (await Promise.all([1, 2].map(() => test.call('POST', attach, {})))).map(({ json }) => json);
    expect(both.filter((json) => json['inventory'])).toMatchObject([{ inventory: { vmNicUuid: nic['uuid'] } }]);
    expect(both.filter((json) => json['error'])).toMatchObject([{ error: { code: 'SYS.1006' } }]);
    expect((await test.call('POST', attach, {})).json['error']).toMatchObject({ code: 'SYS.1006' });
    expect(await portForwardings.list(operator(), vip['uuid'] as string)).toHaveLength(2);

    const refused = async (changes: Body) => {
      return (await test.call('POST', '/port-forwarding', { params: { name: 'no', ...rule, ...changes } })).json[
        'error'
      ];
    };
    expect(await refused({ vipPortStart: 9005 })).toMatchObject({
      code: 'SYS.1007',
      details: expect.stringContaining('overlaps'),
    });
    expect(await refused({ vipPortStart: 1, vipPortEnd: 3, privatePortEnd: 81 })).toMatchObject({ code: 'SYS.1007' });
    expect(await refused({ vipPortStart: 5, vipPortEnd: 3 })).toMatchObject({ code: 'SYS.1007' });
    expect(await refused({ vipPortStart: 70_000 })).toMatchObject({ code: 'SYS.1007' });
    expect(await refused({ vipPortStart: 1, allowedCidr: '10.0.0.0/8' })).toMatchObject({ code: 'SYS.1014' });
    const eip = await test.call('POST', '/eips', { params: { name: 'whole', vipUuid: vip['uuid'] } });
    expect(eip.json['error']).toMatchObject({ code: 'SYS.1006' });

    const detached = await test.call('DELETE', `/port-forwarding/${range['uuid']}/vm-instances/nics`);
    expect(detached.json['inventory']).not.toHaveProperty('guestIp');
    await portForwardings.delete(operator(), vip['uuid'] as string, engine!.id);
    expect(await one(`/port-forwarding/${web['uuid']}`)).not.toHaveProperty('vmNicUuid');
    await test.call('POST', `/port-forwarding/${web['uuid']}/vm-instances/nics/${nic['uuid']}`, {});
    // What Neutron forwards is a rule of its own.
    const dns = await portForwardings.create(operator(), vip['uuid'] as string, {
      protocol: 'udp',
      external: { first: 53, last: 53 },
      internal: { first: 5353, last: 5353 },
      internalPortId: nic['uuid'] as string,
    });
    expect(await one('/port-forwarding?q=vipPortStart=53')).toMatchObject({ uuid: dns.id, protocolType: 'UDP' });
    const renamed = { updatePortForwardingRule: { name: 'dns' } };
    const changed = await test.call('PUT', `/port-forwarding/${dns.id}/actions`, renamed);
    expect(changed.json['inventory']).toMatchObject({ uuid: dns.id, name: 'dns', vmNicUuid: nic['uuid'] });
    for (const gone of [dns.id, web['uuid'], range['uuid']]) {
      expect((await test.call('DELETE', `/port-forwarding/${gone}`)).json).toEqual({});
    }
    expect(await portForwardings.list(operator(), vip['uuid'] as string)).toEqual([]);
    expect((await test.call('DELETE', `/vips/${vip['uuid']}`)).json).toEqual({});
    await test.call('DELETE', `/nics/${nic['uuid']}`);
    expect((await test.call('DELETE', `/l3-networks/${uuid}`)).json).toEqual({});
    expect((await test.call('DELETE', `/l3-networks/${publicUuid}`)).json).toEqual({});
  });

  it('shows an account nothing of another one', async () => {
    const uuid = await l3('hidden', '10.83.0.0/24');
    const group = await made('/security-groups', { name: 'hidden' });
    const authorization = `OAuth ${await test.newAccount('stranger')}`;
    const seen = async (path: string) =>
      (await test.call('GET', path, undefined, { authorization })).json['inventories'];
    expect(await seen(`/l3-networks/${uuid}`)).toEqual([]);
    expect(await seen(`/l3-networks/ip-ranges?q=l3NetworkUuid=${uuid}`)).toEqual([]);
    expect(await seen(`/security-groups/${group['uuid']}`)).toEqual([]);
    const add = await test.call(
      'POST',
      `/l3-networks/${uuid}/dns`,
      { params: { dns: '10.83.0.9' } },
      { authorization },
    );
    expect(add.json['error']).toMatchObject({ code: 'SYS.1003' });
    await test.call('DELETE', `/l3-networks/${uuid}`, undefined, { authorization });
    expect(await one(`/l3-networks/${uuid}`)).toBeDefined();
    const l2 = await test.call('GET', '/l2-networks', undefined, { authorization });
    expect(l2.json['error']).toMatchObject({ code: 'ID.1002' });
  });
});
