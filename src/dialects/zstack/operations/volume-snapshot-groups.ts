import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { volumeSnapshotGroup } from '../inventories/volume-snapshot-group.ts';
import { booleanField, descriptionField, nameField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import {
  errorBody,
  invalidArgument,
  operationFailed,
  resourceNotFound,
  ZStackError,
} from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { queryOperations } from '../query/query-operations.ts';
import { requireUuid } from './images.ts';
import { change, creationExample } from './simple-operations.ts';
import { ended } from './vm-data-volumes.ts';
import { inAllowedState } from './vm-words.ts';
import { vmInstanceUuid, volumeExample } from './volume-examples.ts';
import { onVolume, volumeNamed } from './volume-words.ts';

const group = 'Volume Snapshot';
const shared = { group, package: 'header.storage.snapshot.group', since: '3.6.0', allow: 'member' } as const;
const createDate = 'Nov 21, 2026 2:00:00 PM';
const snapshotUuid = '5d4c3b2a190f48e7d6c5b4a392817065';
const example = {
  uuid: '2c1b0a9f8e7d46c5b4a3928170654f3e',
  name: 'before the upgrade',
  snapshotCount: 1,
  vmInstanceUuid,
  volumeSnapshotRefs: [
    {
      volumeSnapshotUuid: snapshotUuid,
      volumeSnapshotGroupUuid: '2c1b0a9f8e7d46c5b4a3928170654f3e',
      deviceId: 0,
      snapshotDeleted: false,
      volumeUuid: volumeExample.uuid,
      volumeName: 'ROOT-for-web-1',
      volumeType: 'Root',
      volumeSnapshotName: 'before the upgrade-ROOT-for-web-1',
      createDate,
      lastOpDate: createDate,
    },
  ],
  createDate,
  lastOpDate: createDate,
};
const byUuid = uuidIn('uuid', 'The group.');
const here = { uuid: example.uuid };

/** What the engine refuses about a group, in the dialect's words. */
export async function onGroup<Result>(uuid: string, work: () => Promise<Result>, field = 'uuid'): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { resource, reason } = error.details;
    if (resource === 'snapshot_group') throw resourceNotFound(field, uuid, 'VolumeSnapshotGroupVO');
    if (reason === 'group_unavailable') throw operationFailed(error.message);
    throw error;
  }
}

const createVolumeSnapshotGroup = jobOperation({
  ...shared,
  id: 'CreateVolumeSnapshotGroup',
  method: 'POST',
  path: '/volume-snapshots/group',
  creates: 'untagged',
  body: T.Object({
    rootVolumeUuid: T.String({ maxLength: 64, description: 'The root volume of the server.' }),
    name: nameField,
    description: descriptionField,
    withMemory: booleanField('Snapshots of the memory are not offered.'),
  }),
  result: volumeSnapshotGroup,
  title: 'Create snapshots of all volumes of a server',
  summary:
    'Copies the root volume of a server and its data volumes, all as they are at one moment, also while it runs: all of them, or none.',
  examples: [creationExample('Before an upgrade', { rootVolumeUuid: volumeExample.uuid, name: example.name }, example)],
  handle: async ({ cloud, subject, input }) => {
    const { rootVolumeUuid, name, description, withMemory } = input;
    if (withMemory) throw new ZStackError('SYS.1014', 'snapshots of the memory are not offered by this cloud');
    const { kind, serverId } = await volumeNamed(cloud, subject, 'rootVolumeUuid', rootVolumeUuid);
    if (kind !== 'root' || serverId === null) {
      throw invalidArgument(`volume[uuid:${rootVolumeUuid}] is not root volume`);
    }
    const message = 'org.zstack.header.storage.snapshot.group.APICreateVolumeSnapshotGroupMsg';
    const rule = { message, allowed: ['Running', 'Stopped', 'Paused'], code: 'SYS.1006' } as const;
    const wanted = { id: input.resourceUuid, serverId, name, description };
    const { id, actionId } = await inAllowedState(cloud, subject, serverId, rule, () =>
      onVolume(rootVolumeUuid, () => cloud.servers.snapshotGroups.create(subject, wanted)),
    );
    return { uuid: id, actionId };
  },
});

const resultsOf = (className: string) =>
  T.Array(
    T.Object(
      {
        snapshotUuid: T.String(),
        volumeUuid: T.Optional(T.String()),
        success: T.Boolean(),
        error: T.Optional(T.Unknown()),
      },
      ofClass(`org.zstack.header.storage.snapshot.group.${className}`),
    ),
  );

