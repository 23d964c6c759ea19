import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { statAnything, statFile } from './files.ts';
import { createHasher } from './hashing/hasher.ts';
import { throwIfAborted } from './receive.ts';
import { type ImageStore, type StoredUpload, StoreError, type StoreListing } from './store.ts';

/** How much is read at once. */
const readLength = 512 * 1024;

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

const stagedName = /^(?<imageId>[0-9a-f]{32})\.export(?:\.new)?$/;
const folderName = 'staging';

/** Where hosts, and uploads in parts, leave files for a store that is elsewhere: a folder of this machine. */
export class Staging {
  readonly #folder: string;

  constructor(localDirectory: string) {
    this.#folder = join(localDirectory, folderName);
  }

  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o750 });
  }

  /** @param imageId one that was checked */
  path(imageId: string): string {
    return join(this.#folder, `${imageId}.export`);
  }

  /** Removes a staged file, and what a host has begun to write beside it. */
  async remove(imageId: string): Promise<void> {
    await rm(this.path(imageId), { force: true });
    await rm(`${this.path(imageId)}.new`, { force: true });
  }

  async list(): Promise<StoreListing['others']> {
    const files: StoreListing['others'] = [];
    for (const file of await readdir(this.#folder)) {
      const found = await statAnything(join(this.#folder, file));
      const imageId = stagedName.exec(file)?.groups?.['imageId'];
      if (!found || !imageId) continue;
      const { size, modifiedAt } = found;
      files.push({ name: `${folderName}/${file}`, kind: 'staged', imageId, size, modifiedAt, isLive: false });
    }
    return files;
  }

  /** Removes what `list` has named; false for the name of anything else. */
  async removeNamed(name: string): Promise<boolean> {
    const [folder, file = '', ...more] = name.split('/');
    if (folder !== folderName || more.length > 0 || !stagedName.test(file)) return false;
    await rm(join(this.#folder, file), { force: true });
    return true;
  }
}
