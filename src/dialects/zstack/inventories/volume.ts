import { sql } from 'kysely';
import { column, computed, words } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { commonFields, stateField } from './common.ts';

export const volume = defineInventory<'volumes'>({
  name: 'VolumeInventory',
  className: 'org.zstack.header.volume.VolumeInventory',
  table: 'volumes',
  fields: {
    ...commonFields,
    primaryStorageUuid: computed('string', 'The storage that it is on.', (row) => {
      return sql`coalesce(${row.column('storage_id')}, ${row.column('host_id')})`;
    }),
    vmInstanceUuid: column('server_id', 'string', 'The server that it is attached to.'),
    diskOfferingUuid: computed('string', 'The disk offering that said its size, while there is that.', (row) => {
      return sql`(select o.id from disk_offerings as o where o.id = ${row.column('disk_offering_id')})`;
    }),
    rootImageUuid: column('image_id', 'string', 'The image that it was made from.'),
    installPath: column('install_path', 'string', 'Where it is.'),
    type: words('kind', { root: 'Root', data: 'Data' }, 'Data', 'Root or Data.'),
    format: computed('string', 'qcow2; raw where several servers can have it at once.', (row) => {
      return sql`(case ${row.column('multiattach')} when 1 then 'raw' else 'qcow2' end)`;
    }),
    size: column('size', 'long', 'Its size, bytes.'),
    actualSize: column('actual_size', 'long', 'Bytes that it really takes.'),
    deviceId: column('device_index', 'int', 'Its place among the server’s disks.'),
    state: stateField,
    status: computed('string', 'NotInstantiated, Creating or Ready.', (row) => {
      return sql`(case when ${row.column('status')} in ('creating', 'downloading') then 'Creating'
        when ${row.column('disk_id')} is null then 'NotInstantiated' else 'Ready' end)`;
    }),
    isShareable: column('multiattach', 'bool', 'Whether several servers can have it at once.'),
    lastDetachDate: column('detached_at', 'time', 'When it was last detached.'),
    lastVmInstanceUuid: column('last_server_id', 'string', 'The server that had it last.'),
    lastAttachDate: column('attached_at', 'time', 'When it was last attached.'),
  },
  relations: {
    vmInstance: { to: 'VmInstanceInventory', local: 'vmInstanceUuid' },
    image: { to: 'ImageInventory', local: 'rootImageUuid' },
    diskOffering: { to: 'DiskOfferingInventory', local: 'diskOfferingUuid' },
    primaryStorage: { to: 'PrimaryStorageInventory', local: 'primaryStorageUuid' },
  },
  // ZStack has no word for the ephemeral and swap disks of a server.
  scope: (row) => sql`${row.column('deleted_at')} is null and ${row.column('local_disk')} is null`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
