import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const start = '/compute/v2.1/os-simple-tenant-usage';
let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
});
afterAll(() => api?.stop());

test('usage comes in pages from 2.40 on, the last of which is empty', async () => {
  const made = [await api.server(), await api.server(), await api.server()].sort();
  const page = async (path: string, name: string, version = '2.40') => {
    const { status, body } = await api.call('GET', start + path, { version });
    const usages = [body[name] ?? []].flat() as Array<{ server_usages?: Array<{ instance_id: string }> }>;
    const ids = usages.flatMap(({ server_usages = [] }) => server_usages.map(({ instance_id }) => instance_id));
    return { status, ids, next: body[`${name}_links`]?.[0].href as string | undefined };
  };
  for (const [path, name] of [
    [`/${api.projectId}?x=1`, 'tenant_usage'],
    ['?detailed=1', 'tenant_usages'],
  ] as const) {
    const first = await page(`${path}&limit=2`, name);
    expect(first.ids).toEqual(made.slice(0, 2));
    expect(first.next).toContain(`marker=${made[1]}`);
    const second = await page(`${path}&limit=2&marker=${made[1]}`, name);
    expect(second).toEqual({ status: 200, ids: [made[2]], next: undefined });
    expect(await page(`${path}&marker=${made[2]}`, name)).toEqual({ status: 200, ids: [], next: undefined });
    expect((await page(`${path}&marker=none`, name)).status).toBe(400);
    // Older microversions do not know pages.
    expect((await page(`${path}&marker=${made[2]}`, name, '2.39')).ids).toHaveLength(3);
  }
});

test('a page reads its own servers alone, those that are deleted among them, and none from outside of the period', async () => {
  const [first = ''] = [await api.server(), await api.server()].sort();
  await api.call('DELETE', `/compute/v2.1/servers/${first}`, {});
  await api.unkai.cloud.runner.idle();
  const listed = vi.spyOn(api.unkai.cloud.servers, 'list');
  const page = async (query: string) => {
    const { body } = await api.call('GET', `${start}/${api.projectId}?limit=1${query}`, { version: '2.40' });
    const read = await Promise.all(listed.mock.results.map(({ value }) => value as Promise<unknown[]>));
    expect(read.flat().length).toBeLessThanOrEqual(1);
    listed.mockClear();
    return body['tenant_usage'].server_usages as Array<{ instance_id: string; state: string }> | undefined;
  };
  const found = [];
  for (let one = await page(''); one; one = await page(`&marker=${one[0]!.instance_id}`)) found.push(one[0]);
  expect(found.length).toBeGreaterThanOrEqual(5);
  expect(found).toContainEqual(expect.objectContaining({ instance_id: first, state: 'terminated' }));
  expect(await page('&start=2001-01-01T00:00:00&end=2001-02-01T00:00:00')).toBeUndefined();
  expect(await page('&start=2201-01-01T00:00:00&end=2201-02-01T00:00:00')).toBeUndefined();
  const { updated_at } = await api.unkai.cloud.db.read
    .selectFrom('servers')
    .select('updated_at')
    .where('id', '=', first.replaceAll('-', ''))
    .executeTakeFirstOrThrow();
  const later = new Date(updated_at / 1000 + 1000).toISOString().slice(0, 19);
  const after = await api.call('GET', `${start}/${api.projectId}?start=${later}&end=2201-01-01T00:00:00`, {});
  expect(JSON.stringify(after.body)).not.toContain(first);
  listed.mockRestore();
});
