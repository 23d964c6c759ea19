import { dirname } from 'node:path';
import type { Env } from '../../env/env.ts';
import type { DiskSource } from '../contract.ts';
import { copyFile } from './copy-file.ts';
import { readBackingPath } from './qcow2-header.ts';
import type { QemuImg } from './qemu-img.ts';
import type { StorageImages } from './storage-images.ts';

/** A file that is a disk. */
export interface DiskFile {
  path: string;
  format: 'qcow2' | 'raw';
}

/** Copies of disks that stay layers over what they are layers over, where that can be had in their new place. */
export class LayerCopies {
  readonly #env: Env;
  readonly #qemuImg: QemuImg;
  readonly #images: StorageImages;

  constructor(env: Env, qemuImg: QemuImg, images: StorageImages) {
    this.#env = env;
    this.#qemuImg = qemuImg;
    this.#images = images;
  }

  /**
   * Copies a disk of this host. Says whether it has: not one that gets another format, or can't be a layer there.
   * @param imageId the image that it is a layer over
   */
  async copy(
    from: DiskFile,
    to: DiskFile,
    { imageId, storageId }: { imageId: string | undefined; storageId: string | undefined },
  ): Promise<boolean> {
    if (from.format !== to.format) return false;
    const image = imageId === undefined ? undefined : await this.#find(imageId, storageId);
    const stays = dirname(from.path) === dirname(to.path);
    if (imageId !== undefined && !image && !stays) return false;
    await copyFile(this.#env, from.path, to.path);
    if (image && !stays) await this.#qemuImg.rebase(to.path, image);
    return true;
  }

  /** Where this host has the image below too, only what is above it is copied; else the whole, into one file. */
  async takeOver(source: DiskSource, size: number, to: DiskFile, storageId: string | undefined): Promise<void> {
    const { imageId, virtualSize } = source;
    if (source.kind === 'rbd') return this.#qemuImg.convertRbd(source, to, { bytes: virtualSize });
    const { path } = source;
    const image = imageId === undefined ? undefined : await this.#find(imageId, storageId);
    // What it is a layer over is another host's, and may go there.
    const isLayer = to.format === 'qcow2' && (await readBackingPath(path)) !== undefined;
    if (image || !isLayer) {
      await copyFile(this.#env, path, to.path);
      if (image) await this.#qemuImg.rebase(to.path, image);
    } else {
      await this.#qemuImg.convert({ path, format: 'qcow2' }, to, { bytes: virtualSize });
    }
    if (size > virtualSize) await this.#qemuImg.resize(to, size);
  }

  async #find(imageId: string, storageId: string | undefined) {
    return await this.#images.backing(imageId, storageId).catch(() => undefined);
  }
}
