import { afterAll, beforeAll, expect, test } from 'vitest';
import { NetworkApi } from './network-api.fixture.ts';

let api: NetworkApi;
let project: string;
let path: string;

beforeAll(async () => {
  api = await NetworkApi.start();
  project = String((await api.made('alice', 'networks', 'network', {}))['project_id']);
  path = `/v2.0/quotas/${project}`;
});
afterAll(() => api.close());

const limit = (quota: object) => api.call('admin', 'PUT', path, { quota });
const pool = (prefix: string) =>
  api.call('alice', 'POST', '/v2.0/subnetpools', { subnetpool: { name: 'p', prefixes: [prefix] } });
const overQuota = { status: 409, body: { NeutronError: { type: 'OverQuota' } } };

test('pools of addresses are counted', async () => {
  expect((await api.call('alice', 'GET', path)).body).toMatchObject({ quota: { subnetpool: -1 } });
  expect(await limit({ subnetpool: 1 })).toMatchObject({ status: 200, body: { quota: { subnetpool: 1 } } });
  expect(await pool('10.80.0.0/16')).toMatchObject({ status: 201 });
  expect(await pool('10.81.0.0/16')).toMatchObject(overQuota);
  const { quota } = (await api.call('alice', 'GET', `${path}/details.json`)).body;
  expect(quota!['subnetpool']).toEqual({ limit: 1, used: 1, reserved: 0 });
});

test('what is shared is counted', async () => {
  expect((await api.call('alice', 'GET', path)).body).toMatchObject({ quota: { rbac_policy: 10 } });
  expect(await limit({ rbac_policy: 1 })).toMatchObject({ status: 200, body: { quota: { rbac_policy: 1 } } });
  const network = await api.made('alice', 'networks', 'network', {});
  const share = (target_tenant: string) => {
    const rbac_policy = { object_type: 'network', object_id: network['id'], action: 'access_as_shared', target_tenant };
    return api.call('alice', 'POST', '/v2.0/rbac-policies', { rbac_policy });
  };
  expect(await share('a'.repeat(32))).toMatchObject({ status: 201 });
  expect(await share('b'.repeat(32))).toMatchObject(overQuota);
});

test('the defaults come back for networks alone', async () => {
  const admin = api.subject('admin');
  await api.quotas.setLimits(admin, project, { cores: 5, volumes: 6, networks: 7 });
  expect(await api.call('admin', 'DELETE', path)).toMatchObject({ status: 204 });
  expect(await api.quotas.limits(admin, project)).toMatchObject({ cores: 5, volumes: 6, networks: 100 });
  expect(await api.call('admin', 'DELETE', path)).toMatchObject({
    status: 404,
    body: { NeutronError: { type: 'TenantQuotaNotFound' } },
  });
});

test('the defaults are those that hold for projects without their own', async () => {
  const other = `/v2.0/quotas/${'c'.repeat(32)}`;
  await api.quotas.setLimitsOfClass(api.subject('admin'), 'default', { security_groups: 3 });
  for (const shown of [other, `${other}/default`])
    expect((await api.call('admin', 'GET', shown)).body, shown).toMatchObject({ quota: { security_group: 3 } });
});
