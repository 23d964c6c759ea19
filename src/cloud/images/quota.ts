import type { Queryable } from '../../database/database.ts';
import type { ImageStatus } from '../../database/schema.ts';
import { takeTurn } from '../../database/turns.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { limitsIn } from '../quotas/quotas.ts';

export interface ImageUsage {
  /** Images that are not deleted. */
  images: number;
  /** Their bytes; of uploads under way, what they are to have. */
  imageBytes: number;
  /** Images whose bytes are coming. */
  uploading: number;
  /** The bytes of those that are staged or imported, as far as they are known. */
  stagedBytes: number;
}

/** Glance's words for an image whose bytes are coming; those of an upload go straight to a store. */
const staged: readonly ImageStatus[] = ['uploading', 'importing'];
const coming: readonly ImageStatus[] = ['saving', ...staged];

/** What the project has of images. */
export async function imageUsage(db: Queryable, projectId: string): Promise<ImageUsage> {
  const row = await db
    .selectFrom('images')
    .select((eb) => [
      eb.fn.countAll<number>().as('images'),
      eb.fn.sum<number | null>('size').as('bytes'),
      eb.fn.countAll<number>().filterWhere('status', 'in', coming).as('uploading'),
      eb.fn.sum<number | null>('size').filterWhere('status', 'in', staged).as('staged'),
    ])
    .where('project_id', '=', projectId)
    .where('status', 'not in', ['deleted', 'expunged'])
    .executeTakeFirstOrThrow();
  return {
    images: Number(row.images),
    imageBytes: Number(row.bytes ?? 0),
    uploading: Number(row.uploading),
    stagedBytes: Number(row.staged ?? 0),
  };
}

/**
 * Refuses (`quota_exceeded`) when the project has more than it may, counting what this transaction has made and
 * `moreBytes` that are about to come.
 */
export async function checkImageQuota(
  core: Pick<CloudCore, 'settings' | 'db'>,
  tx: Queryable,
  projectId: string,
  moreBytes = 0,
): Promise<void> {
  const { images, image_bytes: bytes } = await limitsIn(core, tx, projectId);
  if (images < 0 && bytes < 0) return;
  await takeTurn(core.db, tx, `quota ${projectId}`);
  const usage = await imageUsage(tx, projectId);
  if (images >= 0 && usage.images > images) throw exceeded('images', images, usage.images);
  if (bytes >= 0 && usage.imageBytes + moreBytes > bytes) {
    throw exceeded('image_bytes', bytes, usage.imageBytes + moreBytes);
  }
}

/** How many bytes more the project may have of images; infinite where there is no limit. */
export async function roomInQuota(
  core: Pick<CloudCore, 'settings'>,
  tx: Queryable,
  projectId: string,
): Promise<number> {
  const { image_bytes: limit } = await limitsIn(core, tx, projectId);
  if (limit < 0) return Number.POSITIVE_INFINITY;
  return Math.max(0, limit - (await imageUsage(tx, projectId)).imageBytes);
}

function exceeded(resource: string, limit: number, wanted: number): CloudError {
  return new CloudError(
    'quota_exceeded',
    `Quota exceeded: the project may have ${limit} ${resource === 'images' ? 'images' : 'bytes of images'}, and would have ${wanted}.`,
    { resource, reason: 'over_quota' },
  );
}
