import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { imageCache } from '../inventories/image-cache.ts';
import { primaryStorage } from '../inventories/places.ts';
import { booleanField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { syncOperation } from '../protocol/operation.ts';
import { ofClass } from '../query/java-classes.ts';
import { inventoriesWith, readInventory } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { imageExample } from './image-examples.ts';
import { isOwnDisk, requireStorage } from './primary-storage-words.ts';

const group = 'Primary Storage';
const reads = { method: 'GET', since: '0.6', allow: 'reader' } as const;
const uuids = (description: string) => T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description }));
const capacities = [
  'totalCapacity',
  'availableCapacity',
  'totalPhysicalCapacity',
  'availablePhysicalCapacity',
] as const;

const getPrimaryStorageCapacity = syncOperation({
  ...reads,
  id: 'GetPrimaryStorageCapacity',
  group,
  package: 'header.storage.primary',
  path: '/primary-storage/capacities',
  query: T.Object({
    zoneUuids: uuids('Only those of these zones.'),
    clusterUuids: uuids('Only those of these clusters.'),
    primaryStorageUuids: uuids('Only these.'),
    all: booleanField('All.'),
  }),
  response: T.Object({
    totalCapacity: T.Integer({ description: 'Bytes that can be promised to disks.' }),
    availableCapacity: T.Integer({ description: 'Bytes of them that are not promised yet.' }),
    totalPhysicalCapacity: T.Integer({ description: 'Bytes there are.' }),
    availablePhysicalCapacity: T.Integer({ description: 'Bytes of them that are free.' }),
  }),
  title: 'Get the capacity of primary storage',
  summary: 'What can be promised to disks, what there is, and what of it is free.',
  examples: [
    {
      title: 'Of all',
      query: { all: 'true' },
      status: 200,
      response: {
        totalCapacity: 107374182400,
        availableCapacity: 85899345920,
        totalPhysicalCapacity: 107374182400,
        availablePhysicalCapacity: 96636764160,
      },
    },
  ],
  handle: async ({ cloud, input }) => {
    const q = Object.entries({
      zoneUuid: input.zoneUuids,
      'cluster.uuid': input.clusterUuids,
      uuid: input.primaryStorageUuids,
    }).flatMap(([field, wanted]) => (wanted ? [`${field}?=${wanted.join()}`] : []));
    // How much room there is everybody may know; which hosts there are, not.
    const inventories = await inventoriesWith(cloud, primaryStorage, { isAdmin: true }, q);
    const sum = (name: string) => inventories.reduce((total, one) => total + Number(one[name] ?? 0), 0);
    return Object.fromEntries(capacities.map((name) => [name, sum(name)]));
  },
});

const hostCapacity = T.Object(
  {
    hostUuid: T.String({ description: 'The host.' }),
    totalCapacity: T.Integer({ description: 'Bytes of its part that can be promised to disks.' }),
    availableCapacity: T.Integer({ description: 'Bytes of them that are not promised yet.' }),
    totalPhysicalCapacity: T.Integer({ description: 'Bytes there are.' }),
    availablePhysicalCapacity: T.Integer({ description: 'Bytes of them that are free.' }),
  },
  ofClass('org.zstack.storage.primary.local.APIGetLocalStorageHostDiskCapacityReply$HostDiskCapacity'),
);

