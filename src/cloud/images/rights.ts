import type { Tx } from '../../database/database.ts';
import { CloudError } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import type { Image, Visibility } from './model.ts';
import type { ImageRows } from './rows.ts';

/** Whether the subject may know of the image, and use it; also members do of an image that is shared with them. */
export async function mayKnow(
  rows: ImageRows,
  subject: Pick<Subject, 'projectId' | 'isAdmin'>,
  image: Pick<Image, 'id' | 'projectId' | 'visibility'>,
  tx?: Tx,
): Promise<boolean> {
  if (canSee(subject, image)) return true;
  return image.visibility === 'shared' && (await rows.isMember(image.id, subject.projectId, tx));
}

function canSee(
  subject: Pick<Subject, 'projectId' | 'isAdmin'>,
  image: Pick<Image, 'projectId' | 'visibility'>,
): boolean {
  return image.visibility === 'public' || image.visibility === 'community' || ownsOrAdmin(subject, image.projectId);
}

/** Refuses those who may see the image, but not do this to it. */
export function requireOwner(subject: Subject, image: Pick<Image, 'projectId'>, doing: string): void {
  if (ownsOrAdmin(subject, image.projectId)) return;
  throw new CloudError('forbidden', `You are not permitted to ${doing} this image.`, { reason: 'not_owner' });
}

export function requireMayPublish(subject: Subject, visibility: Visibility | undefined): void {
  if (visibility !== 'public' || subject.isAdmin) return;
  throw new CloudError('forbidden', 'You are not authorized to complete publicize_image action.', {
    reason: 'publicize_image',
  });
}

/** The image is not known to whoever asks; also said of deleted ones. */
export function noSuchImage(id: string): CloudError {
  return new CloudError('not_found', `No image found with ID ${id}`, { resource: 'image', id });
}
