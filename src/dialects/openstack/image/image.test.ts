import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApiServer } from '../../../api/server.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { TestCloud, testSubject } from '../../../cloud/images/test-cloud.ts';
import { image } from './image.ts';

const subjects = {
  alice: testSubject('alice'),
  bob: testSubject('bob'),
  admin: testSubject('admin', { isAdmin: true }),
};
type Name = keyof typeof subjects;

let cloud: TestCloud;
let app: FastifyInstance;
beforeEach(async () => {
  cloud = await TestCloud.start();
  const identity = {
    subjectOf(token: string) {
      const subject = subjects[token as Name];
      if (!subject) throw new CloudError('unauthenticated', 'bad token');
      return subject;
    },
  };
  app = createApiServer({
    cloud: cloud.asCloud({ identity, registerMetrics() {} }),
    dialects: [image],
    log: pino({ level: 'silent' }),
    isReady: () => true,
  });
});
afterEach(async () => {
  await app.close();
  await cloud.stop();
});

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function call(method: Method, path: string, options: { as?: Name; body?: unknown; headers?: object } = {}) {
  const { as = 'alice', body } = options;
  const isBytes = Buffer.isBuffer(body);
  const response = await app.inject({
    method,
    url: `/image${path}`,
    headers: {
      'x-auth-token': as,
      accept: 'application/json',
      ...(isBytes ? { 'content-type': 'application/octet-stream' } : {}),
      ...options.headers,
    },
    payload: body as object | undefined,
  });
  const isJson = String(response.headers['content-type']).startsWith('application/json');
  return {
    status: response.statusCode,
    headers: response.headers,
    body: isJson ? JSON.parse(response.body) : response.body,
    bytes: response.rawPayload,
  };
}

const patchType = 'application/openstack-images-v2.1-json-patch';
const patch = (id: string, body: unknown, type = patchType, as: Name = 'alice') =>
  call('PATCH', `/v2/images/${id}`, { as, body: body as object, headers: { 'content-type': type } });

async function create(body: object = {}, as: Name = 'alice') {
  const response = await call('POST', '/v2/images', {
    as,
    body: { name: 'i', disk_format: 'raw', container_format: 'bare', ...body },
  });
  expect(response.status).toBe(201);
  return response.body as Record<string, string>;
}

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
    expect(response.headers['openstack-image-import-methods']).toBe('glance-direct,web-download,copy-image');
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

