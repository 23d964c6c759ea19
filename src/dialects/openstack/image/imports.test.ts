import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { subjects, TestApi } from './test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.stop());

const engineId = (id: string) => id.replaceAll('-', '');

async function staged(bytes: Buffer, body: object = {}) {
  const { id } = await api.create(body);
  expect((await api.call('PUT', `/v2/images/${id}/stage`, { body: bytes })).status).toBe(204);
  expect(await api.show(id)).toMatchObject({ status: 'uploading', size: bytes.length });
  return id;
}

const directly = { method: { name: 'glance-direct' } };

describe('glance-direct', () => {
  it('makes what was staged the image, and leaves a task', async () => {
    const bytes = randomBytes(300_000);
    const id = await staged(bytes);
    const answer = await api.call('POST', `/v2/images/${id}/import`, { body: directly });
    expect(answer.status).toBe(202);
    await api.settled();
    expect(await api.show(id)).toMatchObject({
      status: 'active',
      stores: 'default',
      os_glance_importing_to_stores: '',
      os_glance_failed_import: '',
    });
    expect((await api.call('GET', `/v2/images/${id}/file`)).bytes).toEqual(bytes);
    const { tasks } = (await api.call('GET', `/v2/images/${id}/tasks`)).body;
    expect(tasks).toMatchObject([
      {
        status: 'success',
        type: 'api_image_import',
        request_id: answer.headers['x-openstack-request-id'],
        input: { import_req: { method: { name: 'glance-direct' } } },
        result: { image_id: id },
      },
    ]);
    expect((await api.call('GET', `/v2/tasks/${tasks[0].id}`)).body).toEqual(tasks[0]);
    expect((await api.call('GET', '/v2/tasks')).body.tasks).toMatchObject([{ id: tasks[0].id }]);
    expect((await api.call('GET', `/v2/tasks/${tasks[0].id}`, { as: 'bob' })).status).toBe(404);
  });

  it('queues the image again, without its bytes, when they are not what they should be', async () => {
    const id = await staged(randomBytes(100_000), { disk_format: 'qcow2' });
    await api.call('POST', `/v2/images/${id}/import`, { body: directly });
    await api.settled();
    expect(await api.show(id)).toMatchObject({ status: 'queued', size: null, os_glance_failed_import: 'default' });
    const { tasks } = (await api.call('GET', `/v2/images/${id}/tasks`)).body;
    expect(tasks).toMatchObject([{ status: 'failure', message: expect.stringMatching(/not qcow2/), result: null }]);
    expect(await api.cloud.files()).toEqual([]);
  });

  it('brings what was staged to the stores that are named, and only there', async () => {
    await api.cloud.addStore();
    const bytes = randomBytes(70_000);
    const id = await staged(bytes);
    await api.call('POST', `/v2/images/${id}/import`, { body: { ...directly, stores: ['second'] } });
    await api.settled();
    expect(await api.show(id)).toMatchObject({ status: 'active', stores: 'second', os_glance_failed_import: '' });
    expect(await api.cloud.files()).toEqual([]);
    expect((await api.call('GET', `/v2/images/${id}/file`)).bytes).toEqual(bytes);
  });

  it('brings it to all stores', async () => {
    await api.cloud.addStore();
    const id = await staged(randomBytes(70_000));
    await api.call('POST', `/v2/images/${id}/import`, { body: { ...directly, all_stores: true } });
    await api.settled();
    expect(await api.show(id)).toMatchObject({ stores: 'default,second', os_glance_importing_to_stores: '' });
    expect((await api.call('GET', `/v2/images/${id}/tasks`)).body.tasks).toHaveLength(1);
    expect((await api.call('DELETE', `/v2/stores/second/${id}`)).status).toBe(403);
    expect((await api.call('DELETE', `/v2/stores/second/${id}`, { as: 'admin' })).status).toBe(204);
    expect(await api.show(id)).toMatchObject({ status: 'active', stores: 'default' });
    expect((await api.call('DELETE', `/v2/stores/default/${id}`, { as: 'admin' })).status).toBe(403);
    expect((await api.call('DELETE', `/v2/stores/second/${id}`, { as: 'admin' })).status).toBe(404);
  });

  it('needs something staged; and what is staged can only be imported or deleted', async () => {
    const { id } = await api.create();
    expect((await api.call('POST', `/v2/images/${id}/import`, { body: directly })).status).toBe(409);
    const other = await staged(randomBytes(1000));
    const again = { body: randomBytes(10) };
    expect((await api.call('PUT', `/v2/images/${other}/stage`, again)).status).toBe(409);
    expect((await api.call('PUT', `/v2/images/${other}/file`, again)).status).toBe(409);
    expect(await api.ids('?status=uploading')).toEqual([other]);
    expect((await api.call('DELETE', `/v2/images/${other}`)).status).toBe(204);
    await api.settled();
    expect(await api.cloud.files()).toEqual([]);
  });

  it('waits for its import over the death of the process', async () => {
    const bytes = randomBytes(1000);
    const id = await staged(bytes);
    const { folder } = api.cloud;
    await api.app.close();
    await api.cloud.stop({ keepFolder: true });
    api = await TestApi.start({ folder });
    await api.call('POST', `/v2/images/${id}/import`, { body: directly });
    await api.settled();
    expect((await api.call('GET', `/v2/images/${id}/file`)).bytes).toEqual(bytes);
  });
});

