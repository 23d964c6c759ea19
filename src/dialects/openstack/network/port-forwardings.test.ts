import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Json, NetworkApi } from './network-api.fixture.ts';

let api: NetworkApi;
let outside: Json;
let subnet: Json;
let router: Json;
let floating: Json;
let port: Json;
let other: Json;
let net = 0;

beforeAll(async () => {
  api = await NetworkApi.start();
  outside = await api.made('admin', 'networks', 'network', { name: 'public', 'router:external': true });
  const pool = { allocation_pools: [{ start: '198.51.100.10', end: '198.51.100.99' }] };
  const plan = { network_id: outside['id'], ip_version: 4, cidr: '198.51.100.0/24', enable_dhcp: false, ...pool };
  await api.made('admin', 'subnets', 'subnet', plan);
});
afterAll(() => api.close());

const act = (action: string) =>
  api.call('alice', 'PUT', `/v2.0/routers/${router['id']}/${action}`, { subnet_id: subnet['id'] });

beforeEach(async () => {
  net += 1;
  const web = await api.made('alice', 'networks', 'network', { name: 'web' });
  const plan = { network_id: web['id'], ip_version: 4, cidr: `10.0.${net}.0/24` };
  subnet = await api.made('alice', 'subnets', 'subnet', plan);
  const external_gateway_info = { network_id: outside['id'] };
  router = await api.made('alice', 'routers', 'router', { name: 'r', external_gateway_info });
  await act('add_router_interface');
  floating = await api.made('alice', 'floatingips', 'floatingip', { floating_network_id: outside['id'] });
  port = await api.made('alice', 'ports', 'port', { network_id: web['id'] });
  other = await api.made('alice', 'ports', 'port', { network_id: web['id'] });
});

const collection = () => `/v2.0/floatingips/${floating['id']}/port_forwardings`;
const wanted = (more: object = {}) => ({
  port_forwarding: { protocol: 'tcp', internal_port_id: port['id'], internal_port: 22, external_port: 2201, ...more },
});
const create = (more: object = {}, who = 'alice') => api.call(who, 'POST', collection(), wanted(more));
const failure = (status: number, type: string) => ({ status, body: { NeutronError: { type, detail: '' } } });
const addressOf = (of: Json) => (of['fixed_ips'] as unknown as Json[])[0]!['ip_address'];
const shown = async () => (await api.call('alice', 'GET', `/v2.0/floatingips/${floating['id']}`)).body['floatingip']!;

