import { type FileHandle, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createHasher, type Hasher } from './hashing/hasher.ts';
import { type PieceTarget, PieceWriter } from './piece-writer.ts';
import { type PutOptions, type StoredUpload, StoreError, storeFailure } from './store.ts';

export interface Received {
  size: number;
  checksums: StoredUpload['checksums'];
}

/**
 * Writes a stream to a new file and hashes it on the way. The file is on stable storage when this resolves, and gone
 * when it rejects. While one piece is written and hashed, the next is read; no more than a few of them are in memory.
 */
export async function receive(
  path: string,
  source: AsyncIterable<Buffer>,
  { onChunk, onTaken, signal, expectedSize }: PutOptions,
): Promise<Received> {
  let file: FileHandle | undefined;
  const create = async () => {
    file = await open(path, 'wx', 0o640).catch((error) => {
      throw storeFailure('create a file for the upload', error);
    });
    return new PieceWriter(file);
  };
  try {
    return await receivePieces(create, source, { onChunk, onTaken, signal, expectedSize });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file?.close();
  }
}

/** Hands a stream on in pieces, and hashes it on the way. */
export async function receivePieces(
  create: () => Promise<PieceTarget>,
  source: AsyncIterable<Buffer>,
  { onChunk, onTaken, signal, expectedSize }: PutOptions,
): Promise<Received> {
  const chunks = new ChunkReader(source, signal);
  let hasher: Hasher<'md5' | 'sha512'> | undefined;
  let target: PieceTarget | undefined;
  let size = 0;
  try {
    chunks.check();
    const created = await create();
    target = created;
    hasher = createHasher(['md5', 'sha512'], (piece, position) => created.write(piece, position));
    for (;;) {
      const chunk = await chunks.next();
      if (!chunk) break;
      size += chunk.length;
      if (expectedSize !== undefined && size > expectedSize) throw sizeMismatch(expectedSize, 'more');
      await onChunk?.(chunk);
      await hasher.update(chunk, onTaken);
    }
    if (expectedSize !== undefined && size < expectedSize) throw sizeMismatch(expectedSize, `${size}`);
    const checksums = await hasher.digest();
    await target.finish();
    chunks.check();
    return { size, checksums };
  } finally {
    chunks.close();
    hasher?.close();
    await target?.settle();
  }
}

/** Reads a source chunk by chunk, and stops as soon as the signal is given, also while the source has nothing to say. */
export class ChunkReader {
  readonly #iterator: AsyncIterator<Buffer>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#reject?.(aborted(this.#signal!));
  #reject: ((error: StoreError) => void) | undefined;

  constructor(source: AsyncIterable<Buffer>, signal: AbortSignal | undefined) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#signal = signal;
    // One listener for all chunks: there are thousands of them a second.
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Undefined at the source's end. */
  async next(): Promise<Buffer | undefined> {
    this.check();
    const next = await new Promise<IteratorResult<Buffer>>((resolve, reject) => {
      this.#reject = reject;
      this.#iterator.next().then(resolve, reject);
    });
    return next.done ? undefined : next.value;
  }

  check(): void {
    throwIfAborted(this.#signal);
  }

  /** Lets go of the source. It is not waited for: one that hangs must not keep an upload from ending. */
  close(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    void this.#iterator.return?.().catch(() => {});
  }
}

/** Ends what a store gave to be read. The iterator of a stream that was never asked for anything would leave it open. */
export function letGo(source: AsyncIterable<Buffer>): void {
  if (source instanceof Readable) source.destroy();
}

export function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw aborted(signal);
}

function aborted(signal: AbortSignal): StoreError {
  return new StoreError('aborted', 'The upload was given up.', signal.reason);
}

export function sizeMismatch(expected: number, found: string): StoreError {
  return new StoreError('size_mismatch', `The upload was to have ${expected} bytes, and has ${found}.`);
}
