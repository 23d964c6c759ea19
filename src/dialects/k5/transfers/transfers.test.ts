import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeDialects } from '../../openstack/compute/compute.ts';
import { ComputeApi } from '../../openstack/compute/test-compute-api.ts';
import { image } from '../../openstack/image/image.ts';
import { k5Dialects } from '../k5.ts';

let api: ComputeApi;
let folder: string;
let account: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'unkai-transfers-'));
  api = await ComputeApi.start([...computeDialects, image, ...k5Dialects]);
  account = `AUTH_${api.projectId}`;
  await api.addMember('alice');
  expect((await api.call('PUT', `/object-store/v1/${account}/images`)).status).toBe(201);
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A VMDK as ESXi exports it, of a disk with a text in it. */
function vmdk(): Buffer {
  const raw = join(folder, 'disk.raw');
  const bytes = Buffer.alloc(1024 * 1024);
  bytes.write('hello from the disk', 1024);
  writeFileSync(raw, bytes);
  const path = join(folder, 'disk.vmdk');
  const options = ['-o', 'subformat=streamOptimized'];
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'vmdk', ...options, raw, path]);
  return readFileSync(path);
}

async function put(object: string, payload: Buffer): Promise<void> {
  const answer = await api.app.inject({
    method: 'PUT',
    url: `/object-store/v1/${account}/images/${object}`,
    headers: { 'x-auth-token': api.token(), 'content-type': 'application/octet-stream' },
    payload,
  });
  expect(answer.statusCode).toBe(201);
}

const location = (object: string) => `/v1/${account}/images/${object}`;

