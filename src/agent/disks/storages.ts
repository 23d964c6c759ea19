import {
  access,
  constants,
  mkdir,
  readdir,
  readlink,
  realpath,
  rm,
  rmdir,
  stat,
  statfs,
  symlink,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isInProgress, syncPath } from '../atomic-file.ts';
import { AgentError, type DesiredStorage, type StorageReport } from '../contract.ts';
import { assertSafeId, isNotFound, systemErrorCode } from '../errors.ts';
import type { NfsMounts } from './nfs-mounts.ts';
import { imageFolderName, isPartOfShared, proveSame, unmark } from './shared-folder.ts';

const mayUse = constants.R_OK | constants.W_OK | constants.X_OK;

/**
 * The host's further storages: `<folder>/<storage id>` is a link to the folder in which the disks lie. The link is made
 * after the folder and goes after it, so that a folder that is missing behind a link is one that is not mounted.
 */
export class Storages {
  readonly #folder: string;
  readonly #mounts: NfsMounts;
  readonly #sharers: number;

  /** @param sharers how many hosts the machine is divided among */
  constructor(folder: string, mounts: NfsMounts, sharers = 1) {
    this.#folder = folder;
    this.#mounts = mounts;
    this.#sharers = sharers;
  }

  /** See `HostAgent.applyStorages`. `isUsed` says whether a disk lies in the folder. */
  async apply(
    desired: readonly DesiredStorage[],
    isUsed: (folder: string) => Promise<boolean>,
  ): Promise<StorageReport[]> {
    const wanted = new Map(desired.map((one) => [one.storageId, one.mount ? this.#mountable(one) : one]));
    const reports: StorageReport[] = [];
    for (const storageId of await this.#ids()) {
      const place = wanted.get(storageId);
      const folder = await this.#linked(storageId);
      if (folder === undefined || (place && folder === folderOf(place))) continue;
      const problem = await this.#giveUp(storageId, folder, isUsed);
      if (problem === undefined) continue;
      reports.push(unusable(storageId, problem));
      wanted.delete(storageId);
    }
    reports.push(...(await this.#dropMounts(new Set([...wanted.keys(), ...reports.map((one) => one.storageId)]))));
    // All at once, as each server may take its time.
    const mounting = new Map([...wanted].map(([storageId, place]) => [storageId, this.#whyNotMounted(place)]));
    for (const place of wanted.values()) {
      const why = await mounting.get(place.storageId);
      reports.push(why === undefined ? await this.#make(place) : unusable(place.storageId, why));
    }
    return reports;
  }

  /** Where the disks of a storage lie. Throws where there is no such storage, or its folder is away. */
  async folder(storageId: string): Promise<string> {
    assertSafeId('storage', storageId);
    const folder = await this.#linked(storageId);
    if (folder === undefined) throw new AgentError('not_found', `this host has no storage ${storageId}`);
    await this.assertThere(folder);
    return folder;
  }

  /** Throws where the folder is away that was made once. Never waits for a server that does not answer. */
  async assertThere(folder: string): Promise<void> {
    await this.#mounts.assertAnswering(folder);
    try {
      await stat(folder);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const words = `the storage folder ${folder} is gone: is what it lies on mounted?`;
      throw new AgentError('hypervisor_failed', words, { cause: error });
    }
  }

  /** Whether other hosts have the same folder. Throws as `folder`. */
  async isShared(storageId: string): Promise<boolean> {
    return await isPartOfShared(await this.folder(storageId));
  }

  /** The folders that there are, as the system writes them. What is in one that is mounted may be away. */
  async folders(): Promise<string[]> {
    const real = async (storageId: string) => {
      const linked = await this.#linked(storageId);
      // To look at it would be to wait for its server.
      return linked !== undefined && this.#mounts.holds(linked)
        ? linked
        : await realpath(join(this.#folder, storageId));
    };
    const found = await Promise.all((await this.#ids()).map((id) => real(id).catch(() => undefined)));
    return found.filter((folder) => folder !== undefined);
  }

  /** Those of them that can be looked into. */
  async foldersThere(): Promise<string[]> {
    const there: string[] = [];
    for (const folder of await this.folders())
      await this.assertThere(folder).then(
        () => there.push(folder),
        () => undefined,
      );
    return there;
  }

  /**
   * Files in the storages that no disk is, as `<storage id>/<name>`.
   * @param isDisk whether a disk of this host lies at the path
   */
  async strays(isDisk: (path: string) => Promise<boolean>): Promise<string[]> {
    const strays: string[] = [];
    for (const storageId of await this.#ids()) {
      const folder = await this.#linked(storageId);
      if (folder === undefined || (await this.#isAway(folder))) continue;
      const ofImages = (await isPartOfShared(folder)) ? imageFolderName : undefined;
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name);
        if (name !== ofImages && !isInProgress(path) && !(await isDisk(path))) strays.push(join(storageId, name));
      }
    }
    return strays;
  }

  async #make(place: DesiredStorage): Promise<StorageReport> {
    const { storageId } = place;
    try {
      assertSafeId('storage', storageId);
      assertSafeId('part', place.part);
      const folder = folderOf(place);
      await proveSame(place);
      if ((await this.#linked(storageId)) === undefined) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await syncPath(place.path);
        await symlink(folder, join(this.#folder, storageId));
        await syncPath(this.#folder);
      }
      await this.assertThere(folder);
      await access(folder, mayUse);
      const { blocks, bavail, bsize } = await statfs(folder);
      // Of what is shared anyhow each tells the whole.
      const sharers = place.shared ? 1 : this.#sharers;
      const part = (count: number) => Math.floor((count * bsize) / sharers);
      return { storageId, totalBytes: part(blocks), freeBytes: part(bavail) };
    } catch (error) {
      return unusable(storageId, error instanceof Error ? error.message : String(error));
    }
  }

  /** Undefined where it is gone. */
  async #giveUp(
    storageId: string,
    folder: string,
    isUsed: (folder: string) => Promise<boolean>,
  ): Promise<string | undefined> {
    if (await isUsed(folder)) return `disks of this host lie in ${folder}`;
    // What is left in a mount that is gone, or dead, are no disks: it stays where it is.
    if (!this.#mounts.holds(folder) || !(await this.#isAway(folder))) {
      try {
        if (await isPartOfShared(folder)) await rm(join(folder, imageFolderName), { recursive: true, force: true });
        await rmdir(folder);
        await unmark(dirname(folder));
      } catch (error) {
        if (!isNotFound(error)) return `${folder} can't be removed: ${systemErrorCode(error)}`;
      }
    }
    await unlink(join(this.#folder, storageId));
    return undefined;
  }

  /** Unmounts what is not kept: also what was mounted when an earlier agent was killed. */
  async #dropMounts(kept: ReadonlySet<string>): Promise<StorageReport[]> {
    const reports: StorageReport[] = [];
    for (const storageId of await this.#mounts.ids()) {
      if (kept.has(storageId)) continue;
      await this.#mounts.drop(storageId).catch((error: unknown) => {
        reports.push(unusable(storageId, error instanceof Error ? error.message : String(error)));
      });
    }
    return reports;
  }

  /** Where the host mounts it. */
  #mountable(place: DesiredStorage): DesiredStorage {
    return { ...place, path: this.#mounts.point(place.storageId) };
  }

  async #whyNotMounted({ storageId, mount }: DesiredStorage): Promise<string | undefined> {
    if (!mount) return undefined;
    return await this.#mounts.ensure(storageId, mount).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  }

  async #isAway(folder: string): Promise<boolean> {
    return await this.#mounts.assertAnswering(folder).then(
      () => false,
      () => true,
    );
  }

  async #ids(): Promise<string[]> {
    return (await readdir(this.#folder)).sort();
  }

  async #linked(storageId: string): Promise<string | undefined> {
    return await linkedFrom(join(this.#folder, storageId));
  }
}

/** Where a link leads, whether or not anything is there; undefined for what is no link. */
export async function linkedFrom(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'EINVAL') return undefined;
    throw error;
  }
}

function folderOf({ path, part }: DesiredStorage): string {
  return join(path, part);
}

function unusable(storageId: string, problem: string): StorageReport {
  return { storageId, totalBytes: 0, freeBytes: 0, problem };
}
