import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../env/env.ts';
import { copyIntoFile } from './copy-file.ts';
import { hashFile, statAnything, statFile, syncFolder } from './files.ts';
import { PieceStream } from './piece-reader.ts';
import { type Received, receive, throwIfAborted } from './receive.ts';
import {
  type CopyOptions,
  type CopySource,
  type ImageStore,
  type PutOptions,
  rangeWithin,
  type StoredImage,
  type StoredUpload,
  StoreError,
  type StoreListing,
  storeFailure,
} from './store.ts';
import { claimCopyFile, claimUploadFile, isLiveUpload, parseUploadFile } from './upload-files.ts';
import { UploadsUnderWay } from './uploads-under-way.ts';

const imageName = /^[0-9a-f]{32}$/;
/** Also under the name that a host writes it by until it is complete (`createAtomically`). */
const stagedName = /^([0-9a-f]{32})\.export(?:\.new)?$/;

const copyName = /^([0-9a-f]{32})\.copy$/;

export interface DirectoryStoreOptions {
  name: string;
  /** The store's folder; made if need be. All of it belongs to the store, and is one file system. */
  root: string;
  env: Pick<Env, 'now'>;
}

/** Opens the store and clears away what uploads of dead processes have left. */
export async function openDirectoryStore(options: DirectoryStoreOptions): Promise<ImageStore> {
  const store = new DirectoryStore(options);
  await store.prepare();
  return store;
}

/**
 * An image store in a folder of this host, which may be a mounted network file system: images in `images/<id>`, files
 * that are still being written in `staging/`.
 */
class DirectoryStore implements ImageStore {
  readonly kind = 'directory';
  readonly name: string;
  readonly #images: string;
  readonly #staging: string;
  readonly #env: Pick<Env, 'now'>;
  readonly #uploads = new UploadsUnderWay();

  constructor({ name, root, env }: DirectoryStoreOptions) {
    this.name = name;
    this.#images = join(root, 'images');
    this.#staging = join(root, 'staging');
    this.#env = env;
  }

  async prepare(): Promise<void> {
    await mkdir(this.#images, { recursive: true, mode: 0o750 });
    await mkdir(this.#staging, { recursive: true, mode: 0o750 });
    for (const file of await this.#listStaging()) {
      // What there is of a copy is kept: its action goes on from there.
      if (file.kind === 'upload' && !file.isLive && !file.name.endsWith('.copy')) await this.removeStray(file.name);
    }
  }

  async put(imageId: string, source: AsyncIterable<Buffer>, options: PutOptions = {}): Promise<StoredUpload> {
    this.#checkId(imageId);
    return await this.#uploads.alone(imageId, options.signal, (signal) =>
      this.#receive(imageId, source, { ...options, signal }),
    );
  }

  async #receive(imageId: string, source: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredUpload> {
    const file = claimUploadFile(imageId);
    const path = join(this.#staging, file.name);
    try {
      if (options.expectedSize !== undefined) await this.#requireSpace(options.expectedSize);
      const received = await receive(path, source, options);
      await this.#publish(path, imageId, options.signal);
      return this.#describe(imageId, received);
    } finally {
      file.release();
    }
  }

  async copyIn(imageId: string, source: CopySource, options: CopyOptions = {}): Promise<StoredUpload> {
    this.#checkId(imageId);
    return await this.#uploads.alone(imageId, options.signal, async (signal) => {
      const name = `${imageId}.copy`;
      const path = join(this.#staging, name);
      const held = await statFile(path);
      await this.#requireSpace(source.size - (held?.size ?? 0));
      const release = claimCopyFile(path);
      try {
        await copyIntoFile(path, source, { ...options, signal });
        await this.#publish(path, imageId, signal);
        return this.#describe(imageId, { size: source.size, checksums: source.checksums });
      } finally {
        release();
      }
    });
  }

  /** Gives a finished file its final name, and makes that stick. */
  async #publish(path: string, imageId: string, signal?: AbortSignal): Promise<void> {
    try {
      throwIfAborted(signal);
      await rename(path, this.localPath(imageId));
      await syncFolder(this.#images);
    } catch (error) {
      await rm(path, { force: true });
      throw storeFailure(`store image ${imageId}`, error);
    }
  }

  async read(imageId: string, range: { start?: number; end?: number } = {}): Promise<PieceStream> {
    const file = await this.#openImage(imageId);
    try {
      const { size } = await file.stat();
      return new PieceStream(file, rangeWithin(size, imageId, range));
    } catch (error) {
      await file.close();
      throw storeFailure(`read image ${imageId}`, error);
    }
  }

