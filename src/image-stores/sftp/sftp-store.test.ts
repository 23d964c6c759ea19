import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Line } from '../../../tests/support/s3-server.ts';
import { hasSftpServer, PasswordServer, SftpServer } from '../../../tests/support/sftp-server.ts';
import { describeUploads } from '../../../tests/support/store-uploads.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { fingerprintOf, type KnownHostKey, rememberedHostKey } from '../../ssh/host-key.ts';
import type { ImageStore } from '../store.ts';
import { describeStore } from '../store-contract.ts';
import { openSftpStore } from './sftp-store.ts';
import { sftpPlace } from './sftp-url.ts';

const env = realEnv();
const mib = 1024 * 1024;

/** Closes the store in the end. */
const disposed = (store: ImageStore) => ({ store, [Symbol.asyncDispose]: () => store.close() });

describe.skipIf(!hasSftpServer)('over a real SFTP server', () => {
  let server: SftpServer;
  let folder: string;
  beforeAll(async () => {
    server = await SftpServer.start();
    folder = mkdtempSync(join(tmpdir(), 'unkai-sftp-local-'));
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const open = (
    url = server.url(),
    { hostKey = rememberedHostKey(), password }: { hostKey?: KnownHostKey; password?: string } = {},
  ) =>
    openSftpStore({
      name: 'far',
      place: sftpPlace(url),
      login: { hostKey, password: async () => password },
      localDirectory: folder,
      maxLocalBytes: 3 * mib,
      env,
    });

  describeStore('sftp', () => open());

  /** An upload that has brought something, and has no end before it is told to go on. */
  function halfway() {
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const bytes = randomBytes(20 * mib);
    async function* source() {
      yield bytes.subarray(0, 17 * mib);
      reached.resolve();
      await goOn.promise;
      yield bytes.subarray(17 * mib);
    }
    return { bytes, source: source(), reached: reached.promise, goOn: goOn.resolve };
  }

  it('holds images as a folder does, readable for nobody else, and without room for zeros', async () => {
    const path = join(server.folder, 'layout');
    await using opened = disposed(await open(server.url(path)));
    const imageId = newId(env);
    const bytes = Buffer.concat([randomBytes(mib), Buffer.alloc(20 * mib), randomBytes(mib), Buffer.alloc(5 * mib)]);
    await opened.store.put(imageId, Readable.from([bytes]));
    const found = statSync(join(path, 'images', imageId));
    expect(found.mode & 0o777).toBe(0o640);
    expect(found.blocks * 512).toBeLessThan(4 * mib);
    expect(readFileSync(join(path, 'images', imageId)).equals(bytes)).toBe(true);
    expect(readdirSync(join(path, 'staging'))).toEqual([]);
    expect(opened.store.installPath(imageId)).toBe(`sftp://far/${imageId}`);
  });

  it('is on the file system that its server tells of', async () => {
    await using opened = disposed(await open());
    const { total, free } = await opened.store.capacity();
    const { bsize, blocks } = (await import('node:fs')).statfsSync(server.folder);
    expect(total).toBe(blocks * bsize);
    expect(free).toBeGreaterThan(0);
  });

  it('removes at its next start what it could not take back when its line was cut', async () => {
    await using line = await Line.to(server.port);
    const path = join(server.folder, 'cut');
    await using far = disposed(await open(server.url(path, { port: line.port })));
    await using near = disposed(await open(server.url(path)));
    const { source, reached, goOn } = halfway();
    const imageId = newId(env);
    const upload = far.store.put(imageId, source);
    const failed = expect(upload).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('The line to 127.0.0.1'),
    });
    await reached;
    await expect.poll(async () => (await near.store.list()).others).toMatchObject([{ isLive: true }]);
    line.cut();
    goOn();
    await failed;
    expect((await near.store.list()).others).toMatchObject([{ kind: 'upload', imageId, isLive: false }]);
    expect(await near.store.stat(imageId)).toBeUndefined();
    line.mend();
    // The same store, over a new connection.
    const bytes = randomBytes(mib);
    await far.store.put(imageId, Readable.from([bytes]));
    expect((await buffer(await far.store.read(imageId))).equals(bytes)).toBe(true);
    await using again = disposed(await open(server.url(path)));
    expect((await again.store.list()).others).toEqual([]);
  });

  it('says so when the disk of its server is full, and leaves nothing there', async ({ skip }) => {
    const path = join(server.folder, 'full');
    mkdirSync(path);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', path], { stdio: 'pipe' });
    } catch {
      skip('this machine lets nobody mount a small file system');
    }
    try {
      server.give(path);
      await using opened = disposed(await open(server.url(join(path, 'store'))));
      const imageId = newId(env);
      const { source, goOn } = halfway();
      goOn();
      await expect(opened.store.put(imageId, source)).rejects.toMatchObject({ code: 'no_space' });
      const early = opened.store.put(imageId, Readable.from([]), { expectedSize: 9 * mib });
      await expect(early).rejects.toMatchObject({ code: 'no_space' });
      expect(await opened.store.list()).toEqual({ images: [], others: [] });
      const bytes = randomBytes(4 * mib);
      await opened.store.put(imageId, Readable.from([bytes]));
      expect((await buffer(await opened.store.read(imageId))).equals(bytes)).toBe(true);
    } finally {
      execFileSync('umount', ['-l', path]);
    }
  });

  it('leaves alone what others bring', async () => {
    const path = join(server.folder, 'others');
    await using first = disposed(await open(server.url(path)));
    const { bytes, source, reached, goOn } = halfway();
    const imageId = newId(env);
    const upload = first.store.put(imageId, source);
    await reached;
    await expect.poll(async () => (await first.store.list()).others).toHaveLength(1);
    await using second = disposed(await open(server.url(path)));
    const [stray] = (await second.store.list()).others;
    expect(stray).toMatchObject({ kind: 'upload', imageId, isLive: true });
    await expect(second.store.removeStray(stray!.name)).rejects.toMatchObject({ code: 'busy' });
    goOn();
    await upload;
    expect((await buffer(await second.store.read(imageId))).equals(bytes)).toBe(true);
  });

  it('gives a server up that falls silent, and says so', async () => {
    await using line = await Line.to(server.port);
    const path = join(server.folder, 'silent');
    await using opened = disposed(await open(server.url(path, { port: line.port, timeout: 5 })));
    const imageId = newId(env);
    await opened.store.put(imageId, Readable.from([randomBytes(9 * mib)]));
    const reading = await opened.store.read(imageId);
    const begun = reading[Symbol.asyncIterator]();
    await begun.next();
    line.freeze();
    await expect(
      (async () => {
        while (!(await begun.next()).done);
      })(),
    ).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('is gone') });
    await expect(opened.store.stat(imageId)).rejects.toMatchObject({ code: 'failed' });
    line.mend();
    expect(await opened.store.stat(imageId)).toMatchObject({ size: 9 * mib });
  });

  it('goes on after the server has ended its connection', async () => {
    await using opened = disposed(await open());
    const imageId = newId(env);
    await opened.store.put(imageId, Readable.from([randomBytes(1000)]));
    server.hangUp();
    const stat = async () => (await opened.store.stat(imageId).catch(() => undefined))?.size;
    await expect.poll(stat).toBe(1000);
    await opened.store.delete(imageId);
  });

  it('reads many images at a time over its one connection, and lets go of those that nobody reads on', async () => {
    await using opened = disposed(await open());
    const images = Array.from({ length: 12 }, () => ({ id: newId(env), bytes: randomBytes(2 * mib + 11) }));
    await Promise.all(images.map(({ id, bytes }) => opened.store.put(id, Readable.from([bytes]))));
    for (const { id } of images) (await opened.store.read(id)).destroy();
    const read = await Promise.all(images.map(async ({ id }) => buffer(await opened.store.read(id))));
    expect(read.every((bytes, index) => bytes.equals(images[index]!.bytes))).toBe(true);
    for (const { id } of images) await opened.store.delete(id);
  });

  describe('a copy', () => {
    const bytes = Buffer.concat([randomBytes(3_200_000), Buffer.alloc(2_500_000), randomBytes(2_300_000)]);
    const checksums = {
      md5: createHash('md5').update(bytes).digest('hex'),
      sha512: createHash('sha512').update(bytes).digest('hex'),
    };
    const source = (starts: number[], cutAt = Number.POSITIVE_INFINITY) => ({
      size: bytes.length,
      checksums,
      async read(start: number) {
        starts.push(start);
        return (async function* () {
          for (let at = start; at < bytes.length; at += 100_000) {
            if (at >= cutAt) throw new Error('the source is gone');
            yield bytes.subarray(at, at + 100_000);
          }
        })();
      },
    });

    it('goes on where an earlier try broke off, and is held against its original', async () => {
      const path = join(server.folder, 'copies');
      const imageId = newId(env);
      const starts: number[] = [];
      {
        await using first = disposed(await open(server.url(path)));
        await expect(first.store.copyIn!(imageId, source(starts, 5_000_000))).rejects.toThrow('the source is gone');
        expect(await first.store.stat(imageId)).toBeUndefined();
        expect((await first.store.list()).others).toMatchObject([{ kind: 'upload', imageId, isLive: false }]);
      }
      await using again = disposed(await open(server.url(path)));
      expect(await again.store.copyIn!(imageId, source(starts))).toMatchObject({ size: bytes.length, checksums });
      expect(starts).toEqual([0, expect.any(Number)]);
      expect(starts[1]).toBeGreaterThan(2 * mib);
      expect((await buffer(await again.store.read(imageId))).equals(bytes)).toBe(true);
      expect(readdirSync(join(path, 'staging'))).toEqual([]);
    });

    it('is none where what was brought has changed meanwhile; the next try begins anew', async () => {
      const path = join(server.folder, 'corrupt');
      await using opened = disposed(await open(server.url(path)));
      const imageId = newId(env);
      const half = join(path, 'staging', `${imageId}.copy`);
      writeFileSync(half, randomBytes(1_000_000));
      server.give(half);
      await expect(opened.store.copyIn!(imageId, source([]))).rejects.toMatchObject({ code: 'corrupt' });
      const starts: number[] = [];
      await opened.store.copyIn!(imageId, source(starts));
      expect(starts).toEqual([0]);
    });
  });

  it('trusts a server’s key when it first sees it, and no other one then', async () => {
    await using other = {
      server: await SftpServer.start(),
      [Symbol.asyncDispose]: () => other.server[Symbol.asyncDispose](),
    };
    const hostKey = rememberedHostKey();
    const url = other.server.url();
    await using opened = disposed(await open(url, { hostKey }));
    const known = fingerprintOf((await hostKey.read())!);
    await other.server.kill();
    other.server.changeHostKey();
    await other.server.run();
    const message = expect.stringMatching(/shows the host key SHA256:.* and is known by SHA256:/);
    await expect(open(url, { hostKey })).rejects.toMatchObject({ code: 'failed', message });
    await expect.poll(() => opened.store.list().catch((error) => error)).toMatchObject({ code: 'failed', message });
    // Whoever has the fingerprint need not trust anybody.
    await expect(open(`${url}&fingerprint=${encodeURIComponent(known)}`)).rejects.toMatchObject({ message });
    await disposed(await open(url))[Symbol.asyncDispose]();
  });

  it('refuses a folder with something else in it, and leaves it as it is', async () => {
    const path = join(server.folder, 'strange');
    mkdirSync(path);
    writeFileSync(join(path, 'letters.txt'), 'dear …');
    await expect(open(server.url(path))).rejects.toMatchObject({ message: expect.stringContaining('letters.txt') });
    expect(readdirSync(path)).toEqual(['letters.txt']);
    await expect(open(server.url('/proc/nowhere'))).rejects.toMatchObject({
      code: expect.stringMatching(/failed|not_found/),
    });
  });

  it.each(['password', 'keyboard-interactive'] as const)('logs in with a password: %s', async (method) => {
    await using door = await PasswordServer.start('käthe', 'open sesame', method);
    const path = join(folder, `by-${method}`);
    const url = `sftp://k%C3%A4the@127.0.0.1:${door.port}${path}`;
    await using opened = disposed(await open(url, { password: 'open sesame' }));
    const imageId = newId(env);
    const bytes = randomBytes(3 * mib);
    await opened.store.put(imageId, Readable.from([bytes]));
    expect((await buffer(await opened.store.read(imageId))).equals(bytes)).toBe(true);
    expect(door.methods).toEqual([method]);
    await expect(open(url, { password: 'open barley' })).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/the login is refused$/),
    });
    writeFileSync(join(folder, 'password'), 'open sesame\n');
    await using byFile = disposed(await open(`${url}?password=${join(folder, 'password')}`));
    expect(await byFile.store.stat(imageId)).toMatchObject({ size: 3 * mib });
  });

  it('makes do with a server that has nothing of OpenSSH’s own', async () => {
    const lacks = ['posix-rename', 'fsync', 'statvfs', 'limits'];
    await using door = await PasswordServer.start('u', 'p', 'password', { lacks });
    const url = `sftp://u@127.0.0.1:${door.port}${join(folder, 'plain')}`;
    await using opened = disposed(await open(url, { password: 'p' }));
    const imageId = newId(env);
    for (const bytes of [randomBytes(3 * mib), Buffer.concat([randomBytes(100), Buffer.alloc(2 * mib)])]) {
      await opened.store.put(imageId, Readable.from([bytes]), { expectedSize: bytes.length });
      expect((await buffer(await opened.store.read(imageId))).equals(bytes)).toBe(true);
      const { total, free } = await opened.store.capacity();
      expect(total - free).toBe(bytes.length);
    }
    expect((await opened.store.list()).others).toEqual([]);
  });

  describeUploads('sftp', () => server.url(join(server.folder, 'uploads')));
});
