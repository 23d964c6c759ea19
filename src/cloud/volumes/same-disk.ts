import type { DiskBase } from '../../agent/contract.ts';
import type { Queryable, Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

const otherName = statement((q, p: { diskId: string }) =>
  q
    .selectFrom('disks')
    .innerJoin('disks as other', 'other.id', 'disks.same_as')
    .select(['other.id', 'other.host_id', 'other.size', 'other.image_id'])
    .where('disks.id', '=', p.diskId),
);

const besideIt = statement((q, p: { diskId: string; hostId: string; storageId: string }) =>
  q
    .selectFrom('disks')
    .innerJoin('storages', 'storages.id', 'disks.storage_id')
    .select('disks.image_id')
    .where('disks.id', '=', p.diskId)
    .where('disks.host_id', '!=', p.hostId)
    .where('storages.id', '=', p.storageId)
    .where('storages.kind', '=', 'shared'),
);

/** Whether a disk on another host that is to be in the place of this one can be the same, as they share the storage; and over which image. */
export async function sharesFile(
  db: Queryable,
  diskId: string,
  place: { hostId: string; storageId: string | null },
): Promise<{ imageId: string | null } | undefined> {
  if (place.storageId === null) return undefined;
  const row = await besideIt.first(db, { diskId, hostId: place.hostId, storageId: place.storageId });
  return row && { imageId: row.image_id };
}

/** The host gets a name of its own for the image that a disk it takes over is a layer over, whose bytes are in the storage. */
export async function nameImage(tx: Tx, image: { hostId: string; imageId: string; now: number }): Promise<void> {
  await putNamedImage.run(tx, image);
}

const putNamedImage = statement<{ hostId: string; imageId: string; now: number }>((q, p) =>
  q
    .insertInto('cached_images')
    .values({ host_id: p.hostId, image_id: p.imageId, size: 0, last_used_at: p.now })
    .onConflict((conflict) => conflict.columns(['host_id', 'image_id']).doUpdateSet({ last_used_at: p.now })),
);

/** What a disk is made of that is another name for one of another host; undefined for any other disk. */
export async function sameDisk(
  db: Queryable,
  diskId: string,
  { isOpen }: { isOpen: boolean } = { isOpen: false },
): Promise<DiskBase | undefined> {
  const other = await otherName.first(db, { diskId });
  if (!other) return undefined;
  const { id, host_id: part, size: virtualSize, image_id } = other;
  const image = image_id === null ? {} : { imageId: image_id };
  return { kind: 'same', source: { diskId: id, part, virtualSize, ...image, ...(isOpen ? { isOpen } : {}) } };
}
