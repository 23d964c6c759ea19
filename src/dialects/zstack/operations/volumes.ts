import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { volume } from '../inventories/volume.ts';
import { descriptionField, nameField, optionalName, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { requireUuid } from './images.ts';
import { volumePlace } from './primary-storage-words.ts';
import { sizeOf } from './vm-data-volumes.ts';
import { stateOf } from './vm-words.ts';
import { vmInstanceUuid, volumeExample } from './volume-examples.ts';
import { volumeQosOperations } from './volume-qos.ts';
import { volumeSizeOperations } from './volume-sizes.ts';
import { volumeStateOperations } from './volume-states.ts';
import { dataVolume, onVolume } from './volume-words.ts';

const group = 'Volume';
const shared = { group, package: 'header.volume', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The volume.');
const here = { uuid: volumeExample.uuid };
const success = { inventory: volumeExample, success: true };
const attached = { ...volumeExample, vmInstanceUuid, deviceId: 1 };

/** Disks are made of whole sectors. */
const sector = 512;

const createDataVolume = jobOperation({
  ...shared,
  id: 'CreateDataVolume',
  creates: 'volume',
  method: 'POST',
  path: '/volumes/data',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    diskSize: T.Optional(
      T.Integer({ minimum: 0, description: 'Its size, bytes; 0 counts as not given, and an offering’s size wins.' }),
    ),
    diskOfferingUuid: uuidField('The disk offering that says its size.'),
    primaryStorageUuid: uuidField('The storage that it shall be in; the one with most room if none is said.'),
  }),
  result: volume,
  title: 'Create a data volume',
  summary: 'Makes an empty volume, to be attached to servers.',
  examples: [
    {
      title: 'One gibibyte',
      body: { params: { name: 'data-1', diskSize: 1073741824 } },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const diskSize = (await sizeOf(cloud, 'diskOfferingUuid', input.diskOfferingUuid)) ?? input.diskSize;
    if (!diskSize) throw invalidArgument('diskSize or diskOfferingUuid must be set');
    if (diskSize % sector !== 0) throw invalidArgument(`field[diskSize] must be a multiple of ${sector}`);
    const { volume: made, actionId } = await cloud.blockStorage.create(subject, {
      id: input.resourceUuid,
      name: input.name,
      description: input.description ?? null,
      size: diskSize,
      diskOfferingId: input.diskOfferingUuid,
      ...(await volumePlace(cloud, input.primaryStorageUuid)),
    });
    return { actionId, uuid: made.id };
  },
});

const updateVolume = jobOperation({
  ...shared,
  id: 'UpdateVolume',
  method: 'PUT',
  path: '/volumes/{uuid}/actions',
  params: byUuid,
  body: T.Object({ name: optionalName, description: descriptionField }),
  result: volume,
  title: 'Change a volume',
  summary: 'Changes the name or description of a data volume.',
  examples: [
    { title: 'Rename', params: here, body: { updateVolume: { name: 'data-1' } }, status: 200, response: success },
  ],
  handle: async ({ cloud, subject, input: { uuid, name, description } }) => {
    await dataVolume(cloud, subject, 'uuid', uuid);
    await cloud.blockStorage.update(subject, uuid, { name, description });
    return { uuid };
  },
});

const attachDataVolumeToVm = jobOperation({
  ...shared,
  id: 'AttachDataVolumeToVm',
  method: 'POST',
  path: '/volumes/{volumeUuid}/vm-instances/{vmInstanceUuid}',
  params: T.Object({
    volumeUuid: T.String({ maxLength: 64, description: 'The volume.' }),
    vmInstanceUuid: T.String({ maxLength: 64, description: 'The server.' }),
  }),
  result: volume,
  title: 'Attach a data volume to a server',
  summary: 'Gives a running or stopped server one more disk.',
  examples: [
    {
      title: 'Attach',
      params: { volumeUuid: volumeExample.uuid, vmInstanceUuid },
      body: { params: {} },
      status: 200,
      response: { inventory: attached, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { volumeUuid, vmInstanceUuid: vmUuid } }) => {
    const { serverId, enabled, status } = await dataVolume(cloud, subject, 'volumeUuid', volumeUuid);
    const state = await stateOf(cloud, subject, vmUuid, 'vmInstanceUuid');
    if (serverId) {
      throw operationFailed(`data volume[uuid:${volumeUuid}] has been attached to some vm, can't attach again`);
    }
    if (!enabled) throw operationFailed(`data volume[uuid:${volumeUuid}] is Disabled, can't attach`);
    if (status === 'creating' || status === 'downloading') {
      throw operationFailed(
        'data volume can only be attached when status is [Ready, NotInstantiated], current is Creating',
      );
    }
    if (state !== 'Running' && state !== 'Stopped') {
      throw operationFailed(
        `vm[uuid:${vmUuid}] can only attach volume when state is Running or Stopped, current state is ${state}`,
      );
    }
    const attach = () => cloud.blockStorage.attach(subject, vmUuid, { volumeId: volumeUuid });
    return { actionId: (await onVolume(volumeUuid, attach)).actionId, uuid: volumeUuid };
  },
});

const detachDataVolumeFromVm = jobOperation({
  ...shared,
  id: 'DetachDataVolumeFromVm',
  method: 'DELETE',
  path: '/volumes/{uuid}/vm-instances',
  params: byUuid,
  query: T.Object({ vmUuid: uuidField('The server that has it.') }),
  result: volume,
  title: 'Detach a data volume from its server',
  summary: 'Takes the disk from the server. What is on it stays.',
  examples: [{ title: 'Detach', params: here, status: 200, response: success }],
  handle: async ({ cloud, subject, input: { uuid, vmUuid } }) => {
    const { serverId } = await dataVolume(cloud, subject, 'uuid', uuid);
    if (!serverId || (vmUuid && vmUuid !== serverId)) {
      throw operationFailed(`data volume[uuid:${uuid}] is not attached to any vm, can't detach`);
    }
    const { actionId } = await onVolume(uuid, () => cloud.blockStorage.detach(subject, serverId, uuid));
    return { actionId, uuid };
  },
});

const deleteDataVolume = jobOperation({
  ...shared,
  id: 'DeleteDataVolume',
  method: 'DELETE',
  path: '/volumes/{uuid}',
  params: byUuid,
  title: 'Delete a data volume',
  summary: 'Removes a volume that no server has, and its snapshots. One that is not there is deleted already.',
  examples: [{ title: 'Delete', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    try {
      const found = await cloud.volumes.get(subject, uuid);
      if (found.kind === 'root') throw invalidArgument(`volume[uuid:${uuid}, type:Root] can't be deleted`);
      const { serverId } = found;
      if (serverId)
        throw operationFailed(`data volume[uuid:${uuid}] is attached to vm[uuid:${serverId}], detach it first`);
      return await onVolume(uuid, () => cloud.blockStorage.delete(subject, uuid, { cascade: true }));
    } catch (error) {
      if (error instanceof CloudError && error.code === 'not_found') return {};
      throw error;
    }
  },
});

const expungeDataVolume = jobOperation({
  ...shared,
  id: 'ExpungeDataVolume',
  method: 'PUT',
  path: '/volumes/{uuid}/actions',
  params: byUuid,
  title: 'Expunge a data volume',
  summary: 'Removes what is left of a deleted volume. Deleting leaves nothing here, so this only confirms it.',
  examples: [{ title: 'Expunge', params: here, body: { expungeDataVolume: {} }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    const found = await cloud.volumes.get(subject, uuid).catch(() => undefined);
    if (found && found.status !== 'deleting') {
      throw operationFailed(`the volume[uuid:${uuid}, name:${found.name ?? ''}] is not deleted yet, can't expunge it`);
    }
    return {};
  },
});

export const volumeOperations = [
  createDataVolume,
  updateVolume,
  attachDataVolumeToVm,
  detachDataVolumeFromVm,
  ...volumeSizeOperations,
  ...volumeQosOperations,
  deleteDataVolume,
  expungeDataVolume,
  ...volumeStateOperations,
  ...queryOperations(volume, {
    id: 'QueryVolume',
    group,
    package: 'header.volume',
    path: '/volumes',
    since: '0.6',
    title: 'Query volumes',
    example: volumeExample,
  }),
];
