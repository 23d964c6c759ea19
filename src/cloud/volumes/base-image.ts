import type { Queryable, Tx } from '../../database/database.ts';

/** As `imageUnder`, for a disk that may be one for several servers: that is flat, whatever it is made of. */
export async function imageBelow(
  tx: Tx,
  { volumeId, imageId, sourceDiskId }: { volumeId: string; imageId?: string; sourceDiskId?: string },
): Promise<string | null> {
  if (await isShared(tx, volumeId)) return null;
  return imageId ?? (await imageUnder(tx, sourceDiskId));
}

/** Whether several servers may have the volume; a snapshot, which none can have, is not shared. */
export async function isShared(db: Queryable, volumeId: string): Promise<boolean> {
  const row = await db.selectFrom('volumes').select('multiattach').where('id', '=', volumeId).executeTakeFirst();
  return row?.multiattach === 1;
}

/**
 * The image that a copy of the disk is a layer over: the same one as the disk itself. That need not be the image its
 * volume was made of: a server that was shelved came back as a layer over what it was put away as.
 */
async function imageUnder(tx: Tx, diskId: string | null | undefined): Promise<string | null> {
  if (!diskId) return null;
  const row = await tx.selectFrom('disks').select('image_id').where('id', '=', diskId).executeTakeFirst();
  return row?.image_id ?? null;
}