describe('copy-image', () => {
  it('brings an active image to further stores', async () => {
    const { id } = await api.create();
    await api.call('PUT', `/v2/images/${id}/file`, { body: randomBytes(5000) });
    const wish = { method: { name: 'copy-image' } };
    const path = `/v2/images/${id}/import`;
    await api.call('POST', path, { body: { ...wish, all_stores: true } });
    expect(await api.show(id)).toMatchObject({ stores: 'default', os_glance_importing_to_stores: '' });
    await api.cloud.addStore();
    expect((await api.call('POST', path, { body: { ...wish, stores: ['default'] } })).status).toBe(400);
    expect((await api.call('POST', path, { body: { ...wish, stores: ['nowhere'] } })).status).toBe(400);
    expect((await api.call('POST', path, { as: 'bob', body: { ...wish, all_stores: true } })).status).toBe(404);
    expect((await api.call('POST', path, { body: { ...wish, stores: ['second'] } })).status).toBe(202);
    await api.settled();
    expect(await api.show(id)).toMatchObject({ stores: 'default,second', os_glance_failed_import: '' });
    expect((await api.call('GET', `/v2/images/${id}/tasks`)).body.tasks).toMatchObject([
      { status: 'success', input: { import_req: { method: { name: 'copy-image' }, stores: ['second'] } } },
    ]);
    const queued = await api.create();
    const early = await api.call('POST', `/v2/images/${queued.id}/import`, { body: { ...wish, all_stores: true } });
    expect(early.status).toBe(409);
    await api.call('DELETE', `/v2/images/${id}`);
    expect(await api.cloud.images.get(subjects.alice, engineId(id), { withDeleted: true })).toMatchObject({
      status: 'deleted',
    });
  });
});

