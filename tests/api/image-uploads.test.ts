import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCloud } from '../support/cloud.ts';

const bytes = randomBytes(1_000_000);
const half = bytes.length / 2;
const md5 = (part: Buffer) => createHash('md5').update(part).digest('hex');

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await TestCloud.start();
});
afterAll(async () => {
  await cloud?.close();
});

describe('a client that sends its body only when it is told to go on, as curl does with long ones,', () => {
  /** Sends nothing of the body before the server has said 100. */
  const send = (token: string, method: string, path: string, type: string, body: Buffer) =>
    new Promise<{ status: number; wasTold: boolean; text: string }>((resolve, reject) => {
      const headers = { 'x-auth-token': token, 'content-type': type, 'content-length': body.length };
      let wasTold = false;
      const asked = request(`${cloud.origin}${path}`, { method, headers: { ...headers, expect: '100-continue' } });
      asked.on('error', reject);
      asked.on('continue', () => {
        wasTold = true;
        asked.end(body);
      });
      asked.on('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('error', reject);
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, wasTold, text: Buffer.concat(chunks).toString() }),
        );
      });
      asked.flushHeaders();
    });

  it('is told so, for images and for documents', async () => {
    const user = await cloud.openstack();
    const words = { name: 'told', disk_format: 'raw', container_format: 'bare' };
    const document = Buffer.from(JSON.stringify(words));
    const made = await send(user.token, 'POST', '/image/v2/images', 'application/json', document);
    expect(made).toMatchObject({ status: 201, wasTold: true });
    const { id } = JSON.parse(made.text);
    const put = await send(user.token, 'PUT', `/image/v2/images/${id}/file`, 'application/octet-stream', bytes);
    expect(put).toMatchObject({ status: 204, wasTold: true });
    expect(await user.get(`/image/v2/images/${id}`)).toMatchObject({ status: 'active', checksum: md5(bytes) });
  });
});

describe('an upload in parts', () => {
  it('goes on where it was, and ends as an image', async () => {
    const user = await cloud.openstack();
    const { id } = await user.post('/image/v2/images', {
      name: 'in parts',
      disk_format: 'raw',
      container_format: 'bare',
    });
    const path = `/unkai/v1/images/${id}/upload`;
    expect((await user.request('GET', path)).status).toBe(404);
    const begun = await user.request('POST', path, { size: bytes.length });
    expect(begun).toMatchObject({ status: 201, body: { upload: { state: 'receiving', offset: 0 } } });
    const put = async (offset: number, part: Buffer) => {
      const answer = await fetch(`${cloud.origin}${path}/parts/${offset}`, {
        method: 'PUT',
        headers: { 'x-auth-token': user.token, 'content-type': 'application/octet-stream' },
        body: new Uint8Array(part),
      });
      return { status: answer.status, body: await answer.json() };
    };
    expect(await put(10, bytes)).toMatchObject({ status: 409, body: { error: { reason: 'wrong_offset' } } });
    expect(await put(0, bytes.subarray(0, half))).toMatchObject({ status: 200, body: { upload: { offset: half } } });
    expect((await user.request('GET', path)).body).toMatchObject({ upload: { state: 'receiving', offset: half } });
    expect(await put(half, bytes.subarray(half))).toMatchObject({
      status: 200,
      body: { upload: { offset: bytes.length } },
    });
    await expect.poll(async () => (await user.request('GET', path)).body.upload.state).toBe('done');
    const image = await user.get(`/image/v2/images/${id}`);
    expect(image).toMatchObject({ status: 'active', size: bytes.length, checksum: md5(bytes) });
  });
});

describe('ZStack’s upload://', () => {
  const form = (slice: Buffer) => {
    const body = new FormData();
    body.set('file', new Blob([new Uint8Array(slice)]), 'image.raw');
    return body;
  };

  it('waits for a form at the image’s install path, in slices that may be sent again', {
    timeout: 60_000,
  }, async () => {
    const zstack = await cloud.zstack();
    const { inventories } = await zstack.call('GET', '/backup-storage');
    const { inventory } = await zstack.call('POST', '/images', {
      params: { name: 'uploaded', url: 'upload://image.raw', format: 'raw', backupStorageUuids: [inventories[0].uuid] },
    });
    expect(inventory).toMatchObject({ status: 'Downloading', backupStorageRefs: [{ status: 'Downloading' }] });
    const [{ installPath }] = inventory.backupStorageRefs;
    const send = async (offset: number, slice: Buffer, sum = md5(slice)) => {
      const headers = {
        'X-IMAGE-UUID': inventory.uuid,
        'X-IMAGE-SIZE': `${bytes.length}`,
        'X-SLICE-OFFSET': `${offset}`,
        'X-SLICE-SIZE': `${slice.length}`,
        'X-SLICE-MD5': sum,
      };
      return (await fetch(installPath, { method: 'POST', headers, body: form(slice) })).status;
    };
    const offset = async () => {
      const found = await zstack.call('GET', `/images/upload-job/details/${inventory.uuid}`);
      return found.existingJobDetails.map((one: { offset: number }) => one.offset);
    };
    const first = bytes.subarray(0, half);
    expect(await send(0, first, md5(bytes))).toBe(400);
    expect(await offset()).toEqual([0]);
    expect(await send(0, first)).toBe(200);
    expect(await send(0, first)).toBe(200);
    expect(await offset()).toEqual([half]);
    expect(await send(half, bytes.subarray(half))).toBe(200);
    const status = async () => (await zstack.call('GET', `/images?q=uuid=${inventory.uuid}`)).inventories[0];
    await expect.poll(async () => (await status()).status).toBe('Ready');
    expect(await status()).toMatchObject({
      md5Sum: md5(bytes),
      actualSize: bytes.length,
      backupStorageRefs: [{ status: 'Ready', installPath: expect.stringMatching(/^dir:/) }],
    });
    expect(await offset()).toEqual([]);
    expect(await send(0, bytes)).toBe(404);
    const forged = await fetch(installPath.replace('signature=', 'signature=A'), { method: 'POST', body: form(bytes) });
    expect(forged.status).toBe(403);
  });
});
