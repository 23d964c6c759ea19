import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import { openDirectoryStore } from './directory.ts';
import type { ImageStore } from './store.ts';

const env = realEnv();
const mib = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'unkai-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let root: string;
let store: ImageStore;
let imageId: string;
beforeEach(async () => {
  root = join(folder, newId(env));
  store = await openDirectoryStore({ name: 'main', root, env });
  imageId = newId(env);
});
afterEach(() => store.close());

async function* pieces(bytes: Buffer, ...sizes: number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = sizes.length > 0 ? sizes[i % sizes.length]! : 65536;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

const checksumsOf = (bytes: Buffer) => ({
  md5: createHash('md5').update(bytes).digest('hex'),
  sha512: createHash('sha512').update(bytes).digest('hex'),
});
const filesIn = (name: string) => readdirSync(join(root, name));

describe('an upload', () => {
  it('is stored whole, with its checksums, however it is cut', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: mib }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3 * mib }), sizes, async (length, sizes) => {
        const bytes = randomBytes(length);
        const step = [...sizes, 65536];
        const stored = await store.put(imageId, pieces(bytes, ...step), { expectedSize: length });
        const installPath = `dir://main/${imageId}`;
        expect(stored).toEqual({ size: length, installPath, checksums: checksumsOf(bytes) });
        expect((await readFile(store.localPath(imageId)!)).equals(bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
    expect(filesIn('staging')).toEqual([]);
  });

  it('may come in thousands of tiny pieces', async () => {
    const bytes = randomBytes(20_000);
    expect((await store.put(imageId, pieces(bytes, 1))).checksums).toEqual(checksumsOf(bytes));
    expect((await readFile(store.localPath(imageId)!)).equals(bytes)).toBe(true);
  });

  it('takes no room for what is nothing but zeros, wherever it is', async () => {
    const some = randomBytes(mib);
    const none = Buffer.alloc(3 * mib);
    for (const parts of [
      [none, some, none, some, none],
      [some, none, some],
      [none],
      [none.subarray(0, 1000)],
      [some, none.subarray(0, 10)],
    ]) {
      const id = newId(env);
      const bytes = Buffer.concat(parts);
      expect(await store.put(id, pieces(bytes))).toMatchObject({ size: bytes.length, checksums: checksumsOf(bytes) });
      const path = store.localPath(id)!;
      expect((await readFile(path)).equals(bytes)).toBe(true);
      const written = parts.filter((part) => part === some).length * mib;
      // Some file systems tell of a block more for what they note about the file.
      expect((await stat(path)).blocks * 512).toBeLessThanOrEqual(written + 64 * 1024);
    }
  });

  it('leaves nothing behind when its source breaks', async () => {
    async function* broken() {
      yield* pieces(randomBytes(3 * mib));
      throw new Error('the line is dead');
    }
    await expect(store.put(imageId, broken())).rejects.toThrow('the line is dead');
    expect(filesIn('staging').concat(filesIn('images'))).toEqual([]);
  });

  it('leaves nothing behind when it is given up, even if the source hangs', async () => {
    const abort = new AbortController();
    let reached = () => {};
    const middle = new Promise<void>((resolve) => {
      reached = resolve;
    });
    async function* hanging() {
      yield* pieces(randomBytes(2 * mib));
      reached();
      await new Promise(() => {});
    }
    const upload = store.put(imageId, hanging(), { signal: abort.signal });
    await middle;
    expect(filesIn('staging')).toHaveLength(1);
    expect((await store.list()).others).toMatchObject([{ kind: 'upload', imageId, isLive: true }]);
    await expect(store.removeStray(`staging/${filesIn('staging')[0]}`)).rejects.toMatchObject({ code: 'busy' });
    await expect(store.put(imageId, pieces(Buffer.from('x')))).rejects.toMatchObject({ code: 'busy' });
    abort.abort();
    await expect(upload).rejects.toMatchObject({ code: 'aborted' });
    expect(filesIn('staging').concat(filesIn('images'))).toEqual([]);
    await expect(store.put(imageId, pieces(Buffer.from('x')), { signal: abort.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it('ends when its image is deleted, and when the store is closed', async () => {
    async function* endless() {
      for (;;) {
        yield Buffer.alloc(65536);
        await turn();
      }
    }
    const first = store.put(imageId, endless());
    const second = store.put(newId(env), endless());
    const refused = [
      expect(first).rejects.toMatchObject({ code: 'aborted' }),
      expect(second).rejects.toMatchObject({ code: 'aborted' }),
    ];
    await store.delete(imageId);
    await store.close();
    await Promise.all(refused);
    expect(filesIn('staging').concat(filesIn('images'))).toEqual([]);
  });

  it('ends with the error of whoever looks at its chunks', async () => {
    const seen: number[] = [];
    const onChunk = (chunk: Buffer) => {
      seen.push(chunk.length);
      if (seen.length === 3) throw new RangeError('not this one');
    };
    await expect(store.put(imageId, pieces(randomBytes(mib)), { onChunk })).rejects.toThrow(RangeError);
    expect(seen).toEqual([65536, 65536, 65536]);
    expect(filesIn('staging').concat(filesIn('images'))).toEqual([]);
  });

  it('must have the size it was announced with', async () => {
    for (const expectedSize of [999, 1001]) {
      const upload = store.put(imageId, pieces(Buffer.alloc(1000), 100), { expectedSize });
      await expect(upload).rejects.toMatchObject({ code: 'size_mismatch' });
    }
    expect(await store.stat(imageId)).toBeUndefined();
  });

  it('keeps the earlier bytes unless it succeeds', async () => {
    await store.put(imageId, pieces(Buffer.from('first')));
    await expect(store.put(imageId, pieces(Buffer.from('second')), { expectedSize: 1 })).rejects.toThrow();
    expect(await buffer(await store.read(imageId))).toEqual(Buffer.from('first'));
    await store.put(imageId, pieces(Buffer.from('second')));
    expect(await buffer(await store.read(imageId))).toEqual(Buffer.from('second'));
  });

  it('does not disturb others that run beside it', async () => {
    const uploads = Array.from({ length: 6 }, (_, i) => ({ id: newId(env), bytes: randomBytes(mib + i * 77_777) }));
    const stored = await Promise.all(uploads.map(({ id, bytes }) => store.put(id, pieces(bytes, 65536, 1000))));
    expect(stored.map(({ checksums }) => checksums)).toEqual(uploads.map(({ bytes }) => checksumsOf(bytes)));
    const { images, others } = await store.list();
    expect(images.map((image) => image.imageId).sort()).toEqual(uploads.map(({ id }) => id).sort());
    expect(others).toEqual([]);
  });

  it('holds no more than a few pieces in memory, and prints its speed', async () => {
    const chunk = randomBytes(65536);
    const count = 4096;
    let peak = 0;
    async function* large() {
      for (let i = 0; i < count; i++) {
        if (i % 64 === 0) peak = Math.max(peak, process.memoryUsage().rss);
        yield chunk;
      }
    }
    await store.put(newId(env), pieces(randomBytes(32 * mib)));
    const before = process.memoryUsage().rss;
    const start = performance.now();
    const { size } = await store.put(imageId, large());
    const seconds = (performance.now() - start) / 1000;
    expect(size).toBe(256 * mib);
    console.log(`upload: ${(256 / seconds).toFixed(0)} MiB/s, memory grew ${((peak - before) / mib).toFixed(0)} MiB`);
    expect(peak - before).toBeLessThan(64 * mib);
  });
});

describe('a full store', () => {
  it('refuses with no_space and leaves nothing behind', async ({ skip }) => {
    const mounted = join(folder, 'small');
    await mkdir(mounted);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mounted], { stdio: 'pipe' });
    } catch (error) {
      console.log(`skipped, since mount was refused: ${error instanceof Error ? error.message : error}`);
      return skip();
    }
    try {
      const small = await openDirectoryStore({ name: 'small', root: mounted, env });
      const upload = small.put(imageId, pieces(randomBytes(8 * mib)));
      await expect(upload).rejects.toMatchObject({ code: 'no_space' });
      const announced = small.put(imageId, pieces(randomBytes(8 * mib)), { expectedSize: 8 * mib });
      await expect(announced).rejects.toMatchObject({ code: 'no_space' });
      expect(await small.list()).toEqual({ images: [], others: [] });
      const { total, free } = await small.capacity();
      expect(total).toBe(4 * mib);
      expect(free).toBe(4 * mib);
      expect((await small.put(imageId, pieces(randomBytes(mib)))).size).toBe(mib);
    } finally {
      execFileSync('umount', [mounted]);
    }
  });
});

describe('reading', () => {
  it('gives any part of the image', async () => {
    const bytes = randomBytes(1_500_000);
    await store.put(imageId, pieces(bytes));
    const place = fc.integer({ min: 0, max: bytes.length });
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const part = await buffer(await store.read(imageId, { start, end }));
        expect(part.equals(bytes.subarray(start, end))).toBe(true);
      }),
      { numRuns: 30 },
    );
    expect((await buffer(await store.read(imageId, { start: 1_000_000 }))).length).toBe(500_000);
    for (const range of [{ end: bytes.length + 1 }, { start: -1 }, { start: 5, end: 4 }, { start: 0.5 }]) {
      await expect(store.read(imageId, range)).rejects.toMatchObject({ code: 'bad_range' });
    }
  });

  it('of what does not exist, or is no id, is refused', async () => {
    await expect(store.read(imageId)).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.stat(imageId)).toBeUndefined();
    for (const id of [
      '../../etc/passwd',
      '',
      'x'.repeat(32),
      `${imageId}/..`,
      imageId.toUpperCase().replace(/^./, 'G'),
    ]) {
      expect(() => store.localPath(id)).toThrow(expect.objectContaining({ code: 'bad_name' }));
      await expect(store.read(id)).rejects.toMatchObject({ code: 'bad_name' });
      await expect(store.put(id, pieces(Buffer.from('x')))).rejects.toMatchObject({ code: 'bad_name' });
      await expect(store.stage(id)).rejects.toMatchObject({ code: 'bad_name' });
      await expect(store.delete(id)).rejects.toMatchObject({ code: 'bad_name' });
    }
  });

  it('never follows a link out of the store', async () => {
    symlinkSync('/etc/passwd', store.localPath(imageId)!);
    await expect(store.read(imageId)).rejects.toMatchObject({ code: 'failed' });
    expect(await store.stat(imageId)).toBeUndefined();
    expect((await store.list()).others).toMatchObject([{ name: `images/${imageId}`, kind: 'unknown' }]);
  });

  it('goes on while the image is deleted, and deleting twice is no error', async () => {
    const bytes = randomBytes(4 * mib);
    await store.put(imageId, pieces(bytes));
    const reading = await store.read(imageId);
    await store.delete(imageId);
    await store.delete(imageId);
    expect((await buffer(reading)).equals(bytes)).toBe(true);
    expect(await store.stat(imageId)).toBeUndefined();
  });
});

