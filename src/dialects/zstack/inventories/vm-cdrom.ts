import { sql } from 'kysely';
import { column, computed } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

export const vmCdRom = defineInventory<'cdroms'>({
  name: 'VmCdRomInventory',
  className: 'org.zstack.header.vm.cdrom.VmCdRomInventory',
  table: 'cdroms',
  fields: {
    ...commonFields,
    vmInstanceUuid: column('server_id', 'string', 'The server that it is a drive of.'),
    deviceId: column('device_index', 'int', 'Its place among the server’s drives: 0 is the default one.'),
    isoUuid: column('image_id', 'string', 'The ISO image that is in it.'),
    isoInstallPath: computed('string', 'Where that is.', (row) => {
      return sql`(case when ${row.column('image_id')} is not null
        then ('iso://' || ${row.column('image_id')}) end)`;
    }),
  },
  relations: {
    vmInstance: { to: 'VmInstanceInventory', local: 'vmInstanceUuid' },
    iso: { to: 'ImageInventory', local: 'isoUuid' },
  },
  visible: (row, { projectId = '' }) => sql`exists (select 1 from servers as sv where sv.id = ${row.column('server_id')}
    and sv.project_id = ${projectId})`,
});
