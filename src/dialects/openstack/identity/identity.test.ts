import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApiServer } from '../../../api/server.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { adminAccountId, builtInRoleIds } from '../../../cloud/identity/model.ts';
import { sha512Hex } from '../../../cloud/identity/passwords.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { adminPassword, testIdentity } from '../../../cloud/identity/test-identity.ts';
import { usualCatalog } from './catalog.ts';
import { identityDialect } from './identity.ts';

let made: Awaited<ReturnType<typeof testIdentity>>;
let app: FastifyInstance;
let admin: string;
let member: string;
let hanako: { user: { id: string }; project: { id: string } };

beforeEach(async () => {
  made = await testIdentity();
  const cloud = { ...made.core, identity: made.identity, registerMetrics: () => {} } as unknown as Cloud;
  app = createApiServer({
    cloud,
    dialects: [identityDialect([...usualCatalog.identity, ...usualCatalog.compute, ...usualCatalog.volume])],
    log: pino({ level: 'silent' }),
    isReady: () => true,
  });
  hanako = await made.identity.createAccount(operator(), { name: 'hanako', passwordSha512: sha512Hex('pw') });
  admin = await tokenOf('admin', adminPassword);
  member = await tokenOf('hanako', 'pw');
});

afterEach(async () => {
  await app.close();
  made.identity.stop();
  await made.db.close();
});

