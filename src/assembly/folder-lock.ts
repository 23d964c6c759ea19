import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

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
    throw new FolderInUse(`${folder} is in use by another Unkai process; stop that one first (unkai down).`, {
      cause: error,
    });
  }
  return { release: () => file.close() };
}
