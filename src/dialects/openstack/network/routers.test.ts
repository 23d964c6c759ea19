import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Json, NetworkApi } from './network-api.fixture.ts';

let api: NetworkApi;
let outside: Json;
let web: Json;
let subnet: Json;
let router: Json;
let net = 0;

beforeAll(async () => {
  api = await NetworkApi.start();
  outside = await api.made('admin', 'networks', 'network', { name: 'public', 'router:external': true });
  const pool = { allocation_pools: [{ start: '198.51.100.10', end: '198.51.100.99' }] };
  const plan = { network_id: outside['id'], ip_version: 4, cidr: '198.51.100.0/24', enable_dhcp: false, ...pool };
  await api.made('admin', 'subnets', 'subnet', plan);
});
afterAll(() => api.close());

beforeEach(async () => {
  net += 1;
  web = await api.made('alice', 'networks', 'network', { name: 'web' });
  const plan = { network_id: web['id'], ip_version: 4, cidr: `10.0.${net}.0/24` };
  subnet = await api.made('alice', 'subnets', 'subnet', plan);
  router = await api.made('alice', 'routers', 'router', {
    name: 'r',
    external_gateway_info: { network_id: outside['id'] },
  });
});

const path = (of: Json, collection: string, action = '') => `/v2.0/${collection}/${of['id']}${action}`;
const act = (who: string, action: string, body: object) => api.call(who, 'PUT', path(router, 'routers', action), body);
const plug = () => act('alice', '/add_router_interface', { subnet_id: subnet['id'] });
const failure = (status: number, type: string) => ({ status, body: { NeutronError: { type, detail: '' } } });

