import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { askHost } from '../../../cloud/servers/ask-host.ts';
import { clearImageCache } from '../../../cloud/volumes/image-cache.ts';
import { gibibyte } from '../inventories/common.ts';
import { host, primaryStorage } from '../inventories/places.ts';
import { booleanField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { hostExample } from './place-changes.ts';

const shared = { since: '0.6', allow: 'admin', method: 'PUT' } as const;
const storages = { ...shared, group: 'Primary Storage', package: 'header.storage.primary' } as const;
/** The storage of a host as the examples show it. */
export const storageExample = {
  uuid: hostExample.uuid,
  name: 'local-storage-of-host-1',
  zoneUuid: hostExample.zoneUuid,
  type: 'LocalStorage',
  state: 'Enabled',
  status: 'Connected',
  totalCapacity: 100 * gibibyte,
  availableCapacity: 80 * gibibyte,
  attachedClusterUuids: [hostExample.clusterUuid],
  createDate: hostExample.createDate,
  lastOpDate: hostExample.lastOpDate,
};

/** Says in the dialect's words that a host does not answer. */
async function onHost(uuid: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CloudError) || error.details.reason !== 'unreachable') throw error;
    throw operationFailed(`failed to connect to host[uuid:${uuid}], ${error.message}`);
  }
}

async function asked(cloud: Cloud, uuid: string): Promise<{ uuid: string }> {
  await onHost(uuid, () => askHost(cloud, uuid));
  return { uuid };
}

/** The storage of a host has the host's uuid. */
async function requireStorage(cloud: Cloud, uuid: string, field = 'uuid'): Promise<void> {
  await cloud.hosts.get(uuid).catch((error: unknown) => {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound(field, uuid, 'PrimaryStorageVO');
  });
}

const reconnectHost = jobOperation({
  ...shared,
  group: 'Host',
  package: 'header.host',
  id: 'ReconnectHost',
  path: '/hosts/{uuid}/actions',
  params: uuidIn('uuid', 'The host.'),
  result: host,
  title: 'Reconnect a host',
  summary: 'Asks its agent whether it is there, and takes over at once which of its servers run.',
  examples: [
    {
      title: 'Reconnect',
      params: { uuid: hostExample.uuid },
      body: { reconnectHost: {} },
      status: 200,
      response: { inventory: hostExample, success: true },
    },
  ],
  handle: ({ cloud, input: { uuid } }) => asked(cloud, uuid),
});

const reconnectPrimaryStorage = jobOperation({
  ...storages,
  id: 'ReconnectPrimaryStorage',
  path: '/primary-storage/{uuid}/actions',
  params: uuidIn('uuid', 'The primary storage.'),
  result: primaryStorage,
  title: 'Reconnect a primary storage',
  summary: 'A storage here is the disk of one host, so it is the host that is asked.',
  examples: [
    {
      title: 'Reconnect',
      params: { uuid: hostExample.uuid },
      body: { reconnectPrimaryStorage: {} },
      status: 200,
      response: { inventory: storageExample, success: true },
    },
  ],
  handle: async ({ cloud, input: { uuid } }) => {
    await requireStorage(cloud, uuid);
    return await asked(cloud, uuid);
  },
});

const syncCapacity = jobOperation({
  ...storages,
  id: 'SyncPrimaryStorageCapacity',
  path: '/primary-storage/{primaryStorageUuid}/actions',
  params: uuidIn('primaryStorageUuid', 'The primary storage.'),
  result: primaryStorage,
  title: 'Synchronise the capacity of a primary storage',
  summary: 'What is promised is counted at each look, so the answer is what it is now, if its host is there.',
  examples: [
    {
      title: 'Synchronise',
      params: { primaryStorageUuid: hostExample.uuid },
      body: { syncPrimaryStorageCapacity: {} },
      status: 200,
      response: { inventory: storageExample, success: true },
    },
  ],
  handle: async ({ cloud, input: { primaryStorageUuid: uuid } }) => {
    await requireStorage(cloud, uuid, 'primaryStorageUuid');
    return await asked(cloud, uuid);
  },
});

const cleanUpImageCache = jobOperation({
  ...storages,
  id: 'CleanUpImageCacheOnPrimaryStorage',
  dryRun: false,
  path: '/primary-storage/{uuid}/actions',
  params: uuidIn('uuid', 'The primary storage.'),
  body: T.Object({
    force: booleanField('Also images that are not deleted. They are fetched again when one is needed.'),
  }),
  title: 'Clean up the image cache of a primary storage',
  summary:
    'Removes images at once from what the host keeps to make disks of: those that were deleted, and that no disk there is a ' +
    'layer over. The others go by themselves when they were of no use for long.',
  examples: [
    {
      title: 'All that no disk needs',
      params: { uuid: hostExample.uuid },
      body: { cleanUpImageCacheOnPrimaryStorage: { force: true } },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, input: { uuid, force } }) => {
    await requireStorage(cloud, uuid);
    await onHost(uuid, () => clearImageCache(cloud, uuid, { onlyGone: force !== true }));
    return {};
  },
});

/** Looking after hosts and what is on them. */
export const hostCareOperations = [reconnectHost, reconnectPrimaryStorage, syncCapacity, cleanUpImageCache];
