import { afterAll, beforeAll, expect, test } from 'vitest';
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
