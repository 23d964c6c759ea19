import { withDashes } from '../../env/env.ts';
import type { Image, ImageReplica } from './model.ts';

/** How the failure of a copy begins that ran out of time. */
export const copyTimedOut = 'timeout';

/**
 * K5's `sync_status_reason`: why the image could not be registered in another zone. Undefined as long as no copy has
 * failed, and again once the copy has been made after all.
 */
export function syncStatusReason(image: Pick<Image, 'id'>, replicas: readonly ImageReplica[]): string | undefined {
  const failed = replicas.find((replica) => replica.imageId === image.id && replica.state === 'error');
  if (!failed) return undefined;
  const cause = failed.lastError?.startsWith(copyTimedOut) ? 'A timeout' : 'A failure';
  return (
    `ERROR:${cause} occurred during synchronize image the server(${failed.storeAddress}) in the image operation. ` +
    `image_id=${withDashes(image.id)}`
  );
}
