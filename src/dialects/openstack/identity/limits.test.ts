import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

let api: IdentityApi;
let service: string;
beforeAll(async () => {
  api = await testIdentityApi();
  service = (await ask('POST', '/services', { service: { type: 'dns', name: 'names' } })).json.service.id;
  await ask('POST', '/regions', { region: { id: 'north' } });
});
afterAll(() => api?.close());

type Method = Parameters<IdentityApi['call']>[0];
const ask = (method: Method, path: string, body?: unknown, token = api.admin) =>
  api.call(method, `/v3${path}`, { token, ...(body === undefined ? {} : { body }) });

let count = 0;
let resource_name: string;
beforeEach(() => {
  count += 1;
  resource_name = `zones_${count}`;
});

const register = (words: object = {}) =>
  ask('POST', '/registered_limits', {
    registered_limits: [{ service_id: service, resource_name, default_limit: 5, ...words }],
  });
const limit = (words: object) =>
  ask('POST', '/limits', { limits: [{ service_id: service, resource_name, resource_limit: 7, ...words }] });
const idsOf = (answer: { json: { limits: Array<{ id: string }> } }) => answer.json.limits.map(({ id }) => id).sort();

test('a limit is registered, shown, changed, found by its members and deleted', async () => {
  const made = await register({ region_id: 'north', description: 'Zones' });
  expect(made.status).toBe(201);
  const [found] = made.json.registered_limits;
  expect(found).toEqual({
    ...{ id: found.id, service_id: service, region_id: 'north', resource_name, default_limit: 5, description: 'Zones' },
    links: { self: `http://cloud.example/identity/v3/registered_limits/${found.id}` },
  });
  const path = `/registered_limits/${found.id}`;
  expect((await ask('GET', path, undefined, api.member)).json.registered_limit).toEqual(found);
  const listed = await ask('GET', `/registered_limits?service_id=${service}&region_id=north`, undefined, api.member);
  expect(listed.json.registered_limits).toEqual([found]);
  expect((await ask('GET', `/registered_limits?region_id=south`)).json.registered_limits).toEqual([]);
  const changed = await ask('PATCH', path, { registered_limit: { default_limit: -1, region_id: null } });
  expect(changed.json.registered_limit).toMatchObject({ default_limit: -1, region_id: null, description: 'Zones' });
  expect((await ask('DELETE', path)).status).toBe(204);
  expect((await ask('GET', path)).json.error.message).toBe(`Could not find registered limit for ${found.id}.`);
});

test('a service and a region may go before what is registered for them', async () => {
  const { id } = (await ask('POST', '/services', { service: { type: 'key', name: 'keys' } })).json.service;
  await ask('POST', '/regions', { region: { id: 'west' } });
  const [found] = (await register({ service_id: id, region_id: 'west' })).json.registered_limits;
  expect((await ask('DELETE', '/regions/west')).status).toBe(204);
  expect((await ask('DELETE', `/services/${id}`)).status).toBe(204);
  const path = `/registered_limits/${found.id}`;
  expect((await ask('GET', path)).json.registered_limit).toEqual(found);
  expect((await ask('DELETE', path)).status).toBe(204);
});

test('one service, region and name has one registered limit; several come to be together or not at all', async () => {
  expect((await register()).status).toBe(201);
  expect((await register()).status, 'without a region either').toBe(409);
  expect((await register({ region_id: 'north' })).status).toBe(201);
  const both = [
    { service_id: service, resource_name: `${resource_name}_more`, default_limit: 1 },
    { service_id: service, resource_name, default_limit: 1 },
  ];
  expect((await ask('POST', '/registered_limits', { registered_limits: both })).status).toBe(409);
  const more = `/registered_limits?resource_name=${resource_name}_more`;
  expect((await ask('GET', more)).json.registered_limits).toEqual([]);
  const [other] = (await register({ resource_name: `${resource_name}_other` })).json.registered_limits;
  const taken = { registered_limit: { resource_name } };
  expect((await ask('PATCH', `/registered_limits/${other.id}`, taken)).status).toBe(409);
});

