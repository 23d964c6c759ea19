import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Env } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { createAtomically } from '../atomic-file.ts';
import {
  AgentError,
  type DiskBase,
  type DiskSource,
  type DiskSpec,
  type DiskUsage,
  type GuestDisk,
  type RbdImage,
} from '../contract.ts';
import { assertSafeId, toAgentError } from '../errors.ts';
import { CommonMoment } from './common-moment.ts';
import { withContent } from './disk-content.ts';
import { DiskLinks } from './disk-links.ts';
import type { ImageCache } from './image-cache.ts';
import { type DiskFile, LayerCopies } from './layer-copies.ts';
import { assertSelfContainedQcow2, readBackingPath, readQcow2Header } from './qcow2-header.ts';
import type { QemuImg } from './qemu-img.ts';
import { Rbd } from './rbd.ts';
import { RbdDisks } from './rbd-disks.ts';
import { StorageImages } from './storage-images.ts';
import { linkedFrom, type Storages } from './storages.ts';

const formats = ['qcow2', 'raw'] as const;

/** What a guest that runs can do for a disk it has open. */
export interface OpenDisk {
  serverId: string;
  resize(size: number): Promise<void>;
  /** Writes a copy, as of the moment of the call or of one with others, to a file that exists with the disk's size. */
  backup(target: { path: string; format: 'qcow2' | 'raw' }, moment?: CommonMoment): Promise<void>;
}

/**
 * The disks of the host's guests and volumes: `<folder>/<diskId>.qcow2`, whose headers only this program and QEMU
 * write, or `<diskId>.raw` where several guests may have it, or `<diskId>.rbd`, which says where in Ceph it is: a disk on
 * an image that is cloned there, and what is copied from one while no guest has it open. Files may lie in a further
 * storage of the host: then the folder has links to them. `findOpen` says which guest has a disk open: then only that
 * guest's QEMU may touch the file.
 */
export class Qcow2Disks {
  readonly #folder: string;
  readonly #env: Env;
  readonly #qemuImg: QemuImg;
  readonly #cache: ImageCache;
  readonly #inCeph: RbdDisks;
  readonly #storages: Storages;
  readonly #links: DiskLinks;
  readonly #images: StorageImages;
  readonly #layers: LayerCopies;
  readonly #findOpen: (diskId: string) => Promise<OpenDisk | undefined>;
  readonly #lock = new KeyedLock();

  constructor(options: {
    folder: string;
    env: Env;
    qemuImg: QemuImg;
    cache: ImageCache;
    storages: Storages;
    findOpen: (diskId: string) => Promise<OpenDisk | undefined>;
  }) {
    this.#folder = options.folder;
    this.#env = options.env;
    this.#qemuImg = options.qemuImg;
    this.#cache = options.cache;
    this.#inCeph = new RbdDisks(options.folder, new Rbd(options.env));
    this.#storages = options.storages;
    this.#links = new DiskLinks(options.storages);
    this.#images = new StorageImages(options.env, options.storages, options.cache);
    this.#layers = new LayerCopies(options.env, options.qemuImg, this.#images);
    this.#findOpen = options.findOpen;
  }

