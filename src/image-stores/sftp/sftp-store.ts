import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Env } from '../../env/env.ts';
import { copyPieces, noCopy } from '../copy-file.ts';
import type { Hasher } from '../hashing/hasher.ts';
import { LocalCopies } from '../local-copies.ts';
import { type Received, receivePieces, throwIfAborted } from '../receive.ts';
import { adoptByUpload, Staging } from '../staged-file.ts';
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
} from '../store.ts';
import { claimCopyFile, claimUploadFile, isLiveUpload, parseUploadFile } from '../upload-files.ts';
import { UploadsUnderWay } from '../uploads-under-way.ts';
import { SftpChannels } from './sftp-channels.ts';
import type { SftpFiles } from './sftp-files.ts';
import type { SftpLogin } from './sftp-link.ts';
import { readChunk, SftpReadStream } from './sftp-reader.ts';
import type { SftpPlace } from './sftp-url.ts';
import { SftpWriter } from './sftp-writer.ts';

const imageName = /^[0-9a-f]{32}$/;
const copyName = /^(?<imageId>[0-9a-f]{32})\.copy$/;
const gibibyte = 1024 ** 3;
/** What is read at once of what there is of a copy already. */
const heldLength = 1024 * 1024;
/** What is told of a server that does not say what it has room for. */
const unknownCapacity = 2 ** 50;

export interface SftpStoreOptions {
  name: string;
  place: SftpPlace;
  login: SftpLogin;
  /** A folder of this host: for what hosts export, and for copies of images that hosts read. */
  localDirectory: string;
  /** Bytes of images that are kept there at the most. */
  maxLocalBytes?: number;
  env: Pick<Env, 'now'>;
}

/**
 * Opens a store in a folder of another machine, which is made if need be, and clears away what uploads of dead processes
 * have left. Throws `StoreError` when it can't be reached, or has something else in it.
 */
