import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestCloud } from '../../../tests/support/cloud.ts';
import type { HostAgent } from '../../agent/contract.ts';
import type { OpenStackClient } from '../../cli/clients/openstack-client.ts';

let cloud: TestCloud;
let admin: OpenStackClient;
let reached: () => void;
let release: () => void;
const isReached = new Promise<void>((resolve) => {
  reached = resolve;
});
const gate = new Promise<void>((resolve) => {
  release = resolve;
});
const limit = 300_000;

/** A host on which the start of a guest waits at the gate. */
function slow(agent: HostAgent): HostAgent {
  return new Proxy(agent, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'ensureGuestRunning') return value.bind(target);
      return async (...args: unknown[]) => {
        reached();
        await gate;
        return await value.apply(target, args);
      };
    },
  });
}

beforeAll(async () => {
  cloud = await TestCloud.start({ tinyLinux: true, wrapAgent: slow });
  admin = await cloud.openstack();
}, limit);

afterAll(async () => {
  release();
  await cloud?.close();
});

it(
  'an action that is under way is cancelled: what it did is undone, and it says so',
  async () => {
    const { images } = await admin.get('/image/v2/images');
    const server = { name: 'regretted', imageRef: images[0].id, flavorRef: '1', networks: 'none' };
    const { id } = (
      await admin.with({ 'openstack-api-version': 'compute 2.37' }).post('/compute/v2.1/servers', { server })
    ).server;
    await isReached;
    const list = () => admin.get(`/unkai/v1/activities?resource_id=${id}`);
    const [activity] = (await list()).activities;
    const stranger = await cloud.member('stranger');
    const path = `/unkai/v1/activities/${activity.id}/cancel`;
    expect((await stranger.request('POST', path)).status).toBe(404);
    expect((await admin.request('POST', path)).status).toBe(202);
    release();
    await expect.poll(async () => (await list()).activities[0].state, { timeout: limit }).toBe('failed');
    expect((await list()).activities[0].failure.code).toBe('cancelled');
    expect((await admin.get(`/compute/v2.1/servers/${id}`)).server.status).toBe('ERROR');
    const again = await admin.request('POST', path);
    expect([again.status, again.body.error.reason]).toEqual([409, 'ended']);
  },
  limit,
);

it('a request that the schema refuses says where, in a dry run', async () => {
  const dry = { 'unkai-dry-run': 'validate' };
  const body = await admin.request('POST', '/compute/v2.1/servers', { server: { name: 7, flavorRef: '1' } }, dry);
  expect([body.status, body.headers.get('unkai-invalid-field')]).toEqual([400, 'body.server.name']);
  const query = await admin.request('GET', '/unkai/v1/activities?limit=many', undefined, dry);
  expect([query.status, query.headers.get('unkai-invalid-field')]).toEqual([400, 'query.limit']);
  const real = await admin.request('GET', '/unkai/v1/activities?limit=many');
  expect(real.headers.get('unkai-invalid-field')).toBeNull();
});