test('what is registered is held as it is while a project has a limit by it', async () => {
  const [registered] = (await register()).json.registered_limits;
  const made = (await limit({ project_id: adminAccountId, description: 'More' })).json.limits[0];
  expect(made).toEqual({
    ...{ id: made.id, service_id: service, region_id: null, resource_name, resource_limit: 7, description: 'More' },
    ...{ project_id: adminAccountId, domain_id: null },
    links: { self: `http://cloud.example/identity/v3/limits/${made.id}` },
  });
  const path = `/registered_limits/${registered.id}`;
  for (const answer of [
    await ask('PATCH', path, { registered_limit: { default_limit: 1 } }),
    await ask('DELETE', path),
  ]) {
    expect(answer.status).toBe(403);
    expect(answer.json.error.message).toContain('because there are project limits associated with it');
  }
  expect((await limit({ project_id: adminAccountId })).status).toBe(409);
  const changed = await ask('PATCH', `/limits/${made.id}`, { limit: { resource_limit: 0 } });
  expect(changed.json.limit).toEqual({ ...made, resource_limit: 0 });
  expect((await ask('PATCH', `/limits/${made.id}`, { limit: { resource_name: 'x' } })).status).toBe(400);
  expect((await ask('DELETE', `/limits/${made.id}`)).status).toBe(204);
  expect((await ask('GET', `/limits/${made.id}`)).json.error.message).toBe(`Could not find limit for ${made.id}.`);
  expect((await ask('DELETE', path)).status).toBe(204);
});

test('limits are of a project or of a domain that is there, for what is registered', async () => {
  expect((await limit({ project_id: adminAccountId })).json.error.message).toBe(
    'Unable to create a limit that has no corresponding registered limit.',
  );
  await register();
  expect((await limit({})).status).toBe(400);
  expect((await limit({ project_id: adminAccountId, domain_id: 'default' })).status).toBe(400);
  expect((await limit({ project_id: 'nobody' })).json.error.message).toContain('valid project_id in limit');
  expect((await limit({ domain_id: 'nobody' })).json.error.message).toContain('valid domain_id in limit');
  expect((await limit({ domain_id: 'default', region_id: 'nowhere' })).json.error.message).toContain('region_id');
  expect((await limit({ domain_id: 'default', service_id: 'none' })).json.error.message).toContain('service_id');
  expect((await limit({ domain_id: 'default', region_id: 'north' })).status, 'another region').toBe(403);
  expect((await limit({ domain_id: 'default', odd: 1 })).status).toBe(400);
  expect((await limit({ domain_id: 'default', resource_limit: -2 })).status).toBe(400);
  const [made] = (await limit({ project_id: 'default' })).json.limits;
  expect(made, 'a domain is a project to Keystone').toMatchObject({ project_id: null, domain_id: 'default' });
});

test('a project sees its own limits, and a deleted one has none', async () => {
  await register();
  const project = (await ask('POST', '/projects', { project: { name: resource_name } })).json.project.id;
  const [mine] = (await limit({ project_id: api.hanako.project.id })).json.limits;
  const [other] = (await limit({ project_id: project })).json.limits;
  const [whole] = (await limit({ domain_id: 'default' })).json.limits;
  const list = `/limits?resource_name=${resource_name}`;
  expect(idsOf(await ask('GET', list, undefined, api.member))).toEqual([mine.id]);
  expect(idsOf(await ask('GET', list))).toEqual([mine.id, other.id, whole.id].sort());
  expect(idsOf(await ask('GET', `${list}&project_id=${project}`))).toEqual([other.id]);
  expect(idsOf(await ask('GET', `${list}&domain_id=default`))).toEqual([whole.id]);
  expect((await ask('GET', `/limits/${mine.id}`, undefined, api.member)).json.limit).toEqual(mine);
  for (const { id } of [other, whole])
    expect((await ask('GET', `/limits/${id}`, undefined, api.member)).status).toBe(403);
  expect((await ask('POST', '/limits', { limits: [exampleOf(project)] }, api.member)).status).toBe(403);
  expect((await ask('GET', '/limits/model', undefined, api.member)).json.model.name).toBe('flat');

  const reader = (await ask('GET', '/roles?name=reader')).json.roles[0].id;
  await ask('PUT', `/domains/default/users/${api.hanako.user.id}/roles/${reader}`);
  const scope = { domain: { id: 'default' } };
  const ofDomain = String((await api.login('hanako', 'pw', scope)).headers['x-subject-token']);
  expect(idsOf(await ask('GET', list, undefined, ofDomain))).toEqual([mine.id, other.id, whole.id].sort());
  expect((await ask('GET', `/limits/${whole.id}`, undefined, ofDomain)).status).toBe(200);

  await ask('DELETE', `/projects/${project}`);
  expect(idsOf(await ask('GET', list))).toEqual([mine.id, whole.id].sort());
});

const exampleOf = (project_id: string) => ({ service_id: service, resource_name, resource_limit: 1, project_id });
