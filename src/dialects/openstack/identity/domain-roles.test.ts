import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtInRoleIds } from '../../../cloud/identity/model.ts';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

/** Who works in the domain `partners` by a token for it, and what is there and elsewhere. */
let api: IdentityApi;
let manager: string;
let reader: string;
let domain: string;
let inside: Record<'user' | 'group' | 'project', string>;
let outside: Record<'user' | 'group' | 'project', string>;

type Method = Parameters<IdentityApi['call']>[0];
const ask = (token: string, method: Method, path: string, body?: unknown) =>
  api.call(method, `/v3${path}`, { token, ...(body === undefined ? {} : { body }) });
const status = async (...request: Parameters<typeof ask>) => (await ask(...request)).status;
const { reader: readerRole, member: memberRole, manager: managerRole, admin: adminRole } = builtInRoleIds;

async function things(domain_id: string): Promise<typeof inside> {
  const made = async (kind: 'user' | 'group' | 'project'): Promise<string> =>
    (await ask(api.admin, 'POST', `/${kind}s`, { [kind]: { name: `a ${kind}`, domain_id } })).json[kind].id;
  return { user: await made('user'), group: await made('group'), project: await made('project') };
}

/** A new user of the domain with one role on it, signed in for it. */
async function worker(name: string, role: string): Promise<string> {
  const user = { name, domain_id: domain, password: 'pw' };
  const { id } = (await ask(api.admin, 'POST', '/users', { user })).json.user;
  await ask(api.admin, 'PUT', `/domains/${domain}/users/${id}/roles/${role}`);
  const auth = {
    identity: { methods: ['password'], password: { user: { id, password: 'pw' } } },
    scope: { domain: { id: domain } },
  };
  const answer = await api.call('POST', '/v3/auth/tokens', { body: { auth } });
  expect(answer.status, name).toBe(201);
  return String(answer.headers['x-subject-token']);
}

beforeAll(async () => {
  api = await testIdentityApi();
  domain = (await ask(api.admin, 'POST', '/domains', { domain: { name: 'partners' } })).json.domain.id;
  [inside, outside] = [await things(domain), await things('default')];
  manager = await worker('mana', managerRole);
  reader = await worker('rita', readerRole);
});
afterAll(() => api?.close());

