import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { readLength, statFile } from './files.ts';
import { createHasher } from './hashing/hasher.ts';
import { throwIfAborted } from './receive.ts';
import { type ImageStore, type StoredUpload, StoreError } from './store.ts';

/**
 * `adopt` of stores that take images in by uploading them: the staged file becomes the image. With none left, as after
 * a crash, the image that is there is hashed again.
 */
export async function adoptByUpload(
  store: Pick<ImageStore, 'put' | 'read' | 'unstage' | 'installPath' | 'stage'>,
  imageId: string,
  stagedPath: string,
  signal?: AbortSignal,
): Promise<StoredUpload> {
  const { path } = await store.stage(imageId);
  if (stagedPath !== path) throw new StoreError('bad_name', 'The path is not that of the stage.');
  const staged = await statFile(stagedPath);
  if (staged) {
    const source = createReadStream(stagedPath, { highWaterMark: readLength });
    const stored = await store.put(imageId, source, { signal, expectedSize: staged.size });
    await store.unstage(imageId);
    return stored;
  }
  const hasher = createHasher(['md5', 'sha512']);
  try {
    let size = 0;
    for await (const chunk of await store.read(imageId)) {
      throwIfAborted(signal);
      await hasher.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
    return { size, installPath: store.installPath(imageId), checksums: await hasher.digest() };
  } finally {
    hasher.close();
  }
}

/** Removes a staged file, and what a host has begun to write beside it. */
export async function removeStagedFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(`${path}.new`, { force: true });
}
