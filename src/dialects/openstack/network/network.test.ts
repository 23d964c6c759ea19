import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { type Json, NetworkApi } from './network-api.fixture.ts';

let api: NetworkApi;

beforeAll(async () => {
  api = await NetworkApi.start();
});
afterAll(() => api.close());

const call: NetworkApi['call'] = (...request) => api.call(...request);
const made: NetworkApi['made'] = (...request) => api.made(...request);

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const failure = (status: number, type: string) => ({ status, body: { NeutronError: { type, detail: '' } } });

describe('discovery', () => {
  test.each(['', 'nobody', 'forged'])('needs no token (%s)', async (who) => {
    api.tokens['forged'] = 'not a token';
    const versions = await call(who, 'GET', '/');
    expect(versions.status).toBe(200);
    expect(versions.body).toMatchObject({
      versions: [
        { id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: 'http://localhost:80/network/v2.0/' }] },
      ],
    });
    const resources = await call(who, 'GET', '/v2.0/');
    const found = (resources.body['resources'] as unknown as Array<{ collection: string }>).map(
      (one) => one.collection,
    );
    expect(found).toContain('security-groups');
  });

  test('lists no extension that is not there, and shows those that are', async () => {
    const { body } = await call('alice', 'GET', '/v2.0/extensions');
    const aliases = (body['extensions'] as unknown as Array<{ alias: string }>).map(({ alias }) => alias);
    expect(aliases).toContain('security-group');
    expect(aliases).not.toContain('dvr');
    expect(await call('alice', 'GET', '/v2.0/extensions/quotas')).toMatchObject({ status: 200 });
    expect(await call('alice', 'GET', '/v2.0/extensions/dvr')).toMatchObject(failure(404, 'HTTPNotFound'));
    expect(await call('alice', 'GET', '/v2.0/trunks')).toMatchObject({ status: 404 });
  });

  test('everything else does', async () => {
    for (const who of ['nobody', 'forged']) {
      const answer = await call(who, 'GET', '/v2.0/networks');
      expect(answer).toMatchObject({ status: 401, body: { error: { code: 401, title: 'Unauthorized' } } });
      expect(answer.headers['www-authenticate']).toMatch(/^Keystone uri="/);
      expect(answer.headers['x-openstack-request-id']).toMatch(/^req-/);
    }
  });
});

