import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { createHasher } from '../../src/image-stores/hashing/hasher.ts';
import type { CloudProcess } from '../cloud-process.ts';
import type { Figure } from '../report.ts';

const chunk = randomBytes(1024 * 1024);
const mebibyte = 1024 * 1024;

/** Upload and download of one image, held against hashing the same bytes and nothing else. */
export async function images(cloud: CloudProcess, options: { mebibytes: number }): Promise<Figure[]> {
  const { mebibytes } = options;
  const bound = await hashingAlone(mebibytes);
  const { id } = await cloud.request<{ id: string }>('POST', '/image/v2/images', {
    name: 'bench',
    disk_format: 'raw',
    container_format: 'bare',
  });
  const before = (await cloud.usage()).residentBytes;
  let peak = before;
  const watch = setInterval(async () => {
    peak = Math.max(peak, (await cloud.usage()).residentBytes);
  }, 200);
  const from = performance.now();
  await upload(cloud, `/image/v2/images/${id}/file`, mebibytes);
  const seconds = (performance.now() - from) / 1000;
  clearInterval(watch);
  const down = performance.now();
  await download(cloud, `/image/v2/images/${id}/file`);
  const downSeconds = (performance.now() - down) / 1000;
  await cloud.request('DELETE', `/image/v2/images/${id}`);
  return [
    { suite: 'images', name: 'md5 and sha512 side by side, nothing else', value: bound, unit: 'MiB/s' },
    {
      suite: 'images',
      name: `upload of ${mebibytes} MiB`,
      value: mebibytes / seconds,
      unit: 'MiB/s',
      bound: { value: bound * 0.8, better: 'higher', what: '80% of the hashing speed' },
    },
    { suite: 'images', name: `download of ${mebibytes} MiB`, value: mebibytes / downSeconds, unit: 'MiB/s' },
    {
      suite: 'images',
      name: 'growth of resident memory while uploading',
      value: (peak - before) / mebibyte,
      unit: 'MiB',
    },
  ];
}

async function hashingAlone(mebibytes: number): Promise<number> {
  const hasher = createHasher(['md5', 'sha512']);
  const from = performance.now();
  for (let index = 0; index < mebibytes; index += 1) await hasher.update(chunk);
  await hasher.digest();
  const seconds = (performance.now() - from) / 1000;
  await hasher.close();
  return mebibytes / seconds;
}

function upload(cloud: CloudProcess, path: string, mebibytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'x-auth-token': cloud.token,
      'content-type': 'application/octet-stream',
      'content-length': mebibytes * mebibyte,
    };
    const sent = request(cloud.origin + path, { method: 'PUT', headers }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 204 ? resolve() : reject(new Error(`upload: ${answer.statusCode}`)),
      );
    });
    sent.on('error', reject);
    Readable.from(
      (function* () {
        for (let index = 0; index < mebibytes; index += 1) yield chunk;
      })(),
      { objectMode: false, highWaterMark: 4 * mebibyte },
    ).pipe(sent);
  });
}

async function download(cloud: CloudProcess, path: string): Promise<void> {
  const answer = await fetch(cloud.origin + path, { headers: cloud.headers });
  for await (const _ of answer.body!);
}
