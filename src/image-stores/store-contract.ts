import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import type { ImageStore } from './store.ts';

const env = realEnv();
const mib = 1024 * 1024;

async function* pieces(bytes: Buffer, size = 65536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const checksumsOf = (bytes: Buffer) => ({
  md5: createHash('md5').update(bytes).digest('hex'),
  sha512: createHash('sha512').update(bytes).digest('hex'),
});

/** What every kind of image store does, whatever it keeps its bytes in. `open` gives the same store at each call. */
export function describeStore(kind: string, open: () => Promise<ImageStore>): void {
  describe(`a store of the kind ${kind}`, () => {
    let store: ImageStore;
    let imageId: string;
    beforeEach(async () => {
      store = await open();
      imageId = newId(env);
    });
    afterEach(async () => {
      await store.delete(imageId).catch(() => {});
      await store.close();
    });

    const others = async () => (await store.list()).others.filter((one) => one.imageId === imageId);

    it.each([0, 1, 1000, 5 * mib + 17, 20 * mib])('stores %i bytes whole and reads them back', async (length) => {
      const bytes = randomBytes(length);
      const stored = await store.put(imageId, pieces(bytes), { expectedSize: length });
      expect(stored).toEqual({ size: length, installPath: store.installPath(imageId), checksums: checksumsOf(bytes) });
      expect(await store.stat(imageId)).toMatchObject({ imageId, size: length });
      expect((await buffer(await store.read(imageId))).equals(bytes)).toBe(true);
      expect((await store.list()).images).toContainEqual(expect.objectContaining({ imageId, size: length }));
      expect(await others()).toEqual([]);
    });

    it('reads parts, and none that is not there', async () => {
      const bytes = randomBytes(100_000);
      await store.put(imageId, pieces(bytes));
      for (const [start, end] of [
        [0, 10],
        [5, 99_999],
        [99_999, 100_000],
        [50, 50],
      ] as const) {
        expect(await buffer(await store.read(imageId, { start, end }))).toEqual(bytes.subarray(start, end));
      }
      expect(await buffer(await store.read(imageId, { start: 60_000 }))).toEqual(bytes.subarray(60_000));
      await expect(store.read(imageId, { start: 5, end: 100_001 })).rejects.toMatchObject({ code: 'bad_range' });
      await expect(store.read(newId(env))).rejects.toMatchObject({ code: 'not_found' });
    });

    it('has nothing of an upload that fails, or the bytes of before', async () => {
      async function* broken() {
        yield* pieces(randomBytes(12 * mib));
        throw new RangeError('the line is dead');
      }
      await expect(store.put(imageId, broken())).rejects.toThrow(RangeError);
      const short = store.put(imageId, pieces(randomBytes(1000)), { expectedSize: 1001 });
      await expect(short).rejects.toMatchObject({ code: 'size_mismatch' });
      expect(await store.stat(imageId)).toBeUndefined();
      await store.put(imageId, pieces(Buffer.from('before')));
      await expect(store.put(imageId, broken())).rejects.toThrow('the line is dead');
      expect(`${await buffer(await store.read(imageId))}`).toBe('before');
      expect(await others()).toEqual([]);
    });

    it('ends an upload that is given up, and one whose image is deleted', async () => {
      async function* hanging(reached: () => void) {
        yield* pieces(randomBytes(9 * mib));
        reached();
        await new Promise(() => {});
      }
      for (const end of ['abort', 'delete'] as const) {
        const abort = new AbortController();
        const middle = Promise.withResolvers<void>();
        const upload = store.put(imageId, hanging(middle.resolve), { signal: abort.signal });
        const refused = expect(upload).rejects.toMatchObject({ code: 'aborted' });
        await middle.promise;
        await expect(store.put(imageId, pieces(Buffer.from('x')))).rejects.toMatchObject({ code: 'busy' });
        if (end === 'abort') abort.abort();
        else await store.delete(imageId);
        await refused;
        expect(await store.stat(imageId)).toBeUndefined();
      }
      expect(await others()).toEqual([]);
    });

    it('deletes, also what is not there', async () => {
      await store.put(imageId, pieces(randomBytes(1000)));
      await store.delete(imageId);
      await store.delete(imageId);
      expect(await store.stat(imageId)).toBeUndefined();
      for (const name of ['../../etc/passwd', '', 'A'.repeat(32), 'a'.repeat(31)]) {
        await expect(store.delete(name)).rejects.toMatchObject({ code: 'bad_name' });
        await expect(store.read(name)).rejects.toMatchObject({ code: 'bad_name' });
      }
    });

    it('takes in a file that a host has written, once and again', async () => {
      const bytes = randomBytes(3 * mib);
      const { path } = await store.stage(imageId);
      writeFileSync(path, bytes);
      const stored = { size: bytes.length, checksums: checksumsOf(bytes) };
      expect(await store.adopt(imageId, path)).toMatchObject(stored);
      expect(await store.adopt(imageId, path)).toMatchObject(stored);
      expect((await buffer(await store.read(imageId))).equals(bytes)).toBe(true);
      await expect(store.adopt(imageId, '/etc/passwd')).rejects.toMatchObject({ code: 'bad_name' });
      expect(await others()).toEqual([]);
    });

    it('lists what was staged and never taken in, and removes it', async () => {
      const { path } = await store.stage(imageId);
      writeFileSync(path, 'half an export');
      const [left, ...more] = await others();
      expect(left).toMatchObject({ kind: 'staged', imageId, size: 14, isLive: false });
      expect(more).toEqual([]);
      await store.removeStray(left!.name);
      expect(await others()).toEqual([]);
    });

    it('has room, and says how much', async () => {
      const { total, free } = await store.capacity();
      expect(total).toBeGreaterThan(0);
      expect(free).toBeLessThanOrEqual(total);
    });

    it('gives hosts of this machine a file to read, with the same bytes', async () => {
      const bytes = randomBytes(2 * mib);
      const { checksums, size } = await store.put(imageId, pieces(bytes));
      const path = store.localPath(imageId) ?? (await store.localCopy!(imageId, { size, sha512: checksums.sha512 }));
      const { readFile } = await import('node:fs/promises');
      expect((await readFile(path)).equals(bytes)).toBe(true);
    });
  });
}
