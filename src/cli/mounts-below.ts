import { readFile, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { kernelNfsClient, mountedIn } from '../agent/disks/nfs-client.ts';
import { realEnv } from '../env/real.ts';
import { UserError } from './user-error.ts';

/**
 * Unmounts what hosts have mounted below the folder, whose guests have stopped: whoever removes the folder then does not
 * remove what is on other machines. Throws where that is still in use.
 */
export async function unmountBelow(folder: string): Promise<void> {
  const within = (await realpath(folder)) + sep;
  const client = kernelNfsClient(realEnv());
  const mounted = mountedIn(await readFile('/proc/self/mountinfo', 'utf8'));
  for (const { point, source } of mounted.reverse()) {
    if (!point.startsWith(within)) continue;
    try {
      await client.unmount(point, { isDead: false });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new UserError(`${source} is mounted at ${point}, and stays so: ${why}. First: umount ${point}`);
    }
  }
}
