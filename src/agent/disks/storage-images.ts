import { chmod, link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Env } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { createAtomically, syncPath } from '../atomic-file.ts';
import { assertSafeId, isNotFound, systemErrorCode } from '../errors.ts';
import { copyFile } from './copy-file.ts';
import type { CacheEntry, ImageCache } from './image-cache.ts';
import { readBackingPath } from './qcow2-header.ts';
import type { Backing } from './qemu-img.ts';
import { imageFolderName } from './shared-folder.ts';
import type { Storages } from './storages.ts';

/**
 * Images that disks in shared storages are layers over. They lie beside the disks, so that every host that has the disk can
 * read them, and the bytes are there once: each host has a name of its own for them, `<its part>/images/<image id>`, which
 * is what the disks' headers say from where they are. They go with the last name.
 */
export class StorageImages {
  readonly #env: Env;
  readonly #storages: Storages;
  readonly #cache: ImageCache;
  readonly #lock = new KeyedLock();

  constructor(env: Env, storages: Storages, cache: ImageCache) {
    this.#env = env;
    this.#storages = storages;
    this.#cache = cache;
  }

  /** What a layer over the cached image names, in the storage or on the host's own disk. Throws `not_found`. */
  async backing(imageId: string, storageId: string | undefined): Promise<CacheEntry & Backing> {
    const cached = await this.#cache.find(imageId);
    if (storageId === undefined || !(await this.#storages.isShared(storageId))) return cached;
    const part = await this.#storages.folder(storageId);
    const path = join(part, imageFolderName, imageId);
    await this.#lock.run(path, async () => {
      const { size } = await stat(cached.path);
      if (await hasSize(path, size)) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      for (const other of await readdir(dirname(part))) {
        const there = join(dirname(part), other, imageFolderName, imageId);
        if (there !== path && (await hasSize(there, size)) && (await linked(there, path))) return;
      }
      await createAtomically(path, async (temporary) => {
        await copyFile(this.#env, cached.path, temporary);
        await chmod(temporary, 0o444);
      });
    });
    return { ...cached, path, named: join(imageFolderName, imageId) };
  }

  /** Gives this host a name for what the other host's disk is a layer over, in their shared storage. */
  async takeOver(disk: string, part: string): Promise<void> {
    const backing = await readBackingPath(disk);
    if (backing === undefined || dirname(backing) !== imageFolderName) return;
    const path = join(part, backing);
    await this.#lock.run(path, async () => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await linked(join(dirname(disk), backing), path, { isNeeded: true });
    });
  }

  /** The ids of all that the host has a name for. */
  async list(): Promise<string[]> {
    const found = new Set<string>();
    for (const part of await this.#storages.foldersThere())
      for (const name of await namesIn(join(part, imageFolderName))) if (!name.includes('.')) found.add(name);
    return [...found].sort();
  }

  /** Takes the host's names for the image away: nothing here is a layer over it. */
  async remove(imageId: string): Promise<void> {
    assertSafeId('image', imageId);
    for (const part of await this.#storages.foldersThere())
      await this.#lock.run(join(part, imageFolderName, imageId), () =>
        rm(join(part, imageFolderName, imageId), { force: true }),
      );
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (isNotFound(error)) return [];
    throw error;
  });
}

async function hasSize(path: string, size: number): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile() && found.size === size,
    () => false,
  );
}

/** Whether the file has the name now: it may have gone meanwhile. */
async function linked(from: string, to: string, { isNeeded = false } = {}): Promise<boolean> {
  try {
    await link(from, to);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return true;
    if (code === 'ENOENT' && !isNeeded) return false;
    throw error;
  }
  await syncPath(dirname(to));
  return true;
}
