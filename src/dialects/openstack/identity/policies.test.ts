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
const policyOf = async (blob: string): Promise<string> =>
  (await ask('POST', '/policies', { policy: { blob, type: 'text/plain' } })).json.policy.id;

test('a policy is kept as it was given, changed, listed by type and deleted', async () => {
  const made = await ask('POST', '/policies', { policy: { blob: '{"a": []}', type: 'application/json' } });
  expect(made.status).toBe(201);
  const { id } = made.json.policy;
  const links = { self: `http://cloud.example/identity/v3/policies/${id}` };
  expect(made.json.policy).toEqual({ id, blob: '{"a": []}', type: 'application/json', links });
  expect((await ask('PATCH', `/policies/${id}`, { policy: { type: 'text/x' } })).json.policy.type).toBe('text/x');
  expect((await ask('GET', `/policies/${id}`)).json.policy).toMatchObject({ blob: '{"a": []}', type: 'text/x' });
  const listed = (await ask('GET', '/policies?type=text/x')).json;
  expect(listed.policies.map((one: { id: string }) => one.id)).toEqual([id]);
  expect((await ask('GET', '/policies?type=none')).json.policies).toEqual([]);
  expect((await ask('POST', '/policies', { policy: { blob: {}, type: 'x' } })).status).toBe(400);
  expect((await api.call('GET', '/v3/policies', { token: api.member })).status).toBe(403);
  expect((await ask('DELETE', `/policies/${id}`)).status).toBe(204);
  expect((await ask('GET', `/policies/${id}`)).json.error.message).toBe(`Could not find policy: ${id}.`);
});

test('an endpoint has its own policy, or that of its service in the nearest region, or that of its service', async () => {
  await ask('POST', '/regions', { region: { id: 'upper' } });
  await ask('POST', '/regions', { region: { id: 'lower', parent_region_id: 'upper' } });
  const service = (await ask('POST', '/services', { service: { type: 'dns', name: 'names' } })).json.service.id;
  const endpoint = { service_id: service, interface: 'public', url: 'http://names.example', region_id: 'lower' };
  const { id } = (await ask('POST', '/endpoints', { endpoint })).json.endpoint;
  const [whole, region, own] = [await policyOf('service'), await policyOf('region'), await policyOf('endpoint')];
  const effective = async () => (await ask('GET', `/endpoints/${id}/OS-ENDPOINT-POLICY/policy`)).json;
  const of = (policy: string) => `/policies/${policy}/OS-ENDPOINT-POLICY`;

  expect((await effective()).error.message).toBe(`No policy is associated with endpoint ${id}.`);
  const targets = [
    [whole, `${of(whole)}/services/${service}`],
    [region, `${of(region)}/services/${service}/regions/upper`],
    [own, `${of(own)}/endpoints/${id}`],
  ] as const;
  for (const [policy, target] of targets) {
    expect((await ask('GET', target)).status).toBe(404);
    expect((await ask('PUT', target, {})).status).toBe(204);
    expect((await ask('GET', target)).status).toBe(204);
    expect((await ask('HEAD', target)).status).toBe(204);
    expect((await effective()).policy.id).toBe(policy);
    const { endpoints } = (await ask('GET', `${of(policy)}/endpoints`)).json;
    expect(endpoints.map((one: { id: string }) => one.id)).toEqual([id]);
  }
  await ask('PUT', `${of(whole)}/endpoints/${id}`);
  expect((await effective()).policy.id, 'takes the place of another').toBe(whole);
  expect((await ask('GET', `${of(own)}/endpoints/${id}`)).status).toBe(404);
  expect((await ask('DELETE', `${of(whole)}/endpoints/${id}`)).status).toBe(204);
  expect((await effective()).policy.id).toBe(region);
  await ask('DELETE', `/policies/${region}`);
  expect((await effective()).policy.id).toBe(whole);
  expect((await ask('DELETE', `/services/${service}`)).status).toBe(204);
  expect((await ask('GET', `${of(whole)}/endpoints`)).json.endpoints).toEqual([]);
});

test('policies are for what is there', async () => {
  const policy = await policyOf('x');
  for (const path of ['endpoints/none', 'services/none'])
    expect((await ask('PUT', `/policies/${policy}/OS-ENDPOINT-POLICY/${path}`)).status, path).toBe(404);
  const { services } = (await ask('GET', '/services')).json;
  const known = `services/${services.find((one: { type: string }) => one.type === 'identity').id}`;
  expect((await ask('PUT', `/policies/none/OS-ENDPOINT-POLICY/${known}`)).status).toBe(404);
  expect((await ask('PUT', `/policies/${policy}/OS-ENDPOINT-POLICY/${known}/regions/none`)).status).toBe(404);
});
