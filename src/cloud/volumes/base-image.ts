import type { Tx } from '../../database/database.ts';

/**
 * The image that a copy of the disk is a layer over: the same one as the disk itself. That need not be the image its
 * volume was made of: a server that was shelved came back as a layer over what it was put away as.
 */
export async function imageUnder(tx: Tx, diskId: string | null | undefined): Promise<string | null> {
  if (!diskId) return null;
  const row = await tx.selectFrom('disks').select('image_id').where('id', '=', diskId).executeTakeFirst();
  return row?.image_id ?? null;
}
