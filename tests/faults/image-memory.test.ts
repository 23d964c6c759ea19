import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CloudProcess } from '../../bench/cloud-process.ts';

/** How large the image is; `UNKAI_IMAGE_GIB=4` for the size that figures are told of. */
const gibibytes = Number(process.env['UNKAI_IMAGE_GIB'] ?? 1);
const mib = 1024 * 1024;
const size = gibibytes * 1024 * mib;
/** An image in memory would be ten times as much; what the collector leaves for later on a busy machine is not counted. */
const mostGrowth = 128 * mib;
const pollMs = 100;

let folder: string;
let cloud: CloudProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-memory-'));
  const cacheDir = resolve(import.meta.dirname, '../../var/cache');
  cloud = await CloudProcess.start({ dataDir: folder, hypervisor: 'simulated', cacheDir });
});
afterAll(async () => {
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
});

function zeros(bytes: number): Readable {
  const chunk = Buffer.alloc(256 * 1024);
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes; at += chunk.length) yield chunk.subarray(0, Math.min(chunk.length, bytes - at));
    })(),
    { objectMode: false, highWaterMark: chunk.length },
  );
}

async function upload(bytes: number): Promise<string> {
  const body = { name: 'large', disk_format: 'raw', container_format: 'bare' };
  const { id } = await cloud.request<{ id: string }>('POST', '/image/v2/images', body);
  await new Promise<void>((done, reject) => {
    const put = request(`${cloud.origin}/image/v2/images/${id}/file`, {
      method: 'PUT',
      headers: { ...cloud.headers, 'content-type': 'application/octet-stream', 'content-length': bytes },
    });
    put.on('error', reject);
    put.on('response', (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', () => (answer.statusCode === 204 ? done() : reject(new Error(`status ${answer.statusCode}`))));
    });
    pipeline(zeros(bytes), put).catch(reject);
  });
  return id;
}

/** Fetches and forgets; tells how many bytes there were. */
async function download(url: string): Promise<number> {
  const answer = await fetch(url, { headers: cloud.headers });
  expect(answer.status).toBe(200);
  let bytes = 0;
  for await (const chunk of answer.body!) bytes += chunk.length;
  return bytes;
}

async function exportLink(id: string): Promise<string> {
  const path = `/unkai/v1/images/${id}/exports`;
  await cloud.request('POST', path, {});
  return await vi.waitFor(
    async () => {
      const { exports } = await cloud.request<{ exports: Array<{ url: string | null }> }>('GET', path);
      const url = exports[0]?.url;
      if (!url) throw new Error('the export is not ready');
      return url;
    },
    { timeout: 60_000, interval: 200 },
  );
}

/** By how much the cloud's memory grew at the most while the work was done, and how fast it was. */
async function measured<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { residentBytes: before } = await cloud.usage();
  let peak = before;
  let isDone = false;
  const watching = (async () => {
    while (!isDone) {
      peak = Math.max(peak, (await cloud.usage()).residentBytes);
      await new Promise((next) => setTimeout(next, pollMs));
    }
  })();
  const started = performance.now();
  const result = await work().finally(() => {
    isDone = true;
  });
  await watching;
  const seconds = (performance.now() - started) / 1000;
  const grown = peak - before;
  console.log(
    `${name} of ${gibibytes} GiB: ${Math.round(size / mib / seconds)} MiB/s, memory grew ${Math.round(grown / mib)} MiB`,
  );
  expect(grown, `memory that the ${name} took`).toBeLessThan(mostGrowth);
  return result;
}

describe('the memory of a cloud', () => {
  it('stays flat while a large image comes, goes, and is fetched by a link', { timeout: 900_000 }, async () => {
    // What threads, pools and compiled code take is taken once.
    const small = await upload(96 * mib);
    await download(`${cloud.origin}/image/v2/images/${small}/file`);
    const id = await measured('upload', () => upload(size));
    expect(await measured('download', () => download(`${cloud.origin}/image/v2/images/${id}/file`))).toBe(size);
    const link = await exportLink(id);
    expect(await measured('fetch by a link', () => download(link))).toBe(size);
  });
});
