import { afterAll, beforeAll, expect, test } from 'vitest';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

let api: IdentityApi;
beforeAll(async () => {
  api = await testIdentityApi();
});
afterAll(() => api?.close());

type Method = Parameters<IdentityApi['call']>[0];
const ask = (method: Method, path: string, body?: unknown) =>
  api.call(method, `/v3${path}`, { token: api.admin, ...(body === undefined ? {} : { body }) });
const idsOf = (found: Array<{ id: string }>) => found.map(({ id }) => id);

test('endpoints and groups of them tell the projects that were given them, and the other way round', async () => {
  const project = (await ask('POST', '/projects', { project: { name: 'shop' } })).json.project.id;
  const service_id = (await ask('POST', '/services', { service: { type: 'dns' } })).json.service.id;
  const words = { endpoint: { service_id, interface: 'public', url: 'http://names.example' } };
  const endpoint = (await ask('POST', '/endpoints', words)).json.endpoint.id;
  const filter = { endpoint_group: { name: 'names', filters: { service_id } } };
  const group = (await ask('POST', '/OS-EP-FILTER/endpoint_groups', filter)).json.endpoint_group.id;
  const projects = async () => idsOf((await ask('GET', `/OS-EP-FILTER/endpoints/${endpoint}/projects`)).json.projects);
  const groups = async () =>
    idsOf((await ask('GET', `/OS-EP-FILTER/projects/${project}/endpoint_groups`)).json.endpoint_groups);

  expect(await projects()).toEqual([]);
  expect(await groups()).toEqual([]);
  await ask('PUT', `/OS-EP-FILTER/projects/${project}/endpoints/${endpoint}`);
  await ask('PUT', `/OS-EP-FILTER/endpoint_groups/${group}/projects/${project}`);
  expect(await projects()).toEqual([project]);
  expect(await groups()).toEqual([group]);
  expect((await ask('GET', '/OS-EP-FILTER/endpoints/none/projects')).status).toBe(404);
  expect((await ask('GET', '/OS-EP-FILTER/projects/none/endpoint_groups')).status).toBe(404);
  const renamed = { endpoint_group: { name: 'other', filters: null } };
  const changed = await ask('PATCH', `/OS-EP-FILTER/endpoint_groups/${group}`, renamed);
  expect(changed.json.endpoint_group).toMatchObject({ name: 'other', filters: { service_id } });
});

test('what a role of the cloud itself was made to imply besides can be taken back', async () => {
  const role = (await ask('POST', '/roles', { role: { name: 'auditor' } })).json.role.id;
  const roles = (await ask('GET', '/roles')).json.roles as Array<{ id: string; name: string }>;
  const id = (name: string) => roles.find((one) => one.name === name)!.id;
  expect((await ask('PUT', `/roles/${id('admin')}/implies/${role}`)).status).toBe(201);
  expect((await ask('DELETE', `/roles/${id('member')}/implies/${id('reader')}`)).status).toBe(403);
  // It ends the token that asks: nothing more can be asked with it.
  expect((await ask('DELETE', `/roles/${id('admin')}/implies/${role}`)).status).toBe(204);
});
