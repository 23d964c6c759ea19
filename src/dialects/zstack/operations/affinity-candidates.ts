import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { groupsForPlace, groupsForServer, serversForGroup } from '../../../cloud/servers/group-candidates.ts';
import { affinityGroup } from '../inventories/affinity-group.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { uuidField } from '../protocol/field-schemas.ts';
import { syncOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesByUuid } from '../query/query.ts';
import { affinityGroupExample, onAffinityGroup } from './affinity-groups.ts';
import { vmExample } from './vm-examples.ts';
import { stateOf } from './vm-words.ts';

const shared = {
  group: 'Affinity Group',
  package: 'header.affinitygroup',
  since: '2.3',
  allow: 'reader',
  method: 'GET',
} as const;

const groups = T.Object({ inventories: T.Array(inventorySchema(affinityGroup)) });
const groupsExample = { status: 200, response: { inventories: [affinityGroupExample] } };

/** Those with these ids, as inventories. */
async function shown(cloud: Cloud, subject: Subject, definition: InventoryDefinition, ids: readonly string[]) {
  return { inventories: await inventoriesByUuid(cloud, definition, subject, ids) };
}

/** Which servers and affinity groups fit each other. */
export const affinityCandidateOperations = [
  syncOperation({
    ...shared,
    id: 'GetCandidateAffinityGroupForCreatingVm',
    path: '/vm-instances/candidate-affinityGroup',
    query: T.Object({
      zoneUuid: T.String({ maxLength: 64, description: 'The zone that the server shall be in.' }),
      clusterUuid: uuidField('The cluster.'),
      hostUuid: uuidField('The host.'),
    }),
    response: groups,
    title: 'Get affinity groups for a new server',
    summary:
      'Those that are Enabled, of the zone or of none, and whose policy has a server on the host, or on any of the cluster.',
    examples: [{ title: 'Get', query: { zoneUuid: vmExample.zoneUuid }, ...groupsExample }],
    handle: async ({ cloud, subject, input: { zoneUuid, clusterUuid, hostUuid } }) => {
      if (!(await cloud.zones.names()).has(zoneUuid)) throw resourceNotFound('zoneUuid', zoneUuid, 'ZoneVO');
      const isNamed = clusterUuid !== undefined || hostUuid !== undefined;
      const fitting = (await cloud.hosts.list()).filter(
        (host) =>
          host.zoneId === zoneUuid &&
          host.clusterId === (clusterUuid ?? host.clusterId) &&
          host.id === (hostUuid ?? host.id),
      );
      const place = { zoneId: zoneUuid, ...(isNamed ? { hostIds: fitting.map(({ id }) => id) } : {}) };
      return await shown(cloud, subject, affinityGroup, await groupsForPlace(cloud, subject, place));
    },
  }),
  syncOperation({
    ...shared,
    id: 'GetCandidateAffinityGroupForAttachingVm',
    path: '/affinityGroup/attachingVm',
    query: T.Object({ vmUuid: T.String({ maxLength: 64, description: 'The server.' }) }),
    response: groups,
    title: 'Get affinity groups for a server',
    summary: 'Those that it could be put into where it is; none for a server that is in one.',
    examples: [{ title: 'Get', query: { vmUuid: vmExample.uuid }, ...groupsExample }],
    handle: async ({ cloud, subject, input: { vmUuid } }) => {
      await stateOf(cloud, subject, vmUuid, 'vmUuid');
      return await shown(cloud, subject, affinityGroup, await groupsForServer(cloud, subject, vmUuid));
    },
  }),
  syncOperation({
    ...shared,
    id: 'GetCandidateVMForAttachingAffinityGroup',
    path: '/VM/attachingGroup',
    query: T.Object({ affinityGroupUuid: T.String({ maxLength: 64, description: 'The group.' }) }),
    response: T.Object({ inventories: T.Array(inventorySchema(vmInstance)) }),
    title: 'Get servers for an affinity group',
    summary: 'Those that are in no group and could be put into it where they are.',
    examples: [
      {
        title: 'Get',
        query: { affinityGroupUuid: affinityGroupExample.uuid },
        status: 200,
        response: { inventories: [vmExample] },
      },
    ],
    handle: async ({ cloud, subject, input: { affinityGroupUuid: uuid } }) => {
      const find = () => serversForGroup(cloud, subject, uuid);
      return await shown(cloud, subject, vmInstance, await onAffinityGroup('affinityGroupUuid', uuid, find));
    },
  }),
];
