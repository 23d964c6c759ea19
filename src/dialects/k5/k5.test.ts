import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeDialects } from '../openstack/compute/compute.ts';
import { ComputeApi } from '../openstack/compute/test-compute-api.ts';
import { rebuildExamples } from './examples.ts';
import { k5Dialects } from './k5.ts';

let api: ComputeApi;
let base: string;
beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, ...k5Dialects]);
  base = `/v2/${api.projectId}`;
  await api.addMember('alice');
});
afterAll(() => api.stop());

describe('K5', () => {
  it('answers a rebuild with the members of its example, and no others', async () => {
    const id = await api.server();
    const [example] = rebuildExamples;
    const { rebuild } = example!.body as { rebuild: object };
    const answer = await api.call('POST', `${base}/servers/${id}/action`, {
      body: { rebuild: { ...rebuild, imageRef: api.imageId, preserve: true } },
    });
    expect(answer.status).toBe(202);
    expect(answer.headers['location']).toBe(`http://cloud.example.com${base}/servers/${id}`);
    const { server } = example!.response as { server: Record<string, unknown> };
    expect(Object.keys(answer.body.server).sort()).toEqual(Object.keys(server).sort());
    expect(answer.headers['openstack-api-version']).toBeUndefined();
    await api.settled(id);
  });

  it('counts metadata in bytes wherever it is set', async () => {
    const fits = '雲'.repeat(85);
    const tooLong = `${fits}x`;
    const id = await api.server({ metadata: { [fits]: fits } });
    const refused = async (path: string, method: 'POST' | 'PUT', body: object) => {
      const answer = await api.call(method, base + path, { body });
      expect(answer.status, path).toBe(400);
      expect(answer.body.badRequest.message).toContain('greater than 255 bytes');
    };
    const metadata = { key: tooLong };
    await refused('/servers', 'POST', { server: { name: 'a', imageRef: api.imageId, flavorRef: '42', metadata } });
    await refused(`/servers/${id}/action`, 'POST', { rebuild: { imageRef: api.imageId, metadata } });
    await refused(`/servers/${id}/metadata`, 'POST', { metadata });
    await refused(`/servers/${id}/metadata`, 'PUT', { metadata: { [tooLong]: 'v' } });
    await refused(`/servers/${id}/metadata/key`, 'PUT', { meta: metadata });
    expect((await api.call('PUT', `/compute/v2.1/servers/${id}/metadata`, { body: { metadata } })).status).toBe(200);
  });

  it('is there for one project at a time', async () => {
    const { status, body } = await api.call('GET', `${base}/servers`, { as: 'alice' });
    expect(status).toBe(400);
    expect(body.badRequest.message).toContain("doesn't match Context's project_id");
    expect((await api.call('GET', `${base}/servers`, { as: 'nobody' })).status).toBe(401);
  });

  it('leaves the work of administrators to other APIs', async () => {
    expect((await api.call('GET', `${base}/os-hypervisors`)).status).toBe(404);
    expect((await api.call('GET', `${base}/os-availability-zone`)).status).toBe(200);
  });

  it('lists volumes and images beside servers', async () => {
    for (const path of [
      '/servers/detail',
      '/images/detail',
      '/volumes',
      '/flavors/detail',
      '/os-keypairs',
      '/limits',
    ]) {
      expect((await api.call('GET', base + path)).status, path).toBe(200);
    }
    expect((await api.call('GET', `/v1.1/${api.projectId}/os-volumes`)).status).toBe(200);
  });
});
