import { sql } from 'kysely';
import { column, constant } from '../../../cloud/query/fields.ts';
import { defineInventory, type InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

const l2Cluster = defineInventory<'l2_network_clusters'>({
  name: 'L2NetworkClusterRefInventory',
  className: 'org.zstack.header.network.l2.L2NetworkClusterRefInventory',
  table: 'l2_network_clusters',
  fields: {
    l2NetworkUuid: column('l2_network_id', 'string', ''),
    clusterUuid: column('cluster_id', 'string', ''),
  },
  visible: () => sql`1 = 0`,
});

const fields = {
  ...commonFields,
  zoneUuid: column<'l2_networks'>('zone_id', 'string', 'The zone that it is in.'),
  physicalInterface: column<'l2_networks'>('physical_interface', 'string', 'The interface of the hosts.'),
  type: column<'l2_networks'>('type', 'string', 'L2NoVlanNetwork or L2VlanNetwork.'),
  vSwitchType: column<'l2_networks'>('v_switch_type', 'string', 'The kind of switch, as LinuxBridge.'),
  virtualNetworkId: {
    type: 'int',
    description: 'The VLAN; 0 without one.',
    sql: (row: { column(name: 'vlan'): unknown }) => sql`coalesce(${row.column('vlan')}, 0)`,
  } as const,
  isolated: constant(false, 'bool', 'Whether its guests are kept from each other.'),
};

const lists = {
  attachedClusterUuids: {
    of: l2Cluster,
    local: 'uuid',
    foreign: 'l2NetworkUuid',
    pluck: 'clusterUuid',
    description: 'The clusters that have it.',
  },
};

const relations: InventoryDefinition['relations'] = {
  zone: { to: 'ZoneInventory', local: 'zoneUuid' },
  l3Network: { to: 'L3NetworkInventory', local: 'uuid', foreign: 'l2NetworkUuid' },
  cluster: {
    to: 'ClusterInventory',
    through: { table: 'l2_network_clusters', near: 'l2_network_id', far: 'cluster_id' },
  },
};

/** A piece of the data centre's wiring. */
export const l2Network = defineInventory<'l2_networks'>({
  name: 'L2NetworkInventory',
  className: 'org.zstack.header.network.l2.L2NetworkInventory',
  table: 'l2_networks',
  fields,
  lists,
  relations,
  visible: () => sql`1 = 0`,
});

export const l2VlanNetwork = defineInventory<'l2_networks'>({
  name: 'L2VlanNetworkInventory',
  className: 'org.zstack.header.network.l2.L2VlanNetworkInventory',
  table: 'l2_networks',
  fields: { ...fields, vlan: column('vlan', 'int', 'The VLAN, 1 to 4094.') },
  lists,
  relations,
  scope: (row) => sql`${row.column('vlan')} is not null`,
  visible: () => sql`1 = 0`,
});