describe('a file that a host has written', () => {
  it('becomes the image, also when the step is repeated', async () => {
    const bytes = randomBytes(2 * mib + 5);
    const { path } = await store.stage(imageId);
    expect(await store.stage(imageId)).toEqual({ path });
    writeFileSync(path, bytes);
    expect((await store.list()).others).toMatchObject([{ kind: 'staged', imageId, size: bytes.length, isLive: false }]);
    const adopted = await store.adopt(imageId, path);
    expect(adopted).toEqual({
      size: bytes.length,
      installPath: `dir://main/${imageId}`,
      checksums: checksumsOf(bytes),
    });
    expect(await store.adopt(imageId, path)).toEqual(adopted);
    expect((await buffer(await store.read(imageId))).equals(bytes)).toBe(true);
    expect(filesIn('staging')).toEqual([]);
  });

  it('must be there, and be the staged one', async () => {
    const { path } = await store.stage(imageId);
    await expect(store.adopt(imageId, path)).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.adopt(imageId, '/etc/passwd')).rejects.toMatchObject({ code: 'bad_name' });
    symlinkSync('/etc/passwd', path);
    await expect(store.adopt(imageId, path)).rejects.toMatchObject({ code: 'not_found' });
    await store.unstage(imageId);
    await store.unstage(imageId);
    expect(filesIn('staging')).toEqual([]);
  });

  it('goes with its image', async () => {
    const { path } = await store.stage(imageId);
    writeFileSync(path, 'an export');
    writeFileSync(`${path}.new`, 'half an export');
    const { others } = await store.list();
    expect(others.map(({ kind, imageId: id }) => [kind, id])).toEqual([
      ['staged', imageId],
      ['staged', imageId],
    ]);
    await store.delete(imageId);
    expect(filesIn('staging')).toEqual([]);
  });
});

