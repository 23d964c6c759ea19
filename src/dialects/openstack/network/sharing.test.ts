import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, NetworkApi } from './network-api.fixture.ts';

let api: NetworkApi;

beforeAll(async () => {
  api = await NetworkApi.start();
});
afterAll(() => api.close());

const id = (resource: Json): string => String(resource['id']);
const project = async (who: string): Promise<string> =>
  String((await api.made(who, 'networks', 'network', { name: 'mine' }))['project_id']);

describe('subnet pools', () => {
  test('subnets are cut from them, lowest first, and never twice', async () => {
    const pool = await api.made('alice', 'subnetpools', 'subnetpool', {
      name: 'offices',
      prefixes: ['10.96.0.0/22'],
      default_prefixlen: '24',
    });
    expect(pool).toMatchObject({ ip_version: 4, min_prefixlen: 8, max_prefixlen: 32, default_prefixlen: 24 });
    const cidrs = [];
    for (let n = 0; n < 4; n += 1) {
      const network = await api.made('alice', 'networks', 'network', { name: `n${n}` });
      const wanted = { network_id: id(network), ip_version: 4, subnetpool_id: id(pool) };
      cidrs.push((await api.made('alice', 'subnets', 'subnet', wanted))['cidr']);
    }
    expect(cidrs).toEqual(['10.96.0.0/24', '10.96.1.0/24', '10.96.2.0/24', '10.96.3.0/24']);
    const network = await api.made('alice', 'networks', 'network', { name: 'more' });
    const wanted = { network_id: id(network), ip_version: 4, subnetpool_id: id(pool) };
    expect(await api.call('alice', 'POST', '/v2.0/subnets', { subnet: wanted })).toMatchObject({
      status: 409,
      body: { NeutronError: { type: 'SubnetAllocationError' } },
    });
    expect(await api.call('alice', 'DELETE', `/v2.0/subnetpools/${id(pool)}`)).toMatchObject({ status: 409 });
    const larger = { subnetpool: { prefixes: ['10.96.0.0/21'] } };
    expect(await api.call('alice', 'PUT', `/v2.0/subnetpools/${id(pool)}`, larger)).toMatchObject({ status: 200 });
    expect((await api.made('alice', 'subnets', 'subnet', wanted))['cidr']).toBe('10.96.4.0/24');
    const other = { subnetpool: { prefixes: ['10.97.0.0/21'] } };
    expect(await api.call('alice', 'PUT', `/v2.0/subnetpools/${id(pool)}`, other)).toMatchObject({
      body: { NeutronError: { type: 'IllegalSubnetPoolPrefixUpdate' } },
    });
  });

  test('in one address scope they do not overlap', async () => {
    const scope = await api.made('alice', 'address-scopes', 'address_scope', { name: 's', ip_version: 4 });
    const pool = { name: 'p', prefixes: ['10.100.0.0/16'], address_scope_id: id(scope) };
    await api.made('alice', 'subnetpools', 'subnetpool', pool);
    expect(await api.call('alice', 'POST', '/v2.0/subnetpools', { subnetpool: pool })).toMatchObject({ status: 409 });
    expect(await api.call('alice', 'DELETE', `/v2.0/address-scopes/${id(scope)}`)).toMatchObject({ status: 409 });
    expect(await api.call('bob', 'GET', `/v2.0/address-scopes/${id(scope)}`)).toMatchObject({ status: 404 });
  });
});

describe('RBAC policies', () => {
  test('share a network with one project, which can use it until it is taken back', async () => {
    const network = await api.made('alice', 'networks', 'network', { name: 'common' });
    const path = `/v2.0/networks/${id(network)}`;
    expect((await api.call('bob', 'GET', path)).status).toBe(404);
    const policy = await api.made('alice', 'rbac-policies', 'rbac_policy', {
      object_type: 'network',
      object_id: id(network),
      action: 'access_as_shared',
      target_tenant: await project('bob'),
    });
    expect((await api.call('bob', 'GET', path)).status).toBe(200);
    const port = await api.made('bob', 'ports', 'port', { network_id: id(network) });
    const gone = () => api.call('alice', 'DELETE', `/v2.0/rbac-policies/${id(policy)}`);
    expect(await gone()).toMatchObject({ status: 409, body: { NeutronError: { type: 'RbacPolicyInUse' } } });
    await api.call('bob', 'DELETE', `/v2.0/ports/${id(port)}`);
    expect((await gone()).status).toBe(204);
    expect((await api.call('bob', 'GET', path)).status).toBe(404);
  });

  test('only administrators share with all, and a shared network says so', async () => {
    const network = await api.made('alice', 'networks', 'network', { name: 'for-all' });
    const all = { object_type: 'network', object_id: id(network), action: 'access_as_shared', target_tenant: '*' };
    expect((await api.call('alice', 'POST', '/v2.0/rbac-policies', { rbac_policy: all })).status).toBe(403);
    await api.made('admin', 'rbac-policies', 'rbac_policy', all);
    expect((await api.call('bob', 'GET', `/v2.0/networks/${id(network)}`)).body).toMatchObject({
      network: { shared: true },
    });
    await api.call('admin', 'PUT', `/v2.0/networks/${id(network)}`, { network: { shared: false } });
    const { body } = await api.call('admin', 'GET', `/v2.0/rbac-policies?object_id=${id(network)}`);
    expect(body['rbac_policies']).toEqual([]);
  });
});