describe('image data', () => {
  it('is uploaded and downloaded, in parts too', async () => {
    const bytes = randomBytes(3_000_000);
    const { id } = await create();
    expect((await call('GET', `/v2/images/${id}/file`)).status).toBe(204);
    const upload = await call('PUT', `/v2/images/${id}/file`, {
      body: bytes,
      headers: { accept: '', 'x-openstack-image-size': String(bytes.length) },
    });
    expect([upload.status, upload.bytes.length]).toEqual([204, 0]);
    const { body } = await call('GET', `/v2/images/${id}`);
    const md5 = createHash('md5').update(bytes).digest('hex');
    expect(body).toMatchObject({ status: 'active', size: 3_000_000, checksum: md5, os_hash_algo: 'sha512' });
    const whole = await call('GET', `/v2/images/${id}/file`);
    expect(whole.bytes.equals(bytes)).toBe(true);
    expect(whole.headers).toMatchObject({
      'content-md5': md5,
      'content-length': '3000000',
      'content-type': 'application/octet-stream',
    });
    const range = (value: string) => call('GET', `/v2/images/${id}/file`, { headers: { range: value } });
    const part = await range('bytes=10-19');
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 10-19/3000000']);
    expect(part.bytes).toEqual(bytes.subarray(10, 20));
    expect((await range('bytes=-5')).bytes).toEqual(bytes.subarray(-5));
    expect((await range('bytes=2999999-')).bytes).toEqual(bytes.subarray(-1));
    for (const bad of ['bytes=3000000-', 'bytes=5-4', 'bytes=0-1,5-6', 'bytes=x']) {
      const refused = await range(bad);
      expect([refused.status, refused.headers['content-range']]).toEqual([416, 'bytes */3000000']);
    }
    const ofSize = async (query: string) => (await call('GET', `/v2/images?${query}`)).body.images.length;
    expect(await ofSize(`size=${bytes.length}`)).toBe(1);
    expect(await ofSize(`size=${bytes.length - 1}`)).toBe(0);
    expect(await ofSize(`size=${bytes.length}&size_min=${bytes.length + 1}`)).toBe(0);
    expect((await call('PUT', `/v2/images/${id}/file`, { body: bytes })).status).toBe(409);
    expect((await call('HEAD', `/v2/images/${id}/file`)).status).toBe(200);
  });

  it('is refused with the status that says why', async () => {
    const { id } = await create({ disk_format: 'qcow2' });
    const put = (body: Buffer, headers: object = {}, path = id) =>
      call('PUT', `/v2/images/${path}/file`, { body, headers });
    expect((await put(Buffer.alloc(1000))).status).toBe(415);
    expect((await put(Buffer.alloc(10), { 'content-type': 'application/json' })).status).toBe(415);
    expect((await put(Buffer.alloc(10), { 'x-openstack-image-size': 'many' })).status).toBe(400);
    expect((await put(Buffer.alloc(10), { 'x-openstack-image-size': String(2 ** 49) })).status).toBe(413);
    expect((await put(Buffer.alloc(10), { 'x-image-meta-store': 'nowhere' })).status).toBe(400);
    expect((await put(Buffer.alloc(10), {}, '5ee2a3a5-6e2f-4b29-a0e5-0f3b1f6a8f0d')).status).toBe(404);
    const { id: bare } = (await call('POST', '/v2/images', { body: { name: 'bare' } })).body;
    expect((await put(Buffer.alloc(10), {}, bare)).status).toBe(400);
    expect((await call('GET', `/v2/images/${id}`)).body).toMatchObject({ status: 'queued', size: null });
    expect(await cloud.files()).toEqual([]);
  });

  it('is withheld while the image is deactivated', async () => {
    const { id } = await create();
    const act = (what: string) => call('POST', `/v2/images/${id}/actions/${what}`);
    expect((await act('deactivate')).status).toBe(403);
    await call('PUT', `/v2/images/${id}/file`, { body: Buffer.alloc(10) });
    expect((await act('deactivate')).status).toBe(204);
    expect((await call('GET', `/v2/images/${id}`)).body.status).toBe('deactivated');
    expect((await call('GET', `/v2/images/${id}/file`)).status).toBe(403);
    expect((await call('GET', `/v2/images/${id}/file`, { as: 'admin' })).status).toBe(200);
    expect((await act('reactivate')).status).toBe(204);
    expect((await call('GET', `/v2/images/${id}/file`)).status).toBe(200);
  });

  it('comes in chunks of any size, and leaves nothing when the line is cut', async () => {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const { id } = await create();
    const headers = { 'x-auth-token': 'alice', 'content-type': 'application/octet-stream', connection: 'close' };
    const socket = connect(port, '127.0.0.1');
    const lines = [
      `PUT /image/v2/images/${id}/file HTTP/1.1`,
      'host: x',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${lines.join('\r\n')}\r\ntransfer-encoding: chunked\r\n\r\n400\r\n${'x'.repeat(1024)}\r\n`);
    const status = async () => (await call('GET', `/v2/images/${id}`)).body.status;
    await expect.poll(status).toBe('saving');
    socket.destroy();
    await expect.poll(status).toBe('queued');
    expect(await cloud.files()).toEqual([]);
    const request = httpRequest({ port, method: 'PUT', path: `/image/v2/images/${id}/file`, headers });
    for (const size of [1, 70_000, 3, 200_000]) request.write(Buffer.alloc(size, 1));
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    expect(response.statusCode).toBe(204);
    expect((await call('GET', `/v2/images/${id}`)).body).toMatchObject({ status: 'active', size: 270_004 });
  });

  it('of a refused upload is not read to its end', async () => {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const { id } = await create({ disk_format: 'qcow2' });
    const headers = { 'x-auth-token': 'alice', 'content-type': 'application/octet-stream' };
    const request = httpRequest({ port, method: 'PUT', path: `/image/v2/images/${id}/file`, headers });
    request.on('error', () => {});
    request.write(Buffer.alloc(100_000));
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(415);
    response.resume();
    const piece = Buffer.alloc(1_000_000);
    const closed = new Promise((resolve) => request.once('close', resolve));
    let sent = 0;
    const pump = () => {
      if (request.destroyed || sent >= 10_000) return;
      sent += 1;
      request.write(piece, pump);
    };
    pump();
    await closed;
    expect(sent).toBeLessThan(10_000);
  });

  it('is gone when the image is deleted while it comes', async () => {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const { id } = await create();
    const headers = { 'x-auth-token': 'alice', 'content-type': 'application/octet-stream' };
    const request = httpRequest({ port, method: 'PUT', path: `/image/v2/images/${id}/file`, headers });
    request.on('error', () => {});
    request.write(Buffer.alloc(100_000));
    await expect.poll(async () => (await call('GET', `/v2/images/${id}`)).body.status).toBe('saving');
    expect((await call('DELETE', `/v2/images/${id}`)).status).toBe(204);
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(410);
    response.resume();
    request.destroy();
    expect(await cloud.files()).toEqual([]);
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
