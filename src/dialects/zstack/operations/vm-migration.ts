import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { host } from '../inventories/places.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { booleanField, oneOfField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { readInventory } from '../query/query.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState, stateOf } from './vm-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '0.6', allow: 'admin' } as const;
const byVm = uuidIn('vmInstanceUuid', 'The server.');
const here = { vmInstanceUuid: vmExample.uuid };
const otherHost = '0d9c8b7a6f5e4d3c9b2a1f0e9d8c7b6a';

const migrateVm = jobOperation({
  ...shared,
  id: 'MigrateVm',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/actions',
  params: byVm,
  body: T.Object({
    hostUuid: uuidField('Where to; the scheduler chooses where left out.'),
    migrateFromDestination: booleanField('Accepted: the host that it comes from does the work.'),
    allowUnknown: booleanField('Accepted.'),
    strategy: oneOfField(['auto-converge'], 'How: accepted.'),
  }),
  result: vmInstance,
  title: 'Migrate a server',
  summary: 'Moves a server with its disks to another host while its guest runs.',
  examples: [
    {
      title: 'To a host that is named',
      params: here,
      body: { migrateVm: { hostUuid: otherHost } },
      status: 200,
      response: { inventory: { ...vmExample, hostUuid: otherHost, lastHostUuid: otherHost }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid, hostUuid: hostId } }) => {
    const rule = {
      message: 'org.zstack.header.vm.APIMigrateVmMsg',
      allowed: ['Running', 'Paused', 'Unknown'],
      code: 'SYS.1006',
    } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      const hosts = await cloud.hosts.list();
      if (hostId !== undefined && !hosts.some(({ id }) => id === hostId)) {
        throw resourceNotFound('hostUuid', hostId, 'HostVO');
      }
      const server = await cloud.servers.get(subject, uuid);
      if (hostId !== undefined && server.hostId === hostId) {
        throw operationFailed(`the vm[uuid:${uuid}] is on the host[uuid:${hostId}] already`);
      }
      try {
        return { uuid, actionId: (await cloud.servers.liveMigrate(subject, uuid, { hostId })).actionId };
      } catch (error) {
        if (!(error instanceof CloudError) || error.details.reason === 'state') throw error;
        throw operationFailed(`the vm[uuid:${uuid}] can't be migrated: ${error.message}`);
      }
    });
  },
});

const getCandidateHosts = syncOperation({
  ...shared,
  id: 'GetVmMigrationCandidateHosts',
  method: 'GET',
  path: '/vm-instances/{vmInstanceUuid}/migration-target-hosts',
  params: byVm,
  response: T.Object({ inventories: T.Array(inventorySchema(host)) }),
  title: 'Get the hosts that a server can be migrated to',
  summary: 'Hosts that would take the server now, by name.',
  examples: [{ title: 'Get', params: here, status: 200, response: { inventories: [] } }],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid } }) => {
    await stateOf(cloud, subject, uuid, 'vmInstanceUuid');
    const targets = (await cloud.servers.migrationTargets(subject, uuid)).filter(({ isPossible }) => isPossible);
    const inventories = await Promise.all(targets.map((target) => readInventory(cloud, host, target.host.id)));
    return { inventories: inventories.filter((one) => one !== undefined) };
  },
});

export const vmMigrationOperations = [migrateVm, getCandidateHosts];