describe('tags', () => {
  test('are put on, filtered by, and taken off', async () => {
    const blue = await api.made('alice', 'networks', 'network', { name: 'blue' });
    const both = await api.made('alice', 'networks', 'network', { name: 'both' });
    const at = (network: Json, tag = '') => `/v2.0/networks/${id(network)}/tags${tag}`;
    expect((await api.call('alice', 'PUT', at(blue, '/blue'))).status).toBe(201);
    expect((await api.call('alice', 'PUT', at(both), { tags: ['blue', 'green'] })).body).toEqual({
      tags: ['blue', 'green'],
    });
    const names = async (query: string) => {
      const { body } = await api.call('alice', 'GET', `/v2.0/networks?${query}&fields=name`);
      return (body['networks'] as unknown as Json[]).map(({ name }) => name).sort();
    };
    expect(await names('tags=blue')).toEqual(['blue', 'both']);
    expect(await names('tags=blue,green')).toEqual(['both']);
    expect(await names('tags=blue&not-tags=green')).toEqual(['blue']);
    expect(await names('tags-any=green,red')).toEqual(['both']);
    expect(await names('not-tags-any=blue,green&name=blue')).toEqual([]);
    expect((await api.call('alice', 'GET', at(both, '/green'))).status).toBe(204);
    expect((await api.call('alice', 'DELETE', at(both, '/green'))).status).toBe(204);
    expect((await api.call('alice', 'DELETE', at(both, '/green'))).status).toBe(404);
    expect((await api.call('bob', 'PUT', at(both, '/mine'))).status).toBe(404);
    expect((await api.call('alice', 'GET', `/v2.0/networks/${id(both)}`)).body['network']).toMatchObject({
      tags: ['blue'],
      revision_number: 2,
    });
  });
});

describe('QoS policies and address groups', () => {
  test('a policy is made by administrators, used by ports, and kept while it is', async () => {
    expect((await api.call('alice', 'POST', '/v2.0/qos/policies', { policy: { name: 'x' } })).status).toBe(403);
    const policy = await api.made('admin', 'qos/policies', 'policy', { name: 'slow', shared: true });
    const tagged = await api.call('admin', 'PUT', `/v2.0/policies/${id(policy)}/tags`, { tags: ['blue'] });
    expect(tagged).toMatchObject({ status: 200, body: { tags: ['blue'] } });
    const seen = await api.call('admin', 'GET', `/v2.0/qos/policies/${id(policy)}`);
    expect(seen.body['policy']).toMatchObject({ tags: ['blue'] });
    const rules = `/v2.0/qos/policies/${id(policy)}/bandwidth_limit_rules`;
    const rule = { bandwidth_limit_rule: { max_kbps: 1000, direction: 'ingress' } };
    expect((await api.call('admin', 'POST', rules, rule)).status).toBe(201);
    expect((await api.call('admin', 'POST', rules, rule)).status).toBe(409);
    const marks = `/v2.0/qos/policies/${id(policy)}/dscp_marking_rules`;
    const mark = (dscp_mark: unknown) => ({ dscp_marking_rule: { dscp_mark } });
    for (const wrong of [3, 64, -1, '46', null]) {
      expect((await api.call('admin', 'POST', marks, mark(wrong))).status).toBe(400);
    }
    expect((await api.call('alice', 'POST', marks, mark(46))).status).toBe(403);
    const made = await api.call('admin', 'POST', marks, mark(46));
    expect(made.status).toBe(201);
    const again = await api.call('admin', 'POST', marks, mark(10));
    expect(again).toMatchObject({ status: 409, body: { NeutronError: { type: 'QosRulesConflict' } } });
    const markId = made.body['dscp_marking_rule']!['id'];
    const changed = await api.call('admin', 'PUT', `${marks}/${markId}`, mark(10));
    expect(changed).toMatchObject({ status: 200, body: { dscp_marking_rule: { id: markId, dscp_mark: 10 } } });
    const listed = (await api.call('alice', 'GET', `${marks}?dscp_mark=10&fields=id`)).body;
    expect(listed).toEqual({ dscp_marking_rules: [{ id: markId }] });
    expect((await api.call('alice', 'GET', `${marks}?dscp_mark=46`)).body).toEqual({ dscp_marking_rules: [] });
    const shown = (await api.call('alice', 'GET', `/v2.0/qos/policies/${id(policy)}`)).body['policy'];
    expect(shown!['rules']).toEqual([
      expect.objectContaining({ type: 'bandwidth_limit', max_kbps: 1000, qos_policy_id: id(policy) }),
      { id: markId, type: 'dscp_marking', dscp_mark: 10, qos_policy_id: id(policy) },
    ]);
    const kinds = (await api.call('alice', 'GET', '/v2.0/qos/rule-types')).body['rule_types'];
    expect(kinds).toEqual([{ type: 'bandwidth_limit' }, { type: 'dscp_marking' }]);
    const network = await api.made('alice', 'networks', 'network', { name: 'n', qos_policy_id: id(policy) });
    expect(network).toMatchObject({ qos_policy_id: id(policy) });
    expect((await api.call('admin', 'DELETE', `/v2.0/qos/policies/${id(policy)}`)).status).toBe(409);
    await api.call('alice', 'DELETE', `/v2.0/networks/${id(network)}`);
    const bandwidth = (shown!['rules'] as unknown as Array<{ id: string }>)[0]!.id;
    // A rule is found among those of its kind only.
    expect((await api.call('admin', 'DELETE', `${marks}/${bandwidth}`)).status).toBe(404);
    expect((await api.call('admin', 'DELETE', `/v2.0/qos/policies/${id(policy)}`)).status).toBe(204);
    expect((await api.call('admin', 'GET', `${marks}/${markId}`)).status).toBe(404);
  });

  test('rules name address groups, which stay while they do', async () => {
    const group = await api.made('alice', 'address-groups', 'address_group', {
      name: 'offices',
      addresses: ['192.0.2.77/24', '2001:DB8::1'],
    });
    expect(group['addresses']).toEqual(['192.0.2.0/24', '2001:db8::1/128']);
    const path = `/v2.0/address-groups/${id(group)}`;
    const more = { address_group: { addresses: ['198.51.100.0/24'] } };
    expect((await api.call('alice', 'PUT', `${path}/add_addresses`, more)).status).toBe(200);
    expect((await api.call('alice', 'PUT', `${path}/add_addresses`, more)).status).toBe(400);
    // As openstacksdk says it.
    const less = { addresses: ['198.51.100.0/24'] };
    expect((await api.call('alice', 'PUT', `${path}/remove_addresses`, less)).status).toBe(200);
    const security = await api.made('alice', 'security-groups', 'security_group', { name: 'web' });
    const rule = await api.made('alice', 'security-group-rules', 'security_group_rule', {
      security_group_id: id(security),
      direction: 'ingress',
      remote_address_group_id: id(group),
    });
    expect((await api.call('alice', 'DELETE', path)).status).toBe(409);
    await api.call('alice', 'DELETE', `/v2.0/security-group-rules/${id(rule)}`);
    expect((await api.call('alice', 'DELETE', path)).status).toBe(204);
  });
});