describe('by a token for a domain', () => {
  test('a reader lists and shows what is in it, and nothing of others', async () => {
    for (const kind of ['user', 'group', 'project'] as const) {
      const listed = (await ask(reader, 'GET', `/${kind}s`)).json[`${kind}s`] as Array<Record<string, string>>;
      expect(
        listed.map(({ id }) => id),
        kind,
      ).toContain(inside[kind]);
      expect(new Set(listed.map(({ domain_id }) => domain_id))).toEqual(new Set([domain]));
      expect(await status(reader, 'GET', `/${kind}s?domain_id=default`), kind).toBe(403);
      expect(await status(reader, 'GET', `/${kind}s/${inside[kind]}`), kind).toBe(200);
      expect(await status(reader, 'GET', `/${kind}s/${outside[kind]}`), kind).toBe(403);
      expect(await status(reader, 'GET', `/${kind}s/none`), kind).toBe(403);
    }
    for (const path of ['/domains', '/projects?is_domain=true']) {
      const found = Object.values((await ask(reader, 'GET', path)).json).find(Array.isArray) as Array<{ id: string }>;
      expect(found.map(({ id }) => id)).toEqual([domain]);
    }
    expect(await status(reader, 'GET', `/groups/${inside.group}/users`)).toBe(200);
    expect(await status(reader, 'GET', `/groups/${outside.group}/users`)).toBe(403);
    expect(await status(reader, 'GET', `/users/${inside.user}/groups`)).toBe(200);
    expect(await status(reader, 'GET', `/users/${outside.user}/projects`)).toBe(403);
    for (const path of ['/roles', '/services', '/endpoints', '/policies', '/role_inferences'])
      expect(await status(reader, 'GET', path), path).toBe(403);
  });

  test('a reader changes nothing', async () => {
    for (const kind of ['user', 'group', 'project'] as const) {
      const words = { [kind]: { name: 'other', domain_id: domain } };
      expect(await status(reader, 'POST', `/${kind}s`, words), kind).toBe(403);
      expect(await status(reader, 'PATCH', `/${kind}s/${inside[kind]}`, { [kind]: { name: 'x' } }), kind).toBe(403);
      expect(await status(reader, 'DELETE', `/${kind}s/${inside[kind]}`), kind).toBe(403);
    }
    expect(await status(reader, 'PUT', `/groups/${inside.group}/users/${inside.user}`)).toBe(403);
    const grant = `/projects/${inside.project}/users/${inside.user}/roles/${readerRole}`;
    expect(await status(reader, 'PUT', grant)).toBe(403);
  });

  test('a manager makes, changes and deletes what is in it, and nothing of others', async () => {
    for (const kind of ['user', 'group', 'project'] as const) {
      const made = await ask(manager, 'POST', `/${kind}s`, { [kind]: { name: `new ${kind}` } });
      expect(made.status, kind).toBe(201);
      expect(made.json[kind].domain_id, 'that of the token').toBe(domain);
      const path = `/${kind}s/${made.json[kind].id}`;
      expect(await status(manager, 'PATCH', path, { [kind]: { description: 'x' } }), kind).toBe(200);
      expect(await status(manager, 'DELETE', path), kind).toBe(204);
      const elsewhere = { [kind]: { name: `new ${kind}`, domain_id: 'default' } };
      expect(await status(manager, 'POST', `/${kind}s`, elsewhere), kind).toBe(403);
      expect(await status(manager, 'PATCH', `/${kind}s/${outside[kind]}`, { [kind]: { name: 'x' } }), kind).toBe(403);
      expect(await status(manager, 'DELETE', `/${kind}s/${outside[kind]}`), kind).toBe(403);
      expect(await status(manager, 'DELETE', `/${kind}s/none`), kind).toBe(403);
    }
    const below = { project: { name: 'below', parent_id: outside.project } };
    expect(await status(manager, 'POST', '/projects', below)).toBe(403);
    const across = { project: { name: 'across', parent_id: outside.project, domain_id: domain } };
    expect(await status(manager, 'POST', '/projects', across)).toBe(400);
    expect(await status(manager, 'PUT', `/projects/${inside.project}/tags/blue`)).toBe(201);
    expect(await status(manager, 'PUT', `/projects/${inside.project}/tags/blue`)).toBe(400);
    const several = ['red', 'green', 'white'].map((tag) => `/projects/${inside.project}/tags/${tag}`);
    expect(await Promise.all(several.map((path) => status(manager, 'PUT', path)))).toEqual([201, 201, 201]);
    expect(await Promise.all(several.map((path) => status(manager, 'GET', path)))).toEqual([204, 204, 204]);
    expect(await Promise.all(several.map((path) => status(manager, 'DELETE', path)))).toEqual([204, 204, 204]);
    expect(await Promise.all(several.map((path) => status(manager, 'GET', path)))).toEqual([404, 404, 404]);
    expect(await status(manager, 'GET', `/projects/${inside.project}/tags/blue`)).toBe(204);
    expect(await status(manager, 'PUT', `/projects/${outside.project}/tags/blue`)).toBe(403);
    expect(await status(manager, 'PATCH', `/domains/${domain}`, { domain: { name: 'mine' } })).toBe(403);
    expect(await status(manager, 'POST', '/projects', { project: { name: 'own', is_domain: true } })).toBe(403);
  });

  test('a manager brings users and groups of the domain together', async () => {
    const pair = (group: string, user: string) => `/groups/${group}/users/${user}`;
    expect(await status(manager, 'PUT', pair(inside.group, inside.user))).toBe(204);
    expect(await status(manager, 'GET', pair(inside.group, inside.user))).toBe(204);
    expect(await status(manager, 'PUT', pair(inside.group, outside.user))).toBe(403);
    expect(await status(manager, 'PUT', pair(outside.group, inside.user))).toBe(403);
    expect(await status(manager, 'DELETE', pair(outside.group, outside.user))).toBe(403);
    expect(await status(manager, 'DELETE', pair(inside.group, inside.user))).toBe(204);
  });

  test('a manager gives and takes the roles of managers, members and readers within the domain', async () => {
    const grant = (project: string, user: string, role: string) => `/projects/${project}/users/${user}/roles/${role}`;
    for (const role of [managerRole, memberRole, readerRole]) {
      const path = grant(inside.project, inside.user, role);
      expect(await status(manager, 'PUT', path)).toBe(204);
      expect(await status(reader, 'GET', path)).toBe(204);
      expect(await status(manager, 'DELETE', path)).toBe(204);
      expect(await status(manager, 'PUT', `/domains/${domain}/groups/${inside.group}/roles/${role}`)).toBe(204);
      expect(await status(manager, 'GET', `/roles/${role}`)).toBe(200);
    }
    for (const path of [
      grant(inside.project, inside.user, adminRole),
      grant(inside.project, outside.user, memberRole),
      grant(outside.project, inside.user, memberRole),
      `/domains/default/users/${inside.user}/roles/${memberRole}`,
      `/domains/${domain}/users/${inside.user}/roles/${adminRole}`,
      `/system/users/${inside.user}/roles/${readerRole}`,
    ]) {
      expect(await status(manager, 'PUT', path), path).toBe(403);
      expect(await status(manager, 'DELETE', path), path).toBe(403);
    }
    expect(await status(manager, 'GET', `/roles/${adminRole}`)).toBe(403);
    expect(await status(manager, 'GET', '/roles')).toBe(200);
    expect(await status(reader, 'GET', `/projects/${outside.project}/users/${outside.user}/roles`)).toBe(403);
  });

  test('assignments of the domain and its projects are told', async () => {
    await ask(api.admin, 'PUT', `/projects/${outside.project}/users/${inside.user}/roles/${memberRole}`);
    await ask(api.admin, 'PUT', `/projects/${inside.project}/users/${inside.user}/roles/${memberRole}`);
    type Assignment = { scope: { project?: { id: string }; domain?: { id: string } } };
    const found = (await ask(reader, 'GET', '/role_assignments')).json.role_assignments as Assignment[];
    const places = new Set(found.map(({ scope }) => scope.project?.id ?? scope.domain?.id));
    expect(places).toEqual(new Set([domain, inside.project]));
  });

  test('a token for a project of the domain has no such rights', async () => {
    const user = { name: 'paul', domain_id: domain, password: 'pw' };
    const { id } = (await ask(api.admin, 'POST', '/users', { user })).json.user;
    await ask(api.admin, 'PUT', `/projects/${inside.project}/users/${id}/roles/${managerRole}`);
    const identity = { methods: ['password'], password: { user: { id, password: 'pw' } } };
    for (const scope of [{ project: { id: inside.project } }, 'unscoped']) {
      const answer = await api.call('POST', '/v3/auth/tokens', { body: { auth: { identity, scope } } });
      const token = String(answer.headers['x-subject-token']);
      for (const path of ['/users', '/groups', '/projects', '/domains', '/roles'])
        expect(await status(token, 'GET', path), path).toBe(403);
      expect(await status(token, 'POST', '/users', { user: { name: 'x', domain_id: domain } })).toBe(403);
    }
  });
});

