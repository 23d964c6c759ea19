import type { ImageStore } from '../../image-stores/store.ts';
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
  const failures: unknown[] = [];
  for (const { storeId } of active) {
    try {
      return await begin(stores.driver(storeId));
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return undefined;
}
