import { mkdir, readdir, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { copyIntoFile } from './copy-file.ts';
import { statFile } from './files.ts';

const imageName = /^[0-9a-f]{32}$/;

/**
 * Images of a far store that hosts of this machine read as files. Those that were not asked for longest go first when
 * there are too many bytes of them; whoever has one open keeps it.
 */
export class LocalCopies {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #underWay = new Map<string, Promise<string>>();

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** The path of the image's copy, which is fetched and verified where there is none. */
  async get(
    imageId: string,
    expected: { size: number; sha512: string },
    read: (start: number) => Promise<AsyncIterable<Buffer>>,
  ): Promise<string> {
    const known = this.#underWay.get(imageId);
    if (known) return await known;
    const fetched = this.#fetch(imageId, expected, read).finally(() => this.#underWay.delete(imageId));
    this.#underWay.set(imageId, fetched);
    return await fetched;
  }

  async drop(imageId: string): Promise<void> {
    await rm(this.#path(imageId), { force: true });
    await rm(`${this.#path(imageId)}.part`, { force: true });
  }

  async #fetch(
    imageId: string,
    { size, sha512 }: { size: number; sha512: string },
    read: (start: number) => Promise<AsyncIterable<Buffer>>,
  ): Promise<string> {
    const path = this.#path(imageId);
    const found = await statFile(path);
    const now = new Date();
    if (found?.size === size) {
      await utimes(path, now, now);
      return path;
    }
    await mkdir(this.#folder, { recursive: true, mode: 0o750 });
    await this.#makeRoom(size);
    await copyIntoFile(`${path}.part`, { size, checksums: { md5: '', sha512 }, read });
    await rename(`${path}.part`, path);
    return path;
  }

  async #makeRoom(size: number): Promise<void> {
    const copies: Array<{ path: string; size: number; modifiedAt: number }> = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const found = imageName.test(name) ? await statFile(path) : undefined;
      if (found) copies.push({ path, ...found });
    }
    let bytes = copies.reduce((sum, copy) => sum + copy.size, size);
    for (const copy of copies.toSorted((a, b) => a.modifiedAt - b.modifiedAt)) {
      if (bytes <= this.#maxBytes) return;
      await rm(copy.path, { force: true });
      bytes -= copy.size;
    }
  }

  #path(imageId: string): string {
    return join(this.#folder, imageId);
  }
}
