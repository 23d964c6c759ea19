import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { image } from '../inventories/image.ts';
import {
  descriptionField,
  oneOfField,
  optionalName,
  stateEventField,
  uuidIn,
  uuidListField,
} from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed, ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { addImage } from './add-image.ts';
import { detachIsoEverywhere } from './cdrom-words.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';
import { guestChanges, guestFields, mediaTypes } from './image-fields.ts';
import { imageTemplateOperations } from './image-templates.ts';
import { getUploadImageJobDetails } from './image-uploads.ts';
import { imageNamed, onDeletedCopies, requireBackupStorage } from './image-words.ts';

const group = 'Image';
const shared = { group, package: 'header.image', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The image.');
const byImageUuid = uuidIn('imageUuid', 'The image.');
const copies = { backupStorageUuids: uuidListField('Only the copies in these backup storages; all where left out.') };
const here = { uuid: imageExample.uuid };
const success = { inventory: imageExample, success: true };

const deleteImage = jobOperation({
  ...shared,
  id: 'DeleteImage',
  method: 'DELETE',
  path: '/images/{uuid}',
  params: byUuid,
  query: T.Object(copies),
  title: 'Delete an image',
  summary:
    'Hides the image, or only its copies in some backup storages. Its bytes are kept for some days: RecoverImage brings it back until then. An image that is not there is deleted already.',
  examples: [{ title: 'Delete', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input }) => {
    requireBackupStorage(cloud, input.backupStorageUuids);
    requireUuid(input.uuid);
    try {
      // Whoever may not delete it takes it from nobody.
      if (await cloud.images.wouldBeGone(subject, input.uuid, input.backupStorageUuids)) {
        await detachIsoEverywhere(cloud, input.uuid);
      }
      await cloud.images.delete(subject, input.uuid, input.backupStorageUuids);
    } catch (error) {
      if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    }
    return {};
  },
});

const recoverImage = jobOperation({
  ...shared,
  id: 'RecoverImage',
  method: 'PUT',
  path: '/images/{imageUuid}/actions',
  params: byImageUuid,
  body: T.Object(copies),
  result: image,
  // Of the actions on an image it is the only one that can mean no harm, so a body without a name is taken for it.
  fitsPlainParams: (params) =>
    Object.keys(params).every((name) => ['backupStorageUuids', 'systemTags', 'userTags'].includes(name)),
  title: 'Recover an image',
  summary:
    'Brings a deleted image back: all of its deleted copies, or those in the backup storages that are named. The first one that can not be brought back decides, and nothing is changed.',
  examples: [
    {
      title: 'Recover all copies',
      params: { imageUuid: imageExample.uuid },
      body: { recoverImage: {} },
      status: 200,
      response: success,
    },
    {
      title: 'Recover the copy in one backup storage',
      params: { imageUuid: imageExample.uuid },
      body: { params: { backupStorageUuids: [backupStorageUuid] }, systemTags: [], userTags: [] },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, subject, input: { imageUuid, backupStorageUuids } }) => {
    const recover = () => cloud.images.recover(subject, imageUuid, backupStorageUuids);
    await onDeletedCopies(cloud, subject, imageUuid, 'recover', recover);
    return { uuid: imageUuid };
  },
});

const expungeImage = jobOperation({
  ...shared,
  id: 'ExpungeImage',
  method: 'PUT',
  path: '/images/{imageUuid}/actions',
  params: byImageUuid,
  body: T.Object(copies),
  title: 'Expunge an image',
  summary: 'Removes the bytes of a deleted image for good, or of its deleted copies in the backup storages named.',
  examples: [
    {
      title: 'Expunge',
      params: { imageUuid: imageExample.uuid },
      body: { expungeImage: {} },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { imageUuid, backupStorageUuids } }) => {
    const expunge = () => cloud.images.expunge(subject, imageUuid, backupStorageUuids);
    return await onDeletedCopies(cloud, subject, imageUuid, 'expunge', expunge);
  },
});

const updateImage = jobOperation({
  ...shared,
  id: 'UpdateImage',
  method: 'PUT',
  path: '/images/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    name: optionalName,
    description: descriptionField,
    ...guestFields,
    mediaType: oneOfField(mediaTypes, 'What it is for.'),
    format: oneOfField(['raw', 'qcow2', 'iso'], 'The format, only before there are bytes: then it is what they are.'),
  }),
  result: image,
  title: 'Change an image',
  summary: 'Changes what is said of an image. What is left out stays as it is.',
  examples: [
    {
      title: 'Rename',
      params: here,
      body: { updateImage: { name: 'TinyLinux' } },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    await imageNamed(cloud, subject, 'uuid', input.uuid);
    await cloud.images.update(subject, input.uuid, (before) => ({
      ...(input.name === undefined ? {} : { name: input.name }),
      ...(input.description === undefined ? {} : { description: input.description }),
      ...(input.format === undefined ? {} : { diskFormat: input.format }),
      ...guestChanges(input, input.systemTags, before.properties),
    }));
    return { uuid: input.uuid };
  },
});