describe('port forwardings', () => {
  test('are made, shown, listed, changed and deleted, and lead the floating IP to its router', async () => {
    const made = await create({ description: 'ssh' });
    const id = made.body['port_forwarding']!['id'];
    const expected = {
      ...{
        id,
        protocol: 'tcp',
        description: 'ssh',
        internal_port_id: port['id'],
        internal_ip_address: addressOf(port),
      },
      ...{ internal_port: 22, internal_port_range: '22:22', external_port: 2201, external_port_range: '2201:2201' },
    };
    expect(made).toMatchObject({ status: 201, body: { port_forwarding: expected } });
    expect(await shown()).toMatchObject({ port_id: null, router_id: router['id'], status: 'ACTIVE' });
    const one = `${collection()}/${id}`;
    expect((await api.call('alice', 'GET', one)).body).toEqual({ port_forwarding: expected });
    expect(await api.call('bob', 'GET', one)).toMatchObject({ status: 404 });
    expect(await api.call('bob', 'GET', collection())).toMatchObject({ status: 404 });
    const listed = async (query: string) =>
      (await api.call('alice', 'GET', `${collection()}?${query}`)).body['port_forwardings'];
    expect(await listed(`external_port=2201&internal_port_id=${port['id']}`)).toEqual([expected]);
    expect(await listed('external_port=2202')).toEqual([]);
    expect(await listed('fields=id')).toEqual([{ id }]);
    const changed = await api.call('alice', 'PUT', one, {
      port_forwarding: { internal_port_id: other['id'], external_port: 2202 },
    });
    expect(changed.body['port_forwarding']).toMatchObject({
      ...{ internal_port_id: other['id'], internal_ip_address: addressOf(other), external_port: 2202 },
      ...{ internal_port: 22, description: 'ssh' },
    });
    expect(await api.call('alice', 'DELETE', one)).toMatchObject({ status: 204 });
    expect(await api.call('alice', 'GET', one)).toMatchObject(failure(404, 'PortForwardingNotFound'));
    expect(await api.call('alice', 'DELETE', one)).toMatchObject({ status: 404 });
    expect(await shown()).toMatchObject({ router_id: null, status: 'DOWN' });
  });

  test('of ranges have as many ports on either side, or one inside; none is forwarded twice', async () => {
    const ranges = (external: string, internal: string, more: object = {}) => {
      const none = { internal_port: undefined, external_port: undefined };
      return create({ ...none, external_port_range: external, internal_port_range: internal, ...more });
    };
    const made = await ranges('8000:8009', '9000:9009');
    expect(made.body['port_forwarding']).toMatchObject({ external_port_range: '8000:8009' });
    expect(made.body['port_forwarding']).not.toHaveProperty('external_port');
    expect(await ranges('7000:7009', '22')).toMatchObject({ status: 201 });
    expect(await ranges('8100:8109', '9100:9108')).toMatchObject(failure(400, 'BadRequest'));
    expect(await ranges('8109:8100', '9100:9109')).toMatchObject({ status: 400 });
    expect(await ranges('70000', '22')).toMatchObject({ status: 400 });
    expect(await create({ external_port: 8005, internal_port: 1 })).toMatchObject(failure(400, 'BadRequest'));
    expect(await create({ external_port: 9, internal_port: 9005 })).toMatchObject(failure(400, 'BadRequest'));
    expect(await create({ external_port: 8005, internal_port: 9005, protocol: 'udp' })).toMatchObject({ status: 201 });
    expect(await create({ external_port_range: '1:2' })).toMatchObject({ status: 400 });
    expect(await create({ protocol: 'icmp' })).toMatchObject({ status: 400 });
    expect(await create({ internal_port_id: '0'.repeat(32) })).toMatchObject({ status: 404 });
    expect(await create({}, 'bob')).toMatchObject({ status: 404 });
    const all = await Promise.all(Array.from({ length: 5 }, () => create({ external_port: 443, internal_port: 443 })));
    expect(all.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400]);
  });

  test('and whole addresses exclude each other', async () => {
    await create();
    const whole = { floatingip: { port_id: other['id'] } };
    const path = `/v2.0/floatingips/${floating['id']}`;
    expect(await api.call('alice', 'PUT', path, whole)).toMatchObject(failure(409, 'FipInUseByPortForwarding'));
    const second = { floatingip: { floating_network_id: outside['id'], port_id: port['id'] } };
    expect(await api.call('alice', 'POST', '/v2.0/floatingips', second)).toMatchObject(
      failure(409, 'PortHasPortForwarding'),
    );
    second.floatingip.port_id = other['id']!;
    const { body } = await api.call('alice', 'POST', '/v2.0/floatingips', second);
    expect(await create({ internal_port_id: other['id'], external_port: 1 })).toMatchObject(
      failure(409, 'PortHasBindingFloatingIP'),
    );
    const onWhole = `/v2.0/floatingips/${body['floatingip']!['id']}/port_forwardings`;
    expect(await api.call('alice', 'POST', onWhole, wanted())).toMatchObject(
      failure(409, 'FloatingIPPortAlreadyAssociated'),
    );
  });

  test('go with their port and their floating IP, and keep routers where they are', async () => {
    await create();
    expect(await act('remove_router_interface')).toMatchObject(failure(409, 'RouterInterfaceInUseByFloatingIP'));
    const gateway = { router: { external_gateway_info: null } };
    expect(await api.call('alice', 'PUT', `/v2.0/routers/${router['id']}`, gateway)).toMatchObject({ status: 409 });
    expect(await api.call('alice', 'DELETE', `/v2.0/ports/${port['id']}`)).toMatchObject({ status: 204 });
    expect((await api.call('alice', 'GET', collection())).body).toEqual({ port_forwardings: [] });
    expect(await shown()).toMatchObject({ router_id: null });
    await create({ internal_port_id: other['id'] });
    expect(await api.call('alice', 'DELETE', `/v2.0/floatingips/${floating['id']}`)).toMatchObject({ status: 204 });
    expect(await act('remove_router_interface')).toMatchObject({ status: 200 });
  });
});
