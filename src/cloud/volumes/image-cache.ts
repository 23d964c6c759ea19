import { AgentError, type CachedImage } from '../../agent/contract.ts';
import type { Cloud } from '../cloud.ts';
import { asked } from '../hosts/asked.ts';

/** How many images one activation removes at the most. */
const maxRemovedPerActivation = 20;
const second = 1_000_000;

export interface ImageCacheStatus {
  /** What hosts had and nothing knew of: whoever brought it died before it was written down. It ages from now on. */
  found: number;
  removed: number;
  failed: number;
  /** What all hosts keep afterwards. */
  images: number;
  bytes: number;
}

interface Cached {
  hostId: string;
  imageId: string;
  size: number;
  lastUsedAt: number;
  isGone: boolean;
}

/**
 * Removes images from the hosts' caches that no disk there is a layer over: those whose image is gone, those that were not
 * used for as long as `imageCacheAge` says, and, on a host that keeps more than `imageCacheBytes`, those that were not used
 * longest. A disk that is about to be made has its row already, so its image stays; one that gets its row at this moment
 * is seen by the host, which keeps the image then. What hosts have beyond that gets its row, and goes a round later.
 */
export async function trimImageCaches(cloud: Cloud): Promise<ImageCacheStatus> {
  const all = await cachedImages(cloud);
  const found = await writeDownUnknown(cloud, all);
  const status: ImageCacheStatus = { found, removed: 0, failed: 0, images: all.length, bytes: sumOf(all) };
  const based = await imagesUnderDisks(cloud);
  const unneeded = [...Map.groupBy(all, ({ hostId }) => hostId).values()].flatMap((ofHost) =>
    unneededOf(ofHost, based, cloud),
  );
  for (const cached of unneeded.slice(0, maxRemovedPerActivation)) {
    const { hostId, imageId, size } = cached;
    try {
      if (!(await removeCached(cloud, cached))) continue;
      status.removed += 1;
      status.images -= 1;
      status.bytes -= size;
    } catch (error) {
      status.failed += 1;
      cloud.log.warn({ err: error, imageId, hostId }, 'a cached image could not be removed yet');
    }
  }
  return status;
}

/**
 * Removes at once, however young they are, all images from a host's cache that no disk there is a layer over; with
 * `onlyGone` just those whose image is gone. Throws `not_found`, and `unavailable` (reason `unreachable`) where the host
 * does not answer.
 */
export async function clearImageCache(
  cloud: Cloud,
  hostId: string,
  { onlyGone }: { onlyGone: boolean },
): Promise<{ removed: number }> {
  await cloud.hosts.get(hostId);
  let removed = 0;
  await asked(async () => {
    for (const cached of await cachedImages(cloud, hostId)) {
      if (onlyGone && !cached.isGone) continue;
      // Asked anew each time: a disk that is about to be made may have got its row while others were removed.
      if ((await imagesUnderDisks(cloud, cached)).size > 0) continue;
      if (await removeCached(cloud, cached)) removed += 1;
    }
  });
  return { removed };
}

/** Whether the host has let go of the image: it has not where something there uses it after all. */
async function removeCached(cloud: Cloud, cached: Cached): Promise<boolean> {
  try {
    await cloud.hosts.agent(cached.hostId).removeCachedImage(cached.imageId);
  } catch (error) {
    if (error instanceof AgentError && error.code === 'in_use') return false;
    throw error;
  }
  await forget(cloud, cached);
  return true;
}

/**
 * Makes an image what disks of a host can be made from: as a snapshot to clone, where a store of its zone offers that and
 * the host can, else as a file there. What it takes of the host's room is its size. Throws `not_found`, `unavailable`, and
 * what hosts throw.
 */
export async function cacheImageOn(cloud: Cloud, hostId: string, imageId: string): Promise<CachedImage> {
  // Tenants' bytes are looked at once more, before any tool opens them.
  await cloud.images.inspectForUse(imageId, hostId);
  const agent = cloud.hosts.agent(hostId);
  const clonable = await cloud.images.clonableImageSpec(imageId, hostId);
  if (clonable) {
    try {
      await agent.ensureImageCached(clonable);
      return { ...clonable, size: 0 };
    } catch (err) {
      if (!(err instanceof AgentError && err.code === 'unsupported')) throw err;
      cloud.log.warn({ err, hostId, imageId }, 'a host makes no clones: it gets the image as a file');
    }
  }
  const image = await cloud.images.cachedImageSpec(imageId, hostId);
  await agent.ensureImageCached(image);
  return image;
}

