import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CloudProcess } from '../../bench/cloud-process.ts';
import { buildTinyLinux } from '../../guest/tinylinux.ts';
import { RequestTimes } from './request-times.ts';
import { transfer } from './transfer.ts';

const run = promisify(execFile);
/** How large the image is; `UNKAI_IMAGE_GIB=4` for the size that figures are told of, and then it is booted as well. */
const gibibytes = Number(process.env['UNKAI_IMAGE_GIB'] ?? 1);
const isBooted = process.env['UNKAI_IMAGE_GIB'] !== undefined;
/** How fast clients send and fetch, MiB per second: `UNKAI_IMAGE_RATE=119` for a network of a gigabit. */
const rate = process.env['UNKAI_IMAGE_RATE'] === undefined ? undefined : Number(process.env['UNKAI_IMAGE_RATE']);
const mib = 1024 * 1024;
const size = gibibytes * 1024 * mib;
/** What a copy between stores leaves to the collector, which lets 64 MiB gather, is not held against a run of all tests. */
const mostGrowth = (isBooted ? 60 : 100) * mib;
const pollMs = 100;
const patience = 600_000;

let folder: string;
let cloud: CloudProcess;
/** TinyLinux on a disk of that size, almost all of which was never written. */
let disk: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-memory-'));
  const cacheDir = resolve(import.meta.dirname, '../../var/cache');
  disk = join(folder, 'disk.raw');
  const { path } = await buildTinyLinux({ cacheDir });
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, disk]);
  await truncate(disk, size);
  const hypervisor = isBooted ? 'qemu' : 'simulated';
  const stores = [`name=second,zone=zone-2,url=${join(folder, 'second')}`];
  cloud = await CloudProcess.start({ dataDir: join(folder, 'cloud'), hypervisor, cacheDir, stores });
});
afterAll(async () => {
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function upload(bytes: number): Promise<string> {
  const body = { name: 'large', disk_format: 'raw', container_format: 'bare' };
  const { id } = await cloud.request<{ id: string }>('POST', '/image/v2/images', body);
  const { status } = await transfer({
    method: 'PUT',
    url: `${cloud.origin}/image/v2/images/${id}/file`,
    headers: { ...cloud.headers, 'content-type': 'application/octet-stream' },
    body: { path: disk, bytes },
    rate,
  });
  expect(status).toBe(204);
  return id;
}

/** Until the second zone has the image too. */
async function synchronised(id: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const { copies } = await cloud.request<{ copies: Array<{ state: string }> }>(
        'GET',
        `/unkai/v1/images/${id}/copies`,
      );
      if (copies.length < 2 || copies.some(({ state }) => state !== 'active')) throw new Error(JSON.stringify(copies));
    },
    { timeout: patience, interval: 200 },
  );
}

/** Makes a server of the image, and waits until its system says that it is up. */
async function boot(imageRef: string): Promise<void> {
  const wanted = { name: 'large', imageRef, flavorRef: '2' };
  const { server } = await cloud.request<{ server: { id: string } }>('POST', '/compute/v2.1/servers', {
    server: wanted,
  });
  await vi.waitFor(
    async () => {
      const path = `/compute/v2.1/servers/${server.id}/action`;
      const { output } = await cloud.request<{ output: string }>('POST', path, { 'os-getConsoleOutput': {} });
      if (!output.includes('TinyLinux ready')) throw new Error(output);
    },
    { timeout: patience, interval: 500 },
  );
  await cloud.request('DELETE', `/compute/v2.1/servers/${server.id}`);
  await vi.waitFor(
    async () => {
      const { servers } = await cloud.request<{ servers: unknown[] }>('GET', '/compute/v2.1/servers');
      if (servers.length > 0) throw new Error('the server is still there');
    },
    { timeout: patience, interval: 200 },
  );
}

