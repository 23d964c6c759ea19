import { Type as T } from 'typebox';
import { gibibyte, mebibyte } from '../inventories/common.ts';
import { cluster, host, primaryStorage, zone } from '../inventories/places.ts';
import { booleanField, textField } from '../protocol/field-schemas.ts';
import { syncOperation } from '../protocol/operation.ts';
import { queryOperations } from '../query/query-operations.ts';
import { placeChangeOperations } from './place-changes.ts';

const since = '0.6';
const dates = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };
const zoneUuid = '8d3f4a1c6b7e4c2d9a0f1e2d3c4b5a69';
const clusterUuid = '5c0e8f4d9b3a4e1f8c7d6b5a49382716';
const hostUuid = '6f1e2d3c4b5a49388271605f4e3d2c1b';

const listField = (description: string) => T.Optional(T.Array(T.String({ maxLength: 64 }), { description }));

const getCpuMemoryCapacity = syncOperation({
  id: 'GetCpuMemoryCapacity',
  group: 'Host',
  package: 'header.allocator',
  method: 'GET',
  path: '/hosts/capacities/cpu-memory',
  since,
  allow: 'reader',
  query: T.Object({
    zoneUuids: listField('Only hosts of these zones.'),
    clusterUuids: listField('Only hosts of these clusters.'),
    hostUuids: listField('Only these hosts.'),
    hypervisorType: textField('KVM.'),
    all: booleanField('All hosts.'),
  }),
  response: T.Object({
    totalCpu: T.Integer({ description: 'Virtual processors that can be given.' }),
    availableCpu: T.Integer(),
    totalMemory: T.Integer({ description: 'Bytes.' }),
    availableMemory: T.Integer({ description: 'Bytes.' }),
    managedCpuNum: T.Integer({ description: 'Processors there are.' }),
  }),
  title: 'Get the capacity of processors and memory',
  summary: 'What the hosts have and what of it is free.',
  examples: [
    {
      title: 'Of all hosts',
      query: { all: 'true' },
      status: 200,
      response: {
        totalCpu: 32,
        availableCpu: 31,
        totalMemory: 4294967296,
        availableMemory: 4160749568,
        managedCpuNum: 2,
      },
    },
  ],
  handle: async ({ cloud, input }) => {
    const chosen = (await cloud.hosts.usage()).filter(
      ({ host: one }) =>
        (input.zoneUuids?.includes(one.zoneId) ?? true) &&
        (input.clusterUuids?.includes(one.clusterId) ?? true) &&
        (input.hostUuids?.includes(one.id) ?? true),
    );
    const sum = (value: (usage: (typeof chosen)[number]) => number) =>
      chosen.reduce((total, usage) => total + Math.floor(value(usage)), 0);
    const memory = ({ host: one }: (typeof chosen)[number]) => (one.memoryMb - one.reservedMemoryMb) * one.memoryRatio;
    return {
      totalCpu: sum(({ host: one }) => one.vcpus * one.cpuRatio),
      availableCpu: sum(({ host: one, used }) => one.vcpus * one.cpuRatio - used.vcpus),
      totalMemory: sum(memory) * mebibyte,
      availableMemory: sum((usage) => memory(usage) - usage.used.memoryMb) * mebibyte,
      managedCpuNum: sum(({ host: one }) => one.vcpus),
    };
  },
});

export const placeOperations = [
  ...placeChangeOperations,
  ...queryOperations(zone, {
    id: 'QueryZone',
    group: 'Zone',
    package: 'header.zone',
    path: '/zones',
    since,
    title: 'Query zones',
    example: { uuid: zoneUuid, name: 'nova', state: 'Enabled', type: 'zstack', isDefault: true, ...dates },
    // Some SDKs read a zone here.
    otherPaths: [{ id: 'GetZone', path: '/zones/{uuid}/info' }],
  }),
  ...queryOperations(cluster, {
    id: 'QueryCluster',
    group: 'Cluster',
    package: 'header.cluster',
    path: '/clusters',
    since,
    title: 'Query clusters',
    example: {
      uuid: clusterUuid,
      name: 'default',
      state: 'Enabled',
      hypervisorType: 'KVM',
      zoneUuid,
      type: 'zstack',
      architecture: 'x86_64',
      ...dates,
    },
  }),
  getCpuMemoryCapacity,
  ...queryOperations(host, {
    id: 'QueryHost',
    group: 'Host',
    package: 'header.host',
    path: '/hosts',
    since,
    title: 'Query hosts',
    example: {
      uuid: hostUuid,
      name: 'host-1',
      zoneUuid,
      clusterUuid,
      managementIp: '127.0.0.1',
      hypervisorType: 'KVM',
      state: 'Enabled',
      status: 'Connected',
      totalCpuCapacity: 32,
      availableCpuCapacity: 31,
      cpuSockets: 1,
      cpuNum: 2,
      totalMemoryCapacity: 4096 * mebibyte,
      availableMemoryCapacity: 3456 * mebibyte,
      architecture: 'x86_64',
      ...dates,
    },
  }),
  ...queryOperations(primaryStorage, {
    id: 'QueryPrimaryStorage',
    group: 'Primary Storage',
    package: 'header.storage.primary',
    path: '/primary-storage',
    since,
    title: 'Query primary storage',
    example: {
      uuid: hostUuid,
      name: 'local-storage-of-host-1',
      zoneUuid,
      url: 'local://host-1',
      totalCapacity: 400 * gibibyte,
      availableCapacity: 399 * gibibyte,
      totalPhysicalCapacity: 100 * gibibyte,
      availablePhysicalCapacity: 99 * gibibyte,
      type: 'LocalStorage',
      state: 'Enabled',
      status: 'Connected',
      attachedClusterUuids: [clusterUuid],
      ...dates,
    },
  }),
];
