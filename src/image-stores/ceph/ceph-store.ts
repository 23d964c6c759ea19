import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createHasher } from '../hashing/hasher.ts';
import { LocalCopies } from '../local-copies.ts';
import { ChunkReader, sizeMismatch, throwIfAborted } from '../receive.ts';
import { adoptByUpload, Staging } from '../staged-file.ts';
import {
  type CloneSource,
  type ImageStore,
  type PutOptions,
  rangeWithin,
  type StoredImage,
  type StoredUpload,
  StoreError,
  type StoreListing,
} from '../store.ts';
import { UploadsUnderWay } from '../uploads-under-way.ts';
import { CephPrograms, type Running } from './ceph-programs.ts';
import type { CephPlace } from './ceph-url.ts';

const imageName = /^[0-9a-f]{32}$/;
/** Images that are not complete yet, and those that complete ones have taken the place of. */
const strayName = /^(?<imageId>[0-9a-f]{32})\.(?<kind>upload|old)-[0-9a-f]{8}$/;
/** What is read and cloned: it can't change any more. */
const snapshot = 'image';
const gibibyte = 1024 ** 3;

export interface CephStoreOptions {
  name: string;
  place: CephPlace;
  /** A folder of this host: for what hosts export, and for copies of images that hosts read. */
  localDirectory: string;
  /** Bytes of images that are kept there at the most. */
  maxLocalBytes?: number;
  /** Whether other processes write to the store too: what seems to be left by a dead one may be theirs. */
  isShared?: boolean;
}

/** Opens a store in a pool that exists and is made for RBD. Throws `StoreError` when it can't be reached. */
export async function openCephStore(options: CephStoreOptions): Promise<ImageStore> {
  await new Staging(options.localDirectory).open();
  const store = new CephStore(options);
  await store.recover(options.isShared);
  return store;
}

/** An image store in a pool of Ceph: each image is an RBD image of the image's id, with a protected snapshot. */
class CephStore implements ImageStore {
  readonly kind = 'ceph';
  readonly name: string;
  readonly #programs: CephPrograms;
  readonly #place: CephPlace;
  readonly #pool: string;
  readonly #staging: Staging;
  readonly #local: LocalCopies;
  readonly #uploads = new UploadsUnderWay();

  constructor({ name, place, localDirectory, maxLocalBytes = 20 * gibibyte }: CephStoreOptions) {
    this.name = name;
    this.#programs = new CephPrograms(place);
    this.#place = place;
    this.#pool = place.pool;
    this.#staging = new Staging(localDirectory);
    this.#local = new LocalCopies(join(localDirectory, 'images'), maxLocalBytes);
  }

  /** The pool for clones, as far as there is to be one. */
  get #clones(): CephPrograms | undefined {
    const { clones } = this.#place;
    return clones === undefined ? undefined : new CephPrograms({ ...this.#place, pool: clones });
  }

  /** Ends what dead processes have begun; where others live, only what an image was lost by. */
  async recover(isShared = false): Promise<void> {
    const names = (await this.#programs.list()).map(({ name }) => name);
    await this.#clones?.list(); // it exists
    for (const name of names) {
      const { imageId = '', kind } = strayName.exec(name)?.groups ?? {};
      if (kind === 'old' && !names.includes(imageId)) await this.#rename(name, imageId);
      else if (kind && !isShared) await this.#removeUnlessBusy(name);
    }
  }

  async put(imageId: string, source: AsyncIterable<Buffer>, options: PutOptions = {}): Promise<StoredUpload> {
    checkName(imageId);
    return await this.#uploads.alone(imageId, options.signal, (signal) =>
      this.#receive(imageId, source, { ...options, signal }),
    );
  }

  async #receive(
    imageId: string,
    source: AsyncIterable<Buffer>,
    options: PutOptions & { signal: AbortSignal },
  ): Promise<StoredUpload> {
    const { signal, expectedSize = 0 } = options;
    throwIfAborted(signal);
    const { free } = await this.capacity();
    if (expectedSize > free) throw new StoreError('no_space', `The pool ${this.#pool} has ${free} bytes left.`);
    const name = `${imageId}.upload-${randomBytes(4).toString('hex')}`;
    const running = this.#programs.startRbd(`store image ${imageId}`, ['import', '-', this.#spec(name)]);
    running.child.stdout.resume();
    try {
      const received = await send(source, running, options);
      await this.#programs.rbd('snapshot the image', ['snap', 'create', this.#spec(name, snapshot)]);
      await this.#programs.rbd('protect the snapshot', ['snap', 'protect', this.#spec(name, snapshot)]);
      throwIfAborted(signal);
      await this.#replace(imageId, name);
      return { ...received, installPath: this.installPath(imageId) };
    } catch (error) {
      // It ends by itself when it is given no more; ended by force, it would leave the image locked for a while.
      running.child.stdin.end();
      await running.ended.catch(() => {});
      await this.#removeUnlessBusy(name).catch(() => {});
      throw error;
    }
  }

