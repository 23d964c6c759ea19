import type { ImageStore } from '../../image-stores/store.ts';
import { ImageRefused } from './inspection/image-refused.ts';
import type { ImageReplica } from './model.ts';
import type { ImageParts } from './parts.ts';

/**
 * Begins to read an image: from the first of its active copies whose store answers, so that a store that is away keeps
 * nobody from an image that is elsewhere as well. Undefined where it has no active copy; throws what the first one failed
 * with where none can be read.
 */
export async function fromAnyCopy<T>(
  { stores }: Pick<ImageParts, 'stores'>,
  replicas: readonly ImageReplica[],
  begin: (driver: ImageStore) => Promise<T>,
): Promise<T | undefined> {
  const isAway = ({ storeId }: ImageReplica) => Number(stores.find(storeId)?.status !== 'connected');
  const active = replicas.filter(({ state }) => state === 'active').toSorted((a, b) => isAway(a) - isAway(b));
  if (active.length === 0) return undefined;
  return await fromFirst(active, ({ storeId }) => begin(stores.driver(storeId)));
}

/** What the first of the copies gives; of the next one where it fails, unless it is the image that is at fault. */
export async function fromFirst<T>(
  copies: readonly ImageReplica[],
  begin: (copy: ImageReplica) => Promise<T>,
): Promise<T> {
  const failures: unknown[] = [];
  for (const copy of copies) {
    try {
      return await begin(copy);
    } catch (error) {
      if (error instanceof ImageRefused) throw error;
      failures.push(error);
    }
  }
  throw failures[0];
}
