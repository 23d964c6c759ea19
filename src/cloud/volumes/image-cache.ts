import type { Cloud } from '../cloud.ts';

/** How many images one activation removes at the most. */
const maxRemovedPerActivation = 20;
/** How long an image stays on a host that makes no disk of it, microseconds. */
const idleTime = 7 * 24 * 3600 * 1_000_000;

export interface ImageCacheStatus {
  removed: number;
  failed: number;
}

/**
 * Removes images from the hosts' caches that no disk there is a layer over: those whose image is gone, and those that
 * were not used for a week. A disk that is about to be made has its row already, so its image stays.
 */
export async function trimImageCaches(cloud: Cloud): Promise<ImageCacheStatus> {
  const status: ImageCacheStatus = { removed: 0, failed: 0 };
  for (const { hostId, imageId } of await unneeded(cloud)) {
    try {
      await cloud.hosts.agent(hostId).removeCachedImage(imageId);
      await cloud.db.write((tx) =>
        tx.deleteFrom('cached_images').where('host_id', '=', hostId).where('image_id', '=', imageId).execute(),
      );
      status.removed += 1;
    } catch (error) {
      status.failed += 1;
      cloud.log.warn({ err: error, imageId, hostId }, 'a cached image could not be removed yet');
    }
  }
  return status;
}

async function unneeded({ db, env }: Cloud): Promise<Array<{ hostId: string; imageId: string }>> {
  const since = env.now() - idleTime;
  return await db.read
    .selectFrom('cached_images')
    .leftJoin('images', 'images.id', 'cached_images.image_id')
    .select(['cached_images.host_id as hostId', 'cached_images.image_id as imageId'])
    .where((e) =>
      e.or([
        e('images.id', 'is', null),
        e('images.status', '=', 'expunged'),
        e('cached_images.last_used_at', '<', since),
      ]),
    )
    .where((e) =>
      e.not(
        e.exists(
          e
            .selectFrom('disks')
            .select('disks.id')
            .whereRef('disks.image_id', '=', 'cached_images.image_id')
            .whereRef('disks.host_id', '=', 'cached_images.host_id'),
        ),
      ),
    )
    .limit(maxRemovedPerActivation)
    .execute();
}