async function imported(body: object) {
  const answer = await api.call('POST', '/v1/imageimport', { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  await api.unkai.cloud.runner.idle();
  return (await api.call('GET', `/v1/imageimport/${answer.body.import_id}/status`)).body;
}

async function refused(method: 'GET' | 'POST', path: string, number: number, body?: object): Promise<void> {
  const answer = await api.call(method, path, { body });
  expect(answer, path).toMatchObject({ status: 400, body: { error_code: String(number) } });
  expect(typeof answer.body.error_message).toBe('string');
}

describe('imports and exports of K5', () => {
  it('make an image of an object, and an object of the image again', async () => {
    const bytes = vmdk();
    await put('disk.vmdk', bytes);
    const checksum = createHash('sha1').update(bytes).digest('hex');
    const id = '11111111-2222-4333-8444-555555555555';
    const status = await imported({
      name: 'web-server',
      location: location('disk.vmdk'),
      checksum,
      id,
      os_type: 'ubuntu',
      min_ram: 256,
      min_disk: 1,
    });
    expect(status).toMatchObject({
      import_status: 'succeeded',
      progress: 100,
      name: 'web-server',
      id,
      location: location('disk.vmdk'),
      disk_format: 'vmdk',
      container_format: 'bare',
      min_ram: 256,
      min_disk: 1,
    });
    const shown = await api.call('GET', `/image/v2/images/${id}`);
    expect(shown.body).toMatchObject({ status: 'active', visibility: 'private', size: bytes.length });

    const begun = await api.call('POST', '/v1/imageexport', {
      body: { image_id: id, storage_container: `/v1/${account}/images` },
    });
    expect(begun.status).toBe(201);
    await api.unkai.cloud.runner.idle();
    const done = await api.call('GET', `/v1/imageexport/${begun.body.export_id}/status`);
    expect(done.body).toMatchObject({ export_status: 'succeeded', image_id: id });
    const object = await api.app.inject({
      method: 'GET',
      url: `/object-store/v1/${account}/images/${id}.vmdk`,
      headers: { 'x-auth-token': api.token() },
    });
    expect(object.rawPayload).toEqual(bytes);

    const again = await api.call('POST', '/v1/imageexport', {
      body: { image_id: id, storage_container: `/v1/${account}/images` },
    });
    expect(again.status).toBe(400);
    const list = await api.call('GET', '/v1/imageexport?limit=1');
    expect(list.body.exports).toMatchObject([{ export_id: begun.body.export_id, status: 'succeeded' }]);
  });

  it('leave no image of an import that failed, and say why', async () => {
    await put('bad.vmdk', Buffer.alloc(65536, 1));
    const status = await imported({ name: 'bad', location: location('bad.vmdk') });
    expect(status).toMatchObject({ import_status: 'failed', error: { error_code: '50000' } });
    expect(status.error.error_message).not.toBe('');
    const headers = { 'x-auth-token': api.token() };
    expect((await api.app.inject({ url: `/image/v2/images/${status.id}`, headers })).statusCode).toBe(404);

    await put('sum.vmdk', vmdk());
    const wrong = await imported({ name: 'sum', location: location('sum.vmdk'), checksum: '0'.repeat(40) });
    expect(wrong.error.error_message).toContain('checksum');
    const missing = await imported({ name: 'none', location: location('none.vmdk') });
    expect(missing).toMatchObject({ import_status: 'failed' });
    const { imports } = (await api.call('GET', '/v1/imageimport')).body;
    expect(imports.map(({ name }: { name: string }) => name).slice(0, 3)).toEqual(['none', 'sum', 'bad']);
  });

  it('refuse with the numbers of the reference', async () => {
    const container = `/v1/${account}/images`;
    await refused('POST', '/v1/imageexport', 40001, { storage_container: container });
    await refused('POST', '/v1/imageexport', 40002, { image_id: 'x', storage_container: container });
    await refused('POST', '/v1/imageexport', 40003, { image_id: api.imageId });
    await refused('POST', '/v1/imageexport', 40004, { image_id: api.imageId, storage_container: '/v1/images' });
    const other = '/v1/AUTH_00000000000000000000000000000000/images';
    await refused('POST', '/v1/imageexport', 40005, { image_id: api.imageId, storage_container: other });
    await refused('GET', '/v1/imageimport?start=x', 40035);
    await refused('GET', '/v1/imageexport?limit=201', 40036);
    await refused('POST', '/v1/imageimport', 40000, { name: 'a', location: '/etc/passwd' });
    await refused('POST', '/v1/imageimport', 40005, { name: 'a', location: `${other}/disk.vmdk` });
  });

  it('make images of expansion storage, from which volumes are made and no servers', async () => {
    const bytes = Buffer.alloc(1024 * 1024, 'd');
    await put('data.img.gz', gzipSync(bytes));
    const body = {
      name: 'data',
      location: `/v2/${account}/images/data.img.gz`,
      checksum: createHash('sha1').update(gzipSync(bytes)).digest('hex'),
    };
    const answer = await api.call('POST', '/v1/expansionstorageimageimport', { body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    await api.unkai.cloud.runner.idle();
    const { body: status } = await api.call('GET', `/v1/imageimport/${answer.body.import_id}/status`);
    expect(status).toMatchObject({ import_status: 'succeeded', name: 'data', disk_format: 'raw' });
    const server = { name: 'none', imageRef: status.id, flavorRef: '1' };
    const refusedServer = await api.call('POST', `/v2/${api.projectId}/servers`, { body: { server } });
    expect(refusedServer).toMatchObject({ status: 400, body: { badRequest: {} } });
    expect(refusedServer.body.badRequest.message).toContain('holds data');
    await refused('POST', '/v1/expansionstorageimageimport', 40000, { name: 'a', location: location('disk.vmdk') });
  });

  it('take what is named as in S3', async () => {
    await put('s3.vmdk', vmdk());
    const status = await imported({ name: 'by-s3', s3_location: '/images/s3.vmdk' });
    expect(status).toMatchObject({ import_status: 'succeeded', location: location('s3.vmdk') });
    const both = { name: 'a', location: location('s3.vmdk'), s3_location: '/images/s3.vmdk' };
    await refused('POST', '/v1/imageimport', 40000, both);
    await refused('POST', '/v1/imageimport', 40000, { name: 'a' });
    await refused('POST', '/v1/imageimport', 40000, { name: 'a', s3_location: '/images/../s3.vmdk' });
  });

  it('are for the project itself', async () => {
    const status = await imported({ name: 'mine', location: location('disk.vmdk') });
    const { import_id: id } = status;
    expect((await api.call('GET', `/v1/imageimport/${id}/status`, { as: 'alice' })).status).toBe(404);
    expect((await api.call('GET', '/v1/imageimport', { as: 'alice' })).body.imports).toEqual([]);
    expect((await api.call('GET', `/object-store/v1/${account}/images`, { as: 'alice' })).status).toBe(403);
    const names = (await api.call('GET', `/object-store/v1/${account}/images`)).body;
    expect(names).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'disk.vmdk' })]));
  });
});
