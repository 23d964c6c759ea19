import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { withDashes } from '../../src/env/env.ts';
import { TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
let admin: OpenStackClient;
const imageRef = withDashes(tinyLinuxId);

beforeAll(async () => {
  cloud = await TestCloud.start({ tinyLinux: true });
  admin = await cloud.openstack();
});
afterAll(() => cloud?.close());

/** Every row of the tables that a request could change. */
async function everything(): Promise<string> {
  const { read } = cloud.cloud.db;
  const tables = [
    'servers',
    'volumes',
    'disks',
    'ports',
    'images',
    'actions',
    'jobs',
    'networks',
    'allocations',
    'image_replicas',
  ] as const;
  const rows = await Promise.all(tables.map((table) => read.selectFrom(table).selectAll().execute()));
  return JSON.stringify(rows);
}

async function call(method: string, path: string, body: unknown, mode = '1', headers: Record<string, string> = {}) {
  const answer = await fetch(cloud.origin + path, {
    method,
    headers: { 'X-Auth-Token': admin.token, 'Content-Type': 'application/json', 'Unkai-Dry-Run': mode, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const newServer = (name: string) => ({ server: { name, imageRef, flavorRef: '1', networks: 'auto' } });
const latest = { 'OpenStack-API-Version': 'compute 2.53' };

test('says what would be made and where, and changes nothing', async () => {
  const before = await everything();
  const { status, body } = await call('POST', '/compute/v2.1/servers', newServer('dry'), '1', latest);
  expect({ status, body }).toMatchObject({
    status: 200,
    body: {
      dry_run: true,
      operation: 'CreateServer',
      changes: true,
      actions: [{ kind: 'server.create', resource_type: 'server' }],
      quota: { instances: { used: 0, change: 1 }, cores: { change: 1 } },
      placement: [{ hosts: ['simulated'] }],
    },
  });
  expect(await everything()).toBe(before);
  expect((await admin.get('/compute/v2.1/servers')).servers).toEqual([]);
});

test('is refused with what the call itself would be refused with', async () => {
  const big = await admin.post('/compute/v2.1/flavors', {
    flavor: { name: 'vast', vcpus: 1, ram: 900_000_000, disk: 1 },
  });
  const before = await everything();
  const request = { server: { ...newServer('vast').server, flavorRef: big.flavor.id } };
  const tooBig = await call('POST', '/compute/v2.1/servers', request, '1', latest);
  expect(tooBig.status).toBeGreaterThanOrEqual(400);
  expect(JSON.stringify(tooBig.body)).toContain('lacks memory');
  const nowhere = await call('DELETE', '/compute/v2.1/servers/00000000-0000-4000-8000-000000000000', undefined);
  expect(nowhere.status).toBe(404);
  const meaningless = await call('POST', '/compute/v2.1/servers', newServer('x'), 'perhaps', latest);
  expect(meaningless.status).toBe(400);
  expect(await everything()).toBe(before);
});

test('does the same for jobs of the ZStack API', async () => {
  const { session } = await cloud.zstack();
  const before = await everything();
  const headers = { Authorization: `OAuth ${session}` };
  const deleted = await call('DELETE', `/zstack/v1/images/${tinyLinuxId}`, undefined, '1', headers);
  expect(deleted).toMatchObject({ status: 200, body: { dry_run: true, operation: 'DeleteImage', changes: true } });
  const recovered = await call('PUT', `/zstack/v1/images/${tinyLinuxId}/actions`, { recoverImage: {} }, '1', headers);
  expect(recovered.status).toBeGreaterThanOrEqual(400);
  expect(await everything()).toBe(before);
});

test('can also be asked for no more than the schema', async () => {
  const fine = await call('POST', '/compute/v2.1/servers', newServer('x'), 'validate', latest);
  expect(fine).toMatchObject({ status: 200, body: { dry_run: 'validate' } });
  const wrong = await call('POST', '/compute/v2.1/servers', { server: { name: 7 } }, 'validate', latest);
  expect(wrong.status).toBe(400);
  expect(JSON.stringify(wrong.body)).toContain('name');
});

test('says so where there is none', async () => {
  const { status, body } = await call('GET', '/compute/v2.1/servers', undefined);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain('has no dry run');
});
