import type { CachedImage, DiskFormat } from '../../agent/contract.ts';
import { withDashes } from '../../env/env.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { fromFirst } from './from-any-copy.ts';
import { type HardwareFacts, hardwareOf } from './hardware.ts';
import { inspectStored } from './inspect-stored.ts';
import { ImageRefused } from './inspection/image-refused.ts';
import { type Image, type ImageReplica, isGone } from './model.ts';
import type { ImageParts } from './parts.ts';
import { receiveFailure } from './receive.ts';
import { mayKnow } from './rights.ts';
import { Unchanged } from './unchanged.ts';

/** An image that a server may be built from. */
export interface BootImage extends Image {
  status: 'active';
  size: number;
  virtualSize: number;
  hardware: HardwareFacts;
}

/** Formats under which the bytes are a plain disk. */
const plainDisks = ['raw', 'ami', 'ari', 'aki'];
/** How long a copy that failed is not the first to be tried, microseconds. */
const avoidedFor = 60_000_000;
const diskFormats: readonly DiskFormat[] = ['qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx', 'iso'];

/** What servers and volumes need of images. */
export class BootImages {
  readonly #parts: ImageParts;
  /** Images that were found good for use. */
  readonly #good = new Unchanged();
  /** Copies that could not be used, and until when others are tried before them. */
  readonly #failed = new Map<string, number>();

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  /**
   * The image, if the subject may build a server from it. Throws `invalid` with Nova's words and a reason:
   * `image_not_found` (also for images of others), `image_not_active`, `image_is_data`, `image_is_system`.
   */
  async forBoot(subject: Subject, imageId: string, use: 'server' | 'volume' = 'server'): Promise<BootImage> {
    const { rows } = this.#parts;
    const image = await rows.image(imageId);
    if (!image || isGone(image) || !(await mayKnow(rows, subject, image))) {
      throw unusable('image_not_found', 'Can not find requested image', imageId);
    }
    if (image.status !== 'active') {
      throw unusable('image_not_active', `Image ${withDashes(imageId)} is not active.`, imageId);
    }
    if (image.mediaType === 'data' && use === 'server') {
      throw unacceptable('image_is_data', 'it holds data, and no system to boot.', imageId);
    }
    if (image.isSystem) throw unacceptable('image_is_system', "it is not for users' servers.", imageId);
    this.#formatOf(image);
    return {
      ...image,
      status: 'active',
      size: image.size!,
      virtualSize: image.virtualSize!,
      hardware: hardwareOf(image.properties),
    };
  }