  async #openImage(imageId: string): Promise<FileHandle> {
    return await open(this.localPath(imageId), constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
      throw storeFailure(`open image ${imageId}`, error);
    });
  }

  async stat(imageId: string): Promise<StoredImage | undefined> {
    const found = await statFile(this.localPath(imageId));
    return found && { imageId, ...found };
  }

  async delete(imageId: string): Promise<void> {
    const path = this.localPath(imageId);
    await this.#uploads.end(imageId);
    try {
      await rm(path, { force: true });
      await this.unstage(imageId);
      await syncFolder(this.#images);
    } catch (error) {
      throw storeFailure(`delete image ${imageId}`, error);
    }
  }

  async stage(imageId: string): Promise<{ path: string }> {
    return { path: this.#stagedPath(imageId) };
  }

  async adopt(imageId: string, stagedPath: string, { signal }: { signal?: AbortSignal } = {}): Promise<StoredUpload> {
    if (stagedPath !== this.#stagedPath(imageId))
      throw new StoreError('bad_name', 'The path is not that of the stage.');
    const isStaged = (await statFile(stagedPath)) !== undefined;
    const path = isStaged ? stagedPath : this.localPath(imageId);
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
      throw storeFailure(`open the staged file of image ${imageId}`, error);
    });
    try {
      const received = await hashFile(file, signal);
      if (isStaged) {
        await file.sync();
        await rename(stagedPath, this.localPath(imageId));
        await syncFolder(this.#images);
      }
      return this.#describe(imageId, received);
    } catch (error) {
      throw storeFailure(`adopt the staged file of image ${imageId}`, error);
    } finally {
      await file.close();
    }
  }

  async unstage(imageId: string): Promise<void> {
    const path = this.#stagedPath(imageId);
    await rm(path, { force: true });
    await rm(`${path}.new`, { force: true });
    await rm(join(this.#staging, `${imageId}.copy`), { force: true });
  }

  /** A write changes a file's change time, which nobody can set. */
  async version(imageId: string): Promise<string | undefined> {
    const found = await stat(this.localPath(imageId), { bigint: true }).catch(() => undefined);
    return found && [found.dev, found.ino, found.size, found.ctimeNs].join(' ');
  }

  localPath(imageId: string): string {
    this.#checkId(imageId);
    return join(this.#images, imageId);
  }

  installPath(imageId: string): string {
    return `dir://${this.name}/${imageId}`;
  }

  async list(): Promise<StoreListing> {
    const images: StoredImage[] = [];
    const others = await this.#listStaging();
    for (const file of await readdir(this.#images)) {
      const found = await statAnything(join(this.#images, file));
      if (!found) continue;
      const { size, modifiedAt, isFile } = found;
      if (imageName.test(file) && isFile) images.push({ imageId: file, size, modifiedAt });
      else others.push({ name: `images/${file}`, kind: 'unknown', size, modifiedAt, isLive: false });
    }
    return { images, others };
  }

  async #listStaging(): Promise<StoreListing['others']> {
    const files: StoreListing['others'] = [];
    for (const file of await readdir(this.#staging)) {
      const found = await statAnything(join(this.#staging, file));
      if (!found) continue;
      const { size, modifiedAt } = found;
      const uploaded = parseUploadFile(file);
      const copied = copyName.exec(file)?.[1];
      const imageId = uploaded?.imageId ?? copied ?? stagedName.exec(file)?.[1];
      const kind = uploaded || copied ? 'upload' : imageId ? 'staged' : 'unknown';
      const isLive = isLiveUpload(join(this.#staging, file), modifiedAt, this.#env.now());
      files.push({ name: `staging/${file}`, kind, ...(imageId && { imageId }), size, modifiedAt, isLive });
    }
    return files;
  }

  async removeStray(name: string): Promise<void> {
    const [folder, file, ...more] = name.split('/');
    const isInside = (folder === 'staging' || folder === 'images') && more.length === 0;
    if (!isInside || !file || file === '.' || file === '..' || file.includes('\0')) {
      throw new StoreError('bad_name', `${JSON.stringify(name)} is nothing of this store.`);
    }
    const path = join(folder === 'staging' ? this.#staging : this.#images, file);
    const found = await statAnything(path);
    if (!found) return;
    const isImage = folder === 'images' && imageName.test(file) && found.isFile;
    if (isImage) throw new StoreError('bad_name', `${file} is an image.`);
    if (folder === 'staging' && isLiveUpload(path, found.modifiedAt, this.#env.now())) {
      throw new StoreError('busy', `An upload is writing ${file}.`);
    }
    await rm(path, { force: true, recursive: true });
  }

  async capacity(): Promise<{ total: number; free: number }> {
    const { blocks, bavail, bsize } = await statfs(this.#images);
    return { total: blocks * bsize, free: bavail * bsize };
  }

  async close(): Promise<void> {
    await this.#uploads.endAll();
  }

  async #requireSpace(size: number): Promise<void> {
    const { free } = await this.capacity();
    if (size > free)
      throw new StoreError('no_space', `The upload needs ${size} bytes, and the store has ${free} left.`);
  }

  #describe(imageId: string, { size, checksums }: Received): StoredUpload {
    return { size, installPath: this.installPath(imageId), checksums };
  }

  #stagedPath(imageId: string): string {
    this.#checkId(imageId);
    return join(this.#staging, `${imageId}.export`);
  }

  /** Everything the store names is made of ids, so that no name can lead out of its folders. */
  #checkId(imageId: string): void {
    if (!imageName.test(imageId)) throw new StoreError('bad_name', `${JSON.stringify(imageId)} is no image id.`);
  }
}
