import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { adminAccountId, builtInRoleIds } from '../../../cloud/identity/model.ts';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

let api: IdentityApi;

beforeEach(async () => {
  api = await testIdentityApi();
});

afterEach(() => api.close());

describe('projects', () => {
  test('are made, changed, listed and deleted', async () => {
    const body = { project: { name: 'web', description: null, domain_id: 'default' } };
    const created = await api.call('POST', '/v3/projects', { token: api.admin, body });
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
    const changed = await api.call('PATCH', `/v3/projects/${id}`, {
      token: api.admin,
      body: { project: { name: 'shop' } },
    });
    expect(changed.json.project.name).toBe('shop');
    const listed = await api.call('GET', '/v3/projects?name=shop&enabled=True', { token: api.admin });
    expect(listed.json.projects).toHaveLength(1);
    const self = 'http://cloud.example/identity/v3/projects?name=shop&enabled=True';
    expect(listed.json.links).toEqual({ next: null, self, previous: null });
    const domains = await api.call('GET', '/v3/projects?is_domain=true', { token: api.admin });
    expect(domains.json.projects).toMatchObject([{ id: 'default', is_domain: true, domain_id: null }]);
    expect((await api.call('DELETE', `/v3/projects/${id}`, { token: api.admin })).status).toBe(204);
    const gone = await api.call('GET', `/v3/projects/${id}`, { token: api.admin });
    expect(gone.json.error).toEqual({ code: 404, title: 'Not Found', message: `Could not find project: ${id}.` });
  });

  test('form a tree', async () => {
    const body = { project: { name: 'child', parent_id: api.hanako.project.id } };
    const child = await api.call('POST', '/v3/projects', { token: api.admin, body });
    expect(child.json.project.parent_id).toBe(api.hanako.project.id);
    expect((await api.call('DELETE', `/v3/projects/${api.hanako.project.id}`, { token: api.admin })).status).toBe(403);
    const children = await api.call('GET', `/v3/projects?parent_id=${api.hanako.project.id}`, { token: api.admin });
    expect(children.json.projects).toHaveLength(1);
  });

  test('names are taken once, and needed', async () => {
    const twice = await api.call('POST', '/v3/projects', { token: api.admin, body: { project: { name: 'hanako' } } });
    expect(twice.json.error).toMatchObject({ code: 409, title: 'Conflict' });
    const none = await api.call('POST', '/v3/projects', { token: api.admin, body: { project: {} } });
    expect(none.json.error.message).toBe("Invalid input for field 'project': 'name' is a required property");
    const nowhere = { project: { name: 'x', domain_id: 'nowhere' } };
    expect((await api.call('POST', '/v3/projects', { token: api.admin, body: nowhere })).status).toBe(404);
  });

  test('members see their own only', async () => {
    expect((await api.call('GET', `/v3/projects/${api.hanako.project.id}`, { token: api.member })).status).toBe(200);
    const answer = await api.call('GET', `/v3/projects/${adminAccountId}`, { token: api.member });
    expect(answer.json.error.message).toBe(
      'You are not authorized to perform the requested action: identity:get_project.',
    );
    expect((await api.call('GET', '/v3/projects', { token: api.member })).status).toBe(403);
  });
});

describe('members that Keystone does not name', () => {
  const kinds = {
    project: { one: 'project', all: 'projects' },
    domain: { one: 'domain', all: 'domains' },
    user: { one: 'user', all: 'users' },
  } as const;

  test.each(Object.values(kinds))('are kept with a $one, the newer over the older', async ({ one, all }) => {
    const send = (method: 'POST' | 'PATCH', path: string, members: object) =>
      api.call(method, `/v3/${all}${path}`, { token: api.admin, body: { [one]: members } });
    const said = { 'cost-center': '4711', owner: { mail: 'a@example.com' }, links: { self: 'elsewhere' } };
    const made = await send('POST', '', { name: `with members ${one}`, enabled: false, ...said });
    expect(made.status).toBe(201);
    const { id } = made.json[one];
    const { links, ...kept } = said;
    expect(made.json[one]).toMatchObject(kept);
    expect(made.json[one].links.self).toMatch(new RegExp(`/v3/${all}/${id}$`));
    const changed = await send('PATCH', `/${id}`, { 'cost-center': null, floor: 3, id: 'other', description: 'd' });
    expect(changed).toMatchObject({ status: 200, json: { [one]: { ...kept, 'cost-center': null, floor: 3, id } } });
    const shown = (await api.call('GET', `/v3/${all}/${id}`, { token: api.admin })).json[one];
    expect(shown).toEqual(changed.json[one]);
    const listed = (await api.call('GET', `/v3/${all}`, { token: api.admin })).json[all];
    expect(listed.find((other: { id: string }) => other.id === id)).toEqual(shown);
    const tooMuch = await send('PATCH', `/${id}`, { notes: 'x'.repeat(70_000) });
    expect(tooMuch.json.error).toMatchObject({ code: 400, message: expect.stringContaining('65535 bytes') });
    expect((await api.call('DELETE', `/v3/${all}/${id}`, { token: api.admin })).status).toBe(204);
  });
});

