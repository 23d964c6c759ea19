import { link, realpath, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createAtomically, syncPath } from '../atomic-file.ts';
import { isNotFound } from '../errors.ts';
import { linkedFrom, type Storages } from './storages.ts';

/**
 * Files of disks that may lie in a further storage: then the host's own folder has a link of the same name to it. The link
 * is there before the file and goes after it, so that no file is in a storage that the host does not know of, also after
 * a kill between any two steps.
 */
export class DiskLinks {
  readonly #storages: Storages;

  constructor(storages: Storages) {
    this.#storages = storages;
  }

  /** Where the file is that has this place in the host's own folder; undefined where it is not. Throws where it is away. */
  async find(path: string): Promise<string | undefined> {
    const linked = await linkedFrom(path);
    if (linked !== undefined) await this.#storages.assertThere(dirname(linked));
    try {
      return await realpath(path);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return undefined;
    }
  }

  /** Makes the file, whole or not at all: in the storage, or in the host's own folder where none is said. */
  async create<T>(path: string, storageId: string | undefined, make: (temporary: string) => Promise<T>): Promise<T> {
    return await this.#place(path, storageId, (target) => createAtomically(target, make));
  }

  /** Gives a file in the folders of the storage one more name: both are the same file from then on. */
  async nameAnew(path: string, storageId: string, file: string): Promise<void> {
    await this.#place(path, storageId, async (target) => {
      await link(file, target);
      await syncPath(dirname(target));
    });
  }

  async #place<T>(path: string, storageId: string | undefined, make: (target: string) => Promise<T>): Promise<T> {
    const target = storageId === undefined ? path : join(await this.#storages.folder(storageId), basename(path));
    const begun = await linkedFrom(path);
    if (begun !== undefined && begun !== target) await this.remove(path);
    if (target === path) return await make(path);
    if (begun !== target) {
      await symlink(target, path);
      await syncPath(dirname(path));
    }
    try {
      return await make(target);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  /** Throws where the file is away: it would stay. */
  async remove(path: string): Promise<void> {
    const linked = await linkedFrom(path);
    if (linked !== undefined) {
      await this.#storages.assertThere(dirname(linked));
      await rm(linked, { force: true });
    }
    await rm(path, { force: true });
  }

  /** Whether the file lies in the folder of a storage, there or not. */
  async liesIn(path: string, folder: string): Promise<boolean> {
    const linked = await linkedFrom(path);
    return linked !== undefined && dirname(linked) === folder;
  }

  /** Whether the file lies in a storage that is away, so that nobody knows what is in it. */
  async isAway(path: string): Promise<boolean> {
    return await this.find(path).then(
      () => false,
      () => true,
    );
  }
}
