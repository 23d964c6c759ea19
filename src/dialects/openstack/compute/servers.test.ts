import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseId } from '../../../env/env.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const base = '/compute/v2.1';
const unknown = '/servers/70a599e0-31e7-49b7-b260-868f441e862b';

let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
  await api.addMember('alice');
});
afterAll(() => api.stop());

const create = (server: object, version?: string) =>
  api.call('POST', `${base}/servers`, {
    version,
    body: { server: { name: 'one', imageRef: api.imageId, flavorRef: '42', ...server } },
  });
const message = (answer: { body: { badRequest: { message: string } } }) => answer.body.badRequest.message;

describe('creating a server', () => {
  it('answers with little, and where it is', async () => {
    const { status, headers, body } = await create({ metadata: { a: 'b' } });
    expect(status).toBe(202);
    expect(Object.keys(body.server).sort()).toEqual(
      ['OS-DCF:diskConfig', 'adminPass', 'id', 'links', 'security_groups'].sort(),
    );
    expect(body.server.adminPass).toHaveLength(12);
    expect(headers['location']).toBe(`http://cloud.example.com${base}/servers/${body.server.id}`);
    await api.settled(body.server.id);
    const shown = await api.call('GET', `${base}/servers/${body.server.id}`);
    expect(shown.body.server).toMatchObject({ status: 'ACTIVE', metadata: { a: 'b' }, image: { id: api.imageId } });
  });

  it('makes several at once, and names their reservation', async () => {
    const { body } = await create({ name: 'many', min_count: 2, max_count: '3', return_reservation_id: 'True' });
    expect(body).toEqual({ reservation_id: expect.stringMatching(/^r-[0-9a-z]{8}$/) });
    const list = await api.call(
      'GET',
      `${base}/servers?reservation_id=${body.reservation_id}&sort_key=display_name&sort_dir=asc`,
    );
    expect(list.body.servers.map(({ name }: { name: string }) => name)).toEqual(['many-1', 'many-2', 'many-3']);
  });

  it.each([
    ['a numeric name', { name: 12345 }, "12345 is not of type 'string'"],
    ['an empty name', { name: '' }, 'is too short'],
    ['a name of 256 characters', { name: 'a'.repeat(256) }, 'is too long'],
    ['blanks around a name', { name: ' a ' }, 'Invalid input for field/attribute name'],
    ['an unknown member', { surprise: 1 }, "Additional properties are not allowed ('surprise' was unexpected)"],
    ['no such image', { imageRef: '70a599e0-31e7-49b7-b260-868f441e862b' }, 'Can not find requested image'],
    ['a broken image id', { imageRef: 'nope' }, 'Invalid imageRef provided.'],
    ['no such flavor', { flavorRef: 'nope' }, 'Flavor nope could not be found.'],
    ['no such key', { key_name: 'nope' }, 'Invalid key_name provided.'],
    ['a network that is none', { networks: [{ uuid: 'a-b-c' }] }, "'a-b-c' is not a 'uuid'"],
    ['no IPv6 address', { accessIPv6: 'notvalid' }, 'Invalid input for field/attribute accessIPv6'],
    ['a metadata key that is too long', { metadata: { ['a'.repeat(256)]: 'b' } }, 'greater than 255 characters'],
    ['user data that is not Base64', { user_data: '***' }, 'Invalid input for field/attribute user_data'],
    ['fewer at most than at least', { min_count: 3, max_count: 2 }, 'min_count must be <= max_count'],
    ['tags before 2.52', { tags: ['a'] }, "('tags' was unexpected)"],
    ['an unknown zone', { availability_zone: 'mars' }, 'The requested availability zone is not available'],
  ])('refuses %s', async (_, server, words) => {
    const answer = await create(server);
    expect(answer.status).toBe(400);
    expect(message(answer)).toContain(words);
  });

  it('refuses more metadata than the quota has', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, 'v']));
    const answer = await create({ metadata });
    expect(answer).toMatchObject({ status: 403, body: { forbidden: { code: 403 } } });
  });

  it('wants networks to be said from 2.37 on', async () => {
    expect(message(await create({}, '2.37'))).toContain("'networks' is a required property");
    const { status, body } = await create({ networks: 'none', tags: ['b', 'a'] }, '2.52');
    expect(status).toBe(202);
    await api.settled(body.server.id);
    const shown = await api.call('GET', `${base}/servers/${body.server.id}`, { version: '2.52' });
    expect(shown.body.server).toMatchObject({ addresses: {}, tags: expect.arrayContaining(['a', 'b']) });
  });
});