const getHostDiskCapacity = syncOperation({
  ...reads,
  allow: 'admin',
  id: 'GetLocalStorageHostDiskCapacity',
  group,
  package: 'storage.primary.local',
  path: '/primary-storage/local-storage/{primaryStorageUuid}/capacities',
  params: uuidIn('primaryStorageUuid', 'The primary storage.'),
  query: T.Object({ hostUuid: uuidField('Only of this host.') }),
  response: T.Object({ inventories: T.Array(hostCapacity) }),
  title: 'Get the capacity of a local storage by host',
  summary: 'What each host has of it.',
  examples: [
    {
      title: 'Of a host’s own disk',
      params: { primaryStorageUuid: '6f1e2d3c4b5a49388271605f4e3d2c1b' },
      status: 200,
      response: {
        inventories: [
          {
            hostUuid: '6f1e2d3c4b5a49388271605f4e3d2c1b',
            totalCapacity: 107374182400,
            availableCapacity: 85899345920,
            totalPhysicalCapacity: 107374182400,
            availablePhysicalCapacity: 96636764160,
          },
        ],
      },
    },
  ],
  handle: async ({ cloud, input: { primaryStorageUuid, hostUuid } }) => {
    const storage = await requireStorage(cloud, 'primaryStorageUuid', primaryStorageUuid);
    const parts = isOwnDisk(storage)
      ? [await ownDiskCapacity(cloud, storage.hostId)]
      : (await cloud.storages.rooms(primaryStorageUuid)).map(
          ({ hostId, totalBytes, freeBytes, takenBytes, diskRatio }) => ({
            hostUuid: hostId,
            totalCapacity: Math.floor(totalBytes * diskRatio),
            availableCapacity: Math.floor(totalBytes * diskRatio - takenBytes),
            totalPhysicalCapacity: totalBytes,
            availablePhysicalCapacity: freeBytes,
          }),
        );
    return { inventories: parts.filter((part) => !hostUuid || part.hostUuid === hostUuid) };
  },
});

async function ownDiskCapacity(cloud: Cloud, hostUuid: string) {
  const shown = (await readInventory(cloud, primaryStorage, hostUuid))!;
  const of = (name: (typeof capacities)[number]) => Number(shown[name]);
  return {
    hostUuid,
    totalCapacity: of('totalCapacity'),
    availableCapacity: of('availableCapacity'),
    totalPhysicalCapacity: of('totalPhysicalCapacity'),
    availablePhysicalCapacity: of('availablePhysicalCapacity'),
  };
}

/** Facts that are the same for every cloud of this kind. */
const words = (about: {
  id: string;
  group: string;
  package: string;
  path: string;
  title: string;
  member: string;
  of: string[];
}) => {
  const { member, of, ...shown } = about;
  return syncOperation({
    ...reads,
    ...shown,
    response: T.Object({ [member]: T.Array(T.String()) }),
    summary: 'The kinds that this cloud has.',
    examples: [{ title: 'Get', status: 200, response: { [member]: of } }],
    handle: () => ({ [member]: of }),
  });
};

export const storageFactOperations = [
  getPrimaryStorageCapacity,
  getHostDiskCapacity,
  words({
    id: 'GetPrimaryStorageAllocatorStrategies',
    group,
    package: 'header.storage.primary',
    path: '/primary-storage/allocators/strategies',
    title: 'Get the ways to choose a primary storage',
    member: 'strategies',
    of: ['DefaultPrimaryStorageAllocationStrategy'],
  }),
  ...queryOperations(imageCache, {
    id: 'QueryImageCache',
    group,
    package: 'header.storage.primary',
    path: '/primary-storage/imagecache',
    since: '0.6',
    allow: 'admin',
    title: 'Query cached images',
    example: {
      primaryStorageUuid: '6f1e2d3c4b5a49388271605f4e3d2c1b',
      imageUuid: imageExample.uuid,
      installUrl: `local://host-1/${imageExample.uuid}`,
      mediaType: 'RootVolumeTemplate',
      size: imageExample.actualSize,
      md5sum: imageExample.md5Sum,
      state: 'ready',
      lastOpDate: 'Nov 21, 2026 2:00:00 PM',
    },
    byUuid: false,
  }),
  words({
    id: 'GetPrimaryStorageTypes',
    group,
    package: 'header.storage.primary',
    path: '/primary-storage/types',
    title: 'Get the types of primary storage',
    member: 'types',
    of: ['LocalStorage', 'SharedMountPoint', 'NFS'],
  }),
  words({
    id: 'GetBackupStorageTypes',
    group: 'Backup Storage',
    package: 'header.storage.backup',
    path: '/backup-storage/types',
    title: 'Get the types of backup storage',
    member: 'types',
    of: ['ImageStoreBackupStorage', 'SftpBackupStorage', 'Ceph'],
  }),
  words({
    id: 'GetHypervisorTypes',
    group: 'Host',
    package: 'header.host',
    path: '/hosts/hypervisor-types',
    title: 'Get the types of hypervisors',
    member: 'hypervisorTypes',
    of: ['KVM'],
  }),
];
