import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NfsMount } from '../contract.ts';
import { type MountedFileSystem, mountedIn, type NfsClient } from './nfs-client.ts';

const run = promisify(execFile);

/**
 * NO NFS: folders of this machine, bound (`mount --bind`) to where a host would mount those of a server. `nas:/folder` is
 * `/folder` of this machine. What a host does with mounts is tried on it, and nothing of what a network or a server does,
 * but that it can be silent.
 */
export class BoundFolders implements NfsClient {
  /** Sources whose server does not answer. */
  readonly silent = new Set<string>();
  /** All that it was asked to mount and to unmount, in order. */
  readonly calls: Array<{ verb: 'mount' | 'unmount'; options?: string; isDead?: boolean }> = [];
  /** How often it was asked whether a server answers. */
  probes = 0;
  readonly #sources = new Map<string, string>();

  async mounted(): Promise<MountedFileSystem[]> {
    const all = mountedIn(await readFile('/proc/self/mountinfo', 'utf8'));
    return all.map((one) => {
      const source = this.#sources.get(one.point);
      return source === undefined ? one : { ...one, type: 'nfs4', source };
    });
  }

  async mount(point: string, { source, options }: NfsMount): Promise<void> {
    this.calls.push({ verb: 'mount', ...(options === undefined ? {} : { options }) });
    if (this.silent.has(source)) throw new Error(`mounting ${source} timed out`);
    await run('mount', ['--bind', source.slice(source.indexOf(':') + 1), point]);
    this.#sources.set(point, source);
  }

  async unmount(point: string, { isDead }: { isDead: boolean }): Promise<void> {
    this.calls.push({ verb: 'unmount', isDead });
    await run('umount', [...(isDead ? ['-l'] : []), point]);
    this.#sources.delete(point);
  }

  async probe(point: string): Promise<void> {
    this.probes += 1;
    if (this.silent.has(this.#sources.get(point) ?? '')) throw new Error(`the NFS server does not answer for ${point}`);
  }

  /** As when the machine was switched off and on: nothing is mounted. */
  async reboot(): Promise<void> {
    for (const point of [...this.#sources.keys()]) await run('umount', ['-l', point]);
    this.#sources.clear();
  }
}

/** Whether this process may bind folders: it needs the right to mount. */
export async function mayBind(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-bound-'));
  try {
    await run('mount', ['--bind', folder, folder]);
    await run('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    await rmdir(folder);
  }
}
