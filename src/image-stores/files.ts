import { type FileHandle, lstat, open } from 'node:fs/promises';
import { createHasher, type HashAlgorithm, type Hasher } from './hashing/hasher.ts';
import { PieceReader } from './piece-reader.ts';
import { type Received, throwIfAborted } from './receive.ts';
import { storeFailure } from './store.ts';

/** Hashes a whole file, from its beginning. */
export async function hashFile(file: FileHandle, signal?: AbortSignal): Promise<Received> {
  const hasher = createHasher(['md5', 'sha512']);
  try {
    const size = await hashInto(hasher, file, signal);
    return { size, checksums: await hasher.digest() };
  } finally {
    hasher.close();
  }
}

/** Gives the file's bytes to the hasher; tells how many there were, when it has taken them all. */
export async function hashInto(
  hasher: Pick<Hasher<HashAlgorithm>, 'update'>,
  file: FileHandle,
  signal?: AbortSignal,
): Promise<number> {
  const reader = new PieceReader(file);
  let size = 0;
  try {
    for (let piece = await reader.next(); piece; piece = await reader.next()) {
      throwIfAborted(signal);
      size += piece.length;
      await hasher.update(piece, reader.release);
    }
    return size;
  } finally {
    await reader.close();
  }
}

/** Makes names that came or went in a folder survive a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export interface FileFacts {
  size: number;
  /** Microseconds since the Unix epoch. */
  modifiedAt: number;
  isFile: boolean;
}

/** Whatever is at the path, links not followed; undefined when nothing is. */
export async function statAnything(path: string): Promise<FileFacts | undefined> {
  try {
    const found = await lstat(path);
    return { size: found.size, modifiedAt: Math.round(found.mtimeMs * 1000), isFile: found.isFile() };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw storeFailure('look at a file of the store', error);
  }
}

/** The regular file at the path. */
export async function statFile(path: string): Promise<{ size: number; modifiedAt: number } | undefined> {
  const found = await statAnything(path);
  return found?.isFile ? { size: found.size, modifiedAt: found.modifiedAt } : undefined;
}