describe('a task', () => {
  it('makes an image of a URL, for administrators', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'unkai-task-'));
    try {
      const path = join(folder, 'disk.raw');
      await writeFile(path, randomBytes(4096));
      const body = {
        type: 'import',
        input: {
          import_from: `file://${path}`,
          import_from_format: 'raw',
          image_properties: { name: 'made', disk_format: 'raw', container_format: 'bare', visibility: 'public' },
        },
      };
      expect((await api.call('POST', '/v2/tasks', { body })).status).toBe(403);
      const made = await api.call('POST', '/v2/tasks', { as: 'admin', body });
      expect(made.status).toBe(201);
      expect(made.headers['location']).toMatch(`/v2/tasks/${made.body.id}`);
      await api.settled();
      const task = (await api.call('GET', `/v2/tasks/${made.body.id}`, { as: 'admin' })).body;
      expect(task).toMatchObject({ type: 'import', status: 'success', result: { image_id: expect.any(String) } });
      expect(await api.show(task.result.image_id)).toMatchObject({ name: 'made', status: 'active' });
      const wrong = { ...body, input: { ...body.input, import_from: 'http://user:secret@example.org/' } };
      expect((await api.call('POST', '/v2/tasks', { as: 'admin', body: wrong })).status).toBe(400);
      expect((await api.call('POST', '/v2/tasks', { as: 'admin', body: { ...body, type: 'export' } })).status).toBe(
        400,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('quotas', () => {
  it('are told with what there is, in mebibytes', async () => {
    const { settings } = api.cloud.core;
    settings.defaultQuotas = { ...settings.defaultQuotas, images: 7, image_bytes: 3 * 1024 * 1024 };
    const quotas = async () => (await api.call('GET', '/v2/info/usage')).body.usage;
    const none = { limit: -1, usage: 0 };
    expect(await quotas()).toEqual({
      image_size_total: { limit: 3, usage: 0 },
      image_stage_total: none,
      image_count_total: { limit: 7, usage: 0 },
      image_count_uploading: none,
    });
    const id = await staged(randomBytes(1_100_000));
    expect(await quotas()).toMatchObject({
      image_size_total: { usage: 2 },
      image_stage_total: { limit: -1, usage: 2 },
      image_count_total: { usage: 1 },
      image_count_uploading: { limit: -1, usage: 1 },
    });
    await api.call('POST', `/v2/images/${id}/import`, { body: directly });
    await api.settled();
    expect(await quotas()).toMatchObject({
      image_size_total: { usage: 2 },
      image_stage_total: none,
      image_count_total: { usage: 1 },
      image_count_uploading: none,
    });
  });
});

describe('stores', () => {
  it('are listed with what they are', async () => {
    await api.cloud.addStore();
    const answer = await api.call('GET', '/v2/info/stores');
    expect(answer.body.stores).toEqual([{ id: 'default', default: 'true' }, { id: 'second' }]);
    expect((await api.call('GET', '/v2/info/stores/detail')).status).toBe(403);
    const detail = await api.call('GET', '/v2/info/stores/detail', { as: 'admin' });
    expect(detail.body.stores).toMatchObject([
      { id: 'default', type: 'filesystem', properties: { status: 'connected' } },
      { id: 'second' },
    ]);
    const made = await api.call('POST', '/v2/images', { body: {} });
    expect(made.headers['openstack-image-store-ids']).toBe('default,second');
    expect(made.headers['openstack-image-import-methods']).toBe(
      'glance-direct,web-download,copy-image,glance-download',
    );
  });
});

describe('image data', () => {
  it('is read under conditions', async () => {
    const { id } = await api.create();
    const bytes = randomBytes(1000);
    await api.call('PUT', `/v2/images/${id}/file`, { body: bytes });
    const path = `/v2/images/${id}/file`;
    const etag = `"${(await api.show(id))['os_hash_value']}"`;
    const get = (headers: Record<string, string>) => api.call('GET', path, { headers });
    expect((await get({})).headers['etag']).toBe(etag);
    expect((await get({ 'if-none-match': etag })).status).toBe(304);
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200);
    expect((await get({ 'if-match': '"other"' })).status).toBe(412);
    expect((await get({ 'if-match': etag, range: 'bytes=5-9' })).bytes).toEqual(bytes.subarray(5, 10));
    expect((await get({ 'if-range': '"other"', range: 'bytes=5-9' })).status).toBe(200);
    expect((await get({ 'if-range': etag, range: 'bytes=5-9' })).status).toBe(206);
  });
});
