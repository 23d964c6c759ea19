import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { volume } from '../inventories/volume.ts';
import { volumeSnapshot, volumeSnapshotTree } from '../inventories/volume-snapshot.ts';
import { descriptionField, nameField, optionalName, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { errorBody, operationFailed, resourcesNotFound } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { queryOperations } from '../query/query-operations.ts';
import { requireUuid } from './images.ts';
import { volumePlace } from './primary-storage-words.ts';
import { snapshotNamed } from './snapshot-words.ts';
import { ended } from './vm-data-volumes.ts';
import { stateOf } from './vm-words.ts';
import { volumeExample } from './volume-examples.ts';
import { onVolume, volumeNamed } from './volume-words.ts';

const group = 'Volume Snapshot';
const shared = { group, package: 'header.storage.snapshot', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The snapshot.');
const example = {
  uuid: '5d4c3b2a190f48e7d6c5b4a392817065',
  name: 'before the upgrade',
  type: 'Storage',
  volumeUuid: volumeExample.uuid,
  treeUuid: volumeExample.uuid,
  primaryStorageUuid: volumeExample.primaryStorageUuid,
  volumeType: 'Data',
  format: 'qcow2',
  latest: true,
  size: 1073741824,
  state: 'Enabled',
  status: 'Ready',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const here = { uuid: example.uuid };
const success = { inventory: example, success: true };

const createVolumeSnapshot = jobOperation({
  ...shared,
  id: 'CreateVolumeSnapshot',
  creates: 'volume_snapshot',
  method: 'POST',
  path: '/volumes/{volumeUuid}/volume-snapshots',
  params: uuidIn('volumeUuid', 'The volume.'),
  body: T.Object({
    name: nameField,
    description: descriptionField,
  }),
  result: volumeSnapshot,
  title: 'Create a snapshot of a volume',
  summary: 'Copies a volume, root or data, as it is at one moment, also while a server has it and runs.',
  examples: [
    {
      title: 'Before an upgrade',
      params: { volumeUuid: volumeExample.uuid },
      body: { params: { name: example.name } },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { volumeUuid: volumeId, name, description } = input;
    requireSnapshottable(await volumeNamed(cloud, subject, 'volumeUuid', volumeId));
    const wanted = { id: input.resourceUuid, volumeId, name, description, force: true, rootDisks: true };
    const made = await onVolume(volumeId, () => cloud.blockStorage.createSnapshot(subject, wanted));
    return { actionId: made.actionId, uuid: made.snapshot.id };
  },
});

function requireSnapshottable({ id, status, diskId, enabled }: Volume): void {
  const now = status === 'creating' || status === 'downloading' ? 'Creating' : 'NotInstantiated';
  if (!diskId)
    throw operationFailed(`volume[uuid:${id}] is not in status Ready, current is ${now}, can't create snapshot`);
  if (enabled) return;
  throw operationFailed(`volume[uuid:${id}] is not in state Enabled, current is Disabled, can't create snapshot`);
}

const updateVolumeSnapshot = jobOperation({
  ...shared,
  id: 'UpdateVolumeSnapshot',
  method: 'PUT',
  path: '/volume-snapshots/{uuid}/actions',
  params: byUuid,
  body: T.Object({ name: optionalName, description: descriptionField }),
  result: volumeSnapshot,
  title: 'Change a snapshot',
  summary: 'Changes the name or description of a snapshot.',
  examples: [
    {
      title: 'Rename',
      params: here,
      body: { updateVolumeSnapshot: { name: example.name } },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, name, description } }) => {
    await snapshotNamed(cloud, subject, 'uuid', uuid);
    await cloud.blockStorage.updateSnapshot(subject, uuid, () => ({
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    }));
    return { uuid };
  },
});

const revertVolumeFromSnapshot = jobOperation({
  ...shared,
  id: 'RevertVolumeFromSnapshot',
  method: 'PUT',
  path: '/volume-snapshots/{uuid}/actions',
  params: byUuid,
  title: 'Revert a volume to a snapshot',
  summary:
    'Gives a volume, also the root volume of a server, the content that it had when the snapshot was made. A server that has it must be stopped.',
  examples: [{ title: 'Revert', params: here, body: { revertVolumeFromSnapshot: {} }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const { volumeId } = await snapshotNamed(cloud, subject, 'uuid', uuid);
    const { serverId } = await original(cloud, subject, volumeId, uuid);
    if (serverId) return await revertAttached(cloud, subject, { volumeId, serverId, uuid });
    try {
      return await onVolume(volumeId, () => cloud.blockStorage.revert(subject, volumeId, uuid));
    } catch (error) {
      if (!(error instanceof CloudError) || error.details.reason !== 'invalid_input') throw error;
      throw operationFailed(error.message);
    }
  },
});

/** The volume that the snapshot is of. */
async function original(cloud: Cloud, subject: Subject, volumeId: string, uuid: string): Promise<Volume> {
  const found = await cloud.volumes.get(subject, volumeId).catch((error: unknown) => {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
  });
  if (!found) {
    throw operationFailed(`original volume for snapshot[uuid:${uuid}] has been deleted, cannot revert volume to it`);
  }
  return found;
}

async function revertAttached(
  cloud: Cloud,
  subject: Subject,
  { volumeId, serverId, uuid }: { volumeId: string; serverId: string; uuid: string },
): Promise<{ actionId: string }> {
  try {
    return await onVolume(volumeId, () => cloud.servers.snapshotGroups.revertDisk(subject, serverId, uuid));
  } catch (error) {
    if (!(error instanceof CloudError) || error.details.reason !== 'state') throw error;
    const state = await stateOf(cloud, subject, serverId);
    throw operationFailed(
      `unable to reset volume[uuid:${volumeId}] to snapshot[uuid:${uuid}], the vm[uuid:${serverId}] volume attached to ` +
        `is not in Stopped state, current state is ${state}`,
    );
  }
}

const deleteVolumeSnapshot = jobOperation({
  ...shared,
  id: 'DeleteVolumeSnapshot',
  method: 'DELETE',
  path: '/volume-snapshots/{uuid}',
  params: byUuid,
  title: 'Delete a snapshot',
  summary: 'Removes a snapshot; others of the volume stay. One that is not there is deleted already.',
  examples: [{ title: 'Delete', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    try {
      return await onVolume(uuid, () => cloud.blockStorage.deleteSnapshot(subject, uuid));
    } catch (error) {
      if (error instanceof CloudError && error.code === 'not_found') return {};
      throw error;
    }
  },
});

const batchDeleteVolumeSnapshot = jobOperation({
  ...shared,
  id: 'BatchDeleteVolumeSnapshot',
  method: 'PUT',
  path: '/volume-snapshots/batch-delete',
  since: '3.3',
  body: T.Object({
    uuids: T.Array(T.String({ maxLength: 64 }), { minItems: 1, maxItems: 100, description: 'The snapshots.' }),
  }),
  response: T.Object({
    results: T.Array(
      T.Object(
        { snapshotUuid: T.String(), success: T.Boolean(), error: T.Optional(T.Unknown()) },
        ofClass('org.zstack.header.storage.snapshot.BatchDeleteVolumeSnapshotStruct'),
      ),
    ),
  }),
  title: 'Delete snapshots',
  summary: 'Removes each of the snapshots, and says of each whether that could be done.',
  examples: [
    {
      title: 'Two of them',
      body: { batchDeleteVolumeSnapshot: { uuids: [example.uuid] } },
      status: 200,
      response: { results: [{ snapshotUuid: example.uuid, success: true }] },
    },
  ],
  handle: async ({ cloud, subject, input: { uuids } }) => {
    for (const uuid of uuids) requireUuid(uuid);
    const known = await Promise.all(uuids.map((uuid) => cloud.blockStorage.snapshot(subject, uuid).catch(noSuch)));
    const unknown = uuids.filter((_, index) => known[index] === undefined);
    if (unknown.length > 0) throw resourcesNotFound('uuids', unknown, 'VolumeSnapshotVO');
    const results = await Promise.all(
      [...new Set(uuids)].map(async (snapshotUuid) => {
        try {
          const { actionId } = await cloud.blockStorage.deleteSnapshot(subject, snapshotUuid);
          if (actionId) await ended(cloud, actionId);
          return { snapshotUuid, success: true };
        } catch (error) {
          if (!(error instanceof CloudError)) throw error;
          return { snapshotUuid, success: false, error: errorBody('SYS.1006', error.message) };
        }
      }),
    );
    return { body: { results } };
  },
});

function noSuch(error: unknown): undefined {
  if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
}

const createDataVolumeFromSnapshot = jobOperation({
  ...shared,
  id: 'CreateDataVolumeFromVolumeSnapshot',
  creates: 'volume',
  package: 'header.volume',
  group: 'Volume',
  method: 'POST',
  path: '/volumes/data/from/volume-snapshots/{volumeSnapshotUuid}',
  params: uuidIn('volumeSnapshotUuid', 'The snapshot.'),
  body: T.Object({
    name: nameField,
    description: descriptionField,
    primaryStorageUuid: uuidField(
      'The storage that it shall be in, on the host of the snapshot; the snapshot’s if none is said.',
    ),
  }),
  result: volume,
  title: 'Create a data volume from a snapshot',
  summary: 'Makes a volume with the content of a snapshot. It is a copy and needs nothing of the snapshot any more.',
  examples: [
    {
      title: 'A copy',
      params: { volumeSnapshotUuid: example.uuid },
      body: { params: { name: volumeExample.name } },
      status: 200,
      response: { inventory: volumeExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { volumeSnapshotUuid: snapshotId, name, description } = input;
    await snapshotNamed(cloud, subject, 'volumeSnapshotUuid', snapshotId);
    const { place } = await volumePlace(cloud, input.primaryStorageUuid);
    const wanted = { id: input.resourceUuid, name, description: description ?? null, snapshotId, place };
    const made = await onVolume(snapshotId, () => cloud.blockStorage.create(subject, wanted));
    return { actionId: made.actionId, uuid: made.volume.id };
  },
});

export const volumeSnapshotOperations = [
  createVolumeSnapshot,
  updateVolumeSnapshot,
  revertVolumeFromSnapshot,
  deleteVolumeSnapshot,
  batchDeleteVolumeSnapshot,
  createDataVolumeFromSnapshot,
  ...queryOperations(volumeSnapshotTree, {
    id: 'QueryVolumeSnapshotTree',
    group,
    package: 'header.storage.snapshot',
    path: '/volume-snapshots/trees',
    since: '0.6',
    title: 'Query trees of snapshots',
    example: {
      uuid: example.uuid,
      volumeUuid: example.volumeUuid,
      current: true,
      status: 'Completed',
      tree: { inventory: example, children: [] },
      createDate: example.createDate,
      lastOpDate: example.lastOpDate,
    },
  }),
  ...queryOperations(volumeSnapshot, {
    id: 'QueryVolumeSnapshot',
    group,
    package: 'header.storage.snapshot',
    path: '/volume-snapshots',
    since: '0.6',
    title: 'Query snapshots of volumes',
    example,
  }),
];
