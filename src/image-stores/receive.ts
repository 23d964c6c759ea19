import { type FileHandle, open, rm } from 'node:fs/promises';
import { createHasher } from './hashing/hasher.ts';
import { type PutOptions, type StoredUpload, StoreError, storeFailure } from './store.ts';

/** Small chunks are gathered into writes of about this size. */
const writeLength = 1024 * 1024;
/** How much is written before the disk is set to work on it, so that little is left to wait for in the end. */
const syncLength = 64 * 1024 * 1024;

export interface Received {
  size: number;
  checksums: StoredUpload['checksums'];
}

/**
 * Writes a stream to a new file and hashes it on the way. The file is on stable storage when this resolves, and gone
 * when it rejects. While one piece is written, the next is read and hashed; no more than that is in memory.
 */
export async function receive(
  path: string,
  source: AsyncIterable<Buffer>,
  { onChunk, signal, expectedSize }: PutOptions,
): Promise<Received> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    throwIfAborted(signal);
    const file = await open(path, 'wx', 0o640).catch((error) => {
      throw storeFailure('create a file for the upload', error);
    });
    try {
      return await receiveInto(file, iterator, { onChunk, signal, expectedSize });
    } finally {
      await file.close();
    }
  } catch (error) {
    // Not awaited: a source that hangs must not keep the upload from ending.
    void iterator.return?.().catch(() => {});
    await rm(path, { force: true });
    throw error;
  }
}

async function receiveInto(
  file: FileHandle,
  iterator: AsyncIterator<Buffer>,
  { onChunk, signal, expectedSize }: PutOptions,
): Promise<Received> {
  const hasher = createHasher(['md5', 'sha512']);
  const writer = new GatheringWriter(file);
  let size = 0;
  try {
    for (;;) {
      const next = await nextOrAbort(iterator, signal);
      if (next.done) break;
      const chunk = next.value;
      size += chunk.length;
      if (expectedSize !== undefined && size > expectedSize) throw sizeMismatch(expectedSize, 'more');
      await onChunk?.(chunk);
      await hasher.update(chunk);
      await writer.write(chunk);
    }
    if (expectedSize !== undefined && size < expectedSize) throw sizeMismatch(expectedSize, `${size}`);
    await writer.finish();
    const checksums = await hasher.digest();
    throwIfAborted(signal);
    return { size, checksums };
  } finally {
    hasher.close();
    await writer.settle();
  }
}

/** Writes in large pieces, one of them under way at a time, and beside them brings earlier ones to stable storage. */
class GatheringWriter {
  readonly #file: FileHandle;
  #chunks: Buffer[] = [];
  #length = 0;
  #underWay: Promise<void> = Promise.resolve();
  #syncing: Promise<void> = Promise.resolve();
  #isSyncing = false;
  #unsynced = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(chunk: Buffer): Promise<void> {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= writeLength) await this.#flush();
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#underWay;
    await this.#syncing;
    await sync(this.#file);
  }

  /** Waits for what is under way, whatever comes of it. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#underWay, this.#syncing]);
  }

  async #flush(): Promise<void> {
    await this.#underWay;
    this.#unsynced += this.#length;
    if (this.#unsynced >= syncLength && !this.#isSyncing) await this.#startSync();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#length = 0;
    this.#underWay = writeAll(this.#file, chunks);
    // The error is met at the next flush; until then nobody listens for it.
    this.#underWay.catch(() => {});
  }

  /** Reports what came of the last one, since the system tells of each failure but once. */
  async #startSync(): Promise<void> {
    await this.#syncing;
    this.#unsynced = 0;
    this.#isSyncing = true;
    this.#syncing = sync(this.#file).finally(() => {
      this.#isSyncing = false;
    });
    this.#syncing.catch(() => {});
  }
}

async function sync(file: FileHandle): Promise<void> {
  await file.sync().catch((error) => {
    throw storeFailure('bring the image to stable storage', error);
  });
}

async function writeAll(file: FileHandle, chunks: Buffer[]): Promise<void> {
  let left = chunks;
  try {
    while (left.length > 0) {
      // A call takes 1024 pieces at most (IOV_MAX).
      const { bytesWritten } = await file.writev(left.slice(0, 1024));
      left = after(left, bytesWritten);
    }
  } catch (error) {
    throw storeFailure('write the image', error);
  }
}

function after(chunks: Buffer[], written: number): Buffer[] {
  let rest = written;
  let index = 0;
  while (index < chunks.length && rest >= chunks[index]!.length) rest -= chunks[index++]!.length;
  const left = chunks.slice(index);
  if (rest > 0) left[0] = left[0]!.subarray(rest);
  return left;
}

/** The next chunk, or an error as soon as the signal is given, also while the source has nothing to say. */
function nextOrAbort(iterator: AsyncIterator<Buffer>, signal?: AbortSignal): Promise<IteratorResult<Buffer>> {
  if (!signal) return iterator.next();
  if (signal.aborted) return Promise.reject(aborted(signal));
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(aborted(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

export function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw aborted(signal);
}

function aborted(signal: AbortSignal): StoreError {
  return new StoreError('aborted', 'The upload was given up.', signal.reason);
}

function sizeMismatch(expected: number, found: string): StoreError {
  return new StoreError('size_mismatch', `The upload was to have ${expected} bytes, and has ${found}.`);
}
