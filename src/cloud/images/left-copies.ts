import type { Cloud } from '../cloud.ts';

/** A copy that was left where it is, of an image that is in another store. */
export interface LeftCopy {
  imageId: string;
  installPath: string;
  /** Bytes. */
  size: number;
  createdAt: number;
  leftAt: number;
}

/** Those in a store, the longest left first. A deleted image is none: it can be recovered. */
export async function leftCopiesIn(cloud: Cloud, storeId: string, limit: number): Promise<LeftCopy[]> {
  const copies = await cloud.db.read
    .selectFrom('image_replicas as copy')
    .innerJoin('images', 'images.id', 'copy.image_id')
    .select(['copy.image_id', 'copy.created_at', 'copy.updated_at', 'copy.install_path', 'images.size'])
    .where('copy.store_id', '=', storeId)
    .where('copy.state', '=', 'deleted')
    .where('images.status', 'in', ['active', 'deactivated'])
    .orderBy('copy.updated_at')
    .limit(limit)
    .execute();
  return copies.map(({ image_id: imageId, install_path, size, created_at: createdAt, updated_at: leftAt }) => ({
    ...{ imageId, installPath: install_path ?? '', size: size ?? 0, createdAt, leftAt },
  }));
}