describe('listing servers', () => {
  let ids: string[];
  beforeAll(async () => {
    await api.addMember('lister');
    ids = [];
    for (const name of ['web-1', 'web-2', 'db-1']) ids.push(await api.server({ name }, 'lister'));
  });
  const list = async (query: string, version?: string) => {
    const answer = await api.call('GET', `${base}/servers?${query}`, { as: 'lister', version });
    return { ...answer, names: answer.body.servers?.map(({ name }: { name: string }) => name) };
  };

  it('gives pages, newest first, with a link to the next', async () => {
    const first = await list('limit=2');
    expect(first.names).toEqual(['db-1', 'web-2']);
    const [next] = first.body.servers_links;
    expect(next.rel).toBe('next');
    const second = await api.call('GET', next.href.slice('http://cloud.example.com'.length), { as: 'lister' });
    expect(second.body.servers.map(({ name }: { name: string }) => name)).toEqual(['web-1']);
    expect(second.body).not.toHaveProperty('servers_links');
  });

  it('finds by name, state, image, flavor and address', async () => {
    expect((await list('name=web&sort_key=display_name&sort_dir=asc')).names).toEqual(['web-1', 'web-2']);
    expect((await list('name=^db')).names).toEqual(['db-1']);
    const asked = (expression: string) =>
      list(`name=${encodeURIComponent(expression)}&sort_key=display_name&sort_dir=asc`);
    expect((await asked('^(web|other)\\-[0-9]+$')).names).toEqual(['web-1', 'web-2']);
    expect((await asked('^.*\\-[13-9]$')).names).toEqual(['db-1', 'web-1']);
    expect((await list('name=web-%5B1')).status).toBe(400);
    expect((await list('status=ACTIVE&status=SHUTOFF')).names).toHaveLength(3);
    expect((await list('status=REBUILD')).names).toEqual([]);
    expect((await list('status=nonsense')).names).toEqual([]);
    expect((await list(`image=${api.imageId}`)).names).toHaveLength(3);
    expect((await list('image=non_existing')).names).toEqual([]);
    expect((await list('flavor=42')).names).toHaveLength(3);
    expect((await list('flavor=1234')).names).toEqual([]);
    const shown = await api.call('GET', `${base}/servers/${ids[0]}`, { as: 'lister' });
    const { addr } = shown.body.server.addresses['default'][0];
    expect((await list(`ip=^${addr}$`)).names).toEqual(['web-1']);
    expect((await list(`ip=${encodeURIComponent(`^(${addr}|nothing)$`)}`)).names).toEqual(['web-1']);
    expect((await list(`ip=${addr.slice(0, -1)}`)).names.length).toBeGreaterThan(0);
    expect((await list('changes-since=2099-01-01T00:00:00Z')).names).toEqual([]);
  });

  it('finds what changed until the second that a server tells as its own', async () => {
    const shown = await api.call('GET', `${base}/servers/${ids[0]}`, { as: 'lister' });
    const until = { as: 'lister', version: '2.66' };
    const of = (time: string) => api.call('GET', `${base}/servers?changes-before=${time}`, until);
    const found = (await of(shown.body.server.updated)).body.servers.map(({ id }: { id: string }) => id);
    expect(found).toContain(ids[0]);
    expect((await of('2020-01-01T00:00:00Z')).body.servers).toEqual([]);
  });

  it('refuses what makes no sense', async () => {
    for (const query of ['limit=-1', 'limit=testing', 'marker=nope', 'changes-since=2011/01/01', 'sort_key=nope']) {
      expect((await list(query)).status, query).toBe(400);
    }
    expect((await list('status=nonsense', '2.38')).status).toBe(400);
    expect((await list('all_tenants=1')).status).toBe(403);
    const all = await api.call('GET', `${base}/servers?all_tenants`);
    expect(all.body.servers.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(ids));
  });

  it('keeps tags, which find servers from 2.26 on', async () => {
    const path = `${base}/servers/${ids[0]}/tags`;
    const as = 'lister';
    expect((await api.call('GET', path, { as })).status).toBe(404);
    const tags = ['red', 'blue'];
    expect((await api.call('PUT', path, { as, version: '2.26', body: { tags } })).body).toEqual({ tags });
    expect((await api.call('PUT', `${path}/green`, { as, version: '2.26' })).status).toBe(201);
    expect((await api.call('PUT', `${path}/green`, { as, version: '2.26' })).status).toBe(204);
    expect((await api.call('GET', `${path}/green`, { as, version: '2.26' })).status).toBe(204);
    expect((await list('tags=red,green', '2.26')).names).toEqual(['web-1']);
    expect((await list('not-tags-any=red', '2.26')).names).toEqual(['db-1', 'web-2']);
    expect((await api.call('DELETE', `${path}/red`, { as, version: '2.26' })).status).toBe(204);
    expect((await api.call('GET', path, { as, version: '2.26' })).body.tags.sort()).toEqual(['blue', 'green']);
    const many = Array.from({ length: 51 }, (_, index) => `t${index}`);
    expect((await api.call('PUT', path, { as, version: '2.26', body: { tags: many } })).status).toBe(400);
  });
});