describe('a network with its subnet and port', () => {
  test('is made, shown, changed and deleted', async () => {
    const web = await made('alice', 'networks', 'network', { name: 'web', admin_state_up: true });
    expect(web).toMatchObject({
      id: uuid,
      project_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      tenant_id: web['project_id'],
      status: 'ACTIVE',
      shared: false,
      'router:external': false,
      mtu: 1500,
      subnets: [],
      revision_number: 0,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    const subnet = await made('alice', 'subnets', 'subnet', {
      network_id: web['id'],
      ip_version: 4,
      cidr: '192.168.7.0/24',
      gateway_ip: null,
      subnetpool_id: null,
    });
    expect(subnet).toMatchObject({
      gateway_ip: null,
      network_id: web['id'],
      allocation_pools: [{ start: '192.168.7.1', end: '192.168.7.254' }],
    });
    const port = await made('alice', 'ports', 'port', { network_id: web['id'], name: 'p' });
    expect(port).toMatchObject({
      fixed_ips: [{ subnet_id: subnet['id'], ip_address: '192.168.7.1' }],
      security_groups: [uuid],
      status: 'DOWN',
      device_id: '',
      'binding:vnic_type': 'normal',
    });
    expect(port).not.toHaveProperty('binding:host_id');
    const seenByAdmin = await call('admin', 'GET', `/v2.0/ports/${port['id']}`);
    expect(seenByAdmin.body['port']).toMatchObject({ 'binding:host_id': '', 'binding:vif_type': 'unbound' });

    const changed = await call('alice', 'PUT', `/v2.0/networks/${web['id']}`, { network: { name: 'web-2' } });
    expect(changed).toMatchObject({ status: 200, body: { network: { name: 'web-2', subnets: [subnet['id']] } } });
    const stale = await call(
      'alice',
      'PUT',
      `/v2.0/networks/${web['id']}`,
      { network: { name: 'x' } },
      { 'if-match': 'revision_number=0' },
    );
    expect(stale).toMatchObject(failure(412, 'RevisionNumberConstraintFailed'));

    const inUse = await call('alice', 'DELETE', `/v2.0/networks/${web['id']}`);
    expect(inUse).toMatchObject(failure(409, 'NetworkInUse'));
    const { message } = inUse.body['NeutronError']! as unknown as { message: string };
    expect(message).toContain(String(web['id']));
    expect(message).toContain(String(port['id']));
    for (const path of [`ports/${port['id']}`, `subnets/${subnet['id']}`, `networks/${web['id']}`]) {
      expect(await call('alice', 'DELETE', `/v2.0/${path}`)).toMatchObject({ status: 204, body: {} });
      expect(await call('alice', 'GET', `/v2.0/${path}`)).toMatchObject({ status: 404 });
    }
  });

  test('is unknown to other projects', async () => {
    const hers = await made('alice', 'networks', 'network', { name: 'hers' });
    for (const [method, body] of [['GET'], ['PUT', { network: { name: 'his' } }], ['DELETE']] as const) {
      expect(await call('bob', method, `/v2.0/networks/${hers['id']}`, body)).toMatchObject(
        failure(404, 'NetworkNotFound'),
      );
    }
    expect(await call('bob', 'POST', '/v2.0/ports', { port: { network_id: hers['id'] } })).toMatchObject(
      failure(404, 'NetworkNotFound'),
    );
    const forAlice = await call('bob', 'POST', '/v2.0/networks', { network: { tenant_id: hers['project_id'] } });
    expect(forAlice).toMatchObject({ status: 403 });
    const forHer = await call('admin', 'POST', '/v2.0/networks', { network: { tenant_id: hers['project_id'] } });
    expect(forHer).toMatchObject({ status: 201, body: { network: { project_id: hers['project_id'] } } });
  });

  test('is refused with words that name what is wrong', async () => {
    const { id } = await made('alice', 'networks', 'network', { name: 'n' });
    const post = (key: string, collection: string, body: object) =>
      call('alice', 'POST', `/v2.0/${collection}`, { [key]: body });
    expect(await post('network', 'networks', { nam: 'x' })).toMatchObject({
      status: 400,
      body: { NeutronError: { message: "Unrecognized attribute(s) 'nam'" } },
    });
    for (const member of ['id', 'status', 'created_at', 'project_id']) {
      expect(await call('alice', 'PUT', `/v2.0/networks/${id}`, { network: { [member]: 'x' } })).toMatchObject({
        status: 400,
        body: { NeutronError: { type: 'HTTPBadRequest', message: `Cannot update read-only attribute ${member}` } },
      });
    }
    const made_at = { created_at: '2026-01-01T00:00:00Z' };
    for (const answer of [
      await post('network', 'networks', made_at),
      await post('networks', 'networks', [{ name: 'fine' }, made_at]),
    ]) {
      const message = "Attribute 'created_at' not allowed in POST";
      expect(answer).toMatchObject({ status: 400, body: { NeutronError: { message } } });
    }
    expect(await post('net', 'networks', {})).toMatchObject({
      status: 400,
      body: { NeutronError: { type: 'HTTPBadRequest', message: "Unable to find 'network' in request body" } },
    });
    expect(await post('network', 'networks', { shared: true })).toMatchObject(failure(403, 'PolicyNotAuthorized'));
    const subnet = { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' };
    expect(await post('subnet', 'subnets', { ...subnet, ip_version: 6 })).toMatchObject(failure(400, 'InvalidInput'));
    expect(await post('subnet', 'subnets', { ...subnet, network_id: 'x' })).toMatchObject(
      failure(400, 'HTTPBadRequest'),
    );
    await post('subnet', 'subnets', subnet);
    const twice = await post('subnet', 'subnets', { ...subnet, cidr: '10.0.0.0/25' });
    expect(twice).toMatchObject(failure(400, 'InvalidInput'));
    expect(JSON.stringify(twice.body)).toMatch(/10\.0\.0\.0\/25.*10\.0\.0\.0\/24/);
    const port = { network_id: id, fixed_ips: [{ ip_address: '10.0.0.9' }] };
    await post('port', 'ports', port);
    expect(await post('port', 'ports', port)).toMatchObject(failure(409, 'IpAddressInUse'));
    expect(await call('alice', 'GET', '/v2.0/networks/a-name')).toMatchObject(failure(404, 'NetworkNotFound'));
  });
});

describe('lists', () => {
  test('are filtered by any attribute, cut to fields, sorted and paged', async () => {
    const body = { networks: ['b', 'a', 'c'].map((name) => ({ name, description: 'paged' })) };
    const bulk = await call('bob', 'POST', '/v2.0/networks', body);
    expect(bulk.status).toBe(201);
    const names = async (query: string) => {
      const answer = await call('bob', 'GET', `/v2.0/networks?${query}`);
      expect(answer.status).toBe(200);
      return (answer.body['networks'] as unknown as Array<{ name: string }>).map(({ name }) => name);
    };
    expect(await names('name=a&name=c')).toEqual(['a', 'c']);
    expect(await names('router:external=True')).toEqual([]);
    expect(await names('description=paged&admin_state_up=1&sort_key=name&sort_dir=desc')).toEqual(['c', 'b', 'a']);
    const fields = await call('bob', 'GET', '/v2.0/networks?name=a&fields=name&fields=id&fields=nothing');
    expect(fields.body['networks']).toEqual([{ name: 'a', id: uuid }]);

    const page = await call('bob', 'GET', '/v2.0/networks?description=paged&sort_key=name&sort_dir=asc&limit=2');
    const [next] = page.body['networks_links'] as unknown as Array<{ rel: string; href: string }>;
    expect(next).toMatchObject({
      rel: 'next',
      href: expect.stringContaining('http://localhost:80/network/v2.0/networks?'),
    });
    const rest = await call('bob', 'GET', next!.href.slice(next!.href.indexOf('/v2.0')));
    expect(rest.body['networks']).toMatchObject([{ name: 'c' }]);
    const [previous] = rest.body['networks_links'] as unknown as Array<{ rel: string; href: string }>;
    expect(previous!.rel).toBe('previous');
    const back = await call('bob', 'GET', previous!.href.slice(previous!.href.indexOf('/v2.0')));
    expect(back.body['networks']).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  });

  test.each(['colour=red', 'sort_key=colour&sort_dir=asc', 'sort_key=name', 'shared=perhaps', 'limit=-1', 'marker=x'])(
    'refuse %s',
    async (query) => {
      expect(await call('bob', 'GET', `/v2.0/networks?${query}`)).toMatchObject({ status: 400 });
    },
  );

  test('of ports are filtered by address', async () => {
    const { id } = await made('bob', 'networks', 'network', {});
    await made('bob', 'subnets', 'subnet', { network_id: id, ip_version: 4, cidr: '10.5.0.0/24' });
    const ports = [7, 8].map((n) => ({ network_id: id, name: `p${n}`, fixed_ips: [{ ip_address: `10.5.0.${n}` }] }));
    await call('bob', 'POST', '/v2.0/ports', { ports });
    const list = async (query: string) => (await call('bob', 'GET', `/v2.0/ports?${query}`)).body['ports'];
    expect(await list('fixed_ips=ip_address=10.5.0.8')).toMatchObject([{ name: 'p8' }]);
    expect(await list('fixed_ips=ip_address=10.5.0.8&fixed_ips=ip_address=10.5.0.7')).toHaveLength(2);
    expect(await list('fixed_ips=ip_address_substr=5.0.7')).toMatchObject([{ name: 'p7' }]);
    expect(await list(`network_id=${id}&device_id=${'5'.repeat(32)}`)).toEqual([]);
  });
});

describe('security groups', () => {
  test('have their rules within them; rules are made and deleted by themselves', async () => {
    const list = await call('bob', 'GET', '/v2.0/security-groups?name=default');
    expect(list.body['security_groups']).toMatchObject([{ name: 'default', security_group_rules: { length: 4 } }]);
    const group = await made('bob', 'security-groups', 'security_group', { name: 'web' });
    expect(group['security_group_rules']).toHaveLength(2);
    const rule = {
      security_group_id: group['id'],
      direction: 'ingress',
      ethertype: 'ipv4',
      protocol: 'tcp',
      port_range_min: 443,
      port_range_max: 443,
      remote_ip_prefix: '192.0.2.9/24',
      remote_group_id: null,
    };
    const first = await made('bob', 'security-group-rules', 'security_group_rule', rule);
    expect(first).toMatchObject({ ethertype: 'IPv4', normalized_cidr: '192.0.2.0/24', protocol: 'tcp' });
    const again = await call('bob', 'POST', '/v2.0/security-group-rules', { security_group_rule: rule });
    expect(again).toMatchObject(failure(409, 'SecurityGroupRuleExists'));
    const bad = { ...rule, port_range_max: 1 };
    expect(await call('bob', 'POST', '/v2.0/security-group-rules', { security_group_rule: bad })).toMatchObject(
      failure(400, 'SecurityGroupInvalidPortRange'),
    );
    const found = await call('bob', 'GET', `/v2.0/security-group-rules?security_group_id=${group['id']}&protocol=tcp`);
    expect(found.body['security_group_rules']).toMatchObject([{ id: first['id'] }]);
    expect(await call('bob', 'DELETE', `/v2.0/security-group-rules/${first['id']}`)).toMatchObject({ status: 204 });
    expect(await call('bob', 'DELETE', `/v2.0/security-group-rules/${first['id']}`)).toMatchObject(
      failure(404, 'SecurityGroupRuleNotFound'),
    );
    const unknown = await call('alice', 'GET', `/v2.0/security-groups/${group['id']}`);
    expect(unknown).toMatchObject(failure(404, 'SecurityGroupNotFound'));
  });

  test('named default stay', async () => {
    const list = await call('bob', 'GET', '/v2.0/security-groups?name=default&fields=id');
    const [{ id }] = list.body['security_groups'] as unknown as [{ id: string }];
    expect(await call('bob', 'DELETE', `/v2.0/security-groups/${id}`)).toMatchObject(
      failure(409, 'SecurityGroupCannotRemoveDefault'),
    );
  });

  test('that stand for having none are shown and can be given, and stay as they are', async () => {
    const { id: network_id, project_id: projectId } = await made('bob', 'networks', 'network', {});
    const networkId = String(network_id).replaceAll('-', '');
    const owner = { ...operator(), isAdmin: false, projectId: String(projectId) };
    await api.networks.ports.create(owner, [{ networkId, isOpen: true }]);
    const list = await call('bob', 'GET', '/v2.0/security-groups?name=open');
    const [{ id, security_group_rules: rules }] = list.body['security_groups'] as unknown as [
      { id: string; security_group_rules: [{ id: string }] },
    ];
    expect(rules).toHaveLength(4);
    const port = await made('bob', 'ports', 'port', { network_id, security_groups: [id] });
    expect(port).toMatchObject({ security_groups: [id] });
    for (const who of ['bob', 'admin']) {
      const rule = { security_group_id: id, direction: 'ingress', protocol: 'tcp' };
      for (const answer of [
        await call(who, 'DELETE', `/v2.0/security-groups/${id}`),
        await call(who, 'PUT', `/v2.0/security-groups/${id}`, { security_group: { name: 'web' } }),
        await call(who, 'DELETE', `/v2.0/security-group-rules/${rules[0].id}`),
        await call(who, 'POST', '/v2.0/security-group-rules', { security_group_rule: rule }),
      ])
        expect(answer).toMatchObject(failure(409, 'SecurityGroupOpen'));
    }
  });
});

test('quotas are shown to their project, set by administrators, and kept to', async () => {
  const { project_id: project } = await made('bob', 'networks', 'network', {});
  const path = `/v2.0/quotas/${project}`;
  expect((await call('bob', 'GET', path)).body).toMatchObject({ quota: { network: 100, port: -1 } });
  const details = await call('bob', 'GET', `${path}/details.json`);
  expect(details.body).toMatchObject({ quota: { network: { limit: 100, reserved: 0, used: expect.any(Number) } } });
  expect(await call('alice', 'GET', path)).toMatchObject({ status: 403 });
  expect(await call('bob', 'PUT', path, { quota: { network: 1 } })).toMatchObject({ status: 403 });
  const set = await call('admin', 'PUT', path, { quota: { network: 1 } });
  expect(set).toMatchObject({ status: 200, body: { quota: { network: 1, subnet: 100 } } });
  expect(await call('bob', 'POST', '/v2.0/networks', { network: {} })).toMatchObject(failure(409, 'OverQuota'));
  const checked = (quota: object) => call('admin', 'PUT', path, { quota: { ...quota, check_limit: true } });
  const below = await checked({ network: 0 });
  expect(below).toMatchObject(failure(400, 'InvalidInput'));
  expect(below.body['NeutronError']!['message']).toContain('Quota limit 0 for network must be');
  expect(await checked({ network: 0, force: true })).toMatchObject({ status: 200, body: { quota: { network: 0 } } });
  expect(await checked({ network: 50, port: -1 })).toMatchObject({ status: 200, body: { quota: { network: 50 } } });
  const listed = await call('admin', 'GET', '/v2.0/quotas');
  const own = { project_id: project, tenant_id: project, network: 50, port: -1, subnet: 100 };
  expect(listed.body['quotas']).toEqual([expect.objectContaining(own)]);
  expect(await call('bob', 'GET', '/v2.0/quotas')).toMatchObject({ status: 403 });
  expect(await call('admin', 'DELETE', path)).toMatchObject({ status: 204 });
  expect((await call('admin', 'GET', '/v2.0/quotas')).body).toEqual({ quotas: [] });
  expect((await call('bob', 'GET', `${path}/default`)).body).toMatchObject({ quota: { network: 100 } });
  await made('bob', 'networks', 'network', {});
});

test('service providers are filtered: who asks for VPNs is told that there are none', async () => {
  const found = async (query: string) =>
    (await call('alice', 'GET', `/v2.0/service-providers?${query}`)).body['service_providers'];
  expect(await found('service_type=VPN')).toEqual([]);
  expect(await found('service_type=L3_ROUTER_NAT&fields=name')).toEqual([{ name: 'single_node' }]);
  expect(await found('')).toHaveLength(1);
});

test('numbers may come as texts, as `openstack` sends what its user has typed', async () => {
  const typed = { name: 'typed', mtu: '1400', 'provider:segmentation_id': '4711' };
  const network = await made('admin', 'networks', 'network', typed);
  expect(network).toMatchObject({ mtu: 1400, 'provider:segmentation_id': 4711 });
  const path = `/v2.0/networks/${network['id']}`;
  expect(await call('admin', 'PUT', path, { network: { mtu: '1300' } })).toMatchObject({
    body: { network: { mtu: 1300 } },
  });
  expect(await call('admin', 'PUT', path, { network: { mtu: 'large' } })).toMatchObject({ status: 400 });
  const scope = await made('admin', 'address-scopes', 'address_scope', { name: 'typed', ip_version: '6' });
  expect(scope).toMatchObject({ ip_version: 6 });
  const plan = { network_id: network['id'], ip_version: '4', cidr: '10.9.0.0/24' };
  expect(await made('admin', 'subnets', 'subnet', plan)).toMatchObject({ ip_version: 4 });
  expect(await call('admin', 'POST', '/v2.0/subnets', { subnet: { ...plan, ip_version: '5' } })).toMatchObject({
    status: 400,
  });
});

test('each network is a segment, which administrators see; servers that ask for none get the default one', async () => {
  const web = await made('alice', 'networks', 'network', { name: 'segmented' });
  const seen = await call('admin', 'GET', `/v2.0/networks/${web['id']}`);
  const { body } = await call('admin', 'GET', `/v2.0/segments?network_id=${web['id']}`);
  const [segment, ...others] = body['segments'] as unknown as Json[];
  expect(others).toEqual([]);
  expect(segment).toMatchObject({
    network_id: web['id'],
    network_type: 'vxlan',
    segmentation_id: seen.body['network']!['provider:segmentation_id'],
  });
  const shown = await call('admin', 'GET', `/v2.0/segments/${segment!['id']}`);
  expect(shown).toMatchObject({ status: 200, body: { segment } });
  expect(await call('alice', 'GET', '/v2.0/segments')).toMatchObject({ status: 403 });

  const one = `/v2.0/segments/${segment!['id']}`;
  const name = (words: object, who: 'admin' | 'alice' = 'admin') => call(who, 'PUT', one, { segment: words });
  const before = Number(segment!['revision_number']);
  expect(await name({ name: 'rack-1', description: 'by the door' })).toMatchObject({
    status: 200,
    body: { segment: { name: 'rack-1', description: 'by the door', revision_number: before + 1 } },
  });
  expect(await name({ description: '' })).toMatchObject({ body: { segment: { name: 'rack-1', description: '' } } });
  const named = await call('admin', 'GET', '/v2.0/segments?name=rack-1');
  expect(named.body['segments']).toMatchObject([{ id: segment!['id'], revision_number: before + 2 }]);
  expect(await name({ name: null })).toMatchObject({ body: { segment: { name: null } } });
  expect(await name({ name: 'mine' }, 'alice')).toMatchObject({ status: 403 });
  expect(await name({ segmentation_id: 7 })).toMatchObject({ status: 400 });
  const gone = '/v2.0/segments/00000000-0000-4000-8000-000000000000';
  expect(await call('admin', 'PUT', gone, { segment: { name: 'x' } })).toMatchObject({ status: 404 });

  const path = `/v2.0/auto-allocated-topology/${web['project_id']}`;
  expect(await call('alice', 'GET', path)).toMatchObject({ status: 409 });
  const usual = await made('admin', 'networks', 'network', { name: 'usual', shared: true, is_default: true });
  expect(await call('alice', 'GET', path)).toMatchObject({
    status: 200,
    body: { auto_allocated_topology: { id: usual['id'], project_id: web['project_id'] } },
  });
  expect((await call('alice', 'GET', `${path}?fields=dry-run`)).body).toMatchObject({
    auto_allocated_topology: { id: 'dry-run=pass' },
  });
  expect(await call('bob', 'GET', path)).toMatchObject({ status: 404 });
  // It is everybody's: nobody takes it from the others.
  expect(await call('bob', 'DELETE', path)).toMatchObject({ status: 404 });
  expect(await call('alice', 'DELETE', '/v2.0/auto-allocated-topology/None')).toMatchObject({ status: 204 });
  expect(await call('alice', 'DELETE', path)).toMatchObject({ status: 204 });
  expect(await call('alice', 'GET', path)).toMatchObject({ status: 200 });
});
