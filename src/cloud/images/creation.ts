import { ConstraintViolation, type Tx } from '../../database/database.ts';
import type { ImageStatus } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import { columnsOf, type ImageChanges, type NewImage } from './model.ts';
import { checkImageQuota } from './quota.ts';
import { requireMayPublish } from './rights.ts';
import { setTags } from './rows.ts';

const maxTags = 128;
const maxProperties = 128;

/** Writes the row of a new image, and counts it against its owner's quota. */
export async function newImageRow(
  tx: Tx,
  core: Pick<CloudCore, 'env' | 'settings' | 'db'>,
  subject: Subject,
  image: NewImage & { id: string },
  status: ImageStatus,
): Promise<void> {
  checkChanges(subject, image);
  const now = core.env.now();
  const projectId = image.projectId ?? projectOf(subject);
  const taken = await tx.selectFrom('images').select('id').where('id', '=', image.id).executeTakeFirst();
  if (taken) throw duplicate(image.id);
  await tx
    .insertInto('images')
    .values({
      id: image.id,
      project_id: projectId,
      user_id: subject.userId,
      name: null,
      description: null,
      status,
      visibility: 'shared',
      disk_format: null,
      container_format: null,
      size: null,
      virtual_size: null,
      checksum: null,
      hash_value: null,
      min_disk_gb: 0,
      min_memory_mb: 0,
      protected: 0,
      hidden: 0,
      media_type: image.diskFormat === 'iso' ? 'iso' : 'root',
      platform: null,
      guest_os: null,
      is_system: 0,
      source_url: image.sourceUrl ?? null,
      properties: '{}',
      last_error: null,
      created_at: now,
      updated_at: now,
      deleted_at: null,
      expunge_at: null,
      origin_store_id: null,
      staged: null,
      import_task_id: null,
      failed_import: null,
      ...columnsOf({ ...image, projectId }),
    })
    .execute();
  if (image.tags && image.tags.length > 0) await setTags(tx, image.id, image.tags);
  await checkImageQuota(core, tx, projectId);
}

/** Two who ask for the same id at the same moment meet in the database, which lets one of them in. */
export function idTaken(id: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof ConstraintViolation && error.kind === 'unique' ? duplicate(id, error) : error;
  };
}

function duplicate(id: string, cause?: unknown): CloudError {
  return new CloudError('duplicate', `Image ID ${id} already exists!`, { resource: 'image', id, cause });
}

/** What nobody, or only administrators, may set. */
export function checkChanges(subject: Subject, changes: ImageChanges): void {
  requireMayPublish(subject, changes.visibility);
  const { projectId, tags, properties } = changes;
  if (projectId !== undefined && projectId !== subject.projectId && !subject.isAdmin) {
    throw new CloudError('forbidden', "You are not permitted to create images owned by '" + projectId + "'", {
      reason: 'not_owner',
    });
  }
  if (tags && new Set(tags).size > maxTags) throw limitExceeded('tags', maxTags, new Set(tags).size);
  const count = properties ? Object.keys(properties).length : 0;
  if (count > maxProperties) throw limitExceeded('properties', maxProperties, count);
}

function limitExceeded(what: string, maximum: number, attempted: number): CloudError {
  return new CloudError(
    'too_large',
    `The limit has been exceeded on the number of allowed image ${what}. Attempted: ${attempted}, Maximum: ${maximum}`,
    { reason: 'too_many_' + what },
  );
}