export async function openSftpStore(options: SftpStoreOptions): Promise<ImageStore> {
  await new Staging(options.localDirectory).open();
  const store = new SftpStore(options);
  try {
    await store.prepare();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** An image store on another machine, laid out as one in a folder: `images/<id>`, and `staging/` for what is coming. */
class SftpStore implements ImageStore {
  readonly kind = 'sftp';
  readonly name: string;
  readonly #channels: SftpChannels;
  readonly #root: string;
  readonly #images: string;
  readonly #staging: string;
  readonly #local: LocalCopies;
  /** On this host: for what is to be taken in. */
  readonly #localStaging: Staging;
  readonly #env: Pick<Env, 'now'>;
  readonly #uploads = new UploadsUnderWay();

  constructor({ name, place, login, localDirectory, maxLocalBytes = 20 * gibibyte, env }: SftpStoreOptions) {
    this.name = name;
    this.#channels = new SftpChannels(place, login);
    this.#root = place.path;
    this.#images = `${place.path}/images`;
    this.#staging = `${place.path}/staging`;
    this.#localStaging = new Staging(localDirectory);
    this.#local = new LocalCopies(join(localDirectory, 'images'), maxLocalBytes);
    this.#env = env;
  }

  async prepare(): Promise<void> {
    const files = await this.#channels.files();
    await files.makeFolders(this.#root);
    const names = (await files.list(this.#root)).map(({ name }) => name);
    const strange = names.find((name) => name !== 'lost+found');
    if (strange !== undefined && !names.includes('images')) {
      throw new StoreError('failed', `${this.#root} is not empty, and no image store: it has ${strange}.`);
    }
    await files.makeFolders(this.#images);
    await files.makeFolders(this.#staging);
    for (const { name, kind, isLive } of await this.#listStaging(files)) {
      // What there is of a copy is kept: its action goes on from there.
      if (kind === 'upload' && !isLive && !name.endsWith('.copy')) await this.removeStray(name);
    }
  }

  async put(imageId: string, source: AsyncIterable<Buffer>, options: PutOptions = {}): Promise<StoredUpload> {
    checkId(imageId);
    return await this.#uploads.alone(imageId, options.signal, (signal) =>
      this.#receive(imageId, source, { ...options, signal }),
    );
  }

  async #receive(imageId: string, source: AsyncIterable<Buffer>, options: PutOptions): Promise<StoredUpload> {
    const { name, release } = claimUploadFile(imageId);
    const path = `${this.#staging}/${name}`;
    try {
      return await this.#transfer(async (files) => {
        let handle: Buffer | undefined;
        const create = async () => {
          if (options.expectedSize !== undefined) await this.#requireSpace(options.expectedSize);
          handle = await files.create(path);
          return new SftpWriter(files, handle, path);
        };
        try {
          const received = await receivePieces(create, source, options);
          const complete = handle!;
          // The server gives its number to the next file that is opened.
          handle = undefined;
          await files.close(complete);
          await this.#publish(files, path, imageId, options.signal);
          return this.#describe(imageId, received);
        } catch (error) {
          await this.#takeBack(files, path, handle);
          throw error;
        }
      });
    } finally {
      release();
    }
  }

  /** Removes the file of an upload that failed. Where the line is gone, it is a stray, and found as one. */
  async #takeBack(files: SftpFiles, path: string, handle: Buffer | undefined): Promise<void> {
    if (handle) await files.close(handle).catch(() => {});
    try {
      await (await this.#channels.files()).remove(path);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  async copyIn(imageId: string, source: CopySource, options: CopyOptions = {}): Promise<StoredUpload> {
    checkId(imageId);
    return await this.#uploads.alone(imageId, options.signal, async (signal) => {
      const path = this.#copyPath(imageId);
      const release = claimCopyFile(this.#liveName(`${imageId}.copy`));
      try {
        return await this.#transfer(async (files) => {
          await this.#requireSpace(source.size - ((await files.look(path))?.size ?? 0));
          if (!(await this.#copyTo(files, path, source, { ...options, signal }))) {
            await files.remove(path);
            throw noCopy();
          }
          await this.#publish(files, path, imageId, signal);
          return this.#describe(imageId, { size: source.size, checksums: source.checksums });
        });
      } finally {
        release();
      }
    });
  }

  async #copyTo(files: SftpFiles, path: string, source: CopySource, options: CopyOptions): Promise<boolean> {
    const handle = await files.openToContinue(path);
    try {
      const hold = (hasher: Hasher<'sha512'>) => held(files, handle, source.size, hasher, options.signal);
      return await copyPieces(new SftpWriter(files, handle, path), hold, source, options);
    } finally {
      await files.close(handle).catch(() => {});
    }
  }

  /** Gives a finished file its final name, and makes that stick. */
  async #publish(files: SftpFiles, path: string, imageId: string, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    await files.rename(path, this.#imagePath(imageId));
    await files.syncFolder(this.#images);
  }

  async #transfer<T>(work: (files: SftpFiles) => Promise<T>): Promise<T> {
    const { files, release } = await this.#channels.borrow();
    try {
      return await work(files);
    } finally {
      release();
    }
  }

  async read(imageId: string, range: { start?: number; end?: number } = {}): Promise<Readable> {
    const path = this.#imagePath(imageId);
    const { files, release } = await this.#channels.borrow();
    let handle: Buffer | undefined;
    try {
      handle = await files.openToRead(path);
      const { start, end } = rangeWithin(await files.size(handle), imageId, range);
      const bytes = new SftpReadStream(files, handle, { start, end });
      bytes.once('close', release);
      return bytes;
    } catch (error) {
      if (handle) await files.close(handle).catch(() => {});
      release();
      throw error;
    }
  }

  async stat(imageId: string): Promise<StoredImage | undefined> {
    const path = this.#imagePath(imageId);
    const found = await (await this.#channels.files()).look(path);
    return found?.isFile ? { imageId, size: found.size, modifiedAt: found.modifiedAt } : undefined;
  }

  async delete(imageId: string): Promise<void> {
    const path = this.#imagePath(imageId);
    await this.#uploads.end(imageId);
    const files = await this.#channels.files();
    await files.remove(path);
    await files.syncFolder(this.#images);
    await this.unstage(imageId);
    await this.#local.drop(imageId);
  }

  async stage(imageId: string): Promise<{ path: string }> {
    checkId(imageId);
    return { path: this.#localStaging.path(imageId) };
  }

  async adopt(imageId: string, stagedPath: string, { signal }: { signal?: AbortSignal } = {}): Promise<StoredUpload> {
    return await adoptByUpload(this, imageId, stagedPath, signal);
  }

  async unstage(imageId: string): Promise<void> {
    checkId(imageId);
    await this.#localStaging.remove(imageId);
    await (await this.#channels.files()).remove(this.#copyPath(imageId));
  }

  localPath(): undefined {
    return undefined;
  }

  async localCopy(imageId: string, expected: { size: number; sha512: string }): Promise<string> {
    return await this.#local.get(imageId, expected, async (start) => await this.read(imageId, { start }));
  }

  installPath(imageId: string): string {
    return `sftp://${this.name}/${imageId}`;
  }

  async list(): Promise<StoreListing> {
    const files = await this.#channels.files();
    const images: StoredImage[] = [];
    const others = [...(await this.#localStaging.list()), ...(await this.#listStaging(files))];
    for (const { name, size, modifiedAt, isFile } of await files.list(this.#images)) {
      if (imageName.test(name) && isFile) images.push({ imageId: name, size, modifiedAt });
      else others.push({ name: `images/${name}`, kind: 'unknown', size, modifiedAt, isLive: false });
    }
    return { images, others };
  }

  async #listStaging(files: SftpFiles): Promise<StoreListing['others']> {
    return (await files.list(this.#staging)).map(({ name, size, modifiedAt }) => {
      const imageId = parseUploadFile(name)?.imageId ?? copyName.exec(name)?.groups?.['imageId'];
      const kind = imageId ? 'upload' : 'unknown';
      const isLive = this.#isLive(name, modifiedAt);
      // What this host has staged has names in `staging/` as well.
      return { name: `coming/${name}`, kind, ...(imageId && { imageId }), size, modifiedAt, isLive };
    });
  }

  async removeStray(name: string): Promise<void> {
    if (await this.#localStaging.removeNamed(name)) return;
    const [folder, file, ...more] = name.split('/');
    const isInside = (folder === 'coming' || folder === 'images') && more.length === 0;
    if (!isInside || !file || file === '.' || file === '..' || file.includes('\0')) {
      throw new StoreError('bad_name', `${JSON.stringify(name)} is nothing of this store.`);
    }
    const files = await this.#channels.files();
    const path = `${folder === 'coming' ? this.#staging : this.#images}/${file}`;
    const found = await files.look(path);
    if (!found) return;
    if (folder === 'images' && imageName.test(file) && found.isFile) {
      throw new StoreError('bad_name', `${file} is an image.`);
    }
    if (folder === 'coming' && this.#isLive(file, found.modifiedAt)) {
      throw new StoreError('busy', `An upload is writing ${file}.`);
    }
    await files.remove(path).catch(async (error) => {
      // A folder, perhaps.
      if (found.isFile) throw error;
      await files.removeFolder(path);
    });
  }

  async capacity(): Promise<{ total: number; free: number }> {
    const files = await this.#channels.files();
    const room = await files.room(this.#images);
    if (room) return room;
    const used = (await files.list(this.#images)).reduce((sum, { size }) => sum + size, 0);
    return { total: unknownCapacity, free: Math.max(0, unknownCapacity - used) };
  }

  async close(): Promise<void> {
    await this.#uploads.endAll();
    this.#channels.close();
  }

  async #requireSpace(size: number): Promise<void> {
    const { free } = await this.capacity();
    if (size > free)
      throw new StoreError('no_space', `The upload needs ${size} bytes, and the store has ${free} left.`);
  }

  #describe(imageId: string, { size, checksums }: Received): StoredUpload {
    return { size, installPath: this.installPath(imageId), checksums };
  }

  #isLive(file: string, modifiedAt: number): boolean {
    return isLiveUpload(this.#liveName(file), modifiedAt, this.#env.now());
  }

  /** By which this process knows the file: others stores may have one of the same name. */
  #liveName(file: string): string {
    return `sftp:${this.name}/${file}`;
  }

  #copyPath(imageId: string): string {
    return `${this.#staging}/${imageId}.copy`;
  }

  #imagePath(imageId: string): string {
    checkId(imageId);
    return `${this.#images}/${imageId}`;
  }
}

/** Gives the hasher what the file has of a copy. One that has too much is no beginning of it. */
async function held(
  files: SftpFiles,
  handle: Buffer,
  size: number,
  hasher: Hasher<'sha512'>,
  signal?: AbortSignal,
): Promise<number> {
  const found = await files.size(handle);
  if (found > size) {
    await files.truncate(handle, 0);
    return 0;
  }
  for (let at = 0; at < found; at += heldLength) {
    throwIfAborted(signal);
    await hasher.update(await readChunk(files, handle, at, Math.min(heldLength, found - at)));
  }
  return found;
}

/** Everything the store names is made of ids, so that no name can lead out of its folders. */
function checkId(imageId: string): void {
  if (!imageName.test(imageId)) throw new StoreError('bad_name', `${JSON.stringify(imageId)} is no image id.`);
}
