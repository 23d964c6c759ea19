import type { Readable } from 'node:stream';
import type { Chunks } from '../env/lent-pieces.ts';

/**
 * A place where image bytes live. One image is one object, named by the image's id (32 hex digits); whoever calls
 * decides who may. Bytes only ever stream. Sizes are bytes, times are microseconds since the Unix epoch. Failures are
 * `StoreError`, except what a caller's own `source` or `onChunk` throws, which comes out as it was.
 */
export interface ImageStore {
  /** The store's own name within the cloud; it is part of install paths. */
  readonly name: string;
  readonly kind: 'directory' | 's3' | 'ceph' | 'sftp';

  /**
   * Stores the image, all of it or nothing: it becomes visible at once and complete, is on stable storage when this
   * resolves, and replaces an earlier object of the id. Reads no more of `source` than it can store. Chunks must not be
   * changed after they were handed over. One upload per image at a time (`busy`).
   */
  put(imageId: string, source: AsyncIterable<Buffer>, options?: PutOptions): Promise<StoredUpload>;
  /**
   * Makes a copy of an image whose size and digests are known, as `put` would store it. What an earlier try has brought,
   * also one of a process that has died, is not fetched again. `corrupt` when the copy is not what it should be. Stores
   * without it take copies by `put`.
   */
  copyIn?(imageId: string, source: CopySource, options?: CopyOptions): Promise<StoredUpload>;
  /** The bytes, or the part [start, end) of them. `not_found`, `bad_range`. */
  read(imageId: string, range?: { start?: number; end?: number }): Promise<Readable & Chunks>;
  stat(imageId: string): Promise<StoredImage | undefined>;
  /** Removes the image and what was staged for it, and ends an upload of it that is under way. No error when absent. */
  delete(imageId: string): Promise<void>;

  /** Where a host may write an image's file itself, to be taken in by `adopt`. The same path at every call. */
  stage(imageId: string): Promise<{ path: string }>;
  /**
   * Takes in a staged file that is complete: hashes it and makes it the image. May be repeated after a crash: with no
   * staged file left, the image that is there already is hashed again.
   */
  adopt(imageId: string, stagedPath: string, options?: { signal?: AbortSignal }): Promise<StoredUpload>;
  /** Removes what was staged for the image. No error when there is nothing. */
  unstage(imageId: string): Promise<void>;

  /** Is another one whenever the image's bytes may be others. Undefined for images that are not there. */
  version?(imageId: string): Promise<string | undefined>;

  /** The image's file, for stores whose files this host can read; whether it exists is for `stat` to say. */
  localPath(imageId: string): string | undefined;
  /** For stores without such files: a copy on this host, fetched and verified where there is none yet. */
  localCopy?(imageId: string, expected: { size: number; sha512: string }): Promise<string>;
  /** What disks are cloned from instead, where the store can have that done and its operator wants it. */
  cloneSource?(imageId: string): CloneSource | undefined;
  /** The opaque name under which users and administrators see the image's place. */
  installPath(imageId: string): string;

  /** All that is in the store, for the audit. */
  list(): Promise<StoreListing>;
  /** Removes a file that `list` called no image. Refuses (`busy`) one that an upload of this process is writing. */
  removeStray(name: string): Promise<void>;
  capacity(): Promise<{ total: number; free: number }>;

  /** Ends the uploads under way and waits for them. */
  close(): Promise<void>;
}

/** A protected snapshot in Ceph, and the pool for what is cloned from it. */
export interface CloneSource {
  conf: string;
  user: string;
  pool: string;
  image: string;
  snapshot: string;
  diskPool: string;
}

export interface PutOptions {
  /** Sees each chunk before it is stored; what it throws ends the upload. */
  onChunk?: (chunk: Buffer) => void | Promise<void>;
  /** Told of each chunk whose bytes were copied, and that is not looked at again. Stores that keep chunks tell of none. */
  onTaken?: (chunk: Buffer) => void;
  signal?: AbortSignal;
  /** What the source promises to deliver. Space is looked for beforehand; another size is a `size_mismatch`. */
  expectedSize?: number;
}

/** An image of another store. */
export interface CopySource {
  size: number;
  checksums: StoredUpload['checksums'];
  /** Its bytes from there on. */
  read(start: number): Promise<Chunks>;
}

export interface CopyOptions {
  signal?: AbortSignal;
  /** Told of the bytes that the copy has, now and then. */
  onBytes?: (bytes: number) => void;
}

export interface StoredUpload {
  size: number;
  installPath: string;
  /** Lower-case hex digests. */
  checksums: { md5: string; sha512: string };
}

export interface StoredImage {
  imageId: string;
  size: number;
  modifiedAt: number;
}

export interface StoreListing {
  images: StoredImage[];
  /** Uploads under way, exports not yet adopted, and things nobody knows. */
  others: Array<{
    /** For `removeStray`. */
    name: string;
    kind: 'upload' | 'staged' | 'unknown';
    imageId?: string;
    size: number;
    modifiedAt: number;
    /** An upload that a living process is writing. */
    isLive: boolean;
  }>;
  /** Disks in the pool of clones, by their ids. */
  disks?: string[];
}

export type StoreErrorCode =
  | 'no_space'
  | 'not_found'
  | 'busy'
  /** The signal was given, or the image was deleted meanwhile. */
  | 'aborted'
  | 'size_mismatch'
  /** A copy's digest is not its original's. */
  | 'corrupt'
  | 'bad_range'
  /** No image id, or a path that is not the store's. */
  | 'bad_name'
  /** Input or output failed; see the cause. */
  | 'failed';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.code = code;
  }
}

/** The part of an image that is to be read, within its size. Throws `bad_range`. */
export function rangeWithin(
  size: number,
  imageId: string,
  { start = 0, end = size }: { start?: number; end?: number },
): { start: number; end: number } {
  if (Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= size)
    return { start, end };
  throw new StoreError('bad_range', `Bytes ${start} to ${end} are not within the ${size} of image ${imageId}.`);
}

const noSpaceCodes = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** Puts a failed system call into the store's terms: what was being done, and what came of it. */
export function storeFailure(doing: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (noSpaceCodes.includes(code)) return new StoreError('no_space', `Failed to ${doing}: the store is full.`, error);
  if (code === 'ENOENT') return new StoreError('not_found', `Failed to ${doing}: there is no such file.`, error);
  return new StoreError(
    'failed',
    `Failed to ${doing}: ${error instanceof Error ? error.message : String(error)}`,
    error,
  );
}