  path({ diskId, shared }: Pick<GuestDisk, 'diskId' | 'shared'>): string {
    assertSafeId('disk', diskId);
    return join(this.#folder, `${diskId}.${shared ? 'raw' : 'qcow2'}`);
  }

  /** The file of each disk that is there, where it really lies: what it is a layer over may be named from there. */
  async files(disks: ReadonlyArray<Pick<GuestDisk, 'diskId' | 'shared'>>): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const disk of disks) {
      const path = await this.#links.find(this.path(disk));
      if (path !== undefined) found.set(disk.diskId, path);
    }
    return found;
  }

  /** Images that disks in shared storages are layers over lie there, too. */
  async imagesInStorages(): Promise<string[]> {
    return await this.#images.list();
  }

  /** Lets go of an image in the storages, which no disk is a layer over. */
  async removeImage(imageId: string): Promise<void> {
    await this.#images.remove(imageId);
  }

  async exists(diskId: string): Promise<boolean> {
    return (await this.#find(diskId)) !== undefined || (await this.#inCeph.find(diskId)) !== undefined;
  }

  /** Those of the disks that are in Ceph, by disk id. */
  async imagesInCeph(diskIds: readonly string[]): Promise<Map<string, RbdImage>> {
    const found = new Map<string, RbdImage>();
    for (const diskId of diskIds) {
      const disk = await this.#inCeph.find(diskId);
      if (disk) found.set(diskId, disk.image);
    }
    return found;
  }

  async #find(diskId: string): Promise<DiskFile | undefined> {
    for (const format of formats) {
      const path = await this.#links.find(this.path({ diskId, shared: format === 'raw' }));
      if (path !== undefined) return { path, format };
    }
    return undefined;
  }

  /** Throws `not_found`. */
  async #known(diskId: string): Promise<DiskFile> {
    const file = await this.#find(diskId);
    if (!file) throw new AgentError('not_found', `there is no disk ${diskId}`);
    return file;
  }

  /** Keeps the disks from being resized, copied or exported offline while `work` runs: a guest is being started on them. */
  hold<T>(diskIds: readonly string[], work: () => Promise<T>): Promise<T> {
    return this.#lock.runAll(diskIds, work);
  }

  /** See `HostAgent.ensureDisks`. */
  async ensureTogether(disks: readonly DiskSpec[]): Promise<DiskUsage[]> {
    const there = await Promise.all(disks.map(({ diskId }) => this.exists(diskId)));
    const removeAll = async () => {
      for (const { diskId } of disks) await this.remove(diskId);
    };
    if (there.includes(false)) await removeAll();
    const moment = new CommonMoment(disks.length);
    const made = await Promise.allSettled(disks.map((disk) => this.ensure(disk, moment).finally(() => moment.leave())));
    const failures = made.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    if (failures.length > 0) {
      await removeAll();
      throw failures.find((one) => one !== moment.missed) ?? moment.missed;
    }
    return made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  ensure(disk: DiskSpec, moment?: CommonMoment): Promise<DiskUsage> {
    const path = this.path(disk);
    const held = disk.base.kind === 'copy' ? [disk.diskId, disk.base.diskId] : [disk.diskId];
    return this.hold(held, async () => {
      try {
        if (await this.exists(disk.diskId)) await this.#grow(disk.diskId, disk.size);
        else {
          const make = async () => {
            if (await this.#makeInCeph(disk)) return;
            if (await this.#nameAnew(disk)) return;
            await this.#links.create(path, disk.storageId, (temporary) => this.#make(disk, temporary, moment));
          };
          const below = imageBelow(disk);
          await (below === undefined ? make() : this.#cache.use(below, make));
        }
        return await this.usage(disk.diskId);
      } catch (error) {
        throw toAgentError(error, `disk ${disk.diskId} could not be made`);
      }
    });
  }

  remove(diskId: string): Promise<void> {
    const paths = [this.path({ diskId }), this.path({ diskId, shared: true })];
    return this.hold([diskId], async () => {
      const open = await this.#findOpen(diskId);
      if (open) throw new AgentError('in_use', `disk ${diskId} is open in the guest of server ${open.serverId}`);
      for (const path of paths) await this.#links.remove(path);
      await this.#inCeph.remove(diskId);
    });
  }

  async usage(diskId: string): Promise<DiskUsage> {
    try {
      const inCeph = await this.#inCeph.find(diskId);
      if (inCeph) return await this.#inCeph.usage(inCeph);
      const { path, format } = await this.#known(diskId);
      const { blocks, size } = await stat(path);
      const virtualSize = format === 'raw' ? size : (await readQcow2Header(path)).virtualSize;
      return { virtualSize, actualSize: blocks * 512, installPath: path };
    } catch (error) {
      throw toAgentError(error, `disk ${diskId}`);
    }
  }

  /** A flat copy of the disk, from the guest that has it open or from the file. Takes its final name when complete. */
  async export(
    diskId: string,
    format: 'qcow2' | 'raw',
    target: string,
  ): Promise<{ size: number; virtualSize: number }> {
    if (!isAbsolute(target)) throw new AgentError('unsupported', `${target} is not an absolute path`);
    return this.hold([diskId], async () => {
      const { virtualSize } = await this.usage(diskId);
      try {
        await mkdir(dirname(target), { recursive: true });
        await createAtomically(target, async (temporary) => {
          const open = await this.#findOpen(diskId);
          if (open) {
            await this.#qemuImg.create(temporary, format, virtualSize);
            await open.backup({ path: temporary, format });
          } else await this.#flatten(diskId, { path: temporary, format }, virtualSize);
          if (format === 'qcow2') await assertSelfContainedQcow2(temporary);
        });
        return { size: (await stat(target)).size, virtualSize };
      } catch (error) {
        throw toAgentError(error, `disk ${diskId} could not be exported`);
      }
    });
  }

  /** See `HostAgent.offerDisk`. */
  offer(diskId: string): Promise<DiskSource> {
    return this.hold([diskId], async () => {
      const open = await this.#findOpen(diskId);
      if (open) throw new AgentError('in_use', `disk ${diskId} is open in the guest of server ${open.serverId}`);
      const { virtualSize, actualSize, installPath } = await this.usage(diskId);
      const inCeph = await this.#inCeph.find(diskId);
      if (inCeph) {
        const layer = inCeph.imageId === undefined ? {} : { imageId: inCeph.imageId };
        return { kind: 'rbd', ...inCeph.image, virtualSize, actualSize, ...layer };
      }
      const imageId = await imageUnder(await this.#known(diskId));
      const image = imageId === undefined ? {} : { imageId };
      return { kind: 'file', path: installPath, virtualSize, actualSize, ...image };
    });
  }

  /** Whether a disk here is a layer over the image. */
  async isBase(imageId: string): Promise<boolean> {
    for (const diskId of (await this.list()).disks) {
      if ((await this.#inCeph.find(diskId))?.imageId === imageId) return true;
      // One that was removed since is none, and a flat one neither. Of one that is away nobody knows.
      const path = this.path({ diskId });
      if (await this.#links.isAway(path)) return true;
      if ((await imageUnder({ path, format: 'qcow2' }).catch(() => undefined)) === imageId) return true;
    }
    return false;
  }

  /** The ids of all disks, and the names of all other files. */
  async list(): Promise<{ disks: string[]; strays: string[] }> {
    const names = await readdir(this.#folder);
    return {
      disks: names.flatMap((name) => diskIdOf(name) ?? []).sort(),
      strays: names.filter((name) => diskIdOf(name) === undefined),
    };
  }

  /** Whether the file of a disk lies in the folder of a storage. */
  async isIn(folder: string): Promise<boolean> {
    const names = await readdir(this.#folder);
    for (const name of names) if (await this.#links.liesIn(join(this.#folder, name), folder)) return true;
    return false;
  }

  /** Files in the host's further storages that are no disk's, as `<storage id>/<name>`. */
  storageStrays(): Promise<string[]> {
    return this.#storages.strays(async (path) => (await linkedFrom(join(this.#folder, basename(path)))) === path);
  }

  /** Gives the disk of another host in a shared storage one more name, if that is wanted. */
  async #nameAnew(disk: DiskSpec): Promise<boolean> {
    const { base, storageId, size } = disk;
    if (base.kind !== 'same' || storageId === undefined) return false;
    const { diskId, part: otherPart, isOpen = false } = base.source;
    assertSafeId('part', otherPart);
    const part = await this.#storages.folder(storageId);
    const path = join(dirname(part), otherPart, basename(this.path({ diskId, shared: disk.shared })));
    const file: DiskFile = { path, format: disk.shared ? 'raw' : 'qcow2' };
    if (!isOpen) await this.#qemuImg.assertClosed(file);
    if (!disk.shared) await this.#images.takeOver(path, part);
    await this.#links.nameAnew(this.path(disk), storageId, path);
    if (!isOpen) await this.#grow(disk.diskId, size);
    return true;
  }

  async #make(disk: DiskSpec, temporary: string, moment?: CommonMoment): Promise<void> {
    const { base, storageId } = disk;
    if (base.kind === 'same') throw new AgentError('unsupported', 'only a disk in a storage has two names');
    const to = { path: temporary, format: disk.shared ? ('raw' as const) : ('qcow2' as const) };
    if (base.kind === 'blank') {
      if (!base.content) return this.#qemuImg.create(temporary, to.format, disk.size);
      const { content } = base;
      return withContent(this.#env, temporary, { size: disk.size, content }, (from) =>
        this.#qemuImg.convert(from, to, { bytes: disk.size }),
      );
    }
    if (base.kind === 'image') {
      const cloned = await this.#cache.findParent(base.imageId);
      if (cloned) {
        await this.#qemuImg.convertRbd(cloned.parent, to, { bytes: cloned.virtualSize });
        return this.#qemuImg.resize(to, Math.max(disk.size, cloned.virtualSize));
      }
      const image = await this.#images.backing(base.imageId, disk.shared ? undefined : storageId);
      const size = Math.max(disk.size, image.virtualSize);
      if (!disk.shared) return this.#qemuImg.create(temporary, 'qcow2', size, image);
      await this.#qemuImg.convert(image, to, { bytes: image.virtualSize });
      return this.#qemuImg.resize(to, size);
    }
    if (base.kind === 'moved') return this.#layers.takeOver(base.source, disk.size, to, storageId);
    const { virtualSize } = await this.usage(base.diskId);
    const open = await this.#findOpen(base.diskId);
    if (open) {
      await this.#qemuImg.create(temporary, to.format, virtualSize);
      await open.backup(to, moment);
    } else if (base.flat) await this.#flatten(base.diskId, to, virtualSize);
    else await this.#copy(base.diskId, to, virtualSize, storageId);
    if (disk.size > virtualSize) await this.#qemuImg.resize(to, disk.size);
  }

  /**
   * Makes the disk in Ceph, if it belongs there: on an image that is cloned, or from a disk there that no guest has open.
   * One that several guests may have is a file, and one that has its place in a storage of the host.
   */
  async #makeInCeph({ diskId, size, base, shared, storageId }: DiskSpec): Promise<boolean> {
    if (shared || storageId !== undefined) return false;
    if (base.kind === 'blank') return await this.#makeBlankInCeph(diskId, size, base);
    if (base.kind === 'image') {
      const found = await this.#cache.findParent(base.imageId);
      if (found) await this.#inCeph.clone(diskId, size, { parent: found.parent, imageId: base.imageId });
      return found !== undefined;
    }
    if (base.kind === 'moved') {
      const { source } = base;
      if (source.kind !== 'rbd') return false;
      const { conf, user, pool, image, imageId } = source;
      await this.#inCeph.copy(diskId, size, { image: { conf, user, pool, image }, imageId });
      return true;
    }
    if (base.kind === 'same') return false;
    const from = await this.#inCeph.find(base.diskId);
    if (!from || (await this.#findOpen(base.diskId))) return false;
    await this.#inCeph.copy(diskId, size, from, { flat: base.flat });
    return true;
  }

  async #makeBlankInCeph(diskId: string, size: number, { content, beside }: Extract<DiskBase, { kind: 'blank' }>) {
    const neighbour = beside === undefined ? undefined : await this.#inCeph.find(beside);
    if (!neighbour) return false;
    const make = (path?: string) => this.#inCeph.blank(diskId, size, { beside: neighbour, path });
    if (content) await withContent(this.#env, this.path({ diskId }), { size, content }, ({ path }) => make(path));
    else await make();
    return true;
  }

  /** A layer stays one, over the same image; what gets another format is flat. */
  async #copy(diskId: string, to: DiskFile, virtualSize: number, storageId: string | undefined): Promise<void> {
    const from = await this.#find(diskId);
    const imageId = from && (await imageUnder(from));
    if (from && (await this.#layers.copy(from, to, { imageId, storageId }))) return;
    await this.#flatten(diskId, to, virtualSize);
  }

  async #flatten(diskId: string, to: DiskFile, virtualSize: number): Promise<void> {
    const inCeph = await this.#inCeph.find(diskId);
    if (inCeph) await this.#qemuImg.convertRbd(inCeph.image, to, { bytes: virtualSize });
    else await this.#qemuImg.convert(await this.#known(diskId), to, { bytes: virtualSize });
  }

  async #grow(diskId: string, size: number): Promise<void> {
    const { virtualSize } = await this.usage(diskId);
    if (size <= virtualSize) return;
    const open = await this.#findOpen(diskId);
    if (open) return open.resize(size);
    const inCeph = await this.#inCeph.find(diskId);
    if (inCeph) return this.#inCeph.grow(inCeph, size);
    return this.#qemuImg.resize(await this.#known(diskId), size);
  }
}

/** The disk that a file of that name is; undefined for other files. */
export function diskIdOf(name: string): string | undefined {
  return /^(.+)\.(?:qcow2|raw|rbd)$/.exec(name)?.[1];
}

/** The image that the disk is a layer over. */
async function imageUnder({ path, format }: DiskFile): Promise<string | undefined> {
  const backing = format === 'qcow2' ? await readBackingPath(path) : undefined;
  return backing === undefined ? undefined : basename(backing);
}

/** The image that the disk is to be a layer over. A copy has what its source has, which is held meanwhile. */
function imageBelow({ base }: DiskSpec): string | undefined {
  if (base.kind === 'image') return base.imageId;
  return base.kind === 'moved' ? base.source.imageId : undefined;
}