const revertVmFromSnapshotGroup = jobOperation({
  ...shared,
  id: 'RevertVmFromSnapshotGroup',
  method: 'PUT',
  path: '/volume-snapshots/group/{uuid}/actions',
  params: byUuid,
  response: T.Object({ results: resultsOf('RevertSnapshotGroupResult') }),
  title: 'Revert a server to snapshots of all its volumes',
  summary: 'Gives all volumes of a stopped server what they held at that moment: all of them, or none.',
  examples: [
    {
      title: 'Revert',
      params: here,
      body: { revertVmFromSnapshotGroup: {} },
      status: 200,
      response: { results: [{ snapshotUuid, volumeUuid: volumeExample.uuid, success: true }] },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const serverId = await onGroup(uuid, () => cloud.servers.snapshotGroups.serverOf(subject, uuid));
    const message = 'org.zstack.header.storage.snapshot.group.APIRevertVmFromSnapshotGroupMsg';
    const rule = { message, allowed: ['Stopped'], code: 'SYS.1006' } as const;
    const { actionId, members } = await inAllowedState(cloud, subject, serverId, rule, () =>
      onGroup(uuid, () => onVolume(uuid, () => cloud.servers.snapshotGroups.revert(subject, uuid))),
    );
    const done = members.map((one) => ({ snapshotUuid: one.snapshot_id, volumeUuid: one.volume_id, success: true }));
    return { actionId, body: { results: done } };
  },
});

const deleteVolumeSnapshotGroup = jobOperation({
  ...shared,
  id: 'DeleteVolumeSnapshotGroup',
  method: 'DELETE',
  path: '/volume-snapshots/group/{uuid}',
  params: byUuid,
  response: T.Object({ results: T.Optional(resultsOf('DeleteSnapshotGroupResult')) }),
  title: 'Delete a group of snapshots',
  summary: 'Deletes its snapshots too. One that is not there is deleted already.',
  examples: [{ title: 'Delete', params: here, status: 200, response: { results: [{ snapshotUuid, success: true }] } }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    try {
      const deleted = await onVolume(uuid, () => cloud.servers.snapshotGroups.delete(subject, uuid));
      const done = await Promise.all(deleted.map((one) => outcomeOf(cloud, one)));
      return { body: { results: done } };
    } catch (error) {
      if (error instanceof CloudError && error.code === 'not_found') return {};
      throw error;
    }
  },
});

async function outcomeOf(cloud: Cloud, { snapshotId, actionId }: { snapshotId: string; actionId?: string }) {
  try {
    if (actionId) await ended(cloud, actionId);
    return { snapshotUuid: snapshotId, success: true };
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    return { snapshotUuid: snapshotId, success: false, error: errorBody('SYS.1006', error.message) };
  }
}

const ungroupVolumeSnapshotGroup = jobOperation({
  ...shared,
  id: 'UngroupVolumeSnapshotGroup',
  method: 'DELETE',
  path: '/volume-snapshots/ungroup/{uuid}',
  params: byUuid,
  title: 'Take a group of snapshots apart',
  summary: 'Its snapshots stay, and are from then on like any others.',
  examples: [{ title: 'Ungroup', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await onGroup(uuid, () => cloud.servers.snapshotGroups.ungroup(subject, uuid));
    return {};
  },
});

const checkVolumeSnapshotGroupAvailability = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'CheckVolumeSnapshotGroupAvailability',
  method: 'GET',
  path: '/volume-snapshots/groups/availabilities',
  query: T.Object({
    // The Go clients send one text with commas in it.
    uuids: T.Array(T.String({ maxLength: 65 * 100 }), { minItems: 1, maxItems: 100, description: 'The groups.' }),
  }),
  response: T.Object({
    results: T.Array(
      T.Object(
        { uuid: T.String(), available: T.Boolean(), reason: T.Optional(T.String({ description: 'Why not.' })) },
        ofClass('org.zstack.header.storage.snapshot.group.VolumeSnapshotGroupAvailability'),
      ),
    ),
  }),
  title: 'Check whether servers can be reverted to groups of snapshots',
  summary: 'Says of each group whether its snapshots and volumes are as they have to be, and else why not.',
  examples: [
    {
      title: 'One',
      query: { uuids: example.uuid },
      status: 200,
      response: { results: [{ uuid: example.uuid, available: true }] },
    },
  ],
  handle: async ({ cloud, subject, input: { uuids } }) => {
    const checked = uuids.flatMap((one) => one.split(','));
    if (checked.length > 100) throw invalidArgument('uuids can have 100 elements at the most');
    return {
      results: await Promise.all(
        checked.map(async (uuid) => {
          const reason = await onGroup(uuid, () => cloud.servers.snapshotGroups.obstacle(subject, uuid));
          return reason === undefined ? { uuid, available: true } : { uuid, available: false, reason };
        }),
      ),
    };
  },
});

/** Snapshots of all volumes of a server. */
export const volumeSnapshotGroupOperations = [
  createVolumeSnapshotGroup,
  revertVmFromSnapshotGroup,
  change({
    ...shared,
    id: 'UpdateVolumeSnapshotGroup',
    path: '/volume-snapshots/group/{uuid}/actions',
    result: volumeSnapshotGroup,
    title: 'Change a group of snapshots',
    summary: 'Changes the name or description of a group.',
    example,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await onGroup(uuid, () => cloud.servers.snapshotGroups.update(subject, uuid, { name, description }));
      return undefined;
    },
  }),
  deleteVolumeSnapshotGroup,
  ungroupVolumeSnapshotGroup,
  checkVolumeSnapshotGroupAvailability,
  ...queryOperations(volumeSnapshotGroup, {
    id: 'QueryVolumeSnapshotGroup',
    group,
    package: shared.package,
    path: '/volume-snapshots/group',
    since: shared.since,
    title: 'Query groups of snapshots',
    example,
  }),
];
