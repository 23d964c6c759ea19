import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Name, subjects, TestApi } from './test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.stop());

const call: TestApi['call'] = (...request) => api.call(...request);
const create: TestApi['create'] = (...request) => api.create(...request);

const patchType = 'application/openstack-images-v2.1-json-patch';
const patch = (id: string, body: unknown, type = patchType, as: Name = 'alice') =>
  call('PATCH', `/v2/images/${id}`, { as, body: body as object, headers: { 'content-type': type } });

const dashed = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('the versions', () => {
  it('are read without a token', async () => {
    const root = await call('GET', '/', { headers: { 'x-auth-token': 'stale' } });
    expect(root.status).toBe(300);
    expect(root.body.versions[0]).toMatchObject({ id: 'v2.16', status: 'CURRENT' });
    expect(root.body.versions[0].links[0].href).toMatch(/\/image\/v2\/$/);
    expect((await call('GET', '/versions')).status).toBe(200);
  });
});

describe('an image', () => {
  it('is created with properties of its own', async () => {
    const response = await call('POST', '/v2/images', {
      body: {
        name: 'N',
        container_format: 'bare',
        disk_format: 'qcow2',
        owner: null,
        'owner_specified.openstack.md5': '',
        'owner_specified.openstack.object': 'images/N',
      },
    });
    expect(response.status).toBe(201);
    expect(response.body).toMatchObject({
      id: expect.stringMatching(dashed),
      name: 'N',
      status: 'queued',
      visibility: 'shared',
      owner: subjects.alice.projectId,
      size: null,
      tags: [],
      'owner_specified.openstack.object': 'images/N',
      schema: '/v2/schemas/image',
      self: `/v2/images/${response.body.id}`,
    });
    expect(response.headers['location']).toMatch(`/image/v2/images/${response.body.id}`);
    expect(response.headers['openstack-image-import-methods']).toBe(
      'glance-direct,web-download,copy-image,glance-download',
    );
    expect(response.headers['x-openstack-request-id']).toMatch(/^req-/);
    expect((await call('GET', `/v2/images/${response.body.id}`)).body).toEqual(response.body);
  });

  it('is refused with wrong, reserved and read-only members', async () => {
    const tries: Array<[object, number]> = [
      [{ disk_format: 'nonsense' }, 400],
      [{ min_disk: -1 }, 400],
      [{ name: 'x'.repeat(256) }, 400],
      [{ id: 'not-a-uuid' }, 400],
      [{ own: 5 }, 400],
      [{ status: 'active' }, 403],
      [{ checksum: 'x' }, 403],
      [{ os_glance_x: 'x' }, 403],
      [{ location: 'x' }, 403],
      [JSON.parse('{ "__proto__": "x" }'), 400],
      [{ visibility: 'public' }, 403],
      [{ owner: subjects.bob.projectId }, 403],
    ];
    for (const [body, status] of tries) expect((await call('POST', '/v2/images', { body })).status).toBe(status);
    const { id } = await create();
    const again = await call('POST', '/v2/images', { body: { id } });
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ code: '409 Conflict', title: 'Conflict' });
  });

  it('fails as the Accept header wants it', async () => {
    const path = '/v2/images/5ee2a3a5-6e2f-4b29-a0e5-0f3b1f6a8f0d';
    const json = await call('GET', path);
    expect(json.body.message).toContain('No image found with ID 5ee2a3a5-6e2f-4b29-a0e5-0f3b1f6a8f0d');
    const html = await call('GET', path, { headers: { accept: '*/*' } });
    expect([html.status, html.headers['content-type']]).toEqual([404, 'text/html; charset=UTF-8']);
    const text = await call('GET', path, { headers: { accept: '' } });
    expect(text.body).toMatch(/^404 Not Found/);
    expect((await call('GET', '/v2/images/nonsense')).status).toBe(404);
    expect((await call('GET', '/v2/images', { headers: { 'x-auth-token': '' } })).status).toBe(401);
  });

  it('is patched, all of it or nothing', async () => {
    const { id } = await create({ old: 'value' });
    const patched = await patch(id!, [
      { op: 'replace', path: '/name', value: 'new' },
      { op: 'add', path: '/a~1b', value: 'slash' },
      { op: 'remove', path: '/old' },
      { op: 'replace', path: '/tags', value: ['b', 'a'] },
      { op: 'add', path: '/description', value: 'words' },
    ]);
    expect(patched.status).toBe(200);
    expect(patched.body).toMatchObject({ name: 'new', 'a/b': 'slash', tags: ['a', 'b'], description: 'words' });
    expect(patched.body).not.toHaveProperty('old');
    const tries: Array<[unknown, number, string?]> = [
      [{ op: 'replace' }, 400],
      [['text'], 400],
      [[{ op: 'move', path: '/name', value: 'x' }], 400],
      [[{ path: '/name', value: 'x' }], 400],
      [[{ op: 'replace', value: 'x' }], 400],
      [[{ op: 'replace', path: '/name' }], 400],
      [[{ op: 'replace', path: 'name', value: 'x' }], 400],
      [[{ op: 'replace', path: '/a/b', value: 'x' }], 400],
      [[{ op: 'replace', path: '/x~2', value: 'x' }], 400],
      [[{ op: 'replace', path: '/min_disk', value: 'x' }], 400],
      [[{ op: 'add', path: '/own', value: 5 }], 400],
      [[{ op: 'replace', path: '/status', value: 'active' }], 403],
      [[{ op: 'replace', path: '/id', value: 'x' }], 403],
      [[{ op: 'add', path: '/os_glance_x', value: 'x' }], 403],
      [[{ op: 'add', path: '/__proto__', value: 'x' }], 403],
      [[{ op: 'remove', path: '/name' }], 403],
      [[{ op: 'replace', path: '/visibility', value: 'public' }], 403],
      [[{ op: 'replace', path: '/nothing', value: 'x' }], 409],
      [[{ op: 'remove', path: '/nothing' }], 409],
      [[{ replace: '/nothing', value: 'x' }], 409, 'application/openstack-images-v2.0-json-patch'],
      [[{ add: '/name', value: 'x' }], 409, 'application/openstack-images-v2.0-json-patch'],
      [[{ op: 'replace', path: '/name', value: 'x' }], 415, 'application/json'],
    ];
    for (const [body, status, type] of tries)
      expect([(await patch(id!, body, type)).status, body]).toEqual([status, body]);
    const half = [
      { op: 'replace', path: '/name', value: 'half' },
      { op: 'remove', path: '/nothing' },
    ];
    expect((await patch(id!, half)).status).toBe(409);
    expect((await call('GET', `/v2/images/${id}`)).body.name).toBe('new');
    expect((await patch(id!, half, patchType, 'bob')).status).toBe(404);
    expect((await patch(id!, [])).status).toBe(200);
  });

  it('is deleted once, unless it is protected', async () => {
    const { id } = await create({ protected: true });
    const refused = await call('DELETE', `/v2/images/${id}`);
    expect(refused.status).toBe(403);
    expect(refused.body.message).toContain(`Image ${id} is protected and cannot be deleted.`);
    await patch(id!, [{ op: 'replace', path: '/protected', value: false }]);
    expect((await call('DELETE', `/v2/images/${id}`, { as: 'bob' })).status).toBe(404);
    expect((await call('DELETE', `/v2/images/${id}`)).status).toBe(204);
    expect((await call('DELETE', `/v2/images/${id}`)).status).toBe(404);
  });

  it('is tagged', async () => {
    const { id } = await create();
    expect((await call('PUT', `/v2/images/${id}/tags/a%20tag`)).status).toBe(204);
    expect((await call('GET', `/v2/images/${id}`)).body.tags).toEqual(['a tag']);
    expect((await call('DELETE', `/v2/images/${id}/tags/a%20tag`)).status).toBe(204);
    expect((await call('DELETE', `/v2/images/${id}/tags/a%20tag`)).status).toBe(404);
    expect((await call('PUT', `/v2/images/${id}/tags/${'x'.repeat(256)}`)).status).toBe(400);
  });

  it('is described by a schema', async () => {
    const { body } = await call('GET', '/v2/schemas/image');
    expect(body.properties).toMatchObject({ disk_format: { enum: expect.arrayContaining(['qcow2', null]) } });
    expect(body.additionalProperties).toEqual({ type: 'string' });
    expect((await call('GET', '/v2/schemas/images')).body.name).toBe('images');
  });
});

