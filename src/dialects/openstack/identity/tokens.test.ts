import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { adminAccountId, builtInRoleIds } from '../../../cloud/identity/model.ts';
import { adminPassword } from '../../../cloud/identity/test-identity.ts';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

let api: IdentityApi;

beforeEach(async () => {
  api = await testIdentityApi();
});

afterEach(() => api.close());

describe('discovery', () => {
  test.each(['', '/'])('the root %j names the version with 300 and Location', async (path) => {
    const answer = await api.call('GET', path);
    expect(answer.status).toBe(300);
    expect(answer.headers.location).toBe('http://cloud.example/identity/v3/');
    expect(answer.json.versions.values[0]).toMatchObject({
      id: 'v3.14',
      status: 'stable',
      links: [{ rel: 'self', href: 'http://cloud.example/identity/v3/' }],
    });
  });

  test.each(['/v3', '/v3/'])('%s shows the version, whatever token comes along', async (path) => {
    expect((await api.call('GET', path, { token: 'stale' })).json.version.id).toBe('v3.14');
    expect((await api.call('HEAD', path)).status).toBe(200);
  });

  test('what is not there is 404 in the form of Keystone', async () => {
    const answer = await api.call('GET', '/v3/nothing', { token: api.admin });
    expect(answer.json.error).toMatchObject({ code: 404, title: 'Not Found' });
    expect(answer.headers['x-openstack-request-id']).toMatch(/^req-[0-9a-f-]{36}$/);
  });
});

