import { type RawBuilder, sql } from 'kysely';
import { column, computed, constant, scaled, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import { commonFields, mebibyte, stateField } from './common.ts';

export const zone = defineInventory<'zones'>({
  name: 'ZoneInventory',
  className: 'org.zstack.header.zone.ZoneInventory',
  table: 'zones',
  fields: {
    ...commonFields,
    state: stateField,
    type: constant('zstack', 'string', 'Always zstack.'),
    isDefault: column('is_default', 'bool', 'Whether it is meant where no zone is named.'),
  },
  relations: {
    cluster: { to: 'ClusterInventory', foreign: 'zoneUuid' },
    host: { to: 'HostInventory', foreign: 'zoneUuid' },
    vmInstance: { to: 'VmInstanceInventory', foreign: 'zoneUuid' },
    primaryStorage: { to: 'PrimaryStorageInventory', foreign: 'zoneUuid' },
    l2Network: { to: 'L2NetworkInventory', foreign: 'zoneUuid' },
    l3Network: { to: 'L3NetworkInventory', foreign: 'zoneUuid' },
  },
});

export const cluster = defineInventory<'clusters'>({
  name: 'ClusterInventory',
  className: 'org.zstack.header.cluster.ClusterInventory',
  table: 'clusters',
  fields: {
    ...commonFields,
    state: stateField,
    hypervisorType: words('hypervisor_type', { simulated: 'Simulator' }, 'KVM', 'KVM or Simulator.'),
    zoneUuid: column('zone_id', 'string', 'The zone that it is in.'),
    type: constant('zstack', 'string', 'Always zstack.'),
    architecture: column('architecture', 'string', 'The processors of its hosts, as x86_64.'),
  },
  relations: {
    zone: { to: 'ZoneInventory', local: 'zoneUuid' },
    host: { to: 'HostInventory', local: 'uuid', foreign: 'clusterUuid' },
    primaryStorage: {
      to: 'PrimaryStorageInventory',
      through: { table: 'primary_storage_clusters', near: 'cluster_id', far: 'storage_id' },
    },
    l2Network: {
      to: 'L2NetworkInventory',
      through: { table: 'l2_network_clusters', near: 'cluster_id', far: 'l2_network_id' },
    },
    vmInstance: { to: 'VmInstanceInventory', local: 'uuid', foreign: 'clusterUuid' },
  },
});

/** Hosts are for administrators: others see only that their servers run somewhere. */
export const host = defineInventory<'hosts'>({
  name: 'HostInventory',
  className: 'org.zstack.kvm.KVMHostInventory',
  table: 'hosts',
  fields: {
    uuid: commonFields.uuid,
    name: noted('name', 'The name that it was given, or that the machine has.', (row) => row.column('name')),
    description: noted('description', 'The description.'),
    zoneUuid: column('zone_id', 'string', 'The zone that it is in.'),
    clusterUuid: column('cluster_id', 'string', 'The cluster that it is in.'),
    managementIp: column('management_address', 'string', 'The address at which it is managed.'),
    username: login('username', 'string', 'As whom it is logged in to, where it is another machine.'),
    sshPort: login('port', 'int', 'The port of its SSH server, where it is another machine.'),
    hypervisorType: words('hypervisor_type', { simulated: 'Simulator' }, 'KVM', 'KVM or Simulator.'),
    state: words(
      'state',
      { enabled: 'Enabled', disabled: 'Disabled', maintenance: 'Maintenance' },
      'Disabled',
      'Whether new servers may be placed on it: Enabled, Disabled or Maintenance.',
    ),
    status: words(
      'status',
      { connecting: 'Connecting', connected: 'Connected', disconnected: 'Disconnected' },
      'Disconnected',
      'Whether its agent answers: Connecting, Connected or Disconnected.',
    ),
    totalCpuCapacity: computed('long', 'Virtual processors that it can give.', (row) => {
      return sql`cast(${row.column('vcpus')} * ${row.column('cpu_ratio')} as bigint)`;
    }),
    availableCpuCapacity: computed('long', 'Virtual processors that are free.', (row) => {
      const taken = allocated(row.column('id'), 'vcpus');
      return sql`cast(${row.column('vcpus')} * ${row.column('cpu_ratio')} - ${taken} as bigint)`;
    }),
    cpuSockets: constant(1, 'int', 'Sockets.'),
    cpuNum: column('vcpus', 'int', 'Processors.'),
    totalMemoryCapacity: scaled('memory_mb', mebibyte, 'Memory, bytes.'),
    availableMemoryCapacity: computed('long', 'Memory that servers can still take, bytes.', (row) => {
      const usable = sql`${row.column('memory_mb')} - ${row.column('reserved_memory_mb')}`;
      const taken = allocated(row.column('id'), 'memory_mb');
      return sql`(cast((${usable}) * ${row.column('memory_ratio')} - ${taken} as bigint) * ${sql.lit(mebibyte)})`;
    }),
    architecture: column('architecture', 'string', 'Its processors, as x86_64.'),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    zone: { to: 'ZoneInventory', local: 'zoneUuid' },
    cluster: { to: 'ClusterInventory', local: 'clusterUuid' },
    vmInstance: { to: 'VmInstanceInventory', local: 'uuid', foreign: 'hostUuid' },
  },
  visible: () => sql`1 = 0`,
});

const storagePlace = defineInventory<'primary_storage_clusters'>({
  name: 'PrimaryStorageClusterRefInventory',
  className: 'org.zstack.header.storage.primary.PrimaryStorageClusterRefInventory',
  table: 'primary_storage_clusters',
  fields: {
    primaryStorageUuid: column('storage_id', 'string', ''),
    clusterUuid: column('cluster_id', 'string', ''),
  },
});

/** The folder of a host in which the disks of its servers are, or one beside that was added. */
export const primaryStorage = defineInventory<'primary_storages'>({
  name: 'PrimaryStorageInventory',
  className: 'org.zstack.header.storage.primary.PrimaryStorageInventory',
  table: 'primary_storages',
  fields: {
    uuid: commonFields.uuid,
    name: column('name', 'string', 'The name.'),
    description: column('description', 'string', 'The description.'),
    zoneUuid: column('zone_id', 'string', 'The zone that it is in.'),
    url: column('url', 'string', 'Where it is: the own disk of a host, a folder, or the folder of an NFS server.'),
    totalCapacity: column('total_bytes', 'long', 'Bytes that can be promised to disks.'),
    availableCapacity: column('available_bytes', 'long', 'Bytes that are not promised yet.'),
    totalPhysicalCapacity: column('total_physical_bytes', 'long', 'Bytes there are.'),
    availablePhysicalCapacity: column(
      'available_physical_bytes',
      'long',
      'Bytes that are free; of the own disk of a host, that disks and cached images have not used.',
    ),
    mountPath: column(
      'mount_path',
      'string',
      'The folder; for the own disk of a host as the url. Of an NFS server’s, where it is below the folder of each host.',
    ),
    type: words(
      'kind',
      { local: 'LocalStorage', shared: 'SharedMountPoint', nfs: 'NFS' },
      'LocalStorage',
      'LocalStorage, or where all its hosts have the same folder SharedMountPoint, or NFS if they mount it themselves.',
    ),
    state: words(
      'state',
      { enabled: 'Enabled', disabled: 'Disabled', maintenance: 'Maintenance' },
      'Disabled',
      'Enabled, Disabled or Maintenance; that of a host’s own disk is its host’s.',
    ),
    status: words(
      'status',
      { connecting: 'Connecting', connected: 'Connected', disconnected: 'Disconnected' },
      'Disconnected',
      'Connected where a host can use it, Disconnected where none can, Connecting before a cluster has it.',
    ),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  lists: {
    attachedClusterUuids: {
      of: storagePlace,
      local: 'uuid',
      foreign: 'primaryStorageUuid',
      pluck: 'clusterUuid',
      description: 'The clusters whose servers can have disks in it.',
    },
  },
  relations: {
    zone: { to: 'ZoneInventory', local: 'zoneUuid' },
    host: { to: 'HostInventory' },
    cluster: {
      to: 'ClusterInventory',
      through: { table: 'primary_storage_clusters', near: 'storage_id', far: 'cluster_id' },
    },
    backupStorage: {
      to: 'ImageStoreBackupStorageInventory',
      local: 'zoneUuid',
      through: { table: 'image_store_zones', near: 'zone_id', far: 'store_id' },
    },
  },
});

/** How a host on another machine is logged in to. */
function login(what: 'username' | 'port', type: 'string' | 'int', description: string) {
  return computed<'hosts'>(type, description, (row) => {
    return sql`(select ${sql.ref(`far_hosts.${what}`)} from far_hosts where far_hosts.host_id = ${row.column('id')})`;
  });
}

/** What an administrator said of a host, or else what it is by itself. */
function noted(
  what: 'name' | 'description',
  description: string,
  otherwise: (row: Row<'hosts'>) => RawBuilder<unknown> = () => sql`null`,
) {
  return computed<'hosts'>('string', description, (row) => {
    const said = sql`(select ${sql.ref(`host_notes.${what}`)} from host_notes where host_notes.host_id = ${row.column('id')})`;
    return sql`coalesce(${said}, ${otherwise(row)})`;
  });
}

function allocated(hostId: ReturnType<typeof sql>, what: 'vcpus' | 'memory_mb' | 'disk_gb') {
  return sql`(select coalesce(sum(${sql.ref(`allocations.${what}`)}), 0) from allocations
    where allocations.host_id = ${hostId})`;
}
