import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { gibibyte } from '../inventories/common.ts';
import { backupStorage } from '../inventories/storage.ts';
import { booleanField, descriptionField, optionalName, stateEventField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { backupStorageUuid } from './image-examples.ts';

const group = 'Backup Storage';
const shared = { group, package: 'header.storage.backup', since: '0.6', allow: 'admin' } as const;
const byUuid = uuidIn('uuid', 'The backup storage.');
const inZone = T.Object({
  zoneUuid: T.String({ maxLength: 64, description: 'The zone.' }),
  backupStorageUuid: T.String({ maxLength: 64, description: 'The backup storage.' }),
});
const zoneUuid = '8d3f4a1c6b7e4c2d9a0f1e2d3c4b5a69';
const here = { uuid: backupStorageUuid };
export const backupStorageExample = {
  uuid: backupStorageUuid,
  name: 'default',
  url: 'dir://default',
  hostname: 'default',
  type: 'ImageStoreBackupStorage',
  state: 'Enabled',
  status: 'Connected',
  totalCapacity: 100 * gibibyte,
  availableCapacity: 80 * gibibyte,
  attachedZoneUuids: [zoneUuid],
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const example = backupStorageExample;
const success = { inventory: example, success: true };

/** Says which of the two things that a request names is not there. */
export async function naming<Result>(uuid: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    const isZone = error.details.resource === 'zone';
    throw isZone
      ? resourceNotFound('zoneUuid', error.details.id ?? '', 'ZoneVO')
      : resourceNotFound('backupStorageUuid', uuid, 'BackupStorageVO');
  }
}

const updateBackupStorage = jobOperation({
  ...shared,
  id: 'UpdateBackupStorage',
  method: 'PUT',
  path: '/backup-storage/{uuid}/actions',
  params: byUuid,
  body: T.Object({ name: optionalName, description: descriptionField }),
  result: backupStorage,
  title: 'Change a backup storage',
  summary: 'Changes its name or description.',
  examples: [
    {
      title: 'Describe',
      params: here,
      body: { updateBackupStorage: { description: 'The first one' } },
      status: 200,
      response: { inventory: { ...example, description: 'The first one' }, success: true },
    },
  ],
  handle: async ({ cloud, input: { uuid, name, description } }) => {
    await naming(uuid, () => cloud.imageStores.update(uuid, { name, description }));
    return { uuid };
  },
});

const changeBackupStorageState = jobOperation({
  ...shared,
  id: 'ChangeBackupStorageState',
  method: 'PUT',
  path: '/backup-storage/{uuid}/actions',
  params: byUuid,
  body: T.Object({ stateEvent: stateEventField }),
  result: backupStorage,
  title: 'Enable or disable a backup storage',
  summary: 'A disabled one takes no new images; what it holds can be read.',
  examples: [
    {
      title: 'Enable',
      params: here,
      body: { changeBackupStorageState: { stateEvent: 'enable' } },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, input: { uuid, stateEvent } }) => {
    await naming(uuid, () => cloud.imageStores.update(uuid, { enabled: stateEvent === 'enable' }));
    return { uuid };
  },
});

const reconnectBackupStorage = jobOperation({
  ...shared,
  id: 'ReconnectBackupStorage',
  method: 'PUT',
  path: '/backup-storage/{uuid}/actions',
  params: byUuid,
  result: backupStorage,
  title: 'Reconnect a backup storage',
  summary: 'Opens it again, and finds out whether it can be used.',
  examples: [
    { title: 'Reconnect', params: here, body: { reconnectBackupStorage: {} }, status: 200, response: success },
  ],
  handle: async ({ cloud, input: { uuid } }) => {
    await naming(uuid, () => cloud.imageStores.reconnect(uuid));
    return { uuid };
  },
});

const attachToZone = jobOperation({
  ...shared,
  id: 'AttachBackupStorageToZone',
  method: 'POST',
  path: '/zones/{zoneUuid}/backup-storage/{backupStorageUuid}',
  params: inZone,
  result: backupStorage,
  title: 'Attach a backup storage to a zone',
  summary: 'From then on servers of the zone can be made from its images.',
  examples: [
    { title: 'Attach', params: { zoneUuid, backupStorageUuid }, body: { params: {} }, status: 200, response: success },
  ],
  handle: async ({ cloud, input: { zoneUuid: zone, backupStorageUuid: uuid } }) => {
    await naming(uuid, () => cloud.imageStores.attachZone(uuid, zone));
    return { uuid };
  },
});

const detachFromZone = jobOperation({
  ...shared,
  id: 'DetachBackupStorageFromZone',
  method: 'DELETE',
  path: '/zones/{zoneUuid}/backup-storage/{backupStorageUuid}',
  params: inZone,
  result: backupStorage,
  title: 'Detach a backup storage from a zone',
  summary: 'Takes back what attaching it did. Servers and their images stay.',
  examples: [
    {
      title: 'Detach',
      params: { zoneUuid, backupStorageUuid },
      status: 200,
      response: { inventory: { ...example, attachedZoneUuids: [] }, success: true },
    },
  ],
  handle: async ({ cloud, input: { zoneUuid: zone, backupStorageUuid: uuid } }) => {
    await naming(uuid, () => cloud.imageStores.detachZone(uuid, zone));
    return { uuid };
  },
});

const uuidList = (description: string) => T.Optional(T.Array(T.String({ maxLength: 64 }), { description }));

const getBackupStorageCapacity = syncOperation({
  ...shared,
  id: 'GetBackupStorageCapacity',
  method: 'GET',
  path: '/backup-storage/capacities',
  allow: 'reader',
  query: T.Object({
    zoneUuids: uuidList('Only those of these zones.'),
    backupStorageUuids: uuidList('Only these.'),
    all: booleanField('All.'),
  }),
  response: T.Object({ totalCapacity: T.Integer(), availableCapacity: T.Integer() }),
  title: 'Get the capacity of backup storage',
  summary: 'Bytes there are, and bytes that are free.',
  examples: [
    {
      title: 'Of all',
      query: { all: 'true' },
      status: 200,
      response: { totalCapacity: example.totalCapacity, availableCapacity: example.availableCapacity },
    },
  ],
  handle: async ({ cloud, input: { zoneUuids, backupStorageUuids } }) => {
    const chosen = cloud.imageStores
      .list()
      .filter(({ id }) => backupStorageUuids?.includes(id) ?? true)
      .filter(({ zoneIds }) => !zoneUuids || zoneIds.some((id) => zoneUuids.includes(id)));
    const capacities = await Promise.all(chosen.map(({ id }) => cloud.imageStores.capacity(id)));
    return {
      totalCapacity: capacities.reduce((sum, { total }) => sum + total, 0),
      availableCapacity: capacities.reduce((sum, { free }) => sum + free, 0),
    };
  },
});

export const backupStorageOperations = [
  updateBackupStorage,
  changeBackupStorageState,
  reconnectBackupStorage,
  attachToZone,
  detachFromZone,
  getBackupStorageCapacity,
  ...queryOperations(backupStorage, {
    id: 'QueryBackupStorage',
    group,
    package: 'header.storage.backup',
    path: '/backup-storage',
    since: '0.6',
    title: 'Query backup storage',
    example,
  }),
  ...queryOperations(backupStorage, {
    id: 'QueryImageStoreBackupStorage',
    group,
    package: 'storage.backup.imagestore',
    path: '/backup-storage/image-store',
    since: '0.6',
    title: 'Query image stores',
    example,
  }),
];
