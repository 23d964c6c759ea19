import { sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { resourceClassNames } from '../protocol/resource-types.ts';

/** What was done by the cloud's long operations, piece by piece: the spans that OpenStack's users read as events. */
export const eventLog = defineInventory<'actions'>({
  name: 'EventLogInventory',
  className: 'org.zstack.core.eventlog.EventLogInventory',
  table: 'actions',
  rows() {
    // Under the names of the columns of actions, whose the resource is.
    return sql`(select e.action_id as id, a.kind, e.name, a.resource_type, a.resource_id, a.project_id, a.request_id,
      e.result as state, e.started_at as created_at from action_events as e join actions as a on a.id = e.action_id)`;
  },
  fields: {
    content: computed('string', 'What was done, and how it ended where it has.', (row) => {
      return sql`(case when ${row.column('state')} is null then ${row.column('name')}
        else ${row.column('name')} || ': ' || ${row.column('state')} end)`;
    }),
    resourceUuid: column('resource_id', 'string', 'The resource that it was done with.'),
    resourceType: words('resource_type', resourceClassNames, 'Unknown', 'Its type, as ImageVO.'),
    category: column('kind', 'string', 'The operation that it was a part of.'),
    trackingId: computed('string', 'The request that asked for it.', (row) => {
      return sql`replace(substr(${row.column('request_id')}, 5), '-', '')`;
    }),
    type: computed('string', 'Error for what failed, else Info.', (row) => {
      return sql`(case ${row.column('state')} when 'Error' then 'Error' else 'Info' end)`;
    }),
    time: computed('long', 'When it began, milliseconds since the epoch.', (row) => {
      return sql`(${row.column('created_at')} / 1000)`;
    }),
    createDate: column('created_at', 'time', 'When it began.'),
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** Disks that nothing needs any more, and their hosts have not removed yet: the cloud tries again until they have. */
export const garbageCollector = defineInventory<'disks'>({
  name: 'GarbageCollectorInventory',
  className: 'org.zstack.core.gc.GarbageCollectorInventory',
  table: 'disks',
  fields: {
    uuid: column('id', 'string', 'The uuid: that of the disk.'),
    name: computed('string', 'What is to be removed.', (row) => sql`('gc-disk-' || ${row.column('id')})`),
    context: computed('string', 'Where the disk is and what it was of, as JSON.', (row) => {
      return sql`('{"hostUuid":"' || ${row.column('host_id')} || '","volumeUuid":"' || ${row.column('volume_id')} || '"}')`;
    }),
    status: constant('Idle', 'string', 'Always Idle: what was removed is not listed any more.'),
    type: constant('TimeBasedGarbageCollector', 'string', 'Always TimeBasedGarbageCollector.'),
    createDate: column('released_at', 'time', 'Since when nothing needs it.'),
    lastOpDate: column('released_at', 'time', 'Since when nothing needs it.'),
  },
  scope: (row) => sql`${row.column('released_at')} is not null`,
  // Administrators alone: disks lie on hosts.
  visible: () => sql`1 = 0`,
});
