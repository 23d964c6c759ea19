import { withDashes } from '../../env/env.ts';
import type { Image, ImageReplica } from './model.ts';

/** A copy that failed and is being tried again has still failed, as far as anybody knows. */
const isUnderWay: ReadonlyArray<ImageReplica['state']> = ['pending', 'copying'];

/** How the failure of a copy begins that ran out of time. */
export const copyTimedOut = 'timeout';

/**
 * K5's `sync_status_reason`: why the image could not be registered in another zone. Undefined as long as no copy has
 * failed, and again once the copy has been made after all.
 */
export function syncStatusReason(image: Pick<Image, 'id'>, replicas: readonly ImageReplica[]): string | undefined {
  const failed = replicas.find(
    ({ imageId, state, lastError }) =>
      imageId === image.id && (state === 'error' || (isUnderWay.includes(state) && lastError !== null)),
  );
  if (!failed) return undefined;
  const cause = failed.lastError?.startsWith(copyTimedOut) ? 'A timeout' : 'A failure';
  return (
    `ERROR:${cause} occurred during synchronize image the server(${failed.storeAddress}) in the image operation. ` +
    `image_id=${withDashes(image.id)}`
  );
}
