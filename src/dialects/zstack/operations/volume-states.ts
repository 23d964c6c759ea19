import { Type as T } from 'typebox';
import { measureVolume } from '../../../cloud/volumes/measure.ts';
import { volume } from '../inventories/volume.ts';
import { descriptionField, nameField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed } from '../protocol/zstack-error.ts';
import { imageExample } from './image-examples.ts';
import { imageNamed } from './image-words.ts';
import { onHost, volumePlace } from './primary-storage-words.ts';
import { stateChange } from './simple-operations.ts';
import { volumeExample } from './volume-examples.ts';
import { dataVolume, onVolume, volumeNamed } from './volume-words.ts';

const shared = { group: 'Volume', package: 'header.volume', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The volume.');
const here = { uuid: volumeExample.uuid };
const success = { inventory: volumeExample, success: true };

const createDataVolumeFromTemplate = jobOperation({
  ...shared,
  id: 'CreateDataVolumeFromVolumeTemplate',
  creates: 'volume',
  method: 'POST',
  path: '/volumes/data/from/data-volume-templates/{imageUuid}',
  params: uuidIn('imageUuid', 'A data volume image.'),
  body: T.Object({
    name: nameField,
    description: descriptionField,
    primaryStorageUuid: uuidField('The storage that it shall be in; the one with most room if none is said.'),
    hostUuid: uuidField('The host that it shall be on.'),
  }),
  result: volume,
  title: 'Create a data volume from an image',
  summary: 'Makes a data volume with the content of a data volume image.',
  examples: [
    {
      title: 'With a name',
      params: { imageUuid: imageExample.uuid },
      body: { params: { name: 'data-1', primaryStorageUuid: volumeExample.primaryStorageUuid } },
      status: 200,
      response: { inventory: { ...volumeExample, rootImageUuid: imageExample.uuid }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { imageUuid, name, description } = input;
    const { mediaType, status } = await imageNamed(cloud, subject, 'imageUuid', imageUuid);
    if (mediaType !== 'data') {
      const what = mediaType === 'iso' ? 'ISO' : 'RootVolumeTemplate';
      throw invalidArgument(`image[uuid:${imageUuid}] is not DataVolumeTemplate, it's ${what}`);
    }
    if (status === 'deactivated') throw operationFailed(`image[uuid:${imageUuid}] is not Enabled, it's Disabled`);
    if (status !== 'active') {
      throw operationFailed(
        `image[uuid:${imageUuid}] is not Ready, it's ${status === 'deleted' ? 'Deleted' : 'Creating'}`,
      );
    }
    const { place, zone } = await volumePlace(cloud, input.primaryStorageUuid);
    const wanted = {
      ...{ id: input.resourceUuid, name, description: description ?? null, imageId: imageUuid, zone },
      place: await onHost(cloud, input.hostUuid, place),
    };
    const made = await cloud.blockStorage.create(subject, wanted);
    return { actionId: made.actionId, uuid: made.volume.id };
  },
});

const syncVolumeSize = jobOperation({
  ...shared,
  id: 'SyncVolumeSize',
  method: 'PUT',
  path: '/volumes/{uuid}/actions',
  params: byUuid,
  result: volume,
  title: 'Measure a volume',
  summary: 'Asks the host how many bytes the volume really takes.',
  examples: [{ title: 'Measure', params: here, body: { syncVolumeSize: {} }, status: 200, response: success }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const { diskId, status } = await volumeNamed(cloud, subject, 'uuid', uuid);
    if (diskId === null) {
      const now = status === 'creating' || status === 'downloading' ? 'Creating' : 'NotInstantiated';
      throw operationFailed(`volume[uuid:${uuid}] is not Ready, it's ${now}`);
    }
    await measureVolume(cloud, subject, uuid);
    return { uuid };
  },
});

const getVolumeCapabilities = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetVolumeCapabilities',
  method: 'GET',
  path: '/volumes/{uuid}/capabilities',
  params: byUuid,
  response: T.Object({ capabilities: T.Record(T.String(), T.Boolean()) }),
  title: 'Get the capabilities of a volume',
  summary:
    'Whether a volume can be moved within its storage and to another one. A volume that a server boots from moves with its server alone.',
  examples: [
    {
      title: 'Get',
      params: here,
      status: 200,
      response: {
        capabilities: { MigrationInCurrentPrimaryStorage: false, MigrationToOtherPrimaryStorage: true },
      },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const { kind, storageId } = await volumeNamed(cloud, subject, 'uuid', uuid);
    const isFree = kind === 'data';
    return {
      capabilities: {
        // The own disk of a host is a storage that no other host has.
        MigrationInCurrentPrimaryStorage: isFree && storageId !== null,
        MigrationToOtherPrimaryStorage: isFree,
      },
    };
  },
});

const recoverDataVolume = jobOperation({
  ...shared,
  id: 'RecoverDataVolume',
  method: 'PUT',
  path: '/volumes/{uuid}/actions',
  params: byUuid,
  result: volume,
  title: 'Recover a data volume',
  summary: 'Volumes are removed at once here, so there is never one to recover: this says why not.',
  examples: [
    {
      title: 'One that was not deleted',
      params: here,
      body: { recoverDataVolume: {} },
      status: 503,
      response: {
        error: {
          code: 'SYS.1006',
          description: 'An operation failed',
          details: `the volume[uuid:${volumeExample.uuid}] is not in status of deleted. This is operation is to recover a deleted data volume`,
        },
      },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await dataVolume(cloud, subject, 'uuid', uuid);
    throw operationFailed(
      `the volume[uuid:${uuid}] is not in status of deleted. This is operation is to recover a deleted data volume`,
    );
  },
});

export const volumeStateOperations = [
  createDataVolumeFromTemplate,
  syncVolumeSize,
  getVolumeCapabilities,
  recoverDataVolume,
  stateChange({
    ...shared,
    id: 'ChangeVolumeState',
    path: '/volumes/{uuid}/actions',
    result: volume,
    title: 'Enable or disable a volume',
    summary:
      'A disabled volume is attached to no server, and no snapshot is made of it; one that a server has stays there.',
    example: volumeExample,
    apply: async ({ cloud, subject, input: { uuid } }, enabled) => {
      await dataVolume(cloud, subject, 'uuid', uuid);
      await onVolume(uuid, () => cloud.blockStorage.setEnabled(subject, uuid, enabled));
    },
  }),
];
