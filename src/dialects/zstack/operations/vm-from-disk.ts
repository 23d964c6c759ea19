import { Type as T, type TProperties } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { BlockDevice } from '../../../cloud/servers/block-devices.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import type { ErrorBody } from '../protocol/error-codes.ts';
import { descriptionField, nameField, oneOfField, platforms, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { errorBody, invalidArgument, operationFailed, ZStackError } from '../protocol/zstack-error.ts';
import { onAffinityGroup } from './affinity-groups.ts';
import { type NewVm, newVm } from './new-vm.ts';
import { volumePlace } from './primary-storage-words.ts';
import { creationExample } from './simple-operations.ts';
import { readySnapshot } from './snapshot-words.ts';
import { vmExample } from './vm-examples.ts';
import { describeGuest } from './vm-guest.ts';
import { flavorFor, type Place, type Size, zoneNameFor } from './vm-placement.ts';
import { checkVolumeTags, tagVolumesOf, type VolumeTags, volumeTagFields } from './vm-volume-tags.ts';
import { onGroup } from './volume-snapshot-groups.ts';
import { onVolume, volumeNamed } from './volume-words.ts';

const uuids = (description: string) => T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description }));
const bytes = (description: string) => T.Optional(T.Integer({ minimum: 0, description }));

/** What all of these requests say, beside the disk. */
const fields = {
  name: nameField,
  description: descriptionField,
  instanceOfferingUuid: uuidField('Its size; or else cpuNum and memorySize.'),
  cpuNum: T.Optional(T.Integer({ minimum: 0, maximum: 1024, description: 'Processors, where no offering is named.' })),
  memorySize: bytes('Bytes of memory, where no offering is named.'),
  reservedMemorySize: bytes('Accepted; memory is never promised twice here.'),
  l3NetworkUuids: uuids('The networks that it shall have an interface in.'),
  defaultL3NetworkUuid: uuidField('The network of its first interface.'),
  type: oneOfField(['UserVm'], 'Always UserVm.'),
  platform: oneOfField(platforms, 'The kind of system in it.'),
  zoneUuid: uuidField('The zone: the one that the disk is in.'),
  clusterUuid: uuidField('The cluster: the one that the disk is in.'),
  hostUuid: uuidField('The host: the one that the disk is on.'),
  strategy: oneOfField(
    ['InstantStart', 'CreateStopped'],
    'Whether it is started (InstantStart) or made without being started (CreateStopped).',
  ),
} satisfies TProperties;

interface Input extends NewVm, Size, Place {
  platform?: (typeof platforms)[number];
}

const shared = {
  creates: 'server',
  group: 'VM Instance',
  package: 'header.vm',
  method: 'POST',
  allow: 'member',
  result: vmInstance,
  describeFailure: (cause: ErrorBody) => errorBody('VM.1000', cause.details, { cause }),
} as const;

const { imageUuid: _, ...booted } = vmExample;
const params = {
  name: 'web-1',
  instanceOfferingUuid: vmExample.instanceOfferingUuid,
  l3NetworkUuids: [vmExample.defaultL3NetworkUuid],
};
const snapshotUuid = '5d4c3b2a190f48e7d6c5b4a392817065';
const groupUuid = '2c1b0a9f8e7d46c5b4a3928170654f3e';

interface Disks {
  blockDevices: BlockDevice[];
  /** Where what they are copies of is. */
  hostId: string | null;
  zoneId: string;
}

