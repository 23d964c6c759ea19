import { readdir } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';

/** What a store of this kind keeps in its folder, and what a new file system brings along. */
const expected = ['images', 'staging', 'lost+found'];

/**
 * Why a folder can't become a store, undefined where it can: all of it belongs to the store, so it must be empty, not
 * there yet, or have been a store before.
 */
export async function whyNoStoreFolder(folder: string): Promise<string | undefined> {
  if (!isAbsolute(folder) || resolve(folder) !== folder.replace(/(?<=.)\/+$/, ''))
    return `${folder} is no absolute path`;
  try {
    const strange = (await readdir(folder)).find((name) => !expected.includes(name));
    return strange === undefined ? undefined : `${folder} is not empty, and no image store: it has ${strange}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : `${folder} can't be read: ${code}`;
  }
}

/** Whether one of the folders is the other, or lies in it. */
export function overlaps(one: string, other: string): boolean {
  const [a, b] = [`${resolve(one)}${sep}`, `${resolve(other)}${sep}`];
  return a.startsWith(b) || b.startsWith(a);
}
