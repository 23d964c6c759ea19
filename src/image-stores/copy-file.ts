import { constants, ReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { freeChunk } from '../env/free-chunk.ts';
import { hashInto } from './files.ts';
import { createHasher, type PieceSink } from './hashing/hasher.ts';
import { PieceWriter } from './piece-writer.ts';
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
  let sha512: string;
  try {
    sha512 = await goOn(file, source, options);
  } finally {
    await file.close();
  }
  if (sha512 === source.checksums.sha512) return;
  await rm(path, { force: true });
  throw new StoreError('corrupt', 'The copy is not what its original is.');
}

async function goOn(file: FileHandle, source: CopySource, { signal, onBytes }: CopyOptions): Promise<string> {
  const writer = new PieceWriter(file);
  let sink: PieceSink = async () => {};
  const hasher = createHasher(['sha512'], (piece, position) => sink(piece, position));
  let chunks: ChunkReader | undefined;
  let rest: AsyncIterable<Buffer> | undefined;
  try {
    const held = await hold(file, source.size, () => hashInto(hasher, file, signal));
    await hasher.flush();
    sink = (piece, position) => writer.write(piece, position);
    let size = held;
    onBytes?.(size);
    if (size < source.size) {
      rest = await source.read(size);
      chunks = new ChunkReader(rest, signal);
      for (let chunk = await chunks.next(); chunk; chunk = await chunks.next()) {
        size += chunk.length;
        if (size > source.size) throw new StoreError('size_mismatch', 'The source has more bytes than it promised.');
        await hasher.update(chunk);
        if (rest instanceof ReadStream) freeChunk(chunk);
        onBytes?.(size);
      }
    }
    if (size < source.size) throw new StoreError('size_mismatch', `The source broke off after ${size} bytes.`);
    const { sha512 } = await hasher.digest();
    await writer.finish();
    throwIfAborted(signal);
    return sha512;
  } finally {
    chunks?.close();
    if (rest) letGo(rest);
    hasher.close();
    await writer.settle();
  }
}

/** The bytes that the file has of the copy. One that has too many is no beginning of it. */
async function hold(file: FileHandle, size: number, hash: () => Promise<number>): Promise<number> {
  const found = await file.stat();
  if (found.size > size) await file.truncate(0);
  return await hash();
}
