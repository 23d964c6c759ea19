import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Chunks } from '../env/lent-pieces.ts';
import { hashInto } from './files.ts';
import { createHasher, type Hasher, type PieceSink } from './hashing/hasher.ts';
import { type PieceTarget, PieceWriter } from './piece-writer.ts';
import { ChunkReader, letGo, throwIfAborted } from './receive.ts';
import { type CopyOptions, type CopySource, StoreError, storeFailure } from './store.ts';

/**
 * Makes the file at the path a copy of the source, going on from what it holds already, which is read and hashed as the
 * rest is. Only the better digest is computed: the other one follows from it. The file is on stable storage when this
 * resolves; it stays for the next try when the source breaks off, and is removed when it turns out not to be a copy.
 */
export async function copyIntoFile(path: string, source: CopySource, options: CopyOptions = {}): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640).catch((error) => {
    throw storeFailure('create a file for the copy', error);
  });
  let isCopy: boolean;
  try {
    isCopy = await copyPieces(
      new PieceWriter(file),
      (hasher) => hold(file, source.size, hasher, options.signal),
      source,
      options,
    );
  } finally {
    await file.close();
  }
  if (isCopy) return;
  await rm(path, { force: true });
  throw noCopy();
}

/** What a copy fails with that is another image than its original. */
export function noCopy(): StoreError {
  return new StoreError('corrupt', 'The copy is not what its original is.');
}

/**
 * Brings to the target what it lacks of the source. Tells whether it is a copy then.
 *
 * @param hold gives the hasher what the target has of the copy already, and tells how many bytes that are
 */
export async function copyPieces(
  target: PieceTarget,
  hold: (hasher: Hasher<'sha512'>) => Promise<number>,
  source: CopySource,
  { signal, onBytes }: CopyOptions,
): Promise<boolean> {
  let sink: PieceSink = async () => {};
  const hasher = createHasher(['sha512'], (piece, position) => sink(piece, position));
  let chunks: ChunkReader | undefined;
  let rest: Chunks | undefined;
  try {
    let size = await hold(hasher);
    await hasher.flush();
    sink = (piece, position) => target.write(piece, position);
    onBytes?.(size);
    if (size < source.size) {
      rest = await source.read(size);
      chunks = new ChunkReader(rest, signal);
      for (let chunk = await chunks.next(); chunk; chunk = await chunks.next()) {
        size += chunk.length;
        if (size > source.size) throw new StoreError('size_mismatch', 'The source has more bytes than it promised.');
        await hasher.update(chunk, rest.release);
        onBytes?.(size);
      }
    }
    if (size < source.size) throw new StoreError('size_mismatch', `The source broke off after ${size} bytes.`);
    const { sha512 } = await hasher.digest();
    await target.finish();
    throwIfAborted(signal);
    return sha512 === source.checksums.sha512;
  } finally {
    chunks?.close();
    if (rest) letGo(rest);
    hasher.close();
    await target.settle();
  }
}

/** The bytes that the file has of the copy. One that has too many is no beginning of it. */
async function hold(file: FileHandle, size: number, hasher: Hasher<'sha512'>, signal?: AbortSignal): Promise<number> {
  const found = await file.stat();
  if (found.size > size) await file.truncate(0);
  return await hashInto(hasher, file, signal);
}
