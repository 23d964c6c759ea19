import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

let api: IdentityApi;
let count = 0;
let config: string;
beforeAll(async () => {
  api = await testIdentityApi();
});
beforeEach(async () => {
  count += 1;
  const { id } = (await ask('POST', '/domains', { domain: { name: `partners-${count}` } })).json.domain;
  config = `/domains/${id}/config`;
});
afterAll(() => api?.close());

type Method = Parameters<IdentityApi['call']>[0];
const ask = (method: Method, path: string, body?: unknown, token = api.admin) =>
  api.call(method, `/v3${path}`, { token, ...(body === undefined ? {} : { body }) });
const directory = { identity: { driver: 'ldap' }, ldap: { url: 'ldap://directory.example', page_size: 5 } };
const put = (words: unknown) => ask('PUT', config, { config: words });

test('a configuration is put, shown in parts, changed in parts and deleted in parts', async () => {
  expect((await ask('GET', config)).status).toBe(404);
  const made = await put(directory);
  expect(made.status).toBe(201);
  expect(made.json.config).toEqual(directory);
  expect((await put(directory)).status, 'once more').toBe(200);
  expect((await ask('GET', config)).json.config).toEqual(directory);
  expect((await ask('GET', `${config}/ldap`)).json.config).toEqual({ ldap: directory.ldap });
  expect((await ask('GET', `${config}/ldap/page_size`)).json.config).toEqual({ page_size: 5 });
  expect((await ask('HEAD', `${config}/ldap/page_size`)).status).toBe(200);
  const group = { identity: { driver: 'other', list_limit: 7 } };
  expect((await ask('PATCH', `${config}/identity`, { config: group })).json.config).toEqual({ ...directory, ...group });
  const option = await ask('PATCH', `${config}/identity/driver`, { config: { driver: 'third' } });
  expect(option.json.config.identity).toEqual({ driver: 'third', list_limit: 7 });
  expect((await ask('DELETE', `${config}/identity/driver`)).status).toBe(204);
  expect((await ask('GET', `${config}/identity/driver`)).json.error.message).toContain(
    'Could not find option driver in group identity in domain configuration for domain',
  );
  expect((await ask('DELETE', `${config}/identity`)).status).toBe(204);
  expect((await ask('DELETE', `${config}/identity`)).status).toBe(404);
  expect((await ask('PATCH', `${config}/identity`, { config: group })).status).toBe(404);
  expect((await ask('DELETE', config)).status).toBe(204);
  expect((await ask('GET', config)).status).toBe(404);
});

test('passwords are kept and not shown', async () => {
  const made = await put({ ldap: { password: 'secret', user: 'cn=reader' } });
  expect(made.json.config).toEqual({ ldap: { user: 'cn=reader' } });
  expect((await ask('GET', `${config}/ldap`)).text).not.toContain('secret');
  expect((await ask('GET', `${config}/ldap/password`)).status).toBe(404);
  expect((await ask('PATCH', `${config}/ldap/password`, { config: { password: 'other' } })).status).toBe(200);
  expect((await ask('GET', '/domains/config/ldap/password/default')).status).toBe(403);
});

test('what can not be configured for a domain is refused', async () => {
  for (const words of [{}, { ldap: {} }, { ldap: 'x' }, { token: { expiration: 1 } }, { ldap: { odd: 1 } }])
    expect((await put(words)).json.error.message).toContain('Invalid domain specific configuration: ');
  await put(directory);
  for (const [path, words] of [
    ['/ldap', directory],
    ['/ldap', { identity: { driver: 'sql' } }],
    ['/ldap/url', { url: 'x', user: 'y' }],
    ['/ldap/url', { user: 'y' }],
  ] as const) {
    expect((await ask('PATCH', config + path, { config: words })).status, JSON.stringify(words)).toBe(403);
  }
  expect((await ask('GET', `${config}/odd`)).status).toBe(403);
  expect((await ask('GET', '/domains/nobody/config')).json.error.message).toBe('Could not find domain: nobody.');
  expect((await ask('PUT', '/domains/nobody/config', { config: directory })).status).toBe(404);
});

test('defaults are told, group by group and option by option', async () => {
  const all = (await ask('GET', '/domains/config/default')).json.config;
  expect(Object.keys(all).sort()).toEqual(['identity', 'ldap']);
  expect((await ask('GET', '/domains/config/identity/default')).json.config).toEqual({
    identity: { driver: 'sql', list_limit: null },
  });
  expect((await ask('GET', '/domains/config/identity/driver/default')).json.config).toEqual({ driver: 'sql' });
  expect((await ask('GET', '/domains/config/odd/default')).status).toBe(403);
});

test('configurations are for administrators; the rule for passwords is for everybody', async () => {
  await put(directory);
  for (const path of [config, `${config}/ldap`, `${config}/ldap/url`, '/domains/config/default'])
    expect((await ask('GET', path, undefined, api.member)).status, path).toBe(403);
  expect((await ask('PUT', config, { config: directory }, api.member)).status).toBe(403);
  const rule = { password_regex: null, password_regex_description: null };
  const path = '/domains/default/config/security_compliance';
  expect((await ask('GET', path, undefined, api.member)).json.config).toEqual({ security_compliance: rule });
  expect((await ask('GET', `${path}/password_regex`, undefined, api.member)).json.config).toEqual({
    password_regex: null,
  });
  expect((await ask('GET', `${path}/lockout_duration`)).status).toBe(403);
  expect((await ask('GET', `${config}/security_compliance`)).status).toBe(403);
});

test('a deleted domain takes its configuration along', async () => {
  await put(directory);
  const domain = config.split('/')[2];
  await ask('PATCH', `/domains/${domain}`, { domain: { enabled: false } });
  expect((await ask('DELETE', `/domains/${domain}`)).status).toBe(204);
  expect((await ask('GET', config)).json.error.message).toBe(`Could not find domain: ${domain}.`);
});
