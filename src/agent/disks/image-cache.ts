import { chmod, mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Env } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { createAtomically, writeFileAtomically } from '../atomic-file.ts';
import { AgentError, type CachedImage, type DiskFormat, type RbdParent } from '../contract.ts';
import { assertSafeId, isNotFound, toAgentError } from '../errors.ts';
import { copyFile } from './copy-file.ts';
import { assertSelfContainedQcow2 } from './qcow2-header.ts';
import type { QemuFormat, QemuImg } from './qemu-img.ts';

/** A cached image as disks are based on it. */
export interface CacheEntry {
  path: string;
  format: 'qcow2' | 'raw';
  virtualSize: number;
}

/** A cached image that disks are cloned from in Ceph: `<imageId>.rbd` says where, and there are no bytes of it here. */
interface ParentEntry {
  parent: RbdParent;
  virtualSize: number;
}

/** Kept beside the bytes, and written after them: its presence says that they are complete. */
interface CacheRecord {
  format: 'qcow2' | 'raw';
  virtualSize: number;
  /** Of the image that was cached, before any conversion. */
  sourceFormat: DiskFormat;
  sourceSize: number;
}

const imageIdForm = /^[0-9a-f]{32}$/;

const foreignFormats: Partial<Record<DiskFormat, QemuFormat>> = { vmdk: 'vmdk', vdi: 'vdi', vhd: 'vpc', vhdx: 'vhdx' };

/**
 * The images that disks of this host are based on: `<folder>/<imageId>`, read-only, as qcow2 or raw. Images of other
 * formats are converted to qcow2, since QEMU's drivers for them are not meant for running guests. An ISO counts as raw.
 */
export class ImageCache {
  readonly #folder: string;
  readonly #env: Env;
  readonly #qemuImg: QemuImg;
  readonly #lock = new KeyedLock();
  /** How many layers are being made over an image now, and images that may be about to go. */
  readonly #users = new Map<string, number>();
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(folder: string, env: Env, qemuImg: QemuImg) {
    this.#folder = folder;
    this.#env = env;
    this.#qemuImg = qemuImg;
  }

  async ensure(image: CachedImage): Promise<{ virtualSize: number }> {
    assertSafeId('image', image.imageId);
    return this.#lock.run(image.imageId, async () => {
      if (image.source.kind === 'rbd') return await this.#ensureParent(image, image.source);
      // From now on disks are layers over the file.
      await rm(this.#parentPath(image.imageId), { force: true });
      const record = await this.#record(image.imageId);
      if (record?.sourceSize === image.size && record.sourceFormat === image.format) {
        return { virtualSize: record.virtualSize };
      }
      try {
        return { virtualSize: await this.#fetch(image, image.source.path) };
      } catch (error) {
        throw toAgentError(error, `image ${image.imageId} could not be cached`);
      }
    });
  }