describe('one server', () => {
  it('is not there for others, or under a strange id', async () => {
    const id = await api.server();
    for (const [who, path] of [
      ['alice', `/servers/${id}`],
      ['admin', unknown],
      ['admin', '/servers/-1'],
      ['admin', `/servers/${'a'.repeat(256)}`],
    ] as const) {
      for (const method of ['GET', 'DELETE'] as const) {
        const { status, body } = await api.call(method, base + path, { as: who });
        expect(status).toBe(404);
        expect(body.itemNotFound.message).toMatch(/^Instance .* could not be found\.$/);
      }
    }
    expect((await api.call('GET', `${base}/servers/${id}`, { as: 'nobody' })).status).toBe(401);
  });

  it('is updated, and answers without extensions', async () => {
    const id = await api.server();
    const path = `${base}/servers/${id}`;
    const wanted = { name: 'two', accessIPv4: '1.1.1.1', accessIPv6: '::babe:202:202' };
    const { status, body } = await api.call('PUT', path, { body: { server: wanted } });
    expect(status).toBe(200);
    expect(body.server).toMatchObject(wanted);
    expect(Object.keys(body.server).filter((key) => key.startsWith('OS-EXT'))).toEqual([]);
    expect((await api.call('PUT', path, { body: { server: { description: 'x' } } })).status).toBe(400);
    const described = await api.call('PUT', path, { version: '2.19', body: { server: { description: 'x' } } });
    expect(described.body.server.description).toBe('x');
    expect((await api.call('PUT', path, { body: { server: { name: '' } } })).status).toBe(400);
  });

  it('has metadata', async () => {
    const id = await api.server({ metadata: { a: '1', b: '2' } });
    const path = `${base}/servers/${id}/metadata`;
    const send = async (method: 'GET' | 'PUT' | 'POST' | 'DELETE', key = '', body?: object) =>
      await api.call(method, path + key, { body });
    expect((await send('POST', '', { metadata: { c: '3', a: '9' } })).body.metadata).toEqual({
      a: '9',
      b: '2',
      c: '3',
    });
    expect((await send('PUT', '', { metadata: { a: '1' } })).body).toEqual({ metadata: { a: '1' } });
    expect((await send('PUT', '/d', { meta: { d: '4' } })).body).toEqual({ meta: { d: '4' } });
    expect((await send('PUT', '/d', { meta: { e: '4' } })).status).toBe(400);
    expect((await send('GET', '/d')).body).toEqual({ meta: { d: '4' } });
    expect((await send('DELETE', '/d')).status).toBe(204);
    expect((await send('DELETE', '/d')).status).toBe(404);
    expect((await send('GET')).body).toEqual({ metadata: { a: '1' } });
  });

  it('has addresses, interfaces and security groups', async () => {
    const id = await api.server();
    const path = `${base}/servers/${id}`;
    const { addresses } = (await api.call('GET', `${path}/ips`)).body;
    expect(addresses).toEqual({ default: [{ version: 4, addr: expect.any(String) }] });
    expect((await api.call('GET', `${path}/ips/default`)).body).toEqual(addresses);
    expect((await api.call('GET', `${path}/ips/other`)).status).toBe(404);
    const [port] = (await api.call('GET', `${path}/os-interface`)).body.interfaceAttachments;
    expect(port).toMatchObject({ port_state: 'ACTIVE', fixed_ips: [{ ip_address: addresses.default[0].addr }] });
    expect((await api.call('GET', `${path}/os-interface/${port.port_id}`)).body.interfaceAttachment).toEqual(port);
    await api.unkai.cloud.networks.securityGroups.create(api.operator, [{ name: 'web' }]);
    const groups = async () =>
      (await api.call('GET', `${path}/os-security-groups`)).body.security_groups.map(
        ({ name }: { name: string }) => name,
      );
    expect((await api.act(id, { addSecurityGroup: { name: 'web' } })).status).toBe(202);
    expect((await groups()).sort()).toEqual(['default', 'web']);
    expect((await api.act(id, { removeSecurityGroup: { name: 'default' } })).status).toBe(202);
    expect(await groups()).toEqual(['web']);
    expect((await api.act(id, { removeSecurityGroup: { name: 'default' } })).status).toBe(404);
  });

  it('goes when it is deleted, and keeps its log from 2.21 on', async () => {
    const id = await api.server();
    expect(await api.call('DELETE', `${base}/servers/${id}`)).toMatchObject({ status: 204, body: undefined });
    const path = `${base}/servers/${id}`;
    await expect.poll(async () => (await api.call('GET', path)).status, { interval: 5 }).toBe(404);
    expect((await api.call('GET', `${path}/os-instance-actions`)).status).toBe(404);
    const log = await api.call('GET', `${path}/os-instance-actions`, { version: '2.21' });
    expect(log.body.instanceActions.map(({ action }: { action: string }) => action)).toEqual(['delete', 'create']);
  });

  it('has no security groups on a port that is not filtered, and is given none', async () => {
    const id = await api.server();
    const path = `${base}/servers/${id}`;
    const { networks } = api.unkai.cloud;
    await networks.securityGroups.create(api.operator, [{ name: 'strict' }]);
    const [first] = (await api.call('GET', `${path}/os-interface`)).body.interfaceAttachments;
    const [open] = await networks.networks.create(api.operator, [{ name: 'open', portSecurity: false }]);
    await networks.subnets.create(api.operator, [{ networkId: open!.id, ipVersion: 4, cidr: '10.9.0.0/24' }]);
    const attached = await api.call('POST', `${path}/os-interface`, {
      body: { interfaceAttachment: { net_id: open!.id } },
    });
    expect(attached.status).toBe(200);
    const added = await api.act(id, { addSecurityGroup: { name: 'strict' } });
    expect(added).toMatchObject({
      status: 400,
      body: { badRequest: { message: expect.stringContaining('port_security') } },
    });
    const groups = async () => (await networks.ports.get(api.operator, parseId(first.port_id)!)).securityGroupIds;
    expect(await groups()).toHaveLength(1);
    expect((await api.act(id, { removeSecurityGroup: { name: 'default' } })).status).toBe(202);
    expect(await groups()).toEqual([]);
    const there = (names: string[]) =>
      create({ networks: [{ uuid: open!.id }], security_groups: names.map((name) => ({ name })) });
    expect((await there(['strict'])).status).toBe(400);
    expect((await there([])).status).toBe(202);
  });
});