describe('routers', () => {
  test('are shown with their gateway and routes; other projects do not know them', async () => {
    expect(router).toMatchObject({
      name: 'r',
      status: 'ACTIVE',
      admin_state_up: true,
      routes: [],
      external_gateway_info: { network_id: outside['id'], enable_snat: true },
    });
    const [address] = router['external_gateway_info']!['external_fixed_ips'] as unknown as Json[];
    expect(address!['ip_address']).toMatch(/^198\.51\.100\.\d+$/);
    expect(await api.call('bob', 'GET', path(router, 'routers'))).toMatchObject(failure(404, 'RouterNotFound'));
    const { body } = await api.call('alice', 'GET', '/v2.0/routers?name=r');
    expect((body['routers'] as unknown as Json[]).map(({ id }) => id)).toContain(router['id']);
  });

  test('keep their addresses outside when they are told the same once more', async () => {
    const gateway = async () => {
      const { body } = await api.call('admin', 'GET', path(router, 'routers'));
      return body['router']!['external_gateway_info']!['external_fixed_ips'] as unknown as Json[];
    };
    const set = async (external_fixed_ips: object[]) => {
      const gateway = { network_id: outside['id'], external_fixed_ips };
      const answer = await api.call('admin', 'PUT', path(router, 'routers'), {
        router: { external_gateway_info: gateway },
      });
      expect(answer.status).toBe(200);
    };
    const before = await gateway();
    const [{ subnet_id, ip_address } = {}] = before;
    for (const same of [[{ subnet_id }], [{ ip_address }], [{ subnet_id, ip_address }, { subnet_id }]]) {
      await set(same);
      expect(await gateway(), JSON.stringify(same)).toEqual(before);
    }
    await set([{ subnet_id, ip_address: '198.51.100.90' }]);
    expect(await gateway()).toEqual([{ subnet_id, ip_address: '198.51.100.90' }]);
    await set([{ subnet_id }, { subnet_id, ip_address: '198.51.100.91' }]);
    expect((await gateway()).map((one) => one['ip_address'])).toContain('198.51.100.91');
  });

  test('may lead to a network that has no subnet yet, and get an address of its first one', async () => {
    const far = await api.made('admin', 'networks', 'network', { name: 'far', 'router:external': true });
    const gateway = { external_gateway_info: { network_id: far['id'] } };
    const early = await api.made('alice', 'routers', 'router', gateway);
    expect(early).toMatchObject({ external_gateway_info: { network_id: far['id'], external_fixed_ips: [] } });
    // A port that only says it is a gateway gets nothing that it has not asked for.
    const port = { network_id: far['id'], fixed_ips: [], device_owner: 'network:router_gateway' };
    const forged = await api.made('admin', 'ports', 'port', port);
    const plan = { network_id: far['id'], ip_version: 4, cidr: '203.0.113.0/29' };
    const first = await api.made('admin', 'subnets', 'subnet', plan);
    const seen = await api.call('alice', 'GET', path(early, 'routers'));
    const given = [{ subnet_id: first['id'], ip_address: '203.0.113.2' }];
    expect(seen.body['router']).toMatchObject({ external_gateway_info: { external_fixed_ips: given } });
    await api.made('admin', 'subnets', 'subnet', { ...plan, cidr: '203.0.113.8/29' });
    expect((await api.call('alice', 'GET', path(early, 'routers'))).body).toEqual(seen.body);
    expect((await api.call('admin', 'GET', path(forged, 'ports'))).body['port']).toMatchObject({ fixed_ips: [] });
    await api.call('admin', 'DELETE', path(early, 'routers'));
    await api.call('admin', 'DELETE', path(forged, 'ports'));
    await api.call('admin', 'DELETE', path(far, 'networks'));
  });

  test("are not plugged by a port that says it is another project's", async () => {
    const own = await api.made('bob', 'networks', 'network', { name: 'own' });
    const owner = { device_owner: 'network:router_interface' };
    const forged = { network_id: own['id'], device_id: router['id'], ...owner };
    const refused = failure(409, 'DeviceIDNotOwnedByTenant');
    expect(await api.call('bob', 'POST', '/v2.0/ports', { port: forged })).toMatchObject(refused);
    const port = await api.made('bob', 'ports', 'port', { network_id: own['id'], ...owner });
    const change = { port: { device_id: router['id'] } };
    expect(await api.call('bob', 'PUT', path(port, 'ports'), change)).toMatchObject(refused);
    // It is only a word that anybody may write: the port goes as any other.
    expect(await api.call('bob', 'DELETE', path(port, 'ports'))).toMatchObject({ status: 204 });
    const nothing = { router: { external_gateway_info: {} } };
    expect(await api.call('alice', 'PUT', path(router, 'routers'), nothing)).toMatchObject({ status: 200 });
    expect(await api.call('alice', 'DELETE', path(router, 'routers'))).toMatchObject({ status: 204 });
  });

  test('are the gateways of subnets', async () => {
    const added = await plug();
    expect(added).toMatchObject({
      status: 200,
      body: { id: router['id'], subnet_id: subnet['id'], subnet_ids: [subnet['id']], network_id: web['id'] },
    });
    const { body } = await api.call('alice', 'GET', `/v2.0/ports/${added.body['port_id']}`);
    expect(body['port']).toMatchObject({
      device_id: router['id'],
      device_owner: 'network:router_interface',
      status: 'ACTIVE',
      port_security_enabled: false,
      fixed_ips: [{ subnet_id: subnet['id'], ip_address: subnet['gateway_ip'] }],
    });
    expect(await api.call('alice', 'DELETE', `/v2.0/ports/${added.body['port_id']}`)).toMatchObject(
      failure(409, 'ServicePortInUse'),
    );
    expect(await plug()).toMatchObject(failure(400, 'BadRequest'));
    expect(await api.call('alice', 'DELETE', path(router, 'routers'))).toMatchObject(failure(409, 'RouterInUse'));
    expect(await api.call('alice', 'DELETE', path(subnet, 'subnets'))).toMatchObject(failure(409, 'SubnetInUse'));
    const removed = await act('alice', '/remove_router_interface', { subnet_id: subnet['id'] });
    expect(removed).toMatchObject({ status: 200, body: { port_id: added.body['port_id'] } });
    expect(await act('alice', '/remove_router_interface', { subnet_id: subnet['id'] })).toMatchObject(
      failure(404, 'RouterInterfaceNotFoundForSubnet'),
    );
    expect(await api.call('alice', 'DELETE', path(router, 'routers'))).toMatchObject({ status: 204 });
  });

  test('take a port that exists, and give it back to nobody', async () => {
    const port = await api.made('alice', 'ports', 'port', { network_id: web['id'] });
    expect(await act('alice', '/add_router_interface', { port_id: port['id'] })).toMatchObject({ status: 200 });
    expect(await act('alice', '/add_router_interface', { port_id: port['id'] })).toMatchObject(
      failure(409, 'PortInUse'),
    );
    expect(await act('alice', '/remove_router_interface', { port_id: port['id'] })).toMatchObject({ status: 200 });
    expect(await api.call('alice', 'GET', path(port, 'ports'))).toMatchObject(failure(404, 'PortNotFound'));
  });

  test('refuse what can not be, with words that name it', async () => {
    expect(await act('alice', '/add_router_interface', {})).toMatchObject(failure(400, 'BadRequest'));
    expect(await act('bob', '/add_router_interface', { subnet_id: subnet['id'] })).toMatchObject(
      failure(404, 'RouterNotFound'),
    );
    const foreign = { external_gateway_info: { network_id: web['id'] } };
    expect(await api.call('alice', 'POST', '/v2.0/routers', { router: foreign })).toMatchObject(
      failure(400, 'BadRequest'),
    );
    const snat = { external_gateway_info: { network_id: outside['id'], enable_snat: false } };
    expect(await api.call('alice', 'PUT', path(router, 'routers'), { router: snat })).toMatchObject({ status: 403 });
    expect(await api.call('admin', 'PUT', path(router, 'routers'), { router: snat })).toMatchObject({
      status: 200,
      body: { router: { external_gateway_info: { enable_snat: false } } },
    });
    const twin = await api.made('alice', 'networks', 'network', { name: 'twin' });
    const plan = { network_id: twin['id'], ip_version: 4, cidr: subnet['cidr'] };
    const other = await api.made('alice', 'subnets', 'subnet', plan);
    await plug();
    const answer = await act('alice', '/add_router_interface', { subnet_id: other['id'] });
    expect(answer).toMatchObject(failure(400, 'BadRequest'));
    expect(answer.body['NeutronError']!['message']).toContain('overlaps');
  });

  test('have routes by networks that they are on', async () => {
    await plug();
    const routes = [{ destination: '203.0.113.0/24', nexthop: `10.0.${net}.7` }];
    expect(await api.call('alice', 'PUT', path(router, 'routers'), { router: { routes } })).toMatchObject({
      status: 200,
      body: { router: { routes } },
    });
    const away = [{ destination: '203.0.113.0/24', nexthop: '192.0.2.1' }];
    expect(await api.call('alice', 'PUT', path(router, 'routers'), { router: { routes: away } })).toMatchObject(
      failure(400, 'InvalidRoutes'),
    );
    const more = [{ destination: '192.0.2.0/24', nexthop: `10.0.${net}.8` }];
    expect(await act('alice', '/add_extraroutes', { router: { routes: more } })).toMatchObject({
      status: 200,
      body: { router: { routes: [...routes, ...more] } },
    });
    expect(await act('alice', '/remove_router_interface', { subnet_id: subnet['id'] })).toMatchObject(
      failure(409, 'RouterInterfaceInUseByRoute'),
    );
    expect(await act('alice', '/remove_extraroutes', { router: { routes: [...routes, ...more] } })).toMatchObject({
      body: { router: { routes: [] } },
    });
  });

  test('external networks are made by administrators, seen by all, and used by nobody else', async () => {
    const wanted = { network: { name: 'mine', 'router:external': true } };
    expect(await api.call('alice', 'POST', '/v2.0/networks', wanted)).toMatchObject({ status: 403 });
    const { body } = await api.call('alice', 'GET', '/v2.0/networks?router:external=true');
    expect(body['networks']).toMatchObject([{ name: 'public' }]);
    const port = { port: { network_id: outside['id'] } };
    expect(await api.call('alice', 'POST', '/v2.0/ports', port)).toMatchObject(
      failure(403, 'ExternalNetworkAttachForbidden'),
    );
    const inside = { network: { 'router:external': false } };
    expect(await api.call('admin', 'PUT', path(outside, 'networks'), inside)).toMatchObject(
      failure(409, 'ExternalNetworkInUse'),
    );
  });
});

