import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AgentError } from '../agent/contract.ts';
import { emptyQcow2 } from '../agent/disks/qcow2-header.ts';
import type { ReachedFiles } from '../agent/hypervisor/simulated/parts.ts';
import { BackupFolder } from '../backup-stores/backup-folder.ts';
import {
  type ImageStore,
  type PutOptions,
  type StoredUpload,
  StoreError,
  type StoreListing,
} from '../image-stores/store.ts';

interface StoredFile {
  bytes: Buffer;
  modifiedAt: number;
}

const root = '/simulated-store';

/** The bytes of an image store, by path. They outlive control planes, and hosts reach them too. */
export class StoredFiles implements ReachedFiles {
  readonly files = new Map<string, StoredFile>();
  /** There is no room for more. */
  isFull = false;
  readonly #now: () => number;
  readonly #empty = new Map<number, Buffer>();

  constructor(now: () => number) {
    this.#now = now;
  }

  write(path: string, bytes: Buffer): void {
    if (this.isFull) throw new StoreError('no_space', 'The store is full.');
    this.files.set(path, { bytes, modifiedAt: this.#now() });
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from);
    if (!file) throw new StoreError('not_found', `There is no ${from}.`);
    this.files.delete(from);
    this.files.set(to, file);
  }

  async size(path: string): Promise<number> {
    const file = this.files.get(path);
    if (!file) throw new AgentError('not_found', `there is no file ${path}`);
    return file.bytes.length;
  }

  async virtualSize(path: string): Promise<number> {
    return Number(this.files.get(path)!.bytes.readBigUInt64BE(24));
  }

  async writeEmptyDisk(path: string, _format: 'qcow2' | 'raw', virtualSize: number): Promise<number> {
    if (this.isFull) throw new AgentError('no_space', 'the image store is full');
    const bytes = this.emptyDisk(virtualSize);
    this.write(path, bytes);
    return bytes.length;
  }

  /** The same bytes at every call, so that they are hashed only once. */
  emptyDisk(virtualSize: number): Buffer {
    const known = this.#empty.get(virtualSize) ?? emptyQcow2(virtualSize);
    this.#empty.set(virtualSize, known);
    return known;
  }
}

/** An image store in memory, for simulations: the rules of a directory without files and threads. */
export class MemoryStore implements ImageStore {
  readonly kind = 'directory';
  readonly name: string;
  readonly #stored: StoredFiles;
  readonly #uploads = new Map<string, { path: string; abort: AbortController }>();

  /** Opens the store, and clears away what uploads of dead processes have left. */
  constructor(name: string, stored: StoredFiles) {
    this.name = name;
    this.#stored = stored;
    for (const path of stored.files.keys()) if (path.endsWith('.upload')) stored.files.delete(path);
  }

  async put(imageId: string, source: AsyncIterable<Buffer>, options: PutOptions = {}): Promise<StoredUpload> {
    if (this.#uploads.has(imageId)) throw new StoreError('busy', `Image ${imageId} is being uploaded already.`);
    const abort = new AbortController();
    const path = `${root}/staging/${imageId}.upload`;
    this.#uploads.set(imageId, { path, abort });
    const signals = options.signal ? [options.signal, abort.signal] : [abort.signal];
    try {
      const pieces: Buffer[] = [];
      this.#stored.write(path, Buffer.alloc(0));
      for await (const piece of source) {
        throwIfAborted(signals);
        await options.onChunk?.(piece);
        pieces.push(piece);
      }
      throwIfAborted(signals);
      const bytes = Buffer.concat(pieces);
      if (options.expectedSize !== undefined && options.expectedSize !== bytes.length)
        throw new StoreError('size_mismatch', `The upload has ${bytes.length} bytes, not ${options.expectedSize}.`);
      this.#stored.write(this.localPath(imageId), bytes);
      return this.#describe(imageId, bytes);
    } finally {
      this.#stored.files.delete(path);
      this.#uploads.delete(imageId);
    }
  }

  async read(imageId: string, { start = 0, end }: { start?: number; end?: number } = {}): Promise<Readable> {
    const bytes = this.#bytes(this.localPath(imageId));
    const part = bytes.subarray(start, end ?? bytes.length);
    return Readable.from(part.length === 0 ? [] : [part]);
  }

  async stat(imageId: string) {
    const file = this.#stored.files.get(this.localPath(imageId));
    return file && { imageId, size: file.bytes.length, modifiedAt: file.modifiedAt };
  }

  async delete(imageId: string): Promise<void> {
    this.#uploads.get(imageId)?.abort.abort(new Error('The image was deleted.'));
    this.#stored.files.delete(this.localPath(imageId));
    await this.unstage(imageId);
  }

  async stage(imageId: string): Promise<{ path: string }> {
    return { path: `${root}/staging/${imageId}.export` };
  }

  async adopt(imageId: string, stagedPath: string): Promise<StoredUpload> {
    if (this.#stored.files.has(stagedPath)) this.#stored.rename(stagedPath, this.localPath(imageId));
    return this.#describe(imageId, this.#bytes(this.localPath(imageId)));
  }

  async unstage(imageId: string): Promise<void> {
    this.#stored.files.delete((await this.stage(imageId)).path);
  }

  localPath(imageId: string): string {
    return `${root}/images/${imageId}`;
  }

  installPath(imageId: string): string {
    return `dir://${this.name}/${imageId}`;
  }

  async list(): Promise<StoreListing> {
    const listing: StoreListing = { images: [], others: [] };
    for (const [path, { bytes, modifiedAt }] of this.#stored.files) {
      const [, , folder, file] = path.split('/') as [string, string, string, string];
      const facts = { size: bytes.length, modifiedAt };
      if (folder === 'images') {
        listing.images.push({ imageId: file, ...facts });
        continue;
      }
      const [imageId, what] = file.split('.') as [string, string];
      const kind = what === 'upload' ? 'upload' : 'staged';
      listing.others.push({ name: `${folder}/${file}`, kind, imageId, isLive: this.#uploads.has(imageId), ...facts });
    }
    return listing;
  }

  async removeStray(name: string): Promise<void> {
    this.#stored.files.delete(`${root}/${name}`);
  }

  async capacity(): Promise<{ total: number; free: number }> {
    return { total: 2 ** 40, free: this.#stored.isFull ? 0 : 2 ** 39 };
  }

  async close(): Promise<void> {
    for (const { abort } of this.#uploads.values()) abort.abort(new Error('The image store was closed.'));
  }

  #bytes(path: string): Buffer {
    const file = this.#stored.files.get(path);
    if (!file) throw new StoreError('not_found', `There is no ${path}.`);
    return file.bytes;
  }

  #describe(imageId: string, bytes: Buffer): StoredUpload {
    return { size: bytes.length, installPath: this.installPath(imageId), checksums: checksumsOf(bytes) };
  }
}

/** Volumes are not backed up in simulations: a folder would be one of this machine, whose answers take real time. */
export class NoBackups extends BackupFolder {
  override async list(): ReturnType<BackupFolder['list']> {
    return { backups: [], others: [] };
  }
}

const knownChecksums = new WeakMap<Buffer, StoredUpload['checksums']>();

function checksumsOf(bytes: Buffer): StoredUpload['checksums'] {
  const hash = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
  const checksums = knownChecksums.get(bytes) ?? { md5: hash('md5'), sha512: hash('sha512') };
  knownChecksums.set(bytes, checksums);
  return checksums;
}

function throwIfAborted(signals: readonly AbortSignal[]): void {
  const given = signals.find(({ aborted }) => aborted);
  if (given) throw new StoreError('aborted', 'The upload was given up.', given.reason);
}
