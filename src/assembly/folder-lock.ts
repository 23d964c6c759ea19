import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLite's code for what another connection holds. */
const busy = 5;

/** Another process holds the data folder. */
export class FolderInUse extends Error {}

/**
 * Takes the folder for this process alone. The lock is the operating system's own on a file, through SQLite, so it ends
 * with the process, however that ends.
 */
export function lockFolder(folder: string): { release(): void } {
  const file = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 });
  try {
    file.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    if ((error as { errcode?: number }).errcode !== busy) throw error;
    throw new FolderInUse(`${folder} is in use by another Unkai process; stop that one first (unkai down).`, {
      cause: error,
    });
  }
  return { release: () => file.close() };
}