test('a role of another domain is given on a domain, and not on its projects', async () => {
  const role = { name: 'helper', domain_id: 'default' };
  const { id } = (await ask(api.admin, 'POST', '/roles', { role })).json.role;
  for (const kind of ['user', 'group'] as const) {
    const onDomain = `${kind}s/${inside[kind]}/roles/${id}`;
    expect(await status(api.admin, 'PUT', `/domains/${domain}/${onDomain}`), kind).toBe(204);
    expect(await status(api.admin, 'HEAD', `/domains/${domain}/${onDomain}`), kind).toBe(204);
    const inherited = `/OS-INHERIT/domains/${domain}/${onDomain}/inherited_to_projects`;
    expect(await status(api.admin, 'PUT', inherited), kind).toBe(204);
    expect(await status(api.admin, 'PUT', `/projects/${inside.project}/${onDomain}`), kind).toBe(403);
  }
});

test('assignments below a domain, named as a project, are those on its projects', async () => {
  await ask(api.admin, 'PUT', `/projects/${inside.project}/users/${inside.user}/roles/${readerRole}`);
  const query = `user.id=${inside.user}&role.id=${readerRole}&scope.project.id=${domain}&include_names=true`;
  const listed = async (more: string) =>
    (await ask(api.admin, 'GET', `/role_assignments?${query}${more}`)).json.role_assignments;
  expect(await listed('')).toEqual([]);
  const below = await listed('&include_subtree=true');
  expect(below).toHaveLength(1);
  expect(below[0]).toMatchObject({ scope: { project: { id: inside.project, domain: { id: domain } } } });
});
