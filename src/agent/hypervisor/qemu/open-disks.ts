import { readdir, readlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { diskIdOf } from '../../disks/qcow2-disks.ts';

/**
 * The disks in the folders that the process really has open, by what the system says of it and not by what it was told to
 * open. Undefined where that can't be seen: the process has ended, or is another user's.
 */
export async function disksOpenIn(pid: number, folders: readonly string[]): Promise<string[] | undefined> {
  const descriptors = `/proc/${pid}/fd`;
  const names = await readdir(descriptors).catch(() => undefined);
  if (!names) return undefined;
  const paths = await Promise.all(names.map((name) => readlink(join(descriptors, name)).catch(() => '')));
  const open = paths
    .filter((path) => folders.includes(dirname(path)))
    .flatMap((path) => diskIdOf(basename(path)) ?? []);
  return [...new Set(open)].sort();
}
