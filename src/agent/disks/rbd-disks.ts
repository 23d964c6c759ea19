import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import { AgentError, type RbdImage, type RbdParent } from '../contract.ts';
import { isNotFound } from '../errors.ts';
import type { Rbd } from './rbd.ts';

/** A disk of this host whose bytes are in Ceph. */
interface RbdDisk {
  image: RbdImage;
  /** The cached image that it is a layer over. */
  imageId?: string;
}

/** What `<diskId>.rbd` says. It is written before there is anything in Ceph, and again when the disk is complete. */
interface RbdRecord extends RbdDisk {
  isComplete: boolean;
}

/**
 * Disks of this host that are images of Ceph's, named after their ids: `<folder>/<diskId>.rbd` says where each is. So
 * nothing is in the pool that no host knows of, also after a kill between any two steps.
 */
export class RbdDisks {
  readonly #folder: string;
  readonly #rbd: Rbd;

  constructor(folder: string, rbd: Rbd) {
    this.#folder = folder;
    this.#rbd = rbd;
  }

  /** The disk, if it is there and complete. */
  async find(diskId: string): Promise<RbdDisk | undefined> {
    const record = await this.#record(diskId);
    return record?.isComplete ? record : undefined;
  }

  /** A layer over the image. */
  async clone(diskId: string, size: number, { parent, imageId }: { parent: RbdParent; imageId: string }) {
    const { conf, user, diskPool: pool } = parent;
    const disk = { image: { conf, user, pool, image: diskId }, imageId };
    await this.#make(diskId, size, disk, () => this.#rbd.clone(parent, disk.image));
  }

  /** A copy of a disk that nobody writes to, in the same pool. */
  async copy(
    diskId: string,
    size: number,
    { image, imageId }: RbdDisk,
    { flat = false }: { flat?: boolean } = {},
  ): Promise<void> {
    const { virtualSize } = await this.#rbd.usage(image);
    const disk = { image: { ...image, image: diskId }, ...(imageId === undefined || flat ? {} : { imageId }) };
    await this.#make(diskId, size, disk, () => this.#rbd.copy(image, disk.image, virtualSize, { flat }));
  }

  /** A disk in the pool of another one: with what the file has, or nothing on it. */
  async blank(diskId: string, size: number, { beside, path }: { beside: RbdDisk; path?: string }): Promise<void> {
    const image = { ...beside.image, image: diskId };
    await this.#make(diskId, size, { image }, () =>
      path === undefined ? this.#rbd.create(image, size) : this.#rbd.import(path, image, size),
    );
  }

  async remove(diskId: string): Promise<void> {
    const record = await this.#record(diskId);
    if (!record) return;
    await this.#rbd.remove(record.image);
    await rm(this.#path(diskId), { force: true });
  }

  /** As ZStack writes it: `ceph://pool/name`. */
  async usage({ image }: RbdDisk) {
    return { ...(await this.#rbd.usage(image)), installPath: `ceph://${image.pool}/${image.image}` };
  }

  grow({ image }: RbdDisk, size: number): Promise<void> {
    return this.#rbd.resize(image, size);
  }

  async #make(diskId: string, size: number, disk: RbdDisk, make: () => Promise<void>): Promise<void> {
    // What this host has begun before is begun anew; what is there without its knowing is another's.
    if (await this.#record(diskId)) await this.#rbd.remove(disk.image);
    else if (await this.#rbd.exists(disk.image))
      throw new AgentError('in_use', `the pool ${disk.image.pool} has an image ${diskId} that is not this host's`);
    await this.#write(diskId, { ...disk, isComplete: false });
    try {
      await make();
      const { virtualSize } = await this.#rbd.usage(disk.image);
      // Guests see whole sectors.
      const whole = Math.ceil(Math.max(size, virtualSize) / 512) * 512;
      if (whole > virtualSize) await this.#rbd.resize(disk.image, whole);
    } catch (error) {
      if (error instanceof AgentError && error.code === 'unreachable') throw error;
      // What can't be removed now is removed as an incomplete disk.
      await this.remove(diskId).catch(() => {});
      throw error;
    }
    await this.#write(diskId, { ...disk, isComplete: true });
  }

  async #record(diskId: string): Promise<RbdRecord | undefined> {
    try {
      return JSON.parse(await readFile(this.#path(diskId), 'utf8')) as RbdRecord;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #write(diskId: string, record: RbdRecord): Promise<void> {
    return writeFileAtomically(this.#path(diskId), JSON.stringify(record));
  }

  #path(diskId: string): string {
    return join(this.#folder, `${diskId}.rbd`);
  }
}
