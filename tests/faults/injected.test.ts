import { afterAll, beforeAll, expect, it } from 'vitest';
import { emptyQcow2 } from '../../src/agent/disks/qcow2-header.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { operator } from '../../src/cloud/identity/subject.ts';
import { TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
let client: OpenStackClient;
let imageId: string;

beforeAll(async () => {
  cloud = await TestCloud.start({ faults: true, settings: { shutdownGrace: 0 } });
  const image = { name: 'base', diskFormat: 'qcow2', containerFormat: 'bare', visibility: 'public' } as const;
  const { id } = await cloud.cloud.images.create(operator(), image);
  await cloud.cloud.images.upload(operator(), id, [emptyQcow2(2 ** 30)] as never);
  imageId = id;
  client = await cloud.openstack();
});

afterAll(async () => {
  await cloud?.close();
});

const add = async (fault: object) => (await client.post('/unkai/v1/faults', { fault })).fault.id as string;
const remove = (id: string) => client.delete(`/unkai/v1/faults/${id}`);
const list = async () => (await client.get('/unkai/v1/faults')).faults as Array<{ id: string; hits: number }>;

async function create(name: string, as = client) {
  const server = { name, flavorRef: '42', imageRef: imageId, networks: 'auto' };
  return await as
    .with({ 'openstack-api-version': 'compute 2.79' })
    .request('POST', '/compute/v2.1/servers', { server });
}

async function show(id: string): Promise<{ status: string; fault?: { message: string } } | undefined> {
  const { status, body } = await client.request('GET', `/compute/v2.1/servers/${id}`);
  return status === 404 ? undefined : body.server;
}

const until = async (id: string, status: string | undefined) => {
  await expect.poll(async () => (await show(id))?.status, { timeout: 20_000, interval: 50 }).toBe(status);
};

it('fails an operation as often as is asked, in the words and the project that are asked', async () => {
  const other = await cloud.member('other');
  await add({
    effect: 'error',
    operation: 'compute.CreateServer*',
    project_id: client.projectId,
    code: 'quota_exceeded',
    message: 'No more for you.',
    times: 1,
  });
  expect((await create('first', other)).status).toBe(202);
  const refused = await create('first');
  expect([refused.status, JSON.stringify(refused.body)]).toEqual([403, expect.stringContaining('No more for you.')]);
  const { status, body } = await create('first');
  expect([status, await list()]).toEqual([202, []]);
  await until(body.server.id, 'ACTIVE');
});

it('fails a build, and its server says why', async () => {
  await add({
    effect: 'error',
    operation: 'server.create',
    name: 'bad-*',
    step: 'startGuest',
    code: 'internal',
    message: 'It burns.',
  });
  const { body } = await create('bad-1');
  await until(body.server.id, 'ERROR');
  expect((await show(body.server.id))?.fault?.message).toContain('It burns.');
  const good = await create('good-1');
  await until(good.body.server.id, 'ACTIVE');
  for (const { id } of await list()) await remove(id);
});

it('keeps a build stuck until it is told not to, or the server is deleted', async () => {
  const id = await add({ effect: 'stuck', operation: 'server.create', name: 'stuck-*' });
  const [one, two] = [await create('stuck-1'), await create('stuck-2')].map(({ body }) => body.server.id as string);
  await expect.poll(async () => (await list())[0]!.hits).toBe(2);
  expect([(await show(one!))?.status, (await show(two!))?.status]).toEqual(['BUILD', 'BUILD']);
  await client.delete(`/compute/v2.1/servers/${one}`);
  await until(one!, undefined);
  await remove(id);
  await until(two!, 'ACTIVE');
});

it('loses a host until it is found again, also across a restart, and nothing is left in disorder', async () => {
  const { body } = await create('lonely');
  const id = body.server.id as string;
  await until(id, 'ACTIVE');
  const fault = await add({ effect: 'lost_host', host: '*' });
  await cloud.restart();
  client = await cloud.openstack();
  expect((await list()).map((one) => one.id)).toEqual([fault]);
  await client.post(`/compute/v2.1/servers/${id}/action`, { 'os-stop': null });
  await expect.poll(async () => (await list())[0]!.hits).toBeGreaterThan(0);
  await remove(fault);
  await expect.poll(async () => ['ACTIVE', 'SHUTOFF'].includes((await show(id))!.status)).toBe(true);
  await cloud.cloud.runner.idle();
  expect(await client.get('/unkai/v1/audit')).toEqual({ sound: true, findings: [] });
});

it('slows an operation down', async () => {
  const id = await add({ effect: 'delay', operation: 'ListServers', delay_seconds: 0.3 });
  const began = performance.now();
  await client.get('/compute/v2.1/servers');
  expect(performance.now() - began).toBeGreaterThan(290);
  await remove(id);
});

it('lists what was made since a moment and is still there', async () => {
  const since = new Date().toISOString();
  const { network } = await client.post('/network/v2.0/networks', { network: { name: 'left-over' } });
  const { leftovers } = await client.get(`/unkai/v1/leftovers?since=${since}`);
  expect(leftovers).toEqual([expect.objectContaining({ resource_type: 'network', name: 'left-over' })]);
  await client.delete(`/network/v2.0/networks/${network.id}`);
  expect((await client.get(`/unkai/v1/leftovers?since=${since}`)).leftovers).toEqual([]);
});

it('is for administrators, and off unless it was asked for', async () => {
  const member = await cloud.member('someone');
  const fault = { effect: 'delay' };
  expect((await member.request('POST', '/unkai/v1/faults', { fault })).status).toBe(403);
  expect((await client.request('POST', '/unkai/v1/faults', { fault: { effect: 'lost_host' } })).status).toBe(400);
  await using plain = await TestCloud.start();
  const admin = await plain.openstack();
  const { status, body } = await admin.request('POST', '/unkai/v1/faults', { fault });
  expect([status, JSON.stringify(body)]).toEqual([409, expect.stringContaining('--enable-faults')]);
});