/** Makes the server on the host that has what its disks are copies of. */
async function begin(
  cloud: Cloud,
  subject: Subject,
  input: Input & VolumeTags,
  { blockDevices, hostId, zoneId }: Disks,
  storage: { field: string; uuid: string | undefined },
) {
  await checkVolumeTags(cloud, subject, input);
  const flavor = await flavorFor(cloud, subject, input);
  const zone = (await cloud.zones.names()).get(zoneId);
  const asked = await zoneNameFor(cloud, subject, input);
  if (asked !== undefined && asked !== zone) {
    throw invalidArgument('the server has to be in the zone that the disk is in, of which it gets a copy');
  }
  if (hostId !== null && input.hostUuid !== undefined && input.hostUuid !== hostId) {
    throw operationFailed(`the copy is made beside the disk, which is not on host[uuid:${input.hostUuid}]`);
  }
  const { place } = await volumePlace(cloud, storage.uuid, storage.field);
  if (hostId !== null && place?.hostId !== undefined && place.hostId !== hostId) {
    throw operationFailed(`the copy is made beside the disk: it can't be on primary storage[uuid:${storage.uuid}]`);
  }
  const placed = blockDevices.map((one) => (one.bootIndex === 0 ? { ...one, storageId: place?.storageId } : one));
  const size = { flavorId: flavor.id, flavor };
  const where = { zone, clusterId: input.clusterUuid, hostId: input.hostUuid };
  const wanted = { ...(await newVm(cloud, subject, input)), ...size, blockDevices: placed, ...where };
  const create = () => cloud.servers.create(subject, wanted);
  const [made] = await onAffinityGroup('affinityGroupUuid', wanted.groupId ?? '', create);
  const { server, actionId } = made!;
  await describeGuest(cloud, subject, server.id, input);
  return { actionId, uuid: server.id, ...(await tagVolumesOf(cloud, subject, [server.id], input)) };
}

/** Where a snapshot is. */
async function placeOf(cloud: Cloud, hostId: string | null): Promise<Pick<Disks, 'hostId' | 'zoneId'>> {
  if (hostId === null) throw operationFailed('the snapshot is on no host');
  return { hostId, zoneId: (await cloud.hosts.get(hostId)).zoneId };
}

/** The disk that it boots from, which is its own: it goes with the server. */
function rootDisk(name: string, device: Pick<BlockDevice, 'source' | 'id'>): BlockDevice {
  return {
    ...device,
    name: `ROOT-for-${name}`,
    destination: 'volume',
    bootIndex: 0,
    deleteOnTermination: true,
    hasSystem: true,
  };
}

const createVmFromVolume = jobOperation({
  ...shared,
  id: 'CreateVmInstanceFromVolume',
  path: '/vm-instances/from/volume',
  since: '3.10.0',
  body: T.Object({
    ...fields,
    volumeUuid: T.String({ maxLength: 64, description: 'The volume, root or data, with a system on it.' }),
    primaryStorageUuid: uuidField('The storage of its root volume: one of those of the host that the volume is on.'),
  }),
  title: 'Create a server from a volume',
  summary:
    'Makes a server that boots from a copy of a volume, as that is at one moment. The volume stays what it is, and a server may use it meanwhile.',
  examples: [creationExample('With a size and a network', { ...params, volumeUuid: vmExample.rootVolumeUuid }, booted)],
  handle: async ({ cloud, subject, input }) => {
    const { volumeUuid: uuid, primaryStorageUuid } = input;
    const { diskId, hostId, zoneId, status } = await volumeNamed(cloud, subject, 'volumeUuid', uuid);
    if (diskId === null || !['available', 'in-use'].includes(status)) {
      throw operationFailed(`volume[uuid:${uuid}] is not Ready, can't create vm from it`);
    }
    const blockDevices = [rootDisk(input.name, { source: 'copy', id: uuid })];
    const storage = { field: 'primaryStorageUuid', uuid: primaryStorageUuid };
    return await onVolume(uuid, () => begin(cloud, subject, input, { blockDevices, hostId, zoneId }, storage));
  },
});

