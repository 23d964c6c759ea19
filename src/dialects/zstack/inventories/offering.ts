import { sql } from 'kysely';
import { column, constant, scaled } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { commonFields, mebibyte, stateField } from './common.ts';

/** A size of data volume. */
export const diskOffering = defineInventory<'disk_offerings'>({
  name: 'DiskOfferingInventory',
  className: 'org.zstack.header.configuration.DiskOfferingInventory',
  table: 'disk_offerings',
  fields: {
    ...commonFields,
    diskSize: column('disk_size', 'long', 'Bytes.'),
    sortKey: column('sort_key', 'int', 'A number to sort by.'),
    state: stateField,
    type: constant('zstack', 'string', 'Always zstack.'),
    allocatorStrategy: constant('DefaultPrimaryStorageAllocationStrategy', 'string', 'How storage is chosen.'),
  },
});

/** A size of server: the engine's flavor. */
export const instanceOffering = defineInventory<'flavors'>({
  name: 'InstanceOfferingInventory',
  className: 'org.zstack.header.configuration.InstanceOfferingInventory',
  table: 'flavors',
  fields: {
    ...commonFields,
    uuid: column('uuid', 'string', 'The uuid.'),
    cpuNum: column('vcpus', 'int', 'Processors.'),
    cpuSpeed: constant(0, 'int', 'Not limited: 0.'),
    memorySize: scaled('memory_mb', mebibyte, 'Memory, bytes.'),
    reservedMemorySize: constant(0, 'long', 'Memory that is kept for each server, bytes.'),
    type: constant('UserVm', 'string', 'Always UserVm.'),
    allocatorStrategy: constant('LeastVmPreferredHostAllocatorStrategy', 'string', 'How hosts are chosen.'),
    sortKey: constant(0, 'int', 'Always 0.'),
    state: stateField,
  },
  relations: { vmInstance: { to: 'VmInstanceInventory', local: 'uuid', foreign: 'instanceOfferingUuid' } },
  visible: (row) => sql`${row.column('is_public')} = 1`,
});