describe('users', () => {
  test('are made, changed, listed and deleted', async () => {
    const body = { user: { name: 'taro', password: 'secret', email: 'taro@example.com', default_project_id: null } };
    const created = await api.call('POST', '/v3/users', { token: api.admin, body });
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
    expect((await api.login('taro', 'secret')).status).toBe(201);
    const changed = await api.call('PATCH', `/v3/users/${id}`, {
      token: api.admin,
      body: { user: { enabled: false } },
    });
    expect(changed.json.user.enabled).toBe(false);
    expect((await api.login('taro', 'secret')).status).toBe(401);
    expect((await api.call('GET', '/v3/users?name=taro', { token: api.admin })).json.users).toHaveLength(1);
    expect((await api.call('DELETE', `/v3/users/${id}`, { token: api.admin })).status).toBe(204);
    expect((await api.call('GET', `/v3/users/${id}`, { token: api.admin })).json.error.message).toBe(
      `Could not find user: ${id}.`,
    );
  });

  test('a taken name is told as Keystone tells it', async () => {
    const answer = await api.call('POST', '/v3/users', { token: api.admin, body: { user: { name: 'hanako' } } });
    expect(answer.status).toBe(409);
    expect(answer.json.error.message).toBe(
      'Conflict occurred attempting to store user - Duplicate entry found with name hanako at domain ID default.',
    );
  });

  test('change their own password, which ends their tokens', async () => {
    const path = `/v3/users/${api.hanako.user.id}/password`;
    const wrong = { user: { password: 'new', original_password: 'wrong' } };
    expect((await api.call('POST', path, { token: api.member, body: wrong })).status).toBe(401);
    const right = { user: { password: 'new', original_password: 'pw' } };
    const answer = await api.call('POST', path, { token: api.member, body: right });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await api.call('GET', '/v3/auth/projects', { token: api.member })).status).toBe(401);
    expect((await api.login('hanako', 'new')).status).toBe(201);
  });

  test('see themselves and their projects, not others', async () => {
    expect((await api.call('GET', `/v3/users/${api.hanako.user.id}`, { token: api.member })).status).toBe(200);
    const own = await api.call('GET', `/v3/users/${api.hanako.user.id}/projects`, { token: api.member });
    expect(own.json.projects).toHaveLength(1);
    expect((await api.call('GET', `/v3/users/${adminAccountId}`, { token: api.member })).status).toBe(403);
    expect((await api.call('GET', `/v3/users/${adminAccountId}/projects`, { token: api.member })).status).toBe(403);
    expect((await api.call('GET', '/v3/users', { token: api.member })).json.error.message).toBe(
      'You are not authorized to perform the requested action: identity:list_users.',
    );
  });
});

describe('domains', () => {
  test('are made, disabled and deleted', async () => {
    const created = await api.call('POST', '/v3/domains', { token: api.admin, body: { domain: { name: 'partners' } } });
    expect(created.status).toBe(201);
    const path = `/v3/domains/${created.json.domain.id}`;
    expect((await api.call('GET', '/v3/domains?name=partners', { token: api.admin })).json.domains).toHaveLength(1);
    const early = await api.call('DELETE', path, { token: api.admin });
    expect(early.json.error).toMatchObject({
      code: 403,
      message: 'Cannot delete a domain that is enabled, please disable it first.',
    });
    expect((await api.call('PATCH', path, { token: api.admin, body: { domain: { enabled: false } } })).status).toBe(
      200,
    );
    expect((await api.call('DELETE', path, { token: api.admin })).status).toBe(204);
    expect((await api.call('GET', path, { token: api.admin })).status).toBe(404);
    expect((await api.call('GET', '/v3/domains/default', { token: api.member })).status).toBe(200);
  });
});

