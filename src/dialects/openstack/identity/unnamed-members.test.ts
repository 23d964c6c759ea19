import { afterAll, beforeAll, expect, test } from 'vitest';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

let api: IdentityApi;
let service_id: string;
type Method = Parameters<IdentityApi['call']>[0];
const ask = (method: Method, path: string, body?: unknown) =>
  api.call(method, `/v3${path}`, { token: api.admin, ...(body === undefined ? {} : { body }) });

beforeAll(async () => {
  api = await testIdentityApi();
  service_id = (await ask('POST', '/services', { service: { type: 'dns', name: 'names' } })).json.service.id;
});
afterAll(() => api?.close());

test.each([
  ['group', '/groups', () => ({ name: 'operators' })],
  ['role', '/roles', () => ({ name: 'auditor' })],
  ['service', '/services', () => ({ type: 'object-store' })],
  ['region', '/regions', () => ({ id: 'north' })],
  ['policy', '/policies', () => ({ type: 'text/plain', blob: 'x' })],
  ['endpoint', '/endpoints', () => ({ service_id, interface: 'public', url: 'http://names.example' })],
])('a %s keeps members that mean nothing here, and tells them', async (kind, path, words) => {
  const body = { [kind]: { ...words(), email: 'a@example.com', shelf: [1] } };
  const made = (await ask('POST', path, body)).json[kind];
  expect(made).toMatchObject({ email: 'a@example.com', shelf: [1] });
  const changed = (await ask('PATCH', `${path}/${made.id}`, { [kind]: { shelf: [2] } })).json[kind];
  expect(changed).toEqual({ ...made, shelf: [2] });
  expect((await ask('GET', `${path}/${made.id}`)).json[kind]).toEqual(changed);
  const listed = Object.values((await ask('GET', path)).json).find(Array.isArray) as Array<{ id: string }>;
  expect(listed.find(({ id }) => id === made.id)).toEqual(changed);
});

test('an endpoint tells what was said as its description', async () => {
  const endpoint = { service_id, interface: 'admin', url: 'http://names.example', description: 'Names' };
  const { id, description } = (await ask('POST', '/endpoints', { endpoint })).json.endpoint;
  expect(description).toBe('Names');
  const changed = await ask('PATCH', `/endpoints/${id}`, { endpoint: { description: 'All names' } });
  expect(changed.json.endpoint).toMatchObject({ description: 'All names', url: 'http://names.example' });
});

test('too many of them are refused', async () => {
  const answer = await ask('POST', '/groups', { group: { name: 'full', novel: 'x'.repeat(70_000) } });
  expect(answer.status).toBe(400);
});