  async find(imageId: string): Promise<CacheEntry> {
    assertSafeId('image', imageId);
    const record = await this.#record(imageId);
    if (!record) throw new AgentError('not_found', `image ${imageId} is not cached on this host`);
    return { path: this.#dataPath(imageId), format: record.format, virtualSize: record.virtualSize };
  }

  /** What disks on the image are cloned from, where they are. */
  async findParent(imageId: string): Promise<ParentEntry | undefined> {
    assertSafeId('image', imageId);
    try {
      return JSON.parse(await readFile(this.#parentPath(imageId), 'utf8')) as ParentEntry;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Where the file of a cached image is. */
  path(imageId: string): string {
    assertSafeId('image', imageId);
    return this.#dataPath(imageId);
  }

  /** Keeps the image, if it is here, until `work` has made a layer over it. */
  async use<T>(imageId: string, work: () => Promise<T>): Promise<T> {
    while (this.#leaving.has(imageId)) await this.#leaving.get(imageId);
    this.#users.set(imageId, (this.#users.get(imageId) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const others = this.#users.get(imageId)! - 1;
      if (others > 0) this.#users.set(imageId, others);
      else this.#users.delete(imageId);
    }
  }

  /**
   * Removes the image, unless a layer over it is being made.
   * @param options `isUsed`: whether a disk is a layer over it, or a drive has it: then it is not removed either (`in_use`);
   * `before`: what is removed along with it
   */
  async remove(
    imageId: string,
    { isUsed, before }: { isUsed: () => Promise<boolean>; before?: () => Promise<void> },
  ): Promise<void> {
    assertSafeId('image', imageId);
    await this.#lock.run(imageId, async () => {
      const end = Promise.withResolvers<void>();
      this.#leaving.set(imageId, end.promise);
      try {
        if (this.#users.has(imageId) || (await isUsed()))
          throw new AgentError('in_use', `a disk of this host is a layer over image ${imageId}, or a drive has it`);
        await before?.();
        await rm(this.#parentPath(imageId), { force: true });
        await rm(this.#recordPath(imageId), { force: true });
        await rm(this.#dataPath(imageId), { force: true });
      } finally {
        this.#leaving.delete(imageId);
        end.resolve();
      }
    });
  }

  /**
   * Removes what an agent that was killed between an image and its record left, as both are made or removed. To be
   * called before the host is used.
   * @param isBase whether a disk is a layer over it: then it stays, and is told as a stray file
   */
  async sweep(isBase: (imageId: string) => Promise<boolean>): Promise<void> {
    for (const name of (await this.list()).strays) {
      const imageId = name.replace(/\.json$/, '');
      if (imageIdForm.test(imageId) && !(await isBase(imageId))) await rm(join(this.#folder, name), { force: true });
    }
  }

  /** The ids of complete images, and the names of all other files. */
  async list(): Promise<{ images: string[]; strays: string[] }> {
    const names = await readdir(this.#folder);
    const all = new Set(names);
    const files = names.filter((name) => !name.includes('.') && all.has(`${name}.json`));
    const parents = names.flatMap((name) => /^([^.]+)\.rbd$/.exec(name)?.[1] ?? []);
    const images = new Set([...files, ...parents]);
    const known = new Set([...files.flatMap((id) => [id, `${id}.json`]), ...parents.map((id) => `${id}.rbd`)]);
    return { images: [...images].sort(), strays: names.filter((name) => !known.has(name)) };
  }

  async #ensureParent({ imageId, size, format }: CachedImage, parent: RbdParent): Promise<{ virtualSize: number }> {
    if (format !== 'raw')
      throw new AgentError('unsupported', `image ${imageId} is ${format}: only raw ones are cloned`);
    const entry: ParentEntry = { parent, virtualSize: size };
    if (isDeepStrictEqual(await this.findParent(imageId), entry)) return { virtualSize: size };
    await this.#qemuImg.assertReadable(parent);
    await writeFileAtomically(this.#parentPath(imageId), JSON.stringify(entry));
    return { virtualSize: size };
  }

  async #fetch(image: CachedImage, source: string): Promise<number> {
    if (!isAbsolute(source)) throw new AgentError('unsupported', `${source} is not an absolute path`);
    const { size } = await stat(source);
    if (size !== image.size) {
      throw new AgentError('bad_image', `the file of image ${image.imageId} has ${size} bytes, not ${image.size}`);
    }
    await mkdir(this.#folder, { recursive: true });
    const room = await statfs(this.#folder);
    const free = room.bavail * room.bsize;
    // A sparse raw image takes less than its size, so only its allocated blocks are asked for.
    const needed = Math.min(size, (await stat(source)).blocks * 512);
    if (needed > free)
      throw new AgentError('no_space', `image ${image.imageId} needs ${needed} bytes, ${free} are free`);

    await rm(this.#recordPath(image.imageId), { force: true });
    const foreign = foreignFormats[image.format];
    const format = foreign !== undefined || image.format === 'qcow2' ? 'qcow2' : 'raw';
    const virtualSize = await createAtomically(this.#dataPath(image.imageId), async (temporary) => {
      if (foreign === undefined) await copyFile(this.#env, source, temporary);
      else {
        const to = { path: temporary, format: 'qcow2' as const };
        // A small file can stand for much: what it becomes leaves room for the disks of others.
        const maxFileSize = Math.floor(free * 0.9);
        await this.#qemuImg.convert({ path: source, format: foreign }, to, { bytes: size, maxFileSize });
      }
      const bytes = format === 'qcow2' ? await assertSelfContainedQcow2(temporary) : size;
      await chmod(temporary, 0o444);
      return bytes;
    });
    const record: CacheRecord = { format, virtualSize, sourceFormat: image.format, sourceSize: image.size };
    await writeFileAtomically(this.#recordPath(image.imageId), JSON.stringify(record));
    return virtualSize;
  }

  async #record(imageId: string): Promise<CacheRecord | undefined> {
    try {
      await stat(this.#dataPath(imageId));
      return JSON.parse(await readFile(this.#recordPath(imageId), 'utf8')) as CacheRecord;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #dataPath(imageId: string): string {
    return join(this.#folder, imageId);
  }

  #parentPath(imageId: string): string {
    return join(this.#folder, `${imageId}.rbd`);
  }

  #recordPath(imageId: string): string {
    return join(this.#folder, `${imageId}.json`);
  }
}
