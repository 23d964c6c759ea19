import { sql } from 'kysely';
import { column, computed, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row, seenWith } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

/** The snapshot, as long as it is not deleted. */
const ofSnapshot = (row: Row<'snapshot_group_members'>, what: string) =>
  sql`(select ${sql.ref(`s.${what}`)} from volume_snapshots as s where s.id = ${row.column('snapshot_id')}
    and s.deleted_at is null)`;

/** What a group has of one disk; it stays when the snapshot is deleted. */
const volumeSnapshotGroupRef = defineInventory<'snapshot_group_members'>({
  name: 'VolumeSnapshotGroupRefInventory',
  className: 'org.zstack.header.storage.snapshot.group.VolumeSnapshotGroupRefInventory',
  table: 'snapshot_group_members',
  fields: {
    volumeSnapshotUuid: column('snapshot_id', 'string', 'The snapshot.'),
    volumeSnapshotGroupUuid: column('group_id', 'string', 'The group.'),
    deviceId: column('device_index', 'int', 'The place of the volume among the server’s disks at that moment.'),
    snapshotDeleted: computed('bool', 'Whether the snapshot is deleted.', (row) => {
      return sql`(case when ${ofSnapshot(row, 'id')} is null then 1 else 0 end)`;
    }),
    volumeUuid: column('volume_id', 'string', 'The volume.'),
    volumeName: column('volume_name', 'string', 'Its name at that moment.'),
    volumeType: words('volume_kind', { root: 'Root' }, 'Data', 'Root or Data.'),
    volumeSnapshotName: column('snapshot_name', 'string', 'The snapshot’s name at that moment.'),
    createDate: column('created_at', 'time', 'When it was made.'),
    lastOpDate: column('created_at', 'time', 'The same.'),
  },
  visible: seenWith('VolumeSnapshotGroupInventory', 'group_id'),
});

/** Snapshots of all disks of a server, of one moment. */
export const volumeSnapshotGroup = defineInventory<'snapshot_groups'>({
  name: 'VolumeSnapshotGroupInventory',
  className: 'org.zstack.header.storage.snapshot.group.VolumeSnapshotGroupInventory',
  table: 'snapshot_groups',
  fields: {
    ...commonFields,
    snapshotCount: computed('int', 'How many snapshots it was made with.', (row) => {
      return sql`(select count(*) from snapshot_group_members as m where m.group_id = ${row.column('id')})`;
    }),
    vmInstanceUuid: column('server_id', 'string', 'The server.'),
  },
  lists: {
    volumeSnapshotRefs: {
      of: volumeSnapshotGroupRef,
      local: 'uuid',
      foreign: 'volumeSnapshotGroupUuid',
      description: 'Its snapshots, those that are deleted too.',
    },
  },
  relations: { vmInstance: { to: 'VmInstanceInventory', local: 'vmInstanceUuid' } },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
