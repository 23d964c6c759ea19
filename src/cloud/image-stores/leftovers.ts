import type { ImageStore, StoreListing } from '../../image-stores/store.ts';
import type { Cloud } from '../cloud.ts';

/** Bytes of an image are nobody's only after so long, microseconds: whoever writes them has a row for them by then. */
const orphanAge = 3600 * 1_000_000;
/** How many files one activation removes at the most. */
const maxRemovedPerActivation = 50;
/** How often one request looks again whether there is more. */
const maxActivations = 200;

/** As many ids as one statement looks up. */
const idsPerQuery = 500;

export interface StoreLeftoversStatus {
  removed: number;
  failed: number;
}

/**
 * Removes from image stores what was written for an image and is nobody's any more: exports of a host that was cut off
 * in the middle, uploads of dead processes, and whole images of which this cloud knows that they have no copy there. What
 * an action that has not ended names is left to that action, and images that the database has never heard of to the
 * administrator, whom the audit tells: the store may be another cloud's.
 */
export async function removeStoreLeftovers(cloud: Cloud): Promise<StoreLeftoversStatus> {
  const status: StoreLeftoversStatus = { removed: 0, failed: 0 };
  const connected = cloud.imageStores.list().filter(({ status }) => status === 'connected');
  for (const { id } of connected) await sweep(cloud, id, cloud.imageStores.driver(id), status);
  return status;
}

/** Does that for one store now, until nothing is left that could go. Gives how many bytes were freed. Throws `unavailable`. */
export async function reclaimSpaceOf(cloud: Cloud, storeId: string): Promise<number> {
  const store = cloud.imageStores.driver(storeId);
  let freed = 0;
  for (let activation = 0; activation < maxActivations; activation += 1) {
    const status: StoreLeftoversStatus = { removed: 0, failed: 0 };
    freed += await sweep(cloud, storeId, store, status);
    if (status.removed === 0) break;
  }
  return freed;
}

/** Gives how many bytes were freed. */
async function sweep(cloud: Cloud, storeId: string, store: ImageStore, status: StoreLeftoversStatus): Promise<number> {
  const { images, others } = await store.list();
  let freed = await removeOrphans(cloud, storeId, store, images, status);
  const left = others.filter(({ kind, isLive, imageId }) => kind !== 'unknown' && !isLive && imageId);
  // The listing comes first: an action that has ended since then has cared for its files itself.
  const owned = left.length > 0 ? await ownedImages(cloud, storeId) : new Set<string>();
  const nobodys = left.filter(({ imageId }) => !owned.has(imageId!));
  for (const file of nobodys.slice(0, maxRemovedPerActivation)) freed += await remove(cloud, store, file, status);
  return freed;
}

async function removeOrphans(
  cloud: Cloud,
  storeId: string,
  store: ImageStore,
  images: StoreListing['images'],
  status: StoreLeftoversStatus,
): Promise<number> {
  const { db, env, log } = cloud;
  const sizes = new Map(images.map(({ imageId, size }) => [imageId, size]));
  let freed = 0;
  const old = images.filter(({ modifiedAt }) => modifiedAt < env.now() - orphanAge).map(({ imageId }) => imageId);
  const orphans: string[] = [];
  for (let at = 0; at < old.length; at += idsPerQuery) {
    const ids = old.slice(at, at + idsPerQuery);
    const known = await db.read
      .selectFrom('images')
      .select('id')
      .where('id', 'in', ids)
      .where((e) =>
        e.not(
          e.exists(
            e
              .selectFrom('image_replicas')
              .select('image_id')
              .whereRef('image_id', '=', 'images.id')
              .where('store_id', '=', storeId),
          ),
        ),
      )
      .execute();
    orphans.push(...known.map(({ id }) => id));
  }
  if (orphans.length === 0) return 0;
  const owned = await ownedImages(cloud, storeId);
  for (const imageId of orphans.filter((id) => !owned.has(id)).slice(0, maxRemovedPerActivation)) {
    try {
      await store.delete(imageId);
      status.removed += 1;
      freed += sizes.get(imageId) ?? 0;
      log.warn({ store: store.name, imageId }, 'bytes of an image that has no copy in the store were removed');
    } catch (error) {
      status.failed += 1;
      log.warn({ err: error, store: store.name, imageId }, 'bytes that are no image’s could not be removed yet');
    }
  }
  return freed;
}

/**
 * Images that actions still work on: their own, and those that their inputs name; those whose uploads wait, and those that
 * are brought into the store right now, perhaps by another process. What a dead one was bringing is given up a minute later.
 */
async function ownedImages({ db }: Cloud, storeId: string): Promise<Set<string>> {
  const actions = await db.read
    .selectFrom('actions')
    .select(['resource_id', 'input'])
    .where('finished_at', 'is', null)
    .execute();
  const uploads = await db.read.selectFrom('image_uploads').select('image_id').execute();
  const coming = await db.read
    .selectFrom('image_replicas')
    .select('image_id')
    .where('store_id', '=', storeId)
    .where('state', '=', 'copying')
    .execute();
  return new Set([
    ...coming.map(({ image_id }) => image_id),
    ...actions.flatMap(({ resource_id, input }) => [resource_id, ...(input.match(/[0-9a-f]{32}/g) ?? [])]),
    ...uploads.map(({ image_id }) => image_id),
  ]);
}

async function remove(
  { log }: Cloud,
  store: ImageStore,
  { name, size }: StoreListing['others'][number],
  status: StoreLeftoversStatus,
): Promise<number> {
  try {
    await store.removeStray(name);
    status.removed += 1;
    log.warn({ store: store.name, file: name }, 'a file that was left over in an image store was removed');
    return size;
  } catch (error) {
    status.failed += 1;
    log.warn(
      { err: error, store: store.name, file: name },
      'a file left over in an image store could not be removed yet',
    );
    return 0;
  }
}