interface Options {
  token?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function call(method: Method, path: string, { token, headers, body }: Options = {}) {
  const answer = await app.inject({
    method,
    url: `/identity${path}`,
    headers: { host: 'cloud.example', ...(token === undefined ? {} : { 'x-auth-token': token }), ...headers },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  const text = answer.body;
  return { status: answer.statusCode, headers: answer.headers, text, json: text === '' ? undefined : JSON.parse(text) };
}

function login(name: string, password: string, scope?: unknown) {
  const identity = { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } };
  return call('POST', '/v3/auth/tokens', { body: { auth: { identity, scope } } });
}

async function tokenOf(name: string, password: string): Promise<string> {
  return String((await login(name, password)).headers['x-subject-token']);
}

describe('discovery', () => {
  test.each(['', '/'])('the root %j names the version with 300 and Location', async (path) => {
    const answer = await call('GET', path);
    expect(answer.status).toBe(300);
    expect(answer.headers.location).toBe('http://cloud.example/identity/v3/');
    expect(answer.json.versions.values[0]).toMatchObject({
      id: 'v3.14',
      status: 'stable',
      links: [{ rel: 'self', href: 'http://cloud.example/identity/v3/' }],
    });
  });

  test.each(['/v3', '/v3/'])('%s shows the version, whatever token comes along', async (path) => {
    expect((await call('GET', path, { token: 'stale' })).json.version.id).toBe('v3.14');
    expect((await call('HEAD', path)).status).toBe(200);
  });

  test('what is not there is 404 in the form of Keystone', async () => {
    const answer = await call('GET', '/v3/nothing', { token: admin });
    expect(answer.json.error).toMatchObject({ code: 404, title: 'Not Found' });
    expect(answer.headers['x-openstack-request-id']).toMatch(/^req-[0-9a-f-]{36}$/);
  });
});

describe('tokens', () => {
  test('have the body that clients expect', async () => {
    const { status, headers, json } = await login('admin', adminPassword, {
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
    const domain = await login('admin', adminPassword, { domain: { id: 'default' } });
    expect(domain.json.token).toMatchObject({ domain: { id: 'default', name: 'Default' } });
    expect(domain.json.token.project).toBeUndefined();
    const system = await login('admin', adminPassword, { system: { all: true } });
    expect(system.json.token.system).toEqual({ all: true });
    const nothing = await login('admin', adminPassword, 'unscoped');
    expect(nothing.json.token.catalog).toBeUndefined();
    expect(nothing.json.token.roles).toBeUndefined();
    const token = String(nothing.headers['x-subject-token']);
    expect((await call('GET', '/v3/auth/catalog', { token })).status).toBe(403);
    expect((await call('GET', '/v3/auth/projects', { token })).json.projects).toHaveLength(1);
    const auth = { identity: { methods: ['token'], token: { id: token } }, scope: { project: { id: adminAccountId } } };
    const scoped = await call('POST', '/v3/auth/tokens', { body: { auth } });
    expect(scoped.json.token).toMatchObject({ methods: ['token', 'password'], project: { id: adminAccountId } });
  });

  test('can be had without the catalog', async () => {
    const auth = { identity: { methods: ['token'], token: { id: admin } } };
    const answer = await call('POST', '/v3/auth/tokens?nocatalog', { body: { auth } });
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
    const answer = await call('POST', '/v3/auth/tokens', { body });
    expect(answer.status).toBe(400);
    expect(answer.json.error.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  test('wrong passwords, users, scopes and methods are all the same 401', async () => {
    const answers = [
      await login('admin', 'wrong'),
      await login('nobody', 'wrong'),
      await login('hanako', 'pw', { project: { id: adminAccountId } }),
      await call('POST', '/v3/auth/tokens', { body: { auth: { identity: { methods: ['totp'] } } } }),
      await call('GET', '/v3/users'),
      await call('GET', '/v3/users', { token: `${admin}x` }),
    ];
    for (const { status, text, headers } of answers) {
      expect(status).toBe(401);
      expect(text).toBe(answers[0]!.text);
      expect(headers['www-authenticate']).toBe('Keystone uri="http://cloud.example/identity"');
    }
  });

  test('are shown to their user and to administrators, and end when revoked', async () => {
    const about = { 'x-subject-token': member };
    const own = await call('GET', '/v3/auth/tokens', { token: member, headers: about });
    expect(own.json.token.user.name).toBe('hanako');
    expect(own.headers['x-subject-token']).toBe(member);
    expect((await call('GET', '/v3/auth/tokens', { token: admin, headers: about })).status).toBe(200);
    const head = await call('HEAD', '/v3/auth/tokens', { token: admin, headers: about });
    expect([head.status, head.text]).toEqual([200, '']);
    const foreign = { token: member, headers: { 'x-subject-token': admin } };
    expect((await call('GET', '/v3/auth/tokens', foreign)).status).toBe(403);
    expect((await call('DELETE', '/v3/auth/tokens', foreign)).status).toBe(403);
    const unknown = { token: admin, headers: { 'x-subject-token': 'x' } };
    expect((await call('GET', '/v3/auth/tokens', unknown)).status).toBe(404);
    expect((await call('DELETE', '/v3/auth/tokens', { token: member, headers: about })).status).toBe(204);
    expect((await call('GET', '/v3/auth/tokens', { token: admin, headers: about })).status).toBe(404);
    expect((await call('GET', '/v3/auth/projects', { token: member })).status).toBe(401);
  });

  test('say where things are, and what they can be for', async () => {
    const catalog = await call('GET', '/v3/auth/catalog', { token: member });
    expect(catalog.json.catalog[1].endpoints[0].url).toBe('http://cloud.example/compute/v2.1');
    const projects = await call('GET', '/v3/auth/projects', { token: member });
    expect(projects.json.projects.map(({ name }: { name: string }) => name)).toEqual(['hanako']);
    expect((await call('GET', '/v3/auth/domains', { token: admin })).json.domains[0].id).toBe('default');
    expect((await call('GET', '/v3/auth/domains', { token: member })).json.domains).toEqual([]);
    expect((await call('GET', '/v3/auth/system', { token: admin })).json.system).toEqual([{ all: true }]);
  });
});

describe('projects', () => {
  test('are made, changed, listed and deleted', async () => {
    const body = { project: { name: 'web', description: null, domain_id: 'default', extra: 'dropped' } };
    const created = await call('POST', '/v3/projects', { token: admin, body });
    expect(created.status).toBe(201);
    const { id } = created.json.project;
    expect(created.json.project).toEqual({
      id,
      name: 'web',
      domain_id: 'default',
      description: '',
      enabled: true,
      parent_id: 'default',
      is_domain: false,
      tags: [],
      options: {},
      links: { self: `http://cloud.example/identity/v3/projects/${id}` },
    });
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    const changed = await call('PATCH', `/v3/projects/${id}`, { token: admin, body: { project: { name: 'shop' } } });
    expect(changed.json.project.name).toBe('shop');
    const listed = await call('GET', '/v3/projects?name=shop&enabled=True', { token: admin });
    expect(listed.json.projects).toHaveLength(1);
    const self = 'http://cloud.example/identity/v3/projects?name=shop&enabled=True';
    expect(listed.json.links).toEqual({ next: null, self, previous: null });
    expect((await call('GET', '/v3/projects?is_domain=true', { token: admin })).json.projects).toEqual([]);
    expect((await call('DELETE', `/v3/projects/${id}`, { token: admin })).status).toBe(204);
    const gone = await call('GET', `/v3/projects/${id}`, { token: admin });
    expect(gone.json.error).toEqual({ code: 404, title: 'Not Found', message: `Could not find project: ${id}.` });
  });

  test('form a tree', async () => {
    const body = { project: { name: 'child', parent_id: hanako.project.id } };
    const child = await call('POST', '/v3/projects', { token: admin, body });
    expect(child.json.project.parent_id).toBe(hanako.project.id);
    expect((await call('DELETE', `/v3/projects/${hanako.project.id}`, { token: admin })).status).toBe(403);
    const children = await call('GET', `/v3/projects?parent_id=${hanako.project.id}`, { token: admin });
    expect(children.json.projects).toHaveLength(1);
  });

  test('names are taken once, and needed', async () => {
    const twice = await call('POST', '/v3/projects', { token: admin, body: { project: { name: 'hanako' } } });
    expect(twice.json.error).toMatchObject({ code: 409, title: 'Conflict' });
    const none = await call('POST', '/v3/projects', { token: admin, body: { project: {} } });
    expect(none.json.error.message).toBe("Invalid input for field 'project': 'name' is a required property");
    const nowhere = { project: { name: 'x', domain_id: 'nowhere' } };
    expect((await call('POST', '/v3/projects', { token: admin, body: nowhere })).status).toBe(404);
  });

  test('members see their own only', async () => {
    expect((await call('GET', `/v3/projects/${hanako.project.id}`, { token: member })).status).toBe(200);
    const answer = await call('GET', `/v3/projects/${adminAccountId}`, { token: member });
    expect(answer.json.error.message).toBe(
      'You are not authorized to perform the requested action: identity:get_project.',
    );
    expect((await call('GET', '/v3/projects', { token: member })).status).toBe(403);
  });
});

describe('users', () => {
  test('are made, changed, listed and deleted', async () => {
    const body = { user: { name: 'taro', password: 'secret', email: 'taro@example.com', default_project_id: null } };
    const created = await call('POST', '/v3/users', { token: admin, body });
    expect(created.status).toBe(201);
    const { id } = created.json.user;
    expect(created.json.user).toEqual({
      id,
      name: 'taro',
      domain_id: 'default',
      enabled: true,
      email: 'taro@example.com',
      password_expires_at: null,
      options: {},
      links: { self: `http://cloud.example/identity/v3/users/${id}` },
    });
    expect((await login('taro', 'secret')).status).toBe(201);
    const changed = await call('PATCH', `/v3/users/${id}`, { token: admin, body: { user: { enabled: false } } });
    expect(changed.json.user.enabled).toBe(false);
    expect((await login('taro', 'secret')).status).toBe(401);
    expect((await call('GET', '/v3/users?name=taro', { token: admin })).json.users).toHaveLength(1);
    expect((await call('DELETE', `/v3/users/${id}`, { token: admin })).status).toBe(204);
    expect((await call('GET', `/v3/users/${id}`, { token: admin })).json.error.message).toBe(
      `Could not find user: ${id}.`,
    );
  });

  test('a taken name is told as Keystone tells it', async () => {
    const answer = await call('POST', '/v3/users', { token: admin, body: { user: { name: 'hanako' } } });
    expect(answer.status).toBe(409);
    expect(answer.json.error.message).toBe(
      'Conflict occurred attempting to store user - Duplicate entry found with name hanako at domain ID default.',
    );
  });

  test('change their own password, which ends their tokens', async () => {
    const path = `/v3/users/${hanako.user.id}/password`;
    const wrong = { user: { password: 'new', original_password: 'wrong' } };
    expect((await call('POST', path, { token: member, body: wrong })).status).toBe(401);
    const right = { user: { password: 'new', original_password: 'pw' } };
    const answer = await call('POST', path, { token: member, body: right });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await call('GET', '/v3/auth/projects', { token: member })).status).toBe(401);
    expect((await login('hanako', 'new')).status).toBe(201);
  });

  test('see themselves and their projects, not others', async () => {
    expect((await call('GET', `/v3/users/${hanako.user.id}`, { token: member })).status).toBe(200);
    const own = await call('GET', `/v3/users/${hanako.user.id}/projects`, { token: member });
    expect(own.json.projects).toHaveLength(1);
    expect((await call('GET', `/v3/users/${adminAccountId}`, { token: member })).status).toBe(403);
    expect((await call('GET', `/v3/users/${adminAccountId}/projects`, { token: member })).status).toBe(403);
    expect((await call('GET', '/v3/users', { token: member })).json.error.message).toBe(
      'You are not authorized to perform the requested action: identity:list_users.',
    );
  });
});

describe('domains', () => {
  test('are made, disabled and deleted', async () => {
    const created = await call('POST', '/v3/domains', { token: admin, body: { domain: { name: 'partners' } } });
    expect(created.status).toBe(201);
    const path = `/v3/domains/${created.json.domain.id}`;
    expect((await call('GET', '/v3/domains?name=partners', { token: admin })).json.domains).toHaveLength(1);
    const early = await call('DELETE', path, { token: admin });
    expect(early.json.error).toMatchObject({
      code: 403,
      message: 'Cannot delete a domain that is enabled, please disable it first.',
    });
    expect((await call('PATCH', path, { token: admin, body: { domain: { enabled: false } } })).status).toBe(200);
    expect((await call('DELETE', path, { token: admin })).status).toBe(204);
    expect((await call('GET', path, { token: admin })).status).toBe(404);
    expect((await call('GET', '/v3/domains/default', { token: member })).status).toBe(200);
  });
});

describe('roles', () => {
  test('are made and deleted; the built-in ones stay', async () => {
    const created = await call('POST', '/v3/roles', { token: admin, body: { role: { name: 'auditor' } } });
    expect(created.json.role).toMatchObject({ name: 'auditor', domain_id: null, options: {} });
    const path = `/v3/roles/${created.json.role.id}`;
    const changed = await call('PATCH', path, { token: admin, body: { role: { description: 'reads' } } });
    expect(changed.json.role.description).toBe('reads');
    expect((await call('GET', '/v3/roles?name=auditor', { token: admin })).json.roles).toHaveLength(1);
    expect((await call('DELETE', path, { token: admin })).status).toBe(204);
    expect((await call('GET', path, { token: admin })).status).toBe(404);
    expect((await call('DELETE', `/v3/roles/${builtInRoleIds.member}`, { token: admin })).status).toBe(403);
    const inferences = (await call('GET', '/v3/role_inferences', { token: admin })).json.role_inferences;
    expect(inferences).toHaveLength(3);
    expect(inferences[0]).toMatchObject({ prior_role: { name: 'admin' }, implies: [{ name: 'manager' }] });
  });

  test.each([
    ['project', () => `/v3/projects/${adminAccountId}`],
    ['domain', () => '/v3/domains/default'],
    ['system', () => '/v3/system'],
  ])('are given, checked and taken on a %s', async (_, place) => {
    const roles = `${place()}/users/${hanako.user.id}/roles`;
    const grant = `${roles}/${builtInRoleIds.reader}`;
    expect((await call('HEAD', grant, { token: admin })).status).toBe(404);
    const given = await call('PUT', grant, { token: admin });
    expect([given.status, given.text]).toEqual([204, '']);
    expect((await call('GET', grant, { token: admin })).status).toBe(204);
    expect((await call('HEAD', grant, { token: admin })).status).toBe(204);
    expect((await call('GET', roles, { token: admin })).json.roles).toHaveLength(1);
    expect((await call('PUT', grant, { token: member })).status).toBe(403);
    expect((await call('DELETE', grant, { token: admin })).status).toBe(204);
    expect((await call('DELETE', grant, { token: admin })).status).toBe(404);
  });

  test('their assignments are listed, with names and what they imply where asked for', async () => {
    const url = `/v3/role_assignments?user.id=${hanako.user.id}&scope.project.id=${hanako.project.id}`;
    const plain = await call('GET', url, { token: admin });
    const { id } = hanako.project;
    const assignment = `http://cloud.example/identity/v3/projects/${id}/users/${hanako.user.id}/roles/${builtInRoleIds.member}`;
    expect(plain.json.role_assignments).toEqual([
      {
        links: { assignment },
        role: { id: builtInRoleIds.member },
        user: { id: hanako.user.id },
        scope: { project: { id } },
      },
    ]);
    const named = await call('GET', `${url}&include_names&effective=True`, { token: admin });
    expect(named.json.role_assignments).toHaveLength(2);
    expect(named.json.role_assignments[0]).toMatchObject({
      role: { name: 'member' },
      user: { name: 'hanako', domain: { id: 'default', name: 'Default' } },
      scope: { project: { id, name: 'hanako', domain: { id: 'default', name: 'Default' } } },
    });
    expect((await call('GET', '/v3/role_assignments', { token: member })).status).toBe(403);
    expect((await call('GET', url, { token: member })).json.role_assignments).toHaveLength(1);
  });
});

describe('services', () => {
  test('are those that are mounted', async () => {
    const { services } = (await call('GET', '/v3/services', { token: admin })).json;
    expect(services).toHaveLength(4);
    expect((await call('GET', `/v3/services/${services[0].id}`, { token: admin })).json.service.type).toBe('identity');
    const { endpoints } = (await call('GET', '/v3/endpoints?interface=public', { token: admin })).json;
    expect(endpoints[2].url).toBe('http://cloud.example/volume/v3/%(project_id)s');
    expect((await call('GET', `/v3/endpoints/${endpoints[0].id}`, { token: admin })).status).toBe(200);
    expect((await call('GET', '/v3/regions', { token: member })).json.regions[0].id).toBe('RegionOne');
    expect((await call('GET', '/v3/regions/RegionOne', { token: member })).status).toBe(200);
    expect((await call('GET', '/v3/regions/Elsewhere', { token: member })).status).toBe(404);
  });
});