describe('a list', () => {
  it('pages by relative links', async () => {
    for (const name of ['a', 'b', 'c']) await create({ name });
    const seen: string[] = [];
    let path: string | undefined = '/v2/images?limit=2&sort=name:asc';
    while (path) {
      const { status, body } = await call('GET', path);
      expect(status).toBe(200);
      expect(body.first).toBe('/v2/images?limit=2&sort=name%3Aasc');
      seen.push(...body.images.map(({ name }: { name: string }) => name));
      path = body.next;
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('is filtered by members and properties', async () => {
    const a = await create({ name: 'a,b', os_distro: 'debian', min_ram: 64, tags: ['x', 'y'] });
    const b = await create({ name: 'b', os_hidden: true });
    const c = await create({ name: 'c', visibility: 'private', disk_format: 'qcow2' });
    const names = async (query: string) =>
      (await call('GET', `/v2/images?${query}`)).body.images?.map(({ name }: { name: string }) => name).sort();
    expect(await names('')).toEqual(['a,b', 'c']);
    expect(await names('os_hidden=True')).toEqual(['b']);
    expect(await names(`id=in:${a['id']},${c['id']}`)).toEqual(['a,b', 'c']);
    expect(await names(`id=${b['id']}&os_hidden=true`)).toEqual(['b']);
    expect(await names('name=in:"a,b",c')).toEqual(['a,b', 'c']);
    expect(await names('tag=x&tag=y')).toEqual(['a,b']);
    expect(await names('os_distro=debian')).toEqual(['a,b']);
    expect(await names('visibility=private')).toEqual(['c']);
    expect(await names('min_ram=64')).toEqual(['a,b']);
    expect(await names('disk_format=in:qcow2,iso&status=queued')).toEqual(['c']);
    expect(await names('status=deleted')).toEqual([]);
    expect(await names('created_at=gte:2020-01-01T00:00:00Z&updated_at=lt:2020-01-01T00:00:00Z')).toEqual([]);
    expect(await names('sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc')).toEqual(['a,b', 'c']);
    for (const bad of [
      'changes-since=2020-01-01',
      'limit=-1',
      'limit=x',
      'marker=x',
      `marker=${'0'.repeat(32)}`,
      'sort=nothing:asc',
      'sort=name:up',
      'sort=name&sort_key=name',
      'visibility=mine',
      'status=dead',
      'size_min=x',
      'size=x',
      'protected=maybe',
      'created_at=gt:yesterday',
      'created_at=about:2020-01-01',
      'member_status=x',
      'name=in:"a',
    ]) {
      expect([bad, (await call('GET', `/v2/images?${bad}`)).status]).toEqual([bad, 400]);
    }
    expect((await call('GET', '/v2/images?limit=0')).body.images).toEqual([]);
  });
});

describe('an import', () => {
  it('answers at once with the status that says why not', async () => {
    const { id } = await create();
    const start = (method: object) => call('POST', `/v2/images/${id}/import`, { body: { method } });
    expect((await call('GET', '/v2/info/import')).body['import-methods'].value).toEqual([
      'glance-direct',
      'web-download',
      'copy-image',
      'glance-download',
    ]);
    expect((await start({ name: 'glance-direct' })).status).toBe(409);
    expect((await start({ name: 'nonsense' })).status).toBe(400);
    expect((await start({ name: 'web-download' })).status).toBe(400);
    const refused = await start({ name: 'web-download', uri: 'http://10.0.0.1:22/' });
    expect(refused.status).toBe(400);
    expect(refused.body.message).toContain('URI for web-download does not pass filtering: http://10.0.0.1:22/');
    await call('PUT', `/v2/images/${id}/file`, { body: Buffer.alloc(10) });
    expect((await start({ name: 'web-download', uri: 'http://example.org/' })).status).toBe(409);
  });
});
