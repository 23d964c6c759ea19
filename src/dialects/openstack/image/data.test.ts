import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi } from './test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.stop());

const call: TestApi['call'] = (...request) => api.call(...request);
const create: TestApi['create'] = (...request) => api.create(...request);

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
    const put = (body: Buffer, headers: Record<string, string> = {}, path = id) =>
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
    expect(await api.cloud.files()).toEqual([]);
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
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
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
    expect(await api.cloud.files()).toEqual([]);
    const request = httpRequest({ port, method: 'PUT', path: `/image/v2/images/${id}/file`, headers });
    for (const size of [1, 70_000, 3, 200_000]) request.write(Buffer.alloc(size, 1));
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    expect(response.statusCode).toBe(204);
    expect((await call('GET', `/v2/images/${id}`)).body).toMatchObject({ status: 'active', size: 270_004 });
  });

  it('that is compressed on its way is refused, and not taken for what it stands for', async () => {
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const { id } = await create();
    const socket = connect(port, '127.0.0.1');
    const lines = [
      `PUT /image/v2/images/${id}/file HTTP/1.1`,
      'host: x',
      'x-auth-token: alice',
      'content-type: application/octet-stream',
      'transfer-encoding: gzip, chunked',
      'connection: close',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    expect((await call('GET', `/v2/images/${id}`)).body).toMatchObject({ status: 'queued', size: null });
  });

  it('of a refused upload is not read to its end', async () => {
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
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
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
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
    expect(await api.cloud.files()).toEqual([]);
  });

  it('that is long and refused while it comes, takes the answer from no client that reads it when all is sent', async () => {
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const { id } = await create();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const pieces = 48;
    const lines = [
      `PUT /image/v2/images/${id}/file HTTP/1.1`,
      'host: x',
      'x-auth-token: alice',
      'content-type: application/octet-stream',
      `content-length: ${pieces * 1_000_000}`,
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    const piece = randomBytes(1_000_000);
    const send = () =>
      new Promise<void>((next, fail) => socket.write(piece, (error) => (error ? fail(error) : next())));
    for (let sent = 0; sent < 40; sent += 1) await send();
    expect((await call('DELETE', `/v2/images/${id}`)).status).toBe(204);
    // The answer is on its way when the record says that nothing came of the upload.
    await expect.poll(() => api.cloud.files()).toEqual([]);
    for (let sent = 40; sent < pieces; sent += 1) await send();
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 410 .*\r\nconnection: close\r\n/is);
    socket.destroy();
    expect(await api.cloud.files()).toEqual([]);
  });
});
