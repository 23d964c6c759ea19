import { sql } from 'kysely';
import type { Queryable } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';

export interface ImageUsage {
  /** Images that are not deleted. */
  images: number;
  /** Their bytes; of uploads under way, what they are to have. */
  imageBytes: number;
}

/** What the project has of images. */
export async function imageUsage(db: Queryable, projectId: string): Promise<ImageUsage> {
  const row = await db
    .selectFrom('images')
    .select((eb) => [eb.fn.countAll<number>().as('images'), eb.fn.sum<number | null>('size').as('bytes')])
    .where('project_id', '=', projectId)
    .where('status', 'not in', ['deleted', 'expunged'])
    .executeTakeFirstOrThrow();
  return { images: Number(row.images), imageBytes: Number(row.bytes ?? 0) };
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
  const rows = await tx
    .selectFrom('quotas')
    .select(['resource', 'hard_limit'])
    .where('project_id', '=', projectId)
    .where('resource', 'in', ['images', 'image_bytes'])
    .execute();
  const limitOf = (resource: 'images' | 'image_bytes') =>
    rows.find((row) => row.resource === resource)?.hard_limit ?? core.settings.defaultQuotas[resource];
  const images = limitOf('images');
  const bytes = limitOf('image_bytes');
  if (images < 0 && bytes < 0) return;
  // Others who ask for the same project wait here: each must see what the one before took. SQLite has one writer.
  if (core.db.kind === 'postgres')
    await sql`select pg_advisory_xact_lock(hashtext(${`quota ${projectId}`}))`.execute(tx);
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
  const row = await tx
    .selectFrom('quotas')
    .select('hard_limit')
    .where('project_id', '=', projectId)
    .where('resource', '=', 'image_bytes')
    .executeTakeFirst();
  const limit = row?.hard_limit ?? core.settings.defaultQuotas.image_bytes;
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