/** Fetches and forgets; tells how many bytes there were. */
async function download(url: string): Promise<number> {
  const { status, bytes } = await transfer({ method: 'GET', url, headers: cloud.headers, rate });
  expect(status).toBe(200);
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

/** How long other requests take meanwhile, milliseconds, and how much memory there was at the most. */
class Watch {
  readonly #times = new RequestTimes({ url: `${cloud.origin}/image/v2/images?limit=1`, headers: cloud.headers });
  readonly #done: Promise<void>;
  #peak = 0;
  #isOver = false;

  constructor(before = 0) {
    this.#peak = before;
    this.#done = this.#watch();
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      this.#peak = Math.max(this.#peak, (await cloud.usage()).residentBytes);
      await new Promise((next) => setTimeout(next, pollMs));
    }
  }

  async end(): Promise<{ peak: number; p99: number }> {
    this.#isOver = true;
    await this.#done;
    return { peak: this.#peak, p99: await this.#times.p99() };
  }
}

async function idleTime(): Promise<number> {
  const idle = new Watch();
  await new Promise((next) => setTimeout(next, isBooted ? 20_000 : 1000));
  return (await idle.end()).p99;
}

/** What requests took when nothing was under way, the last time that it was measured. */
let idle99 = 0;

/**
 * By how much the cloud's memory grew at the most while the work was done, and how fast it was. The machine may do other
 * things, and other ones a minute later: each is held against the moments before, but for work that has begun by itself.
 */
async function measured<T>(name: string, work: () => Promise<T>, { hasBegun = false } = {}): Promise<T> {
  if (!hasBegun) idle99 = await idleTime();
  const { residentBytes: before, ...cpuBefore } = await cloud.usage();
  const watch = new Watch(before);
  const started = performance.now();
  const [outcome] = await Promise.allSettled([work()]);
  const seconds = (performance.now() - started) / 1000;
  const { peak, p99 } = await watch.end();
  if (outcome.status === 'rejected') throw outcome.reason;
  const grown = peak - before;
  const cpu = await cloud.usage();
  const shares = `processor time ${(cpu.cpuSeconds - cpuBefore.cpuSeconds).toFixed(1)} s, of which the event loop ${(cpu.loopSeconds - cpuBefore.loopSeconds).toFixed(1)} s`;
  const speed = `${seconds.toFixed(1)} s, ${Math.round(size / mib / seconds)} MiB/s`;
  console.log(
    `${name} of ${gibibytes} GiB: ${speed}, ${shares}, memory grew ${Math.round(grown / mib)} MiB, p99 of others ${p99.toFixed(1)} ms (before: ${idle99.toFixed(1)})`,
  );
  expect(grown, `memory that the ${name} took`).toBeLessThan(mostGrowth);
  return outcome.value;
}

/** What requests wait for on a machine that computes the same hashes of the same bytes, and in which no image comes or goes. */
async function plainHashes(): Promise<void> {
  await Promise.all([run('md5sum', [disk]), run('sha512sum', [disk])]);
}

/** What `cp` and one hash of the same file take: what a copy can be held to. */
async function plainCopy(): Promise<void> {
  const started = performance.now();
  await run('cp', ['--sparse=never', disk, join(folder, 'plain')]);
  await run('sync', [join(folder, 'plain')]);
  await run('sha512sum', [join(folder, 'plain')]);
  const seconds = (performance.now() - started) / 1000;
  console.log(`cp, sync and sha512sum: ${seconds.toFixed(1)} s, ${Math.round(size / mib / seconds)} MiB/s`);
  await rm(join(folder, 'plain'));
}

describe('the memory of a cloud', () => {
  it('stays flat while a large image comes, goes, and is fetched by a link', { timeout: 3 * patience }, async () => {
    // What threads, pools and compiled code take is taken once.
    const small = await upload(64 * mib);
    await download(`${cloud.origin}/image/v2/images/${small}/file`);
    await synchronised(small);
    if (isBooted) {
      await boot(small);
      await measured('hashing by other programs', plainHashes);
    }
    const id = await measured('upload', () => upload(size));
    await measured('sync', () => synchronised(id), { hasBegun: true });
    expect(await measured('download', () => download(`${cloud.origin}/image/v2/images/${id}/file`))).toBe(size);
    const link = await exportLink(id);
    expect(await measured('fetch by a link', () => download(link))).toBe(size);
    if (!isBooted) return;
    await measured('boot', () => boot(id));
    await plainCopy();
  });
});
