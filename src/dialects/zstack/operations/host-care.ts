import { AgentError } from '../../../agent/contract.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { syncPowerStates } from '../../../cloud/servers/power-sync.ts';
import { gibibyte } from '../inventories/common.ts';
import { host, primaryStorage } from '../inventories/places.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed } from '../protocol/zstack-error.ts';
import { hostExample } from './place-changes.ts';

const shared = { since: '0.6', allow: 'admin', method: 'PUT' } as const;
const storages = { ...shared, group: 'Primary Storage', package: 'header.storage.primary' } as const;
const storageExample = {
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

/** Asks the host's agent how the host is, and takes over how its guests are. Throws where it does not answer. */
async function askHost(cloud: Cloud, uuid: string): Promise<void> {
  await cloud.hosts.get(uuid);
  try {
    const agent = cloud.hosts.agent(uuid);
    await agent.describe();
    await syncPowerStates(cloud, uuid, agent);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    throw operationFailed(`failed to connect to host[uuid:${uuid}], ${error.message}`);
  }
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
  handle: async ({ cloud, input: { uuid } }) => {
    await askHost(cloud, uuid);
    return { uuid };
  },
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
    await askHost(cloud, uuid);
    return { uuid };
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
    await askHost(cloud, uuid);
    return { uuid };
  },
});

/** Looking after hosts and what is on them. */
export const hostCareOperations = [reconnectHost, reconnectPrimaryStorage, syncCapacity];
