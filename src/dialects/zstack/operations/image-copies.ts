import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { image } from '../inventories/image.ts';
import { descriptionField, nameField, oneOfField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';
import { imageNamed } from './image-words.ts';

const shared = { group: 'Image', package: 'header.image', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The image.');
const here = { uuid: imageExample.uuid };
const storage = (description: string) => T.String({ maxLength: 64, description });

const calculateImageHash = jobOperation({
  ...shared,
  id: 'CalculateImageHash',
  method: 'PUT',
  path: '/images/{uuid}/actions',
  since: '4.1.0',
  params: byUuid,
  body: T.Object({
    backupStorageUuid: storage('A backup storage that has it.'),
    algorithm: oneOfField(['md5', 'MD5'], 'md5, the only one that the answer has a member for.'),
  }),
  result: image,
  title: 'Calculate the hash of an image',
  summary: 'Gives the image with its md5Sum, which was calculated while its bytes came.',
  examples: [
    {
      title: 'md5',
      params: here,
      body: { calculateImageHash: { backupStorageUuid } },
      status: 200,
      response: { inventory: imageExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, backupStorageUuid: store } }) => {
    const found = await imageNamed(cloud, subject, 'uuid', uuid);
    const refs = await cloud.images.replicasOf([uuid]);
    if (!refs.some(({ storeId, state }) => storeId === store && state === 'active') || found.checksum === null) {
      throw operationFailed(`image[uuid:${uuid}] is not Ready on backup storage[uuid:${store}], it has no hash there`);
    }
    return { uuid };
  },
});

const syncImage = jobOperation({
  ...shared,
  id: 'SyncImageFromImageStoreBackupStorage',
  package: 'storage.backup.imagestore',
  method: 'PUT',
  path: '/images/{uuid}/actions',
  since: '2.3',
  params: byUuid,
  body: T.Object({
    srcBackupStorageUuid: storage('A backup storage that has it.'),
    dstBackupStorageUuid: storage('The one that shall have it too.'),
    name: T.Optional(nameField),
    description: descriptionField,
  }),
  result: image,
  timeoutSeconds: 72 * 3600,
  title: 'Copy an image to another image store',
  summary:
    'Brings an image into a second backup storage. It is the same image in both, so that its name and description stay.',
  examples: [
    {
      title: 'Copy',
      params: here,
      body: {
        syncImageFromImageStoreBackupStorage: {
          srcBackupStorageUuid: backupStorageUuid,
          dstBackupStorageUuid: '9c4d5e6f708142a3b4c5d6e7f8091a2b',
          name: imageExample.name,
        },
      },
      status: 200,
      response: { inventory: imageExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { uuid, srcBackupStorageUuid: source, dstBackupStorageUuid: target } = input;
    const { id, name } = await imageNamed(cloud, subject, 'uuid', uuid);
    const words = `image[uuid:${id}, name:${name ?? ''}]`;
    for (const [field, store] of Object.entries({ srcBackupStorageUuid: source, dstBackupStorageUuid: target })) {
      if (!cloud.imageStores.find(store)) throw resourceNotFound(field, store, 'BackupStorageVO');
    }
    const isReady = (await cloud.images.replicasOf([id])).some(
      (one) => one.storeId === source && one.state === 'active',
    );
    if (!isReady) throw operationFailed(`${words} is not Ready on backup storage[uuid:${source}]`);
    try {
      const [actionId] = await cloud.images.copies.copyTo(subject, id, [target]);
      return { uuid: id, ...(actionId && { actionId }) };
    } catch (error) {
      if (!(error instanceof CloudError) || error.details.reason !== 'bad_import') throw error;
      throw operationFailed(`${words} is on backup storage[uuid:${target}] already`);
    }
  },
});

export const imageCopyOperations = [calculateImageHash, syncImage];
