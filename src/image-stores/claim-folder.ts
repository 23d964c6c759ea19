import { access, constants, lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';

/** What a new file system brings along, and what a store of this kind keeps in its folder. */
const broughtAlong = ['lost+found'];
const ofStores = ['images', 'staging'];
const mayUse = constants.R_OK | constants.W_OK | constants.X_OK;

/** A folder that is somebody's, and whose, as a part of a sentence: `the image store default`. */
export interface TakenFolder {
  path: string;
  whose: string;
}

/**
 * Why a folder can't become a store, undefined where it can: all of it belongs to the store, so it must be empty, not
 * there yet, or have been a store before, by a path without symbolic links, apart from folders that are taken.
 */
export async function whyNoStoreFolder(folder: string, taken: readonly TakenFolder[]): Promise<string | undefined> {
  return await whyNot(folder, taken, ofStores);
}

/** As `whyNoStoreFolder`, of a folder for other things: it must be empty, or not there yet. */
export async function whyNoFreeFolder(folder: string, taken: readonly TakenFolder[]): Promise<string | undefined> {
  return await whyNot(folder, taken, []);
}

async function whyNot(
  folder: string,
  taken: readonly TakenFolder[],
  mayHave: readonly string[],
): Promise<string | undefined> {
  const path = resolve(folder);
  if (!isAbsolute(folder) || path !== folder.replace(/(?<=.)\/+$/, '')) return `${folder} is no absolute path`;
  try {
    const { real, existing } = await realPlace(path);
    for (const other of taken) {
      const place = (await realPlace(other.path).catch(() => undefined))?.real ?? other.path;
      if (overlaps(place, real)) return `${folder} is the place of ${other.whose}`;
    }
    if (real !== path || (existing !== path && (await isLink(path))))
      return `${folder} leads through a symbolic link: name the folder itself`;
    const names = existing === path ? await readdir(path) : [];
    const strange = names.find((name) => !broughtAlong.includes(name) && !mayHave.includes(name));
    const elsewise = mayHave.length > 0 ? ', and no image store' : '';
    if (strange !== undefined) return `${folder} is not empty${elsewise}: it has ${strange}`;
    const own = names.filter((name) => mayHave.includes(name)).map((name) => join(path, name));
    for (const used of [existing, ...own]) await access(used, mayUse);
    return undefined;
  } catch (error) {
    const { code, path: where = folder } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return `${folder} is no folder, and can't be one`;
    const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    return denied ? `${where} can't be written by this cloud: ${code}` : `${folder} can't be read: ${code}`;
  }
}

/** Where a path leads without symbolic links, and how much of it exists. */
async function realPlace(path: string): Promise<{ real: string; existing: string }> {
  try {
    return { real: await realpath(path), existing: path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path)) throw error;
    const above = await realPlace(dirname(path));
    return { real: join(above.real, path.slice(dirname(path).length)), existing: above.existing };
  }
}

async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** Whether one of the folders is the other, or lies in it. */
export function overlaps(one: string, other: string): boolean {
  const within = (folder: string) => (folder.endsWith(sep) ? folder : folder + sep);
  const [a, b] = [within(one), within(other)];
  return a.startsWith(b) || b.startsWith(a);
}
