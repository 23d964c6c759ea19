import type { Tx } from '../../database/database.ts';
import type { ImageStatus } from '../../database/schema.ts';
import type { Copies } from './copies.ts';
import type { Image } from './model.ts';
import type { ImageParts } from './parts.ts';
import { checkImageQuota } from './quota.ts';
import { goneMeanwhile, type ReceivedImage } from './receive.ts';
import { finishReplica } from './rows.ts';

/**
 * Makes an image active whose bytes are in the given store, and asks for the copies that other zones need. False when
 * the image is not in the status (any more) in which it waited for them.
 */
export async function activate(
  tx: Tx,
  { parts, copies }: { parts: ImageParts; copies: Copies },
  at: { imageId: string; storeId: string; from: ImageStatus; requestId: string },
  received: ReceivedImage,
): Promise<boolean> {
  const now = parts.core.env.now();
  const before = await parts.rows.row(at.imageId, tx);
  const { format, virtualSize } = received.inspection;
  const changed = await tx
    .updateTable('images')
    .set({
      status: 'active',
      size: received.size,
      virtual_size: virtualSize,
      checksum: received.checksums.md5,
      hash_value: received.checksums.sha512,
      last_error: null,
      failed_import: null,
      origin_store_id: at.storeId,
      staged: null,
      updated_at: now,
      ...(format === 'iso' ? { media_type: 'iso' as const } : {}),
      ...(format !== 'iso' && before?.media_type === 'iso' ? { media_type: 'root' as const } : {}),
    })
    .where('id', '=', at.imageId)
    .where('status', '=', at.from)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) return false;
  await finishReplica(tx, { ...at, now }, received);
  const image = await parts.rows.image(at.imageId, tx);
  if (image) await copies.requestMissing(tx, image, { requestId: at.requestId });
  return true;
}

/**
 * As `activate`, for bytes whose format was not known before they came: it is told now, and what they take is held against
 * the quota. Gives the image and the stores that it was registered for. Throws `conflict` (`deleted_meanwhile`) and
 * `quota_exceeded`.
 */
export async function activateAsReceived(
  tx: Tx,
  by: { parts: ImageParts; copies: Copies },
  at: Parameters<typeof activate>[2],
  received: ReceivedImage,
): Promise<{ image: Image; storeIds: string[] }> {
  const { rows, core } = by.parts;
  const registered = await rows.replicas([at.imageId], tx);
  if (!(await activate(tx, by, at, received))) throw goneMeanwhile();
  const image = (await rows.image(at.imageId, tx))!;
  if (!image.diskFormat) {
    await tx
      .updateTable('images')
      .set({ disk_format: received.inspection.format, container_format: image.containerFormat ?? 'bare' })
      .where('id', '=', at.imageId)
      .execute();
  }
  await checkImageQuota(core, tx, image.projectId);
  return { image, storeIds: registered.map(({ storeId }) => storeId) };
}
