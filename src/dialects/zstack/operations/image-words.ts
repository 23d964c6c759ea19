import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Image, ImageReplica } from '../../../cloud/images/model.ts';
import { invalidArgument, operationFailed, resourceNotFound, resourcesNotFound } from '../protocol/zstack-error.ts';

const replicaStatus: Record<ImageReplica['state'], string> = {
  pending: 'Downloading',
  copying: 'Downloading',
  active: 'Ready',
  error: 'Error',
  deleted: 'Deleted',
};

/** Texts and finer codes of one of the two operations that work on deleted copies. */
interface CopyWords {
  none: string;
  noneCode: string;
  missingCode: string;
  notDeleted(image: string, status: string, store: string): string;
  notDeletedCode: string;
}

const recovering: CopyWords = {
  none: 'is not deleted on any backup storage',
  noneCode: 'ORG_ZSTACK_IMAGE_10041',
  missingCode: 'ORG_ZSTACK_IMAGE_10042',
  notDeleted: (image, status, store) =>
    `the image${image}'s status[${status}] is not Deleted on the backup storage[uuid:${store}]`,
  notDeletedCode: 'ORG_ZSTACK_IMAGE_10043',
};

const expunging: CopyWords = {
  none: 'is not deleted on any backup storage',
  noneCode: 'ORG_ZSTACK_IMAGE_10044',
  missingCode: 'ORG_ZSTACK_IMAGE_10045',
  notDeleted: (image, _, store) => `the image${image} is not deleted on the backup storage[uuid:${store}]`,
  notDeletedCode: 'ORG_ZSTACK_IMAGE_10046',
};

/** Runs a recovery or an expunction, and says what the engine refuses of it as the dialect does. */
export async function onDeletedCopies<Result>(
  cloud: Cloud,
  subject: Subject,
  imageUuid: string,
  what: 'recover' | 'expunge',
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.code === 'not_found') throw resourceNotFound('imageUuid', imageUuid, 'ImageVO');
    const image = await cloud.images.get(subject, imageUuid, { withDeleted: true });
    throw await inWords(cloud, image, error, what === 'recover' ? recovering : expunging);
  }
}

async function inWords(cloud: Cloud, image: Image, error: CloudError, words: CopyWords): Promise<CloudError> {
  const named = `[uuid:${image.id}, name:${image.name ?? ''}]`;
  const store = error.details.field ?? '';
  switch (error.details.reason) {
    case 'not_deleted':
      return operationFailed(`the image${named} ${words.none}`, { globalErrorCode: words.noneCode });
    case 'not_on_store':
      return invalidArgument(`the image${named} is not on the backup storage[uuid:${store}]`, words.missingCode);
    case 'copy_not_deleted': {
      const copies = await cloud.images.replicasOf([image.id]);
      const state = copies.find(({ storeId }) => storeId === store)?.state ?? 'active';
      return invalidArgument(words.notDeleted(named, replicaStatus[state], store), words.notDeletedCode);
    }
    default:
      return error;
  }
}

/** The image, deleted ones too; refused as the field that named it. */
export async function imageNamed(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<Image> {
  try {
    return await cloud.images.get(subject, uuid, { withDeleted: true });
  } catch (error) {
    if (error instanceof CloudError && error.code === 'not_found') throw resourceNotFound(field, uuid, 'ImageVO');
    throw error;
  }
}

/** Refuses backup storage that does not exist, before any is looked at closer. */
export function requireBackupStorage(cloud: Cloud, uuids: readonly string[] | undefined): void {
  const unknown = (uuids ?? []).filter((uuid) => !cloud.imageStores.find(uuid));
  if (unknown.length === 0) return;
  throw resourcesNotFound('backupStorageUuids', unknown, 'BackupStorageVO');
}