describe('what is left over', () => {
  const otherId = 'f'.repeat(32);

  it('from dead uploads is cleared away at the start; everything else waits for the audit', async () => {
    const ended = execFileSync(process.execPath, ['-p', 'process.pid']).toString().trim();
    const host = hostname().replaceAll(/[^a-zA-Z0-9-]/g, '-');
    const dayAgo = new Date(Date.now() - 25 * 3600 * 1000);
    const write = (name: string, modified?: Date) => {
      writeFileSync(join(root, 'staging', name), 'left over');
      if (modified) utimesSync(join(root, 'staging', name), modified, modified);
    };
    write(`${imageId}.${host}.${ended}.1.upload`);
    write(`${imageId}.${host}.${process.pid}.999999.upload`);
    write(`${imageId}.elsewhere-1.77.1.upload`, dayAgo);
    write(`${imageId}.elsewhere-1.77.2.upload`);
    write(`${imageId}.${host}.1.1.upload`);
    write(`${otherId}.export`);
    write('readme');
    const again = await openDirectoryStore({ name: 'main', root, env });
    const left = [`${imageId}.elsewhere-1.77.2.upload`, `${imageId}.${host}.1.1.upload`, `${otherId}.export`, 'readme'];
    expect(filesIn('staging').sort()).toEqual(left.sort());
    const { others } = await again.list();
    expect(others.filter((file) => file.isLive).map((file) => file.kind)).toEqual(['upload', 'upload']);
    for (const file of others.filter((file) => !file.isLive)) await again.removeStray(file.name);
    expect(filesIn('staging')).toHaveLength(2);
  });

  it('is removed by name, and images are not', async () => {
    await store.put(imageId, pieces(Buffer.from('x')));
    writeFileSync(join(root, 'images', 'stray.txt'), 'x');
    await mkdir(join(root, 'images', 'folder'));
    await store.removeStray('images/stray.txt');
    await store.removeStray('images/folder');
    await store.removeStray('images/never-there');
    for (const name of [
      `images/${imageId}`,
      '../x',
      'images/..',
      'images/../../x',
      '/etc/passwd',
      'images',
      'images/',
    ]) {
      await expect(store.removeStray(name)).rejects.toMatchObject({ code: 'bad_name' });
    }
    expect(filesIn('images')).toEqual([imageId]);
  });
});

describe('the version of an image', () => {
  it('stays the same until its bytes may be others', async () => {
    expect(await store.version!(imageId)).toBeUndefined();
    await store.put(imageId, pieces(randomBytes(1000)), { expectedSize: 1000 });
    const first = await store.version!(imageId);
    expect(first).toBeTypeOf('string');
    expect(await store.version!(imageId)).toBe(first);
    await writeFile(store.localPath(imageId)!, randomBytes(1001));
    expect(await store.version!(imageId)).not.toBe(first);
  });
});