  /** Gives the complete image its name. What had it before is put aside, so that a crash loses neither. */
  async #replace(imageId: string, name: string): Promise<void> {
    if (!(await this.stat(imageId))) return await this.#rename(name, imageId);
    const old = `${imageId}.old-${randomBytes(4).toString('hex')}`;
    await this.#rename(imageId, old);
    await this.#rename(name, imageId);
    await this.#removeUnlessBusy(old);
  }

  async #rename(from: string, to: string): Promise<void> {
    await this.#programs.rbd(`rename ${from}`, ['rename', this.#spec(from), this.#spec(to)]);
  }

  async read(imageId: string, range: { start?: number; end?: number } = {}): Promise<Readable> {
    const found = await this.stat(imageId);
    if (!found) throw new StoreError('not_found', `Failed to open image ${imageId}: the pool has none of this name.`);
    const { start, end } = rangeWithin(found.size, imageId, range);
    if (start === end) return Readable.from([]);
    const running = this.#programs.startRead(`read image ${imageId}`, `${imageId}@${snapshot}`, start, end);
    const bytes = Readable.from(outputOf(running), { objectMode: false });
    bytes.once('close', () => running.child.kill());
    return bytes;
  }

  async stat(imageId: string): Promise<StoredImage | undefined> {
    const found = await this.#info(imageId);
    return found && { imageId, size: found.size, modifiedAt: found.createdAt };
  }

  /** RBD gives each image an id of its own, and images' bytes never change. */
  async version(imageId: string): Promise<string | undefined> {
    return (await this.#info(imageId))?.id;
  }

  async #info(imageId: string): Promise<{ id: string; size: number; createdAt: number } | undefined> {
    checkName(imageId);
    try {
      const printed = await this.#programs.rbd(`look at image ${imageId}`, [
        'info',
        '--format=json',
        this.#spec(imageId),
      ]);
      const { id, size, create_timestamp } = JSON.parse(printed);
      return { id, size, createdAt: Date.parse(`${create_timestamp} UTC`) * 1000 };
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async delete(imageId: string): Promise<void> {
    checkName(imageId);
    await this.#uploads.end(imageId);
    await this.#remove(imageId);
    await this.unstage(imageId);
    await this.#local.drop(imageId);
  }

  /** No error when absent. `busy` while somebody has it open, or clones need it. */
  async #remove(name: string): Promise<void> {
    const rbd = async (args: string[]) => await this.#programs.rbd(`remove ${name}`, args);
    try {
      const snapshots = JSON.parse(await rbd(['snap', 'ls', '--format=json', this.#spec(name)]));
      for (const { name: one, protected: isProtected } of snapshots as Array<{ name: string; protected: string }>) {
        if (isProtected === 'true') await rbd(['snap', 'unprotect', this.#spec(name, one)]);
        await rbd(['snap', 'rm', this.#spec(name, one)]);
      }
      await rbd(['rm', this.#spec(name)]);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'not_found')) throw error;
    }
  }

  /** What can't be removed now is found by the audit, and by the next start. */
  async #removeUnlessBusy(name: string): Promise<void> {
    await this.#remove(name).catch((error) => {
      if (!(error instanceof StoreError && error.code === 'busy')) throw error;
    });
  }

  async stage(imageId: string): Promise<{ path: string }> {
    checkName(imageId);
    return { path: this.#staging.path(imageId) };
  }

  async adopt(imageId: string, stagedPath: string, { signal }: { signal?: AbortSignal } = {}): Promise<StoredUpload> {
    return await adoptByUpload(this, imageId, stagedPath, signal);
  }

  async unstage(imageId: string): Promise<void> {
    checkName(imageId);
    await this.#staging.remove(imageId);
  }

  localPath(): undefined {
    return undefined;
  }

  async localCopy(imageId: string, expected: { size: number; sha512: string }): Promise<string> {
    return await this.#local.get(imageId, expected, async (start) => await this.read(imageId, { start }));
  }

  cloneSource(imageId: string): CloneSource | undefined {
    checkName(imageId);
    const { conf, user, pool, clones: diskPool } = this.#place;
    return diskPool === undefined ? undefined : { conf, user, pool, image: imageId, snapshot, diskPool };
  }

  /** As ZStack shows it. */
  installPath(imageId: string): string {
    return `ceph://${this.#pool}/${imageId}`;
  }

  /** Only what this store has made: the pool may hold the images of others. */
  async list(): Promise<StoreListing> {
    const images: StoredImage[] = [];
    const others = await this.#staging.list();
    for (const { name, size, createdAt: modifiedAt } of await this.#programs.list()) {
      const { imageId, kind } = strayName.exec(name)?.groups ?? {};
      if (imageName.test(name)) images.push({ imageId: name, size, modifiedAt });
      else if (imageId) {
        const isUpload = kind === 'upload';
        const isLive = isUpload && this.#uploads.has(imageId);
        others.push({ name, kind: isUpload ? 'upload' : 'unknown', imageId, size, modifiedAt, isLive });
      }
    }
    const disks = (await this.#clones?.list())?.map(({ name }) => name).filter((name) => imageName.test(name));
    return { images, others, ...(disks ? { disks } : {}) };
  }

  async removeStray(name: string): Promise<void> {
    if (await this.#staging.removeNamed(name)) return;
    const { imageId } = strayName.exec(name)?.groups ?? {};
    if (!imageId) throw new StoreError('bad_name', `${JSON.stringify(name)} is no stray.`);
    if (this.#uploads.has(imageId)) throw new StoreError('busy', `An upload is writing ${imageId}.`);
    await this.#remove(name);
  }

  async capacity(): Promise<{ total: number; free: number }> {
    const printed = await this.#programs.ceph('ask for the space left', ['df', 'detail', '--format=json']);
    const pools: Array<{ name: string; stats: { stored: number; max_avail: number; quota_bytes?: number } }> =
      JSON.parse(printed).pools;
    const stats = pools.find(({ name }) => name === this.#pool)?.stats;
    if (!stats) throw new StoreError('not_found', `The cluster has no pool ${this.#pool}.`);
    const quota = stats.quota_bytes || Number.POSITIVE_INFINITY;
    const free = Math.max(0, Math.min(stats.max_avail, quota - stats.stored));
    return { total: stats.stored + free, free };
  }

  async close(): Promise<void> {
    await this.#uploads.endAll();
  }

  #spec(name: string, snap?: string): string {
    return `${this.#pool}/${name}${snap === undefined ? '' : `@${snap}`}`;
  }
}

/** Writes the source to the program's input and hashes it. Resolves when the program has ended well. */
async function send(
  source: AsyncIterable<Buffer>,
  { child, ended }: Running,
  { onChunk, signal, expectedSize }: PutOptions & { signal: AbortSignal },
): Promise<Pick<StoredUpload, 'size' | 'checksums'>> {
  const failure = new AbortController();
  ended.catch((error) => failure.abort(error));
  const either = AbortSignal.any([signal, failure.signal]);
  const chunks = new ChunkReader(source, either);
  const hasher = createHasher(['md5', 'sha512']);
  let size = 0;
  try {
    for (let chunk = await chunks.next(); chunk; chunk = await chunks.next()) {
      size += chunk.length;
      if (expectedSize !== undefined && size > expectedSize) throw sizeMismatch(expectedSize, 'more');
      await onChunk?.(chunk);
      await hasher.update(chunk);
      if (!child.stdin.write(chunk)) await once(child.stdin, 'drain', { signal: either });
    }
    if (expectedSize !== undefined && size < expectedSize) throw sizeMismatch(expectedSize, `${size}`);
    child.stdin.end();
    const checksums = await hasher.digest();
    await ended;
    chunks.check();
    return { size, checksums };
  } catch (error) {
    throwIfAborted(signal);
    throw failure.signal.aborted ? failure.signal.reason : error;
  } finally {
    chunks.close();
    hasher.close();
  }
}

/** What a program prints. A program that fails makes the reading fail, also after its last byte. */
async function* outputOf({ child, ended }: Running): AsyncGenerator<Buffer> {
  child.stdin.end();
  yield* child.stdout;
  await ended;
}

function checkName(imageId: string): void {
  if (!imageName.test(imageId)) throw new StoreError('bad_name', `${JSON.stringify(imageId)} is no image id.`);
}