  /**
   * What the host needs to get the image, from a store of its own zone where one has it. Also of deleted images as long as there are bytes: their servers live on.
   * Throws `unavailable` when no connected store has them as a file.
   */
  async cachedImageSpec(imageId: string, hostId?: string): Promise<CachedImage> {
    const { image, replicas } = await this.#withBytes(imageId, hostId);
    return await this.#fromNearest(replicas, async (replica) => {
      // Only the nearest has been looked at already.
      if (replica !== replicas[0]) await this.#inspect(image, replica);
      const driver = this.#parts.stores.driver(replica.storeId);
      const size = replica.size ?? image.size!;
      const path = driver.localPath(imageId) ?? (await driver.localCopy?.(imageId, { size, sha512: image.hashValue! }));
      if (path === undefined) {
        throw new CloudError('unavailable', 'The image is in a store that hosts can not read from.', { id: imageId });
      }
      return { imageId, format: this.#formatOf(image), size, source: { kind: 'file', path } };
    });
  }

  /** Throws `not_found` or `unavailable` where no connected store has the image's bytes. Nothing is fetched. */
  async requireBytes(imageId: string): Promise<void> {
    await this.#withBytes(imageId);
  }

  /**
   * What disks on a host are cloned from, where a store of its zone can have that done: of a raw image only. Undefined
   * where none can; the host may still refuse (`unsupported`).
   */
  async clonableImageSpec(imageId: string, hostId: string): Promise<CachedImage | undefined> {
    const { rows, stores } = this.#parts;
    const image = await rows.image(imageId);
    if (!image || this.#formatOf(image) !== 'raw') return undefined;
    const zoneId = await this.#zoneOf(hostId);
    for (const replica of await rows.replicas([imageId])) {
      const { state, storeId, size } = replica;
      const store = stores.find(storeId);
      const isThere = (state === 'active' || state === 'deleted') && store?.status === 'connected';
      if (!isThere || this.#doubt(replica) || zoneId === undefined || !store.zoneIds.includes(zoneId)) continue;
      const source = stores.driver(storeId).cloneSource?.(imageId);
      if (source) return { imageId, format: 'raw', size: size ?? image.size!, source: { kind: 'rbd', ...source } };
    }
    return undefined;
  }

  /**
   * Looks at the image once more before a host opens it, by the stricter rules for use: costs the same for any size, and
   * next to nothing while the bytes are those that were found good. The copy is the one that `cachedImageSpec` tries first.
   * Throws `unsupported_media`, and `not_found` or `unavailable` as `cachedImageSpec`.
   */
  async inspectForUse(imageId: string, hostId?: string): Promise<void> {
    const { image, replicas } = await this.#withBytes(imageId, hostId);
    try {
      await this.#fromNearest(replicas, (replica) => this.#inspect(image, replica));
    } catch (error) {
      throw receiveFailure(error);
    }
  }

  async #inspect(image: Image, replica: ImageReplica): Promise<void> {
    const driver = this.#parts.stores.driver(replica.storeId);
    const size = replica.size ?? image.size!;
    const inspect = () => inspectStored(driver, image.id, size, image.diskFormat ?? 'raw', 'use');
    await this.#good.once(nameOf(replica), await driver.version?.(image.id), inspect);
  }

  /** As `fromFirst`: a copy that fails comes last for a while, so that whoever asks next does not wait for it. */
  #fromNearest<T>(replicas: readonly ImageReplica[], begin: (replica: ImageReplica) => Promise<T>): Promise<T> {
    const { env, log } = this.#parts.core;
    return fromFirst(replicas, async (replica) => {
      try {
        const result = await begin(replica);
        this.#failed.delete(nameOf(replica));
        return result;
      } catch (error) {
        if (error instanceof ImageRefused) throw error;
        const now = env.now();
        for (const [copy, until] of this.#failed) if (until <= now) this.#failed.delete(copy);
        this.#failed.set(nameOf(replica), now + avoidedFor);
        const { imageId, storeId } = replica;
        log.warn({ err: error, imageId, storeId }, 'a copy of an image can not be used');
        throw error;
      }
    });
  }

  /** 1 for a copy that has failed a moment ago. */
  #doubt(replica: ImageReplica): number {
    return Number((this.#failed.get(nameOf(replica)) ?? 0) > this.#parts.core.env.now());
  }

  /**
   * The image and copies of it that can be read now: those that have failed a moment ago come last, and before them those
   * that are deleted; of the others those of the host's zone come first.
   */
  async #withBytes(imageId: string, hostId?: string): Promise<{ image: Image; replicas: ImageReplica[] }> {
    const { rows, stores } = this.#parts;
    const image = await rows.image(imageId);
    const replicas = (await rows.replicas([imageId])).filter(({ state }) => state === 'active' || state === 'deleted');
    if (!image || replicas.length === 0) throw unusable('image_not_found', 'Can not find requested image', imageId);
    const zoneId = hostId === undefined ? undefined : await this.#zoneOf(hostId);
    const distance = ({ storeId }: ImageReplica) =>
      zoneId !== undefined && stores.find(storeId)?.zoneIds.includes(zoneId) ? 0 : 1;
    const sorted = replicas
      .filter(({ storeId }) => stores.find(storeId)?.status === 'connected')
      .toSorted(
        (a, b) => this.#doubt(a) - this.#doubt(b) || a.state.localeCompare(b.state) || distance(a) - distance(b),
      );
    if (sorted.length === 0) throw new CloudError('unavailable', 'The image store is not connected.', { id: imageId });
    return { image, replicas: sorted };
  }

  async #zoneOf(hostId: string): Promise<string | undefined> {
    const { read } = this.#parts.core.db;
    const host = await read.selectFrom('hosts').select('zone_id').where('id', '=', hostId).executeTakeFirst();
    return host?.zone_id;
  }

  #formatOf(image: Image): DiskFormat {
    const format = image.diskFormat ?? 'raw';
    if (plainDisks.includes(format)) return 'raw';
    const known = diskFormats.find((one) => one === format);
    if (known) return known;
    throw unacceptable('image_format', `no host can boot the format ${format}.`, image.id);
  }
}

function nameOf({ imageId, storeId }: ImageReplica): string {
  return `${storeId} ${imageId}`;
}

function unacceptable(reason: string, why: string, id: string): CloudError {
  return unusable(reason, `Image ${withDashes(id)} is unacceptable: ${why}`, id);
}

function unusable(reason: string, message: string, id: string): CloudError {
  return new CloudError('invalid', message, { reason, resource: 'image', id });
}
