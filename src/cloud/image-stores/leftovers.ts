import type { ImageStore, StoreListing } from '../../image-stores/store.ts';
import type { Cloud } from '../cloud.ts';

/** How many files one activation removes at the most. */
const maxRemovedPerActivation = 50;

export interface StoreLeftoversStatus {
  removed: number;
  failed: number;
}

/**
 * Removes from image stores what was written for an image and is nobody's any more: exports of a host that was cut off
 * in the middle, and uploads of dead processes. What an action that has not ended names is left to that action.
 */
export async function removeStoreLeftovers(cloud: Cloud): Promise<StoreLeftoversStatus> {
  const status: StoreLeftoversStatus = { removed: 0, failed: 0 };
  const connected = cloud.imageStores.list().filter(({ status }) => status === 'connected');
  for (const { id } of connected) await sweep(cloud, cloud.imageStores.driver(id), status);
  return status;
}

async function sweep(cloud: Cloud, store: ImageStore, status: StoreLeftoversStatus): Promise<void> {
  const { others } = await store.list();
  const left = others.filter(({ kind, isLive, imageId }) => kind !== 'unknown' && !isLive && imageId);
  // The listing comes first: an action that has ended since then has cared for its files itself.
  const owned = left.length > 0 ? await ownedImages(cloud) : new Set<string>();
  const nobodys = left.filter(({ imageId }) => !owned.has(imageId!));
  for (const file of nobodys.slice(0, maxRemovedPerActivation)) await remove(cloud, store, file, status);
}

/** Images that actions still work on: their own, and those that their inputs name; and those whose uploads wait. */
async function ownedImages({ db }: Cloud): Promise<Set<string>> {
  const actions = await db.read
    .selectFrom('actions')
    .select(['resource_id', 'input'])
    .where('finished_at', 'is', null)
    .execute();
  const uploads = await db.read.selectFrom('image_uploads').select('image_id').execute();
  return new Set([
    ...actions.flatMap(({ resource_id, input }) => [resource_id, ...(input.match(/[0-9a-f]{32}/g) ?? [])]),
    ...uploads.map(({ image_id }) => image_id),
  ]);
}

async function remove(
  { log }: Cloud,
  store: ImageStore,
  { name }: StoreListing['others'][number],
  status: StoreLeftoversStatus,
): Promise<void> {
  try {
    await store.removeStray(name);
    status.removed += 1;
    log.warn({ store: store.name, file: name }, 'a file that was left over in an image store was removed');
  } catch (error) {
    status.failed += 1;
    log.warn(
      { err: error, store: store.name, file: name },
      'a file left over in an image store could not be removed yet',
    );
  }
}