/** Brings an image to a host before anything there needs it. Throws as `cacheImageOn`. */
export async function bringImage(cloud: Cloud, hostId: string, imageId: string): Promise<void> {
  const image = await cacheImageOn(cloud, hostId, imageId);
  await cloud.db.write((tx) => cloud.volumes.noteImageCached(tx, hostId, image));
}

/** Gives what the hosts have and no row tells of its row: as if it were used now, since somebody may be about to. */
async function writeDownUnknown(cloud: Cloud, all: readonly Cached[]): Promise<number> {
  const known = new Set(all.map(({ hostId, imageId }) => `${hostId} ${imageId}`));
  let found = 0;
  for (const [hostId, agent] of cloud.hosts.agents) {
    try {
      const { images } = await agent.inventory();
      for (const imageId of images.filter((id) => !known.has(`${hostId} ${id}`))) {
        await cloud.db.write(async (tx) => {
          const image = await tx.selectFrom('images').select('size').where('id', '=', imageId).executeTakeFirst();
          await cloud.volumes.noteImageCached(tx, hostId, { imageId, size: image?.size ?? 0 });
        });
        cloud.log.info({ hostId, imageId }, 'a host keeps an image that nothing knew of');
        found += 1;
      }
    } catch (err) {
      // The other hosts must not wait for one that is silent.
      cloud.log.warn({ err, hostId }, 'the images that a host keeps could not be looked at');
    }
  }
  return found;
}

/** What of one host's images is to go, the first the one that was not used longest. */
function unneededOf(images: readonly Cached[], based: ReadonlySet<string>, { env, settings }: Cloud): Cached[] {
  const oldest = env.now() - settings.imageCacheAge * second;
  let left = sumOf(images);
  const isTooMuch = () => settings.imageCacheBytes > 0 && left > settings.imageCacheBytes;
  return images
    .filter(({ hostId, imageId }) => !based.has(`${hostId} ${imageId}`))
    .toSorted((a, b) => Number(b.isGone) - Number(a.isGone) || a.lastUsedAt - b.lastUsedAt)
    .filter(({ isGone, lastUsedAt, size }) => {
      if (!isGone && lastUsedAt >= oldest && !isTooMuch()) return false;
      left -= size;
      return true;
    });
}

function sumOf(images: readonly Cached[]): number {
  return images.reduce((sum, { size }) => sum + size, 0);
}

/** What all hosts keep, or one of them. */
async function cachedImages({ db }: Cloud, hostId?: string): Promise<Cached[]> {
  let query = db.read
    .selectFrom('cached_images')
    .leftJoin('images', 'images.id', 'cached_images.image_id')
    .select(['cached_images.host_id', 'cached_images.image_id', 'cached_images.size'])
    .select(['cached_images.last_used_at', 'images.status']);
  if (hostId !== undefined) query = query.where('cached_images.host_id', '=', hostId);
  return (await query.execute()).map((row) => ({
    hostId: row.host_id,
    imageId: row.image_id,
    size: row.size,
    lastUsedAt: row.last_used_at,
    isGone: row.status === null || row.status === 'expunged',
  }));
}

async function imagesUnderDisks({ db }: Cloud, of?: Pick<Cached, 'hostId' | 'imageId'>): Promise<Set<string>> {
  let query = db.read.selectFrom('disks').select(['host_id', 'image_id']).distinct().where('image_id', 'is not', null);
  if (of) query = query.where('host_id', '=', of.hostId).where('image_id', '=', of.imageId);
  return new Set((await query.execute()).map(({ host_id, image_id }) => `${host_id} ${image_id}`));
}

/** Unless it was fetched again meanwhile. */
async function forget({ db }: Cloud, { hostId, imageId, lastUsedAt }: Cached): Promise<void> {
  await db.write((tx) =>
    tx
      .deleteFrom('cached_images')
      .where('host_id', '=', hostId)
      .where('image_id', '=', imageId)
      .where('last_used_at', '=', lastUsedAt)
      .execute(),
  );
}