const createVmFromSnapshot = jobOperation({
  ...shared,
  id: 'CreateVmInstanceFromVolumeSnapshot',
  path: '/vm-instances/from/volume-snapshots/{volumeSnapshotUuid}',
  since: '4.1.0',
  params: uuidIn('volumeSnapshotUuid', 'The snapshot, of a volume with a system on it.'),
  body: T.Object({
    ...fields,
    primaryStorageUuid: uuidField('The storage of its root volume: one of those of the host that the snapshot is on.'),
    rootVolumeSystemTags: volumeTagFields.rootVolumeSystemTags,
  }),
  title: 'Create a server from a snapshot',
  summary: 'Makes a server that boots from a copy of a snapshot, and needs nothing of the snapshot any more.',
  examples: [creationExample('With a size and a network', params, booted, { volumeSnapshotUuid: snapshotUuid })],
  handle: async ({ cloud, subject, input }) => {
    const { volumeSnapshotUuid: uuid, primaryStorageUuid } = input;
    const snapshot = await readySnapshot(cloud, subject, 'volumeSnapshotUuid', uuid);
    const blockDevices = [rootDisk(input.name, { source: 'snapshot', id: uuid })];
    const disks = { blockDevices, ...(await placeOf(cloud, snapshot.hostId)) };
    const storage = { field: 'primaryStorageUuid', uuid: primaryStorageUuid };
    return await onVolume(uuid, () => begin(cloud, subject, input, disks, storage));
  },
});

const createVmFromSnapshotGroup = jobOperation({
  ...shared,
  id: 'CreateVmInstanceFromVolumeSnapshotGroup',
  path: '/vm-instances/from/volume-snapshots/group/{volumeSnapshotGroupUuid}',
  since: '4.1.0',
  params: uuidIn('volumeSnapshotGroupUuid', 'The group: snapshots of all volumes of a server.'),
  body: T.Object({
    ...fields,
    primaryStorageUuidForRootVolume: uuidField(
      'The storage of its root volume: one of those of the host that the snapshots are on.',
    ),
    rootVolumeSystemTags: volumeTagFields.rootVolumeSystemTags,
    dataVolumeSystemTags: T.Optional(
      T.Record(T.String(), T.Unknown(), { description: 'None: tags are put on data volumes once they are there.' }),
    ),
  }),
  title: 'Create a server from snapshots of all volumes of a server',
  summary: 'Makes a server with copies of all snapshots of a group: its root volume and its data volumes.',
  examples: [creationExample('With a size and a network', params, booted, { volumeSnapshotGroupUuid: groupUuid })],
  handle: async ({ cloud, subject, input }) => {
    const { volumeSnapshotGroupUuid: uuid, primaryStorageUuidForRootVolume } = input;
    const field = 'volumeSnapshotGroupUuid';
    const members = await onGroup(uuid, () => cloud.servers.snapshotGroups.members(subject, uuid), field);
    const missing = members.filter(({ status }) => status !== 'available').map(({ snapshot_id }) => snapshot_id);
    if (missing.length > 0) {
      throw operationFailed(`snapshot(s) [${missing.join(', ')}] in the group are not Ready, can't create vm from it`);
    }
    const blockDevices = members.map(({ snapshot_id: id, volume_kind: kind, volume_name: name }): BlockDevice => {
      if (kind === 'root') return rootDisk(input.name, { source: 'snapshot', id });
      const data = { destination: 'volume', bootIndex: null, deleteOnTermination: false } as const;
      return { ...data, source: 'snapshot', id, name: name ?? `DATA-for-${input.name}` };
    });
    const disks = { blockDevices, ...(await placeOf(cloud, members[0]?.host_id ?? null)) };
    const storage = { field: 'primaryStorageUuidForRootVolume', uuid: primaryStorageUuidForRootVolume };
    // Keyed in a way that clients do not agree on.
    const { dataVolumeSystemTags, ...asked } = input;
    if (Object.keys(dataVolumeSystemTags ?? {}).length > 0) {
      throw new ZStackError('SYS.1014', 'field[dataVolumeSystemTags] is not offered by this cloud');
    }
    return await onVolume(uuid, () => begin(cloud, subject, asked, disks, storage));
  },
});

/** Making servers of what is on the disks of others. */
export const vmFromDiskOperations = [createVmFromVolume, createVmFromSnapshot, createVmFromSnapshotGroup];