const changeImageState = jobOperation({
  ...shared,
  id: 'ChangeImageState',
  method: 'PUT',
  path: '/images/{uuid}/actions',
  params: byUuid,
  body: T.Object({ stateEvent: stateEventField }),
  result: image,
  title: 'Enable or disable an image',
  summary: 'New servers can not be made from a disabled image; those that were made from it live on.',
  examples: [
    {
      title: 'Enable',
      params: here,
      body: { changeImageState: { stateEvent: 'enable' } },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const found = await imageNamed(cloud, subject, 'uuid', input.uuid);
    try {
      if (input.stateEvent === 'enable') await cloud.images.reactivate(subject, input.uuid);
      else await cloud.images.deactivate(subject, input.uuid);
    } catch (error) {
      if (!(error instanceof CloudError) || error.details.reason !== 'wrong_status') throw error;
      throw operationFailed(
        `image[uuid:${found.id}, name:${found.name ?? ''}] is not ready yet, it is ${found.status}`,
      );
    }
    return { uuid: input.uuid };
  },
});

const setImageBootMode = jobOperation({
  ...shared,
  id: 'SetImageBootMode',
  method: 'PUT',
  path: '/images/{uuid}/actions',
  since: '3.0',
  params: byUuid,
  body: T.Object({
    bootMode: T.Unsafe<'Legacy' | 'UEFI' | 'UEFI_WITH_CSM'>({
      type: 'string',
      enum: ['Legacy', 'UEFI', 'UEFI_WITH_CSM'],
      description: 'How its guests boot: Legacy is BIOS.',
    }),
  }),
  result: image,
  title: 'Set the boot mode of an image',
  summary: 'Says with which firmware servers made from it boot. Those that exist stay as they are.',
  examples: [
    {
      title: 'Boot by UEFI',
      params: here,
      body: { setImageBootMode: { bootMode: 'UEFI' } },
      status: 200,
      response: { inventory: { ...imageExample, systemTags: ['bootMode::UEFI'] }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, bootMode } }) => {
    const found = await imageNamed(cloud, subject, 'uuid', uuid);
    if (found.properties['architecture'] === 'aarch64' && bootMode === 'Legacy') {
      throw invalidArgument('The aarch64 architecture does not support legacy.');
    }
    const tag = `bootMode::${bootMode}`;
    await cloud.images.update(subject, uuid, (before) => guestChanges({}, [tag], before.properties));
    const on = { kind: 'system', resourceType: 'image', resourceId: uuid } as const;
    await cloud.tags.renew(subject, on, (one) => one.startsWith('bootMode::'), [tag]);
    return { uuid };
  },
});

const syncImageSize = jobOperation({
  ...shared,
  id: 'SyncImageSize',
  method: 'PUT',
  path: '/images/{uuid}/actions',
  params: byUuid,
  result: image,
  title: 'Synchronise the size of an image',
  summary: 'Checks that a backup storage which has the image can be asked, and gives the image with its sizes.',
  examples: [{ title: 'Synchronise', params: here, body: { syncImageSize: {} }, status: 200, response: success }],
  handle: async ({ cloud, subject, input }) => {
    const found = await imageNamed(cloud, subject, 'uuid', input.uuid);
    const named = `image[uuid:${found.id}, name:${found.name ?? ''}]`;
    const refs = await cloud.images.replicasOf([found.id]);
    if (refs.length === 0) {
      const globalErrorCode = 'ORG_ZSTACK_IMAGE_10038';
      throw operationFailed(`the ${named} is not on any backup storage`, { globalErrorCode });
    }
    if (!refs.some(({ storeId }) => cloud.imageStores.find(storeId)?.status === 'connected')) {
      throw operationFailed(`No connected backup storage found for ${named}`);
    }
    return { uuid: found.id };
  },
});

const wellFormed = /^[0-9a-f]{32}$/;

/** Deleting what is gone is a success, but what never could be a uuid is a mistake. */
export function requireUuid(uuid: string): void {
  if (!wellFormed.test(uuid)) throw new ZStackError('SYS.1003', `invalid value[${uuid}] of field [uuid]`);
}

export const imageOperations = [
  addImage,
  getUploadImageJobDetails,
  deleteImage,
  recoverImage,
  expungeImage,
  updateImage,
  changeImageState,
  setImageBootMode,
  syncImageSize,
  ...imageTemplateOperations,
  ...queryOperations(image, {
    id: 'QueryImage',
    group,
    package: 'header.image',
    path: '/images',
    since: '0.6',
    title: 'Query images',
    example: imageExample,
  }),
];
