import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasS3Server, Line, S3Server } from '../../../tests/support/s3-server.ts';
import { describeUploads } from '../../../tests/support/store-uploads.ts';
import type { ImageStore } from '../store.ts';
import { describeStore } from '../store-contract.ts';
import { openS3Store } from './s3-store.ts';
import { s3Place } from './s3-url.ts';

/** Closes the store in the end. */
const disposed = (store: ImageStore) => ({ store, [Symbol.asyncDispose]: () => store.close() });

describe.skipIf(!hasS3Server)('over a real S3 server', () => {
  let server: S3Server;
  let folder: string;
  beforeAll(async () => {
    server = await S3Server.start();
    folder = mkdtempSync(join(tmpdir(), 'unkai-s3-local-'));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  describeStore('s3', () =>
    openS3Store({ name: 'far', place: s3Place(server.url()), localDirectory: folder, maxLocalBytes: 3 * 1024 * 1024 }),
  );

  const mib = 1024 * 1024;
  const imageId = 'a'.repeat(32);
  const open = (port?: number, more: { isShared?: boolean } = {}) =>
    openS3Store({ name: 'far', place: s3Place(server.url(port, 5)), localDirectory: folder, ...more });

  /** More than a part, and no end before it is told to go on. */
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

  it('removes at its next start the parts that it could not take back when its line was cut', async () => {
    await using line = await Line.to(server.port);
    await using far = disposed(await open(line.port));
    await using near = disposed(await open(undefined, { isShared: true }));
    const { source, reached, goOn } = halfway();
    const upload = far.store.put(imageId, source);
    const failed = expect(upload).rejects.toMatchObject({ code: 'failed' });
    await reached;
    await expect.poll(async () => (await near.store.list()).others).toHaveLength(1);
    line.cut();
    // What came before may have been stored already, so that nothing is under way.
    goOn();
    await failed;
    expect((await near.store.list()).others).toMatchObject([{ kind: 'upload', imageId, isLive: false }]);
    expect(await near.store.stat(imageId)).toBeUndefined();
    line.mend();
    // The one that is shared has left it alone.
    await using again = disposed(await open());
    expect((await again.store.list()).others).toEqual([]);
  });

  it('leaves alone what other processes bring where it is shared', async () => {
    await using first = disposed(await open());
    const { bytes, source, reached, goOn } = halfway();
    const upload = first.store.put(imageId, source);
    await reached;
    await expect.poll(async () => (await first.store.list()).others).toHaveLength(1);
    await using second = disposed(await open(undefined, { isShared: true }));
    expect((await second.store.list()).others).toMatchObject([{ kind: 'upload', imageId, isLive: false }]);
    goOn();
    await upload;
    expect((await buffer(await second.store.read(imageId))).equals(bytes)).toBe(true);
    await second.store.delete(imageId);
  });

  it('ends more uploads than one answer lists', async () => {
    const sdk = await import('@aws-sdk/client-s3');
    const { bucket, prefix, credentials, region, endpoint } = s3Place(server.url());
    const client = new sdk.S3Client({ region, credentials, endpoint: endpoint!, forcePathStyle: true });
    for (let index = 0; index < 1005; index += 67) {
      const some = Array.from({ length: 67 }, () =>
        client.send(new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: prefix + imageId })),
      );
      await Promise.all(some);
    }
    await using alone = disposed(await open());
    expect((await alone.store.list()).others).toEqual([]);
    client.destroy();
  });

  describeUploads('s3', () => server.url().replace('/cloud?', '/uploads?'));
});
