import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { askHost } from '../../../cloud/servers/ask-host.ts';
import { clearImageCache } from '../../../cloud/volumes/image-cache.ts';
import { gibibyte } from '../inventories/common.ts';
import { host, primaryStorage } from '../inventories/places.ts';
import { booleanField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed } from '../protocol/zstack-error.ts';
import { hostExample } from './place-changes.ts';
import { isOwnDisk, requireStorage } from './primary-storage-words.ts';

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

/** Finds out whether a storage can be used: of the own disk of a host, its host is asked. */
async function askedOfStorage(cloud: Cloud, field: string, uuid: string): Promise<{ uuid: string }> {
  if (isOwnDisk(await requireStorage(cloud, field, uuid))) return await asked(cloud, uuid);
  await cloud.storages.tellHosts();
  const problems = await cloud.storages.problems(uuid);
  if (problems.length > 0) throw operationFailed(`primary storage[uuid:${uuid}] can't be used: ${problems[0]}`);
  return { uuid };
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
  summary:
    'Asks its agent whether it is there, over a new connection where it is on another machine, and takes over at once which of its servers run.',
  examples: [
    {
      title: 'Reconnect',
      params: { uuid: hostExample.uuid },
      body: { reconnectHost: {} },
      status: 200,
      response: { inventory: hostExample, success: true },
    },
  ],
  handle: async ({ cloud, input: { uuid } }) => {
    await cloud.hosts.get(uuid);
    await onHost(uuid, () => cloud.farHosts.reconnect(uuid));
    return await asked(cloud, uuid);
  },
});

const reconnectPrimaryStorage = jobOperation({
  ...storages,
  id: 'ReconnectPrimaryStorage',
  path: '/primary-storage/{uuid}/actions',
  params: uuidIn('uuid', 'The primary storage.'),
  result: primaryStorage,
  title: 'Reconnect a primary storage',
  summary: 'Has its hosts look whether they can use it. Of the own disk of a host, it is the host that is asked.',
  examples: [
    {
      title: 'Reconnect',
      params: { uuid: hostExample.uuid },
      body: { reconnectPrimaryStorage: {} },
      status: 200,
      response: { inventory: storageExample, success: true },
    },
  ],
  handle: ({ cloud, input: { uuid } }) => askedOfStorage(cloud, 'uuid', uuid),
});

const syncCapacity = jobOperation({
  ...storages,
  id: 'SyncPrimaryStorageCapacity',
  path: '/primary-storage/{primaryStorageUuid}/actions',
  params: uuidIn('primaryStorageUuid', 'The primary storage.'),
  result: primaryStorage,
  title: 'Synchronise the capacity of a primary storage',
  summary:
    'Has its hosts say how much is free. What is promised is counted at each look, so the answer is what it is now.',
  examples: [
    {
      title: 'Synchronise',
      params: { primaryStorageUuid: hostExample.uuid },
      body: { syncPrimaryStorageCapacity: {} },
      status: 200,
      response: { inventory: storageExample, success: true },
    },
  ],
  handle: ({ cloud, input: { primaryStorageUuid } }) => askedOfStorage(cloud, 'primaryStorageUuid', primaryStorageUuid),
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
    const storage = await requireStorage(cloud, 'uuid', uuid);
    const clear = (hostId: string) =>
      onHost(hostId, () => clearImageCache(cloud, hostId, { onlyGone: force !== true }));
    if (isOwnDisk(storage)) await clear(storage.hostId);
    // In one that hosts share images go with the last host that keeps them; in other ones there are none.
    else if (storage.kind === 'shared') {
      const rooms = await cloud.storages.rooms(uuid);
      for (const { hostId, status } of rooms) if (status === 'connected') await clear(hostId);
    }
    return {};
  },
});

/** Looking after hosts and what is on them. */
export const hostCareOperations = [reconnectHost, reconnectPrimaryStorage, syncCapacity, cleanUpImageCache];
