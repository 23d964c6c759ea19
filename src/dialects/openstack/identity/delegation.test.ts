import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

let api: IdentityApi;
beforeAll(async () => {
  api = await testIdentityApi();
});
afterAll(() => api.close());

const asAdmin = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
  api.call(method, path, { token: api.admin, body });

async function made(path: string, key: string, body: object): Promise<string> {
  const answer = await asAdmin('POST', path, { [key]: body });
  expect(answer.status).toBe(201);
  return answer.json[key].id;
}

async function roleId(name: string): Promise<string> {
  return (await asAdmin('GET', `/v3/roles?name=${name}`)).json.roles[0].id;
}

/** A user with a password, and the names of the roles that a token for the project has. */
async function rolesOf(user: string, projectId: string): Promise<string[] | number> {
  const { status, json } = await api.login(user, 'pw', { project: { id: projectId } });
  return status === 201 ? json.token.roles.map((role: { name: string }) => role.name) : status;
}

describe('roles', () => {
  test('of a group are those of its users, until they leave it', async () => {
    const project = await made('/v3/projects', 'project', { name: 'grouped' });
    const user = await made('/v3/users', 'user', { name: 'ichiro', password: 'pw' });
    const group = await made('/v3/groups', 'group', { name: 'operators' });
    expect((await asAdmin('PUT', `/v3/groups/${group}/users/${user}`)).status).toBe(204);
    const grant = `/v3/projects/${project}/groups/${group}/roles/${await roleId('member')}`;
    expect((await asAdmin('PUT', grant)).status).toBe(204);
    const { headers } = await api.login('ichiro', 'pw', { project: { id: project } });
    expect(await rolesOf('ichiro', project)).toEqual(['member', 'reader']);
    expect((await asAdmin('DELETE', `/v3/groups/${group}/users/${user}`)).status).toBe(204);
    expect(await rolesOf('ichiro', project)).toBe(401);
    const token = String(headers['x-subject-token']);
    expect((await api.call('GET', `/v3/projects/${project}`, { token })).status).toBe(401);
  });

  test('that are inherited count below, not on the thing itself', async () => {
    const parent = await made('/v3/projects', 'project', { name: 'parent' });
    const child = await made('/v3/projects', 'project', { name: 'child', parent_id: parent });
    const user = await made('/v3/users', 'user', { name: 'jiro', password: 'pw' });
    const reader = await roleId('reader');
    const grant = `/v3/OS-INHERIT/projects/${parent}/users/${user}/roles/${reader}/inherited_to_projects`;
    expect((await asAdmin('PUT', grant)).status).toBe(204);
    expect(await rolesOf('jiro', child)).toEqual(['reader']);
    expect(await rolesOf('jiro', parent)).toBe(401);
    const effective = await asAdmin('GET', `/v3/role_assignments?user.id=${user}&effective`);
    expect(effective.json.role_assignments).toMatchObject([{ scope: { project: { id: child } } }]);
    expect((await asAdmin('DELETE', grant)).status).toBe(204);
    expect(await rolesOf('jiro', child)).toBe(401);
  });

  test('imply others, but never themselves', async () => {
    const project = await made('/v3/projects', 'project', { name: 'implied' });
    const user = await made('/v3/users', 'user', { name: 'saburo', password: 'pw' });
    const auditor = await made('/v3/roles', 'role', { name: 'chief-auditor' });
    const helper = await made('/v3/roles', 'role', { name: 'helper' });
    expect((await asAdmin('PUT', `/v3/roles/${auditor}/implies/${helper}`)).status).toBe(201);
    expect((await asAdmin('PUT', `/v3/roles/${helper}/implies/${auditor}`)).status).toBe(403);
    await asAdmin('PUT', `/v3/projects/${project}/users/${user}/roles/${auditor}`);
    expect(await rolesOf('saburo', project)).toEqual(['chief-auditor', 'helper']);
    expect((await asAdmin('DELETE', `/v3/roles/${auditor}/implies/${helper}`)).status).toBe(204);
    expect(await rolesOf('saburo', project)).toEqual(['chief-auditor']);
  });
});

