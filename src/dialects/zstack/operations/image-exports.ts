import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { oneOfField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';
import { imageNamed } from './image-words.ts';
import { requireUuid } from './images.ts';

const shared = { group: 'Backup Storage', package: 'header.storage.backup', since: '2.0', allow: 'member' } as const;

/** How long what ZStack's clients export can be fetched, seconds: it has no end there, and the longest one here. */
const lifetime = 30 * 24 * 3600;

const theBackupStorage = T.String({ maxLength: 64, description: 'The backup storage that has the copy.' });
const theImage = T.String({ maxLength: 64, description: 'The image.' });

const exportImage = jobOperation({
  ...shared,
  id: 'ExportImageFromBackupStorage',
  method: 'PUT',
  path: '/backup-storage/{backupStorageUuid}/actions',
  params: T.Object({ backupStorageUuid: theBackupStorage }),
  body: T.Object({
    imageUuid: theImage,
    exportFormat: oneOfField(['raw', 'qcow2'], 'The format of the file; the image’s own where left out.'),
  }),
  response: T.Object({
    imageUrl: T.Optional(T.String({ description: 'Where the file can be fetched, without a session.' })),
    exportMd5Sum: T.Optional(T.String({ description: 'md5 of the file.' })),
    success: T.Optional(T.Boolean()),
  }),
  answer: exportedFile,
  title: 'Export an image',
  summary:
    'Makes the image fetchable by a link that is signed and needs no session, for 30 days, or until DeleteExportedImageFromBackupStorage takes it back.',
  examples: [
    {
      title: 'Export as raw bytes',
      params: { backupStorageUuid },
      body: { exportImageFromBackupStorage: { imageUuid: imageExample.uuid, exportFormat: 'raw' } },
      status: 200,
      response: {
        imageUrl:
          'http://cloud.example.com:8774/unkai/v1/image-exports/5b0c3d1e7f2a4968b1c2d3e4f5a60718/TinyLinux.raw?expires=1795269600&signature=kq3-ZP0Yb4nq4Lr0cE5m2d8n7v6t1s9uXwVyAaBbCcD',
        exportMd5Sum: '6b8d1c0f4e2a39578c7d6e5f4a3b2c1d',
        success: true,
      },
    },
  ],
  handle: async ({ cloud, subject, origin, input: { backupStorageUuid: storeId, imageUuid, exportFormat } }) => {
    requireStore(cloud, storeId);
    const found = await imageNamed(cloud, subject, 'imageUuid', imageUuid);
    const request = { storeId, origin, lifetime, ...(exportFormat ? { format: exportFormat } : {}) };
    try {
      const { imageExport, actionId } = await cloud.images.exports.create(subject, imageUuid, request);
      return { actionId, uuid: imageExport.id };
    } catch (error) {
      const named = `image[uuid:${found.id}, name:${found.name ?? ''}]`;
      const reason = error instanceof CloudError ? error.details.reason : undefined;
      if (reason === 'not_on_store') throw operationFailed(`${named} is not on the backup storage[uuid:${storeId}]`);
      if (reason === 'image_not_active') throw operationFailed(`${named} is not Ready, it's ${found.status}`);
      throw error;
    }
  },
});

const deleteExportedImage = jobOperation({
  ...shared,
  id: 'DeleteExportedImageFromBackupStorage',
  method: 'DELETE',
  path: '/backup-storage/{backupStorageUuid}/exported-images/{imageUuid}',
  params: T.Object({ backupStorageUuid: theBackupStorage, imageUuid: theImage }),
  title: 'Delete an exported image',
  summary: 'Ends all links to the image in this backup storage. The image stays; one without links is as it should be.',
  examples: [
    { title: 'Delete', params: { backupStorageUuid, imageUuid: imageExample.uuid }, status: 200, response: {} },
  ],
  handle: async ({ cloud, subject, input: { backupStorageUuid: storeId, imageUuid } }) => {
    requireUuid(imageUuid);
    requireStore(cloud, storeId);
    try {
      await imageNamed(cloud, subject, 'imageUuid', imageUuid);
      await cloud.images.exports.deleteOf(subject, imageUuid, storeId);
    } catch (error) {
      if (!(error instanceof CloudError) || error.details.reason !== 'not_exported') throw error;
    }
    return {};
  },
});

/** What the export with this id gave. */
async function exportedFile(cloud: Cloud, exportId: string): Promise<Record<string, unknown>> {
  const { url, md5 } = await cloud.images.exports.get(operator(), exportId);
  return { imageUrl: url, exportMd5Sum: md5, success: true };
}

function requireStore(cloud: Cloud, uuid: string): void {
  if (!cloud.imageStores.find(uuid)) throw resourceNotFound('backupStorageUuid', uuid, 'BackupStorageVO');
}

export const imageExportOperations = [exportImage, deleteExportedImage];
