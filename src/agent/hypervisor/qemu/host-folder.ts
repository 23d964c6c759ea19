import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isInProgress } from '../../atomic-file.ts';
import { guestFiles } from './command-line.ts';

const ownFiles = new Set([
  'cache',
  'disks',
  'storages',
  'mounts',
  'guests',
  'qemu.json',
  'kvm-probe.img',
  'network.json',
]);
const ownGuestFiles = new Set<string>(Object.values(guestFiles));
const serverIdForm = /^[0-9a-f]{32}$/;
/** Names of things that were being made or removed when an earlier agent ended. */
const leftover = /\.(new|content|removed)$/;

/** The folder of one host: where everything is that the agent keeps. */
export class HostFolder {
  readonly path: string;
  readonly cache: string;
  readonly disks: string;
  /** Links to folders elsewhere in which disks can lie, too. */
  readonly storages: string;
  /** Where folders of servers are mounted. */
  readonly mounts: string;
  readonly guests: string;

  private constructor(path: string) {
    this.path = path;
    this.cache = join(path, 'cache');
    this.disks = join(path, 'disks');
    this.storages = join(path, 'storages');
    this.mounts = join(path, 'mounts');
    this.guests = join(path, 'guests');
  }

  /** Makes the folder and removes what an earlier agent left unfinished in it. */
  static async open(directory: string): Promise<HostFolder> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // Processes are recognised by the paths in their command lines: there must be one way to write them.
    const folder = new HostFolder(await realpath(directory));
    const parts = [folder.cache, folder.disks, folder.storages, folder.guests];
    for (const part of parts) await mkdir(part, { recursive: true, mode: 0o700 });
    const guestFolders = (await folder.guestIds()).map((id) => folder.guest(id));
    await folder.sweep([folder.path, ...parts, ...guestFolders]);
    return folder;
  }

  /** Removes what an earlier agent left unfinished in these folders, which may be away. */
  async sweep(folders: readonly string[]): Promise<void> {
    for (const part of folders)
      for (const name of await readdir(part).catch(() => []))
        if (leftover.test(name)) await rm(join(part, name), { recursive: true, force: true });
  }

  guest(serverId: string): string {
    return join(this.guests, serverId);
  }

  async guestIds(): Promise<string[]> {
    return (await readdir(this.guests)).filter((name) => serverIdForm.test(name)).sort();
  }

  async hasConfigDrive(serverId: string): Promise<boolean> {
    return stat(join(this.guest(serverId), guestFiles.configDrive)).then(
      () => true,
      () => false,
    );
  }

  /** Files that neither belong here nor are just being made, by relative path; `strays` are names found by others. */
  async strayFiles(strays: { cache: string[]; disks: string[]; storages: string[] }): Promise<string[]> {
    const found = (await readdir(this.path)).filter((name) => !ownFiles.has(name));
    found.push(...strays.cache.map((name) => join('cache', name)), ...strays.disks.map((name) => join('disks', name)));
    found.push(...strays.storages.map((name) => join('storages', name)));
    for (const name of await readdir(this.guests)) {
      if (!serverIdForm.test(name)) found.push(join('guests', name));
      else for (const file of await this.#guestStrays(name)) found.push(join('guests', name, file));
    }
    return found.filter((path) => !isInProgress(join(this.path, path))).sort();
  }

  async #guestStrays(serverId: string): Promise<string[]> {
    const names = await readdir(this.guest(serverId)).catch(() => []); // removed a moment ago
    return names.filter((name) => !ownGuestFiles.has(name));
  }
}