describe('tokens', () => {
  test('have the body that clients expect', async () => {
    const { status, headers, json } = await api.login('admin', adminPassword, {
      project: { name: 'admin', domain: { name: 'Default' } },
    });
    expect(status).toBe(201);
    expect(headers['x-subject-token']).toMatch(/^unkai1\./);
    expect(headers['vary']).toBe('X-Auth-Token');
    const domain = { id: 'default', name: 'Default' };
    expect(json.token).toMatchObject({
      methods: ['password'],
      user: { id: adminAccountId, name: 'admin', domain, password_expires_at: null },
      project: { id: adminAccountId, name: 'admin', domain },
      is_domain: false,
      roles: [
        { id: builtInRoleIds.admin, name: 'admin' },
        { id: builtInRoleIds.manager, name: 'manager' },
        { id: builtInRoleIds.member, name: 'member' },
        { id: builtInRoleIds.reader, name: 'reader' },
      ],
    });
    expect(json.token.expires_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const types = json.token.catalog.map(({ type }: { type: string }) => type);
    expect(types).toEqual(['identity', 'compute', 'block-storage', 'volumev3']);
    expect(json.token.catalog[2].endpoints[0]).toMatchObject({
      interface: 'public',
      region: 'RegionOne',
      region_id: 'RegionOne',
      url: `http://cloud.example/volume/v3/${adminAccountId}`,
    });
  });

  test('may be for a domain, the system or nothing', async () => {
    const domain = await api.login('admin', adminPassword, { domain: { id: 'default' } });
    expect(domain.json.token).toMatchObject({ domain: { id: 'default', name: 'Default' } });
    expect(domain.json.token.project).toBeUndefined();
    const system = await api.login('admin', adminPassword, { system: { all: true } });
    expect(system.json.token.system).toEqual({ all: true });
    const nothing = await api.login('admin', adminPassword, 'unscoped');
    expect(nothing.json.token.catalog).toBeUndefined();
    expect(nothing.json.token.roles).toBeUndefined();
    const token = String(nothing.headers['x-subject-token']);
    expect((await api.call('GET', '/v3/auth/catalog', { token })).status).toBe(403);
    expect((await api.call('GET', '/v3/auth/projects', { token })).json.projects).toHaveLength(1);
    const auth = { identity: { methods: ['token'], token: { id: token } }, scope: { project: { id: adminAccountId } } };
    const scoped = await api.call('POST', '/v3/auth/tokens', { body: { auth } });
    expect(scoped.json.token).toMatchObject({ methods: ['token', 'password'], project: { id: adminAccountId } });
  });

  test('can be had without the catalog', async () => {
    const auth = { identity: { methods: ['token'], token: { id: api.admin } } };
    const answer = await api.call('POST', '/v3/auth/tokens?nocatalog', { body: { auth } });
    expect(answer.status).toBe(201);
    expect(answer.json.token.catalog).toBeUndefined();
  });

  test.each([
    [{}, "'auth' is a required property"],
    [{ auth: {} }, "Invalid input for field 'auth': 'identity' is a required property"],
    [{ auth: { identity: { methods: ['password'] } } }, /^Expecting to find password in identity\./],
    [
      { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', password: 'x' } } } } },
      /^Expecting to find domain in user\./,
    ],
    [{ auth: { identity: { methods: ['token'], token: { id: 'x' } }, scope: {} } }, /^Expecting to find exactly one/],
  ])('a request without sense is 400: %j', async (body, message) => {
    const answer = await api.call('POST', '/v3/auth/tokens', { body });
    expect(answer.status).toBe(400);
    expect(answer.json.error.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  test('wrong passwords, users, scopes and methods are all the same 401', async () => {
    const answers = [
      await api.login('admin', 'wrong'),
      await api.login('nobody', 'wrong'),
      await api.login('hanako', 'pw', { project: { id: adminAccountId } }),
      await api.call('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['oauth1'] } } } }),
      await api.call('GET', '/v3/users'),
      await api.call('GET', '/v3/users', { token: `${api.admin}x` }),
    ];
    for (const { status, text, headers } of answers) {
      expect(status).toBe(401);
      expect(text).toBe(answers[0]!.text);
      expect(headers['www-authenticate']).toBe('Keystone uri="http://cloud.example/identity"');
    }
  });

  test('are shown to their user and to administrators, and end when revoked', async () => {
    const about = { 'x-subject-token': api.member };
    const own = await api.call('GET', '/v3/auth/tokens', { token: api.member, headers: about });
    expect(own.json.token.user.name).toBe('hanako');
    expect(own.headers['x-subject-token']).toBe(api.member);
    expect((await api.call('GET', '/v3/auth/tokens', { token: api.admin, headers: about })).status).toBe(200);
    const head = await api.call('HEAD', '/v3/auth/tokens', { token: api.admin, headers: about });
    expect([head.status, head.text]).toEqual([200, '']);
    const foreign = { token: api.member, headers: { 'x-subject-token': api.admin } };
    expect((await api.call('GET', '/v3/auth/tokens', foreign)).status).toBe(403);
    expect((await api.call('DELETE', '/v3/auth/tokens', foreign)).status).toBe(403);
    const unknown = { token: api.admin, headers: { 'x-subject-token': 'x' } };
    expect((await api.call('GET', '/v3/auth/tokens', unknown)).status).toBe(404);
    expect((await api.call('DELETE', '/v3/auth/tokens', { token: api.member, headers: about })).status).toBe(204);
    expect((await api.call('GET', '/v3/auth/tokens', { token: api.admin, headers: about })).status).toBe(404);
    expect((await api.call('GET', '/v3/auth/projects', { token: api.member })).status).toBe(401);
  });

  test('say where things are, and what they can be for', async () => {
    const catalog = await api.call('GET', '/v3/auth/catalog', { token: api.member });
    expect(catalog.json.catalog[1].endpoints[0].url).toBe('http://cloud.example/compute/v2.1');
    const projects = await api.call('GET', '/v3/auth/projects', { token: api.member });
    expect(projects.json.projects.map(({ name }: { name: string }) => name)).toEqual(['hanako']);
    expect((await api.call('GET', '/v3/auth/domains', { token: api.admin })).json.domains[0].id).toBe('default');
    expect((await api.call('GET', '/v3/auth/domains', { token: api.member })).json.domains).toEqual([]);
    expect((await api.call('GET', '/v3/auth/system', { token: api.admin })).json.system).toEqual([{ all: true }]);
  });
});