describe('IPv6', () => {
  test('ports get an address of each family; guests make their own where they are told to', async () => {
    const network = await api.made('alice', 'networks', 'network', { name: 'six' });
    const network_id = id(network);
    await api.made('alice', 'subnets', 'subnet', { network_id, ip_version: 4, cidr: '10.1.0.0/24' });
    const stateful = await api.made('alice', 'subnets', 'subnet', { network_id, ip_version: 6, cidr: 'fd00:1::/64' });
    expect(stateful).toMatchObject({ gateway_ip: 'fd00:1::1', ipv6_address_mode: null });
    const mac_address = 'fa:16:3e:11:22:33';
    const port = await api.made('alice', 'ports', 'port', { network_id, mac_address });
    expect(addresses(port)).toEqual(['10.1.0.2', 'fd00:1::2']);
    const modes = { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' };
    const own = { network_id, ip_version: 6, cidr: 'fd00:2::/64', ...modes };
    await api.made('alice', 'subnets', 'subnet', own);
    const { body } = await api.call('alice', 'GET', `/v2.0/ports/${id(port)}`);
    expect(addresses(body['port']!)).toContain('fd00:2::f816:3eff:fe11:2233');
    // What a guest makes up itself stays, whatever else its port is to have.
    const moved = await api.call('alice', 'PUT', `/v2.0/ports/${id(port)}`, {
      port: { fixed_ips: [{ ip_address: '10.1.0.9' }] },
    });
    expect(addresses(moved.body['port']!)).toEqual(['10.1.0.9', 'fd00:2::f816:3eff:fe11:2233']);
    const none = await api.call('alice', 'PUT', `/v2.0/ports/${id(port)}`, { port: { fixed_ips: [] } });
    expect(addresses(none.body['port']!)).toEqual(['fd00:2::f816:3eff:fe11:2233']);
    const bad = { ...own, cidr: 'fd00:3::/80' };
    expect(await api.call('alice', 'POST', '/v2.0/subnets', { subnet: bad })).toMatchObject({ status: 400 });
    const four = { network_id, ip_version: 4, cidr: '10.2.0.0/24', ...modes };
    expect(await api.call('alice', 'POST', '/v2.0/subnets', { subnet: four })).toMatchObject({ status: 400 });
  });
});

function addresses(port: Json): string[] {
  return (port['fixed_ips'] as unknown as Json[]).map(({ ip_address }) => String(ip_address)).sort();
}
