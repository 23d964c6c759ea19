import type { ImageParts } from './parts.ts';

/**
 * Takes back the bytes that an action has brought into a store. May be repeated.
 *
 * @param isLate whether the action had ended for its user before: what somebody has brought to the same place since then,
 * is bringing, or has staged there, is theirs and stays
 */
export async function discardBytes(
  { rows, stores }: Pick<ImageParts, 'rows' | 'stores'>,
  { imageId, storeId }: { imageId: string; storeId: string },
  { isLate }: { isLate: boolean },
): Promise<void> {
  if (!stores.find(storeId)) return;
  if (isLate) {
    const copy = (await rows.replicas([imageId])).find((one) => one.storeId === storeId);
    if (copy && copy.state !== 'error') return;
  }
  await stores.driver(storeId).delete(imageId);
}