describe('roles', () => {
  test('are made and deleted; the built-in ones stay', async () => {
    const created = await api.call('POST', '/v3/roles', { token: api.admin, body: { role: { name: 'auditor' } } });
    expect(created.json.role).toMatchObject({ name: 'auditor', domain_id: null, options: {} });
    const path = `/v3/roles/${created.json.role.id}`;
    const changed = await api.call('PATCH', path, { token: api.admin, body: { role: { description: 'reads' } } });
    expect(changed.json.role.description).toBe('reads');
    expect((await api.call('GET', '/v3/roles?name=auditor', { token: api.admin })).json.roles).toHaveLength(1);
    expect((await api.call('DELETE', path, { token: api.admin })).status).toBe(204);
    expect((await api.call('GET', path, { token: api.admin })).status).toBe(404);
    expect((await api.call('DELETE', `/v3/roles/${builtInRoleIds.member}`, { token: api.admin })).status).toBe(403);
    const inferences = (await api.call('GET', '/v3/role_inferences', { token: api.admin })).json.role_inferences;
    expect(inferences).toHaveLength(3);
    expect(inferences[0]).toMatchObject({ prior_role: { name: 'admin' }, implies: [{ name: 'manager' }] });
  });

  test.each([
    ['project', () => `/v3/projects/${adminAccountId}`],
    ['domain', () => '/v3/domains/default'],
    ['system', () => '/v3/system'],
  ])('are given, checked and taken on a %s', async (_, place) => {
    const roles = `${place()}/users/${api.hanako.user.id}/roles`;
    const grant = `${roles}/${builtInRoleIds.reader}`;
    expect((await api.call('HEAD', grant, { token: api.admin })).status).toBe(404);
    const given = await api.call('PUT', grant, { token: api.admin });
    expect([given.status, given.text]).toEqual([204, '']);
    expect((await api.call('GET', grant, { token: api.admin })).status).toBe(204);
    expect((await api.call('HEAD', grant, { token: api.admin })).status).toBe(204);
    expect((await api.call('GET', roles, { token: api.admin })).json.roles).toHaveLength(1);
    expect((await api.call('PUT', grant, { token: api.member })).status).toBe(403);
    expect((await api.call('DELETE', grant, { token: api.admin })).status).toBe(204);
    expect((await api.call('DELETE', grant, { token: api.admin })).status).toBe(404);
  });

  test('their assignments are listed, with names and what they imply where asked for', async () => {
    const url = `/v3/role_assignments?user.id=${api.hanako.user.id}&scope.project.id=${api.hanako.project.id}`;
    const plain = await api.call('GET', url, { token: api.admin });
    const { id } = api.hanako.project;
    const assignment = `http://cloud.example/identity/v3/projects/${id}/users/${api.hanako.user.id}/roles/${builtInRoleIds.member}`;
    expect(plain.json.role_assignments).toEqual([
      {
        links: { assignment },
        role: { id: builtInRoleIds.member },
        user: { id: api.hanako.user.id },
        scope: { project: { id } },
      },
    ]);
    const named = await api.call('GET', `${url}&include_names&effective=True`, { token: api.admin });
    expect(named.json.role_assignments).toHaveLength(2);
    expect(named.json.role_assignments[0]).toMatchObject({
      role: { name: 'member' },
      user: { name: 'hanako', domain: { id: 'default', name: 'Default' } },
      scope: { project: { id, name: 'hanako', domain: { id: 'default', name: 'Default' } } },
    });
    expect((await api.call('GET', '/v3/role_assignments', { token: api.member })).status).toBe(403);
    expect((await api.call('GET', url, { token: api.member })).json.role_assignments).toHaveLength(1);
  });
});

describe('services', () => {
  test('are those that are mounted', async () => {
    const { services } = (await api.call('GET', '/v3/services', { token: api.admin })).json;
    expect(services).toHaveLength(4);
    expect((await api.call('GET', `/v3/services/${services[0].id}`, { token: api.admin })).json.service.type).toBe(
      'identity',
    );
    const { endpoints } = (await api.call('GET', '/v3/endpoints?interface=public', { token: api.admin })).json;
    expect(endpoints[2].url).toBe('http://cloud.example/volume/v3/%(project_id)s');
    expect((await api.call('GET', `/v3/endpoints/${endpoints[0].id}`, { token: api.admin })).status).toBe(200);
    expect((await api.call('GET', '/v3/regions', { token: api.member })).json.regions[0].id).toBe('RegionOne');
    expect((await api.call('GET', '/v3/regions/RegionOne', { token: api.member })).status).toBe(200);
    expect((await api.call('GET', '/v3/regions/Elsewhere', { token: api.member })).status).toBe(404);
  });
});
