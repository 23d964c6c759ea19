import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** What disks are read and written in without the system's cache: no file system asks for more. */
export const alignment = 4096;

/**
 * The same file once more, to be read or written past the system's cache (`O_DIRECT`): from memory that begins at a page,
 * at places and in lengths that are aligned. Null where the system or the file system has no such thing.
 */
export async function openPastCache(file: FileHandle, access: 'read' | 'write'): Promise<FileHandle | null> {
  const { O_DIRECT, O_RDONLY, O_WRONLY } = constants;
  if (O_DIRECT === undefined) return null;
  const flags = O_DIRECT | (access === 'read' ? O_RDONLY : O_WRONLY);
  return await open(`/proc/self/fd/${file.fd}`, flags).catch(() => null);
}
