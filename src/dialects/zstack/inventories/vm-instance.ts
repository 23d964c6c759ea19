import { sql } from 'kysely';
import { column, computed, constant, jsonMember, jsonMemberText } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import { commonFields, mebibyte } from './common.ts';
import { vmNic } from './network.ts';
import { vmCdRom } from './vm-cdrom.ts';
import { vmState } from './vm-state.ts';
import { volume } from './volume.ts';

export const vmInstance = defineInventory<'servers'>({
  name: 'VmInstanceInventory',
  className: 'org.zstack.header.vm.VmInstanceInventory',
  table: 'servers',
  fields: {
    ...commonFields,
    zoneUuid: column('zone_id', 'string', 'The zone that it is in.'),
    clusterUuid: {
      type: 'string',
      description: 'The cluster that it is in.',
      sql: (row) => sql`(select h.cluster_id from hosts as h where h.id = ${row.column('host_id')})`,
      match: (row, holds) => {
        return sql`${row.column('host_id')} in (select h.id from hosts as h where ${holds(sql.ref('h.cluster_id'))})`;
      },
    },
    imageUuid: column('image_id', 'string', 'The image that it was made from.'),
    hostUuid: {
      type: 'string',
      description: 'The host that it runs on.',
      sql: (row) => sql`(case when ${row.column('power_state')} in (1, 3, 7) then ${row.column('host_id')} end)`,
      match: (row, holds) => sql`(${row.column('power_state')} in (1, 3, 7) and ${holds(row.column('host_id'))})`,
    },
    lastHostUuid: column('host_id', 'string', 'The host that its disks are on.'),
    instanceOfferingUuid: computed('string', 'The offering that it was made with.', (row) => {
      return sql`nullif(${jsonMemberText(row, 'flavor', 'uuid')}, '')`;
    }),
    rootVolumeUuid: column('root_volume_id', 'string', 'Its root volume.'),
    platform: computed('string', 'Linux, Windows, Other, Paravirtualization or WindowsVirtio.', (row) => {
      return sql`coalesce(${tagged(row, 'platform')}, ${ofImage(row, 'platform')}, 'Linux')`;
    }),
    guestOsType: computed('string', 'The operating system in it.', (row) => {
      return sql`coalesce(${tagged(row, 'guestOsType')}, ${ofImage(row, 'guest_os')})`;
    }),
    architecture: computed('string', 'The processors it is for.', (row) => {
      return sql`coalesce((select h.architecture from hosts as h where h.id = ${row.column('host_id')}), 'x86_64')`;
    }),
    defaultL3NetworkUuid: computed('string', 'The network of its first interface.', (row) => {
      return sql`(select p.network_id from ports as p where p.device_id = ${row.column('id')}
        order by p.created_at, p.id limit 1)`;
    }),
    type: constant('UserVm', 'string', 'Always UserVm.'),
    hypervisorType: constant('KVM', 'string', 'Always KVM.'),
    memorySize: jsonMember('flavor', 'memoryMb', 'long', 'Memory, bytes.', mebibyte),
    reservedMemorySize: constant(0, 'long', 'Memory that is kept for it, bytes.'),
    cpuNum: jsonMember('flavor', 'vcpus', 'int', 'Processors.'),
    cpuSpeed: constant(0, 'long', 'Not limited: 0.'),
    allocatorStrategy: constant('LeastVmPreferredHostAllocatorStrategy', 'string', 'How its host is chosen.'),
    state: computed('string', 'Starting, Running, Stopping, Stopped, Rebooting, Paused, Destroying, Error …', vmState),
  },
  lists: {
    vmNics: { of: vmNic, local: 'uuid', foreign: 'vmInstanceUuid', description: 'Its network interfaces.' },
    allVolumes: {
      of: volume,
      local: 'uuid',
      foreign: 'vmInstanceUuid',
      description: 'Its volumes, the root volume too.',
    },
    vmCdRoms: { of: vmCdRom, local: 'uuid', foreign: 'vmInstanceUuid', description: 'Its CD-ROM drives.' },
  },
  relations: {
    zone: { to: 'ZoneInventory', local: 'zoneUuid' },
    cluster: { to: 'ClusterInventory', local: 'clusterUuid' },
    host: { to: 'HostInventory', local: 'hostUuid' },
    image: { to: 'ImageInventory', local: 'imageUuid' },
    instanceOffering: { to: 'InstanceOfferingInventory', local: 'instanceOfferingUuid' },
    rootVolume: { to: 'VolumeInventory', local: 'rootVolumeUuid' },
  },
  scope: (row) => sql`${row.column('deleted_at')} is null`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

function ofImage(row: Row<'servers'>, columnName: 'platform' | 'guest_os') {
  return sql`(select ${sql.ref(`i.${columnName}`)} from images as i where i.id = ${row.column('image_id')})`;
}

/** What its maker said about it, where that is not what its image says: kept as an inherent system tag. */
function tagged(row: Row<'servers'>, name: string) {
  const prefix = `${name}::`;
  return sql`(select substr(g.tag, ${sql.lit(prefix.length + 1)}) from resource_tags as g
    where g.resource_id = ${row.column('id')} and g.kind = 'system' and g.tag like ${sql.lit(`${prefix}%`)} limit 1)`;
}