describe('a program', () => {
  const withCredential = (id: string, secret: string) =>
    api.call('POST', '/v3/auth/tokens', {
      body: {
        auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } },
      },
    });

  test('signs in by an application credential, for what its rules say, until that is deleted', async () => {
    const { id: userId } = api.hanako.user;
    const path = `/v3/users/${userId}/application_credentials`;
    const answer = await api.call('POST', path, {
      token: api.member,
      body: {
        application_credential: {
          name: 'backup',
          roles: [{ name: 'reader' }],
          access_rules: [{ service: 'identity', method: 'GET', path: '/v3/users/*' }],
        },
      },
    });
    expect(answer.status).toBe(201);
    const { id, secret } = answer.json.application_credential;
    expect((await api.call('GET', `${path}/${id}`, { token: api.member })).json.application_credential.secret).toBe(
      undefined,
    );
    expect((await withCredential(id, 'wrong')).status).toBe(401);
    const signedIn = await withCredential(id, secret);
    expect(signedIn.json.token).toMatchObject({
      methods: ['application_credential'],
      project: { id: api.hanako.project.id },
      roles: [{ name: 'reader' }],
      application_credential: { id, restricted: true },
    });
    const token = String(signedIn.headers['x-subject-token']);
    expect((await api.call('GET', `/v3/users/${userId}`, { token })).status).toBe(200);
    expect((await api.call('GET', '/v3/auth/projects', { token })).status).toBe(403);
    expect((await api.call('DELETE', `${path}/${id}`, { token: api.member })).status).toBe(204);
    expect((await api.call('GET', `/v3/users/${userId}`, { token })).status).toBe(401);
    expect((await withCredential(id, secret)).status).toBe(401);
  });

  test('that names no roles has all of theirs, and its rules stay in their order', async () => {
    const path = `/v3/users/${api.hanako.user.id}/application_credentials`;
    const access_rules = ['PUT', 'GET', 'DELETE', 'POST'].map((method) => ({ service: 'dns', method, path: '/v2/x' }));
    const body = { application_credential: { name: 'whole', access_rules } };
    const made = (await api.call('POST', path, { token: api.member, body })).json.application_credential;
    expect(made.roles.map(({ name }: { name: string }) => name)).toEqual(['member', 'reader']);
    expect(made.access_rules).toMatchObject(access_rules);
    const shown = (await api.call('GET', `${path}/${made.id}`, { token: api.member })).json.application_credential;
    expect(shown.access_rules).toEqual(made.access_rules);
    await api.call('DELETE', `${path}/${made.id}`, { token: api.member });
  });

  test('that has one may not make others', async () => {
    const path = `/v3/users/${api.hanako.user.id}/application_credentials`;
    const body = { application_credential: { name: 'first' } };
    const { id, secret } = (await api.call('POST', path, { token: api.member, body })).json.application_credential;
    const token = String((await withCredential(id, secret)).headers['x-subject-token']);
    const more = { application_credential: { name: 'second' } };
    expect((await api.call('POST', path, { token, body: more })).status).toBe(403);
    await api.call('DELETE', `${path}/${id}`, { token: api.member });
  });
});

test('a trust lets another act, with some roles and as often as it says', async () => {
  const trustee = await made('/v3/users', 'user', { name: 'shiro', password: 'pw' });
  const answer = await api.call('POST', '/v3/OS-TRUST/trusts', {
    token: api.member,
    body: {
      trust: {
        trustor_user_id: api.hanako.user.id,
        trustee_user_id: trustee,
        project_id: api.hanako.project.id,
        impersonation: true,
        roles: [{ name: 'reader' }],
        remaining_uses: 1,
      },
    },
  });
  expect(answer.status).toBe(201);
  const { id } = answer.json.trust;
  const scope = { 'OS-TRUST:trust': { id } };
  const signedIn = await api.login('shiro', 'pw', scope);
  expect(signedIn.json.token).toMatchObject({
    user: { id: api.hanako.user.id },
    project: { id: api.hanako.project.id },
    roles: [{ name: 'reader' }],
    'OS-TRUST:trust': { id, impersonation: true, trustee_user: { id: trustee } },
  });
  expect((await api.login('shiro', 'pw', scope)).status).toBe(403);
  expect((await api.login('admin', 'pw', scope)).status).toBe(401);
});

test('projects form branches that are enabled from the top', async () => {
  const top = await made('/v3/projects', 'project', { name: 'top', tags: ['a', 'b'] });
  const below = await made('/v3/projects', 'project', { name: 'below', parent_id: top });
  const disable = (id: string, enabled: boolean) => asAdmin('PATCH', `/v3/projects/${id}`, { project: { enabled } });
  expect((await disable(top, false)).status).toBe(403);
  expect((await disable(below, false)).status).toBe(200);
  expect((await disable(top, false)).status).toBe(200);
  expect((await disable(below, true)).status).toBe(403);
  const shown = await asAdmin('GET', `/v3/projects/${below}?parents_as_ids`);
  expect(shown.json.project.parents).toEqual({ [top]: { default: null } });
  expect((await asAdmin('GET', `/v3/projects/${top}?subtree_as_list`)).json.project.subtree).toMatchObject([
    { project: { id: below } },
  ]);
  expect((await asAdmin('GET', '/v3/projects?tags=a,b')).json.projects).toMatchObject([{ id: top }]);
  expect((await asAdmin('GET', '/v3/projects?name__startswith=belo')).json.projects).toMatchObject([{ id: below }]);
});

test('a service that was added is in catalogs, and one of the cloud stays', async () => {
  const service = await made('/v3/services', 'service', { type: 'object-store', name: 'swift' });
  await made('/v3/endpoints', 'endpoint', {
    service_id: service,
    interface: 'public',
    url: 'https://store.example/v1/AUTH_%(project_id)s',
    region: 'Elsewhere',
  });
  const { catalog } = (await asAdmin('GET', '/v3/auth/catalog')).json;
  const found = catalog.find(({ id }: { id: string }) => id === service);
  expect(found.endpoints).toMatchObject([
    { region: 'Elsewhere', url: 'https://store.example/v1/AUTH_36c27e8ff05c4780bf6d2fa65700f22e' },
  ]);
  const [own] = (await asAdmin('GET', '/v3/services?type=identity')).json.services;
  expect((await asAdmin('DELETE', `/v3/services/${own.id}`)).status).toBe(403);
  expect((await asAdmin('DELETE', `/v3/services/${service}`)).status).toBe(204);
  expect(
    (await asAdmin('GET', '/v3/endpoints')).json.endpoints.some(
      (one: { service_id: string }) => one.service_id === service,
    ),
  ).toBe(false);
});

test('endpoints that name the same new region at once are both there', async () => {
  const service_id = await made('/v3/services', 'service', { type: 'object-store', name: 'swift' });
  const endpoint = { service_id, interface: 'public', url: 'https://store.example/v1', region: 'Farther' };
  const ask = () => asAdmin('POST', '/v3/endpoints', { endpoint });
  expect((await Promise.all([ask(), ask(), ask()])).map(({ status }) => status)).toEqual([201, 201, 201]);
});