describe('floating IPs', () => {
  let port: Json;
  const make = (body: object = {}) =>
    api.made('alice', 'floatingips', 'floatingip', { floating_network_id: outside['id'], ...body });

  beforeEach(async () => {
    port = await api.made('alice', 'ports', 'port', { network_id: web['id'] });
  });

  test('stand for an address of a port, then for another one, then for none', async () => {
    await plug();
    const floating = await make();
    expect(floating).toMatchObject({ port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN' });
    const [fixed] = port['fixed_ips'] as unknown as Json[];
    const associated = await api.call('alice', 'PUT', path(floating, 'floatingips'), {
      floatingip: { port_id: port['id'] },
    });
    expect(associated).toMatchObject({
      status: 200,
      body: {
        floatingip: {
          port_id: port['id'],
          fixed_ip_address: fixed!['ip_address'],
          router_id: router['id'],
          status: 'ACTIVE',
          floating_ip_address: floating['floating_ip_address'],
          port_details: {
            name: port['name'],
            network_id: web['id'],
            mac_address: port['mac_address'],
            admin_state_up: true,
            status: port['status'],
            device_id: '',
            device_owner: '',
          },
        },
      },
    });
    const { body } = await api.call(
      'alice',
      'GET',
      `/v2.0/floatingips?floating_ip_address=${floating['floating_ip_address']}&status=ACTIVE`,
    );
    expect(body['floatingips']).toMatchObject([{ id: floating['id'] }]);
    expect(
      await api.call('alice', 'PUT', path(floating, 'floatingips'), { floatingip: { port_id: null } }),
    ).toMatchObject({ body: { floatingip: { port_id: null, port_details: null, status: 'DOWN' } } });
    expect(await api.call('bob', 'GET', path(floating, 'floatingips'))).toMatchObject(
      failure(404, 'FloatingIPNotFound'),
    );
    expect(await api.call('alice', 'DELETE', path(floating, 'floatingips'))).toMatchObject({ status: 204 });
    expect(await api.call('alice', 'GET', path(floating, 'floatingips'))).toMatchObject({ status: 404 });
  });

  test('need a way between the networks, and one fixed address each', async () => {
    const wanted = { floatingip: { floating_network_id: outside['id'], port_id: port['id'] } };
    expect(await api.call('alice', 'POST', '/v2.0/floatingips', wanted)).toMatchObject(
      failure(404, 'ExternalGatewayForFloatingIPNotFound'),
    );
    await plug();
    await make({ port_id: port['id'] });
    expect(await api.call('alice', 'POST', '/v2.0/floatingips', wanted)).toMatchObject(
      failure(409, 'FloatingIPPortAlreadyAssociated'),
    );
    expect(await act('alice', '/remove_router_interface', { subnet_id: subnet['id'] })).toMatchObject(
      failure(409, 'RouterInterfaceInUseByFloatingIP'),
    );
    expect(
      await api.call('alice', 'PUT', path(router, 'routers'), { router: { external_gateway_info: {} } }),
    ).toMatchObject(failure(409, 'RouterExternalGatewayInUseByFloatingIp'));
  });

  test('are free again when their port goes, and so is what they needed', async () => {
    await plug();
    const floating = await make({ port_id: port['id'] });
    expect(await api.call('alice', 'DELETE', path(port, 'ports'))).toMatchObject({ status: 204 });
    expect(await api.call('alice', 'GET', path(floating, 'floatingips'))).toMatchObject({
      body: { floatingip: { port_id: null, router_id: null, status: 'DOWN' } },
    });
    expect(await act('alice', '/remove_router_interface', { subnet_id: subnet['id'] })).toMatchObject({ status: 200 });
    const nothing = { router: { external_gateway_info: {} } };
    expect(await api.call('alice', 'PUT', path(router, 'routers'), nothing)).toMatchObject({
      status: 200,
      body: { router: { external_gateway_info: null } },
    });
  });

  test('are of external networks only, and their addresses are chosen by administrators only', async () => {
    const inside = { floatingip: { floating_network_id: web['id'] } };
    expect(await api.call('alice', 'POST', '/v2.0/floatingips', inside)).toMatchObject(failure(400, 'BadRequest'));
    const chosen = { floating_network_id: outside['id'], floating_ip_address: '198.51.100.77' };
    expect(await api.call('alice', 'POST', '/v2.0/floatingips', { floatingip: chosen })).toMatchObject({ status: 403 });
    expect(await api.made('admin', 'floatingips', 'floatingip', chosen)).toMatchObject({
      floating_ip_address: '198.51.100.77',
    });
    expect(await api.call('admin', 'POST', '/v2.0/floatingips', { floatingip: chosen })).toMatchObject(
      failure(409, 'IpAddressInUse'),
    );
  });
});

test('ports may be open, or have addresses besides their own; never both', async () => {
  const pairs = [{ ip_address: '10.9.9.9' }, { ip_address: '10.8.0.0/16', mac_address: 'FA:16:3E:01:02:03' }];
  const port = await api.made('alice', 'ports', 'port', { network_id: web['id'], allowed_address_pairs: pairs });
  expect(port).toMatchObject({
    port_security_enabled: true,
    allowed_address_pairs: [
      { ip_address: '10.9.9.9', mac_address: port['mac_address'] },
      { ip_address: '10.8.0.0/16', mac_address: 'fa:16:3e:01:02:03' },
    ],
  });
  const change = (port_: object) => api.call('alice', 'PUT', path(port, 'ports'), { port: port_ });
  expect(await change({ port_security_enabled: false })).toMatchObject(
    failure(409, 'PortSecurityPortHasSecurityGroup'),
  );
  expect(await change({ port_security_enabled: false, security_groups: [] })).toMatchObject(
    failure(409, 'AddressPairAndPortSecurityRequired'),
  );
  const open = { port_security_enabled: false, security_groups: [], allowed_address_pairs: [] };
  expect(await change(open)).toMatchObject({ status: 200, body: { port: open } });
});
