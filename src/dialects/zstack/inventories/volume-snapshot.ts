import { sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Field } from '../../../cloud/query/inventory.ts';
import { readInventory } from '../query/query.ts';
import { commonFields } from './common.ts';

/** A volume as it was at one moment: here always a whole copy, so that there are no trees of them. */
export const volumeSnapshot = defineInventory<'volume_snapshots'>({
  name: 'VolumeSnapshotInventory',
  className: 'org.zstack.header.storage.snapshot.VolumeSnapshotInventory',
  table: 'volume_snapshots',
  fields: {
    ...commonFields,
    type: constant('Storage', 'string', 'Always Storage.'),
    volumeUuid: column('volume_id', 'string', 'The volume.'),
    treeUuid: column('id', 'string', 'Itself: snapshots do not depend on each other.'),
    primaryStorageUuid: computed('string', 'The storage that it is on.', (row) => {
      const place = sql`(select d.storage_id from disks as d where d.id = ${row.column('disk_id')})`;
      return sql`coalesce(${place}, ${row.column('host_id')})`;
    }),
    volumeType: computed('string', 'Root or Data.', (row) => {
      return sql`(case when (select v.kind from volumes as v where v.id = ${row.column('volume_id')}) = 'root'
        then 'Root' else 'Data' end)`;
    }),
    format: constant('qcow2', 'string', 'Always qcow2.'),
    latest: computed('bool', 'Whether the volume has no later one.', (row) => {
      return sql`(case when exists (select 1 from volume_snapshots as later where later.volume_id = ${row.column('volume_id')}
        and later.deleted_at is null and later.created_at > ${row.column('created_at')}) then 0 else 1 end)`;
    }),
    distance: constant(1, 'int', 'Its place in its tree, of which it is all there is.'),
    size: column('size', 'long', 'The volume’s size, bytes.'),
    groupUuid: computed('string', 'The group that it was made in.', (row) => {
      return sql`(select m.group_id from snapshot_group_members as m where m.snapshot_id = ${row.column('id')})`;
    }),
    state: constant('Enabled', 'string', 'Always Enabled.'),
    status: words(
      'status',
      {
        creating: 'Creating',
        available: 'Ready',
        restoring: 'Ready',
        deleting: 'Deleting',
        error_deleting: 'Deleting',
      },
      'Error',
      'Creating, Ready, Deleting or Error.',
    ),
  },
  relations: {
    volume: { to: 'VolumeInventory', local: 'volumeUuid' },
    group: { to: 'VolumeSnapshotGroupInventory', local: 'groupUuid' },
  },
  scope: (row) => sql`${row.column('deleted_at')} is null`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** Every snapshot is a whole copy, and so the root and only leaf of a tree of its own. */
export const volumeSnapshotTree = defineInventory<'volume_snapshots'>({
  name: 'VolumeSnapshotTreeInventory',
  className: 'org.zstack.header.storage.snapshot.VolumeSnapshotTreeInventory',
  table: 'volume_snapshots',
  fields: {
    uuid: column('id', 'string', 'The tree; of the snapshot, the same.'),
    volumeUuid: column('volume_id', 'string', 'The volume.'),
    current: volumeSnapshot.fields['latest']! as Field<'volume_snapshots'>,
    status: words('status', { creating: 'Creating' }, 'Completed', 'Creating or Completed.'),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    volume: { to: 'VolumeInventory', local: 'volumeUuid' },
    snapshot: { to: 'VolumeSnapshotInventory', foreign: 'treeUuid' },
  },
  live: {
    fields: { tree: { type: 'json', description: 'Its leaf, with no children.' } },
    async read(cloud, uuid) {
      const inventory = await readInventory(cloud, volumeSnapshot, uuid);
      return { tree: JSON.stringify({ inventory, children: [] }) };
    },
  },
  scope: (row) => sql`${row.column('deleted_at')} is null`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
