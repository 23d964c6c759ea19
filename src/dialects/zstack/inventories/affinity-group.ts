import { sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row, seenWith } from '../../../cloud/query/inventory.ts';
import { commonFields, stateField } from './common.ts';

/** The policies of groups in the dialect's words. */
export const affinityPolicies = {
  antiSoft: 'soft-anti-affinity',
  antiHard: 'anti-affinity',
  proSoft: 'soft-affinity',
  proHard: 'affinity',
} as const;

const names = Object.fromEntries(Object.entries(affinityPolicies).map(([name, policy]) => [policy, name]));

const ofServer = (row: Row<'server_group_members'>, name: string) =>
  sql`(select ${sql.ref(`s.${name}`)} from servers as s where s.id = ${row.column('server_id')})`;

/** A server's being in a group. */
const affinityGroupUsage = defineInventory<'server_group_members'>({
  name: 'AffinityGroupUsageInventory',
  className: 'org.zstack.header.affinitygroup.AffinityGroupUsageInventory',
  table: 'server_group_members',
  fields: {
    uuid: column('server_id', 'string', 'The same as the server: it is in one group at the most.'),
    affinityGroupUuid: column('group_id', 'string', 'The group.'),
    resourceUuid: column('server_id', 'string', 'The server.'),
    resourceType: constant('VmInstanceVO', 'string', 'Always VmInstanceVO.'),
    createDate: computed('time', 'When the server was made.', (row) => ofServer(row, 'created_at')),
    lastOpDate: computed('time', 'The same.', (row) => ofServer(row, 'created_at')),
  },
  relations: { affinityGroup: { to: 'AffinityGroupInventory', local: 'affinityGroupUuid' } },
  scope: (row) => sql`${ofServer(row, 'deleted_at')} is null`,
  visible: seenWith('AffinityGroupInventory', 'group_id'),
});

/** Groups of servers, those that Nova has made too. */
export const affinityGroup = defineInventory<'server_groups'>({
  name: 'AffinityGroupInventory',
  className: 'org.zstack.header.affinitygroup.AffinityGroupInventory',
  table: 'server_groups',
  fields: {
    ...commonFields,
    policy: words('policy', names, 'antiSoft', 'antiSoft, antiHard, proSoft or proHard.'),
    version: constant('1.0', 'string', 'Always 1.0.'),
    type: constant('HOST', 'string', 'What servers are kept apart by: always hosts.'),
    appliance: constant('CUSTOMER', 'string', 'Always CUSTOMER: made by a user.'),
    zoneUuid: column('zone_id', 'string', 'The zone whose servers may be in it; those of any where it is left out.'),
    state: stateField,
  },
  lists: {
    usages: { of: affinityGroupUsage, local: 'uuid', foreign: 'affinityGroupUuid', description: 'The servers in it.' },
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
