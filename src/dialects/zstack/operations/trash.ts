import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { leftCopiesIn } from '../../../cloud/images/left-copies.ts';
import { releasedDisksIn, removeReleasedDisk } from '../../../cloud/volumes/disk-reaper.ts';
import { image } from '../inventories/image.ts';
import { describeError } from '../protocol/describe-error.ts';
import { errorSchema, oneOfField, textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { formatTimestamp } from '../protocol/timestamp.ts';
import { invalidArgument, operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';
import { imageNamed } from './image-words.ts';
import { requireStorage } from './primary-storage-words.ts';
import { ended } from './vm-data-volumes.ts';
import { volumeExample } from './volume-examples.ts';

const shared = { group: 'Backup Storage', package: 'header.storage.backup', since: '3.2.0', allow: 'admin' } as const;
const ofPrimary = { ...shared, group: 'Primary Storage', package: 'header.storage.primary' } as const;

/** How much of it is told, and cleaned up, at once. */
const maxTrash = 1000;

/** Something that is only left over. */
interface Trash {
  /** It has no number of its own; the moment at which it was begun, or left, is as good. */
  trashId: number;
  resourceUuid: string;
  resourceType: 'ImageVO' | 'VolumeVO' | 'VolumeSnapshotVO';
  storageUuid: string;
  storageType: 'BackupStorageVO' | 'PrimaryStorageVO';
  hostUuid?: string;
  installPath: string;
  isFolder: boolean;
  trashType: 'MigrateImage' | 'MigrateVolume' | 'RevertVolume' | 'VolumeSnapshot';
  /** Bytes. */
  size: number;
  createDate: string;
}

/** How one of them is removed. */
interface Removable {
  trash: Trash;
  remove(): Promise<void>;
}

const text = (description: string) => T.String({ description });
const trashSchema = T.Object(
  {
    trashId: T.Integer({ description: 'Its number.' }),
    resourceUuid: text('What it was of.'),
    resourceType: text('The class of that.'),
    storageUuid: text('Where it is.'),
    storageType: text('The class of that.'),
    hostUuid: T.Optional(text('The host that it is on.')),
    installPath: text('Its name there.'),
    isFolder: T.Boolean({ description: 'Always false.' }),
    trashType: text('What has left it.'),
    size: T.Integer({ description: 'Bytes.' }),
    createDate: text('When it was left.'),
  },
  ofClass('org.zstack.header.core.trash.InstallPathRecycleInventory'),
);
const trashResponse = T.Object({ inventories: T.Array(trashSchema) });
const cleanedResponse = T.Object({
  result: T.Object(
    { resourceUuids: T.Array(T.String()), size: T.Integer({ description: 'Bytes.' }) },
    ofClass('org.zstack.header.core.trash.CleanTrashResult'),
  ),
  results: T.Array(
    T.Object(
      {
        trashId: T.Integer(),
        resourceUuid: T.String(),
        size: T.Integer(),
        success: T.Boolean(),
        error: T.Optional(errorSchema),
      },
      ofClass('org.zstack.header.core.trash.TrashCleanupResult'),
    ),
  ),
});
const cleanFields = T.Object({
  trashId: T.Optional(T.Integer({ minimum: 0, description: 'Only this one.' })),
});

/** Copies of images that were left where they are: the image is in another store. */
async function imagesLeft(cloud: Cloud, subject: Subject, storageUuid: string): Promise<Removable[]> {
  if (!cloud.imageStores.find(storageUuid)) throw resourceNotFound('uuid', storageUuid, 'BackupStorageVO');
  const copies = await leftCopiesIn(cloud, storageUuid, maxTrash);
  return copies.map(({ imageId: resourceUuid, installPath, size, createdAt: trashId, leftAt }) => ({
    trash: {
      ...({ trashId, resourceUuid, resourceType: 'ImageVO', storageUuid, storageType: 'BackupStorageVO' } as const),
      ...({ installPath, isFolder: false, trashType: 'MigrateImage', size } as const),
      createDate: formatTimestamp(leftAt),
    },
    remove: async () => ended(cloud, (await cloud.images.expunge(subject, resourceUuid, [storageUuid])).actionId),
  }));
}

/** Disks that nothing needs any more, and that their hosts did not let go of yet. */
async function disksLeft(cloud: Cloud, _: Subject, storageUuid: string): Promise<Removable[]> {
  await requireStorage(cloud, 'uuid', storageUuid);
  const disks = await releasedDisksIn(cloud, storageUuid, maxTrash);
  return disks.map((disk) => ({
    trash: {
      ...({
        trashId: disk.releasedAt,
        resourceUuid: disk.ownerId,
        storageUuid,
        storageType: 'PrimaryStorageVO',
      } as const),
      ...(disk.isOfSnapshot
        ? ({ resourceType: 'VolumeSnapshotVO', trashType: 'VolumeSnapshot' } as const)
        : ({ resourceType: 'VolumeVO', trashType: disk.isReplaced ? 'RevertVolume' : 'MigrateVolume' } as const)),
      ...{ hostUuid: disk.hostId, installPath: disk.id, isFolder: false, size: disk.size },
      createDate: formatTimestamp(disk.releasedAt),
    },
    remove: () => removeReleasedDisk(cloud, disk),
  }));
}

/** Removes all of it, or one; what can't be removed now says why. */
async function clean({ requestId }: Subject, found: readonly Removable[], trashId: number | undefined) {
  const chosen = trashId === undefined ? found : found.filter(({ trash }) => trash.trashId === trashId);
  if (trashId !== undefined && chosen.length === 0) throw invalidArgument(`trash[id:${trashId}] is not found`);
  const results = [];
  for (const { trash, remove } of chosen) {
    const { resourceUuid, size } = trash;
    const about = { trashId: trash.trashId, resourceUuid, size };
    try {
      await remove();
      results.push({ ...about, success: true });
    } catch (error) {
      results.push({ ...about, success: false, error: describeError(error, undefined, requestId) });
    }
  }
  const removed = results.filter(({ success }) => success);
  const size = removed.reduce((sum, one) => sum + one.size, 0);
  return { body: { result: { resourceUuids: removed.map(({ resourceUuid }) => resourceUuid), size }, results } };
}

const filters = {
  resourceUuid: textField('Only what was of this.', 64),
  resourceType: textField('Only of this class: ImageVO, VolumeVO or VolumeSnapshotVO.'),
};
const uuidField = T.String({ maxLength: 64, description: 'The storage.' });

type Filter = { [name in 'resourceUuid' | 'resourceType' | 'trashType']?: string };

function told(found: readonly Removable[], { resourceUuid, resourceType, trashType }: Filter) {
  const wanted = found.filter(
    ({ trash }) =>
      (!resourceUuid || trash.resourceUuid === resourceUuid) &&
      (!resourceType || trash.resourceType === resourceType) &&
      (!trashType || trash.trashType === trashType),
  );
  return { inventories: wanted.map(({ trash }) => trash) };
}

const imageTrash = {
  trashId: 1795269600000000,
  resourceUuid: imageExample.uuid,
  resourceType: 'ImageVO',
  storageUuid: backupStorageUuid,
  storageType: 'BackupStorageVO',
  installPath: 'dir://first/c019173f2b5742868058049be43033a1',
  isFolder: false,
  trashType: 'MigrateImage',
  size: 41126400,
  createDate: 'Nov 21, 2026 2:00:00 PM',
};
const diskTrash = {
  ...imageTrash,
  resourceUuid: volumeExample.uuid,
  resourceType: 'VolumeVO',
  storageUuid: volumeExample.primaryStorageUuid,
  storageType: 'PrimaryStorageVO',
  hostUuid: volumeExample.primaryStorageUuid,
  installPath: '9c8b7a6d5e4f40318293746556473829',
  trashType: 'RevertVolume',
  size: 1073741824,
};
const cleaned = ({ trashId, resourceUuid, size }: typeof imageTrash) => ({
  result: { resourceUuids: [resourceUuid], size },
  results: [{ trashId, resourceUuid, size, success: true }],
});

const migrateImage = jobOperation({
  ...shared,
  id: 'BackupStorageMigrateImage',
  since: '3.2.0',
  method: 'PUT',
  path: '/backup-storage/images/{imageUuid}/actions',
  params: uuidIn('imageUuid', 'The image.'),
  body: T.Object({
    srcBackupStorageUuid: T.String({ maxLength: 64, description: 'The backup storage that it is in.' }),
    dstBackupStorageUuid: T.String({ maxLength: 64, description: 'The one that it shall be in.' }),
  }),
  result: image,
  timeoutSeconds: 72 * 3600,
  title: 'Move an image to another image store',
  summary:
    'Copies an image into another backup storage and takes it out of the one where it is. What is left there is trash, which is cleaned up when the image’s retention is over, or before.',
  examples: [
    {
      title: 'Move',
      params: { imageUuid: imageExample.uuid },
      body: {
        backupStorageMigrateImage: {
          srcBackupStorageUuid: backupStorageUuid,
          dstBackupStorageUuid: '9c4d5e6f708142a3b4c5d6e7f8091a2b',
        },
      },
      status: 200,
      response: { inventory: imageExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { imageUuid: uuid, srcBackupStorageUuid: from, dstBackupStorageUuid: to } = input;
    await imageNamed(cloud, subject, 'imageUuid', uuid);
    for (const [field, store] of Object.entries({ srcBackupStorageUuid: from, dstBackupStorageUuid: to })) {
      if (!cloud.imageStores.find(store)) throw resourceNotFound(field, store, 'BackupStorageVO');
    }
    try {
      return { uuid, actionId: await cloud.images.copies.move(subject, uuid, { from, to }) };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const { reason } = error.details;
      if (reason === 'not_on_store') {
        throw operationFailed(`image[uuid:${uuid}] is not Ready on backup storage[uuid:${from}]`);
      }
      if (reason === 'bad_import') {
        throw operationFailed(`image[uuid:${uuid}] is on backup storage[uuid:${to}] already`);
      }
      throw error;
    }
  },
});

/** What is left over in stores and storages, and what leaves it there. */
export const trashOperations = [
  migrateImage,
  syncOperation({
    ...shared,
    id: 'GetTrashOnBackupStorage',
    method: 'GET',
    path: '/backup-storage/trash',
    query: T.Object({
      uuid: uuidField,
      ...filters,
      trashType: oneOfField(['MigrateImage'], 'Only what has left it so.'),
    }),
    response: trashResponse,
    title: 'Get the trash on a backup storage',
    summary:
      'Copies of images that are in another backup storage now. Deleted images are no trash: they can be recovered.',
    examples: [
      { title: 'Get', query: { uuid: backupStorageUuid }, status: 200, response: { inventories: [imageTrash] } },
    ],
    handle: async ({ cloud, subject, input }) => told(await imagesLeft(cloud, subject, input.uuid), input),
  }),
  jobOperation({
    ...shared,
    id: 'CleanUpTrashOnBackupStorage',
    method: 'PUT',
    path: '/backup-storage/{uuid}/trash/actions',
    params: uuidIn('uuid', 'The backup storage.'),
    body: cleanFields,
    response: cleanedResponse,
    title: 'Clean up the trash on a backup storage',
    summary: 'Removes copies of images that are in another backup storage now, before their time is over.',
    examples: [
      {
        title: 'All',
        params: { uuid: backupStorageUuid },
        body: { cleanUpTrashOnBackupStorage: {} },
        status: 200,
        response: cleaned(imageTrash),
      },
    ],
    handle: async ({ cloud, subject, input }) =>
      clean(subject, await imagesLeft(cloud, subject, input.uuid), input.trashId),
  }),
  syncOperation({
    ...ofPrimary,
    id: 'GetTrashOnPrimaryStorage',
    method: 'GET',
    path: '/primary-storage/trash',
    query: T.Object({
      uuid: uuidField,
      ...filters,
      trashType: oneOfField(
        ['MigrateVolume', 'MigrateVolumeSnapshot', 'RevertVolume', 'VolumeSnapshot'],
        'Only what has left it so.',
      ),
    }),
    response: trashResponse,
    title: 'Get the trash on a primary storage',
    summary:
      'Disks that nothing needs any more, and that their hosts did not let go of yet. They are tried again by themselves.',
    examples: [
      {
        title: 'Get',
        query: { uuid: volumeExample.primaryStorageUuid },
        status: 200,
        response: { inventories: [diskTrash] },
      },
    ],
    handle: async ({ cloud, subject, input }) => told(await disksLeft(cloud, subject, input.uuid), input),
  }),
  jobOperation({
    ...ofPrimary,
    id: 'CleanUpTrashOnPrimaryStorage',
    method: 'PUT',
    path: '/primary-storage/{uuid}/trash/actions',
    params: uuidIn('uuid', 'The primary storage.'),
    body: cleanFields,
    response: cleanedResponse,
    title: 'Clean up the trash on a primary storage',
    summary: 'Removes disks that nothing needs any more at once, as far as their hosts let them go.',
    examples: [
      {
        title: 'All',
        params: { uuid: volumeExample.primaryStorageUuid },
        body: { cleanUpTrashOnPrimaryStorage: {} },
        status: 200,
        response: cleaned(diskTrash),
      },
    ],
    handle: async ({ cloud, subject, input }) =>
      clean(subject, await disksLeft(cloud, subject, input.uuid), input.trashId),
  }),
];
