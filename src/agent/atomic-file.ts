import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Where a file is made before it takes its final name. Derived from that name, so that a retry finds the leftovers. */
function temporaryPath(finalPath: string): string {
  return `${finalPath}.new`;
}

const inProgress = new Set<string>();

/** Runs work that makes or removes the path, during which it is no stray file. */
export async function whileInProgress<T>(path: string, work: () => Promise<T>): Promise<T> {
  inProgress.add(path);
  try {
    return await work();
  } finally {
    inProgress.delete(path);
  }
}

/** Whether work of this process on the path goes on. */
export function isInProgress(path: string): boolean {
  return inProgress.has(path);
}

/** Makes what was written to the file (or the entries of the folder) survive a power loss. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a file appear under `finalPath` complete or not at all, also across kill -9 and power loss. `make` writes it to
 * the path it is given, which doesn't exist then: a process of an earlier life that still writes to the same temporary
 * name has lost it, and can't harm the new file.
 *
 * @param isMadeAnew whether it is made again before it is needed after a power loss, so that nobody waits for the disk
 */
export async function createAtomically<T>(
  finalPath: string,
  make: (temporary: string) => Promise<T>,
  { isMadeAnew = false }: { isMadeAnew?: boolean } = {},
): Promise<T> {
  const temporary = temporaryPath(finalPath);
  return whileInProgress(temporary, async () => {
    await rm(temporary, { force: true, recursive: true });
    try {
      const result = await make(temporary);
      if (!isMadeAnew) await syncPath(temporary);
      await rename(temporary, finalPath);
      if (!isMadeAnew) await syncPath(dirname(finalPath));
      return result;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

export function writeFileAtomically(finalPath: string, content: string, mode = 0o600): Promise<void> {
  return createAtomically(finalPath, async (temporary) => {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
  });
}
