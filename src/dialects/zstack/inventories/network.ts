import { type Expression, type RawBuilder, sql } from 'kysely';
import { column, computed, constant } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import { commonFields, firstElement, netmaskOf, prefixLength } from './common.ts';
import { hostRoute, nameServer, networkServiceRef } from './network-services.ts';
import { reservedIpRange } from './reserved-ip-range.ts';
import { nicIp } from './used-ip.ts';

/** Whether somebody shared the network with the project. */
const sharedWith = (networkId: Expression<unknown>, projectId: string) =>
  sql`exists (select 1 from rbac_policies as rp where rp.object_type = 'network'
    and rp.object_id = ${networkId} and rp.target_project in ('*', ${projectId}))`;

export const ipRange = defineInventory<'subnets'>({
  name: 'IpRangeInventory',
  className: 'org.zstack.header.network.l3.IpRangeInventory',
  table: 'subnets',
  fields: {
    ...commonFields,
    l3NetworkUuid: column('network_id', 'string', 'The network whose addresses they are.'),
    startIp: computed('string', 'The first address.', (row) =>
      firstElement(row, row.column('allocation_pools'), 'start'),
    ),
    endIp: computed('string', 'The last address.', (row) => firstElement(row, row.column('allocation_pools'), 'end')),
    netmask: computed('string', 'The netmask.', (row) => netmaskOf(row, row.column('cidr'), row.column('ip_version'))),
    gateway: column('gateway_ip', 'string', 'The gateway.'),
    networkCidr: column('cidr', 'string', 'The network in CIDR notation.'),
    ipVersion: column('ip_version', 'int', '4 or 6.'),
    prefixLen: computed('int', 'The length of the prefix.', (row) => prefixLength(row, row.column('cidr'))),
    ipRangeType: constant('Normal', 'string', 'Always Normal.'),
  },
  relations: { l3Network: { to: 'L3NetworkInventory', local: 'l3NetworkUuid' } },
  visible: (row, { projectId = '' }) => sql`exists (select 1 from networks as n where n.id = ${row.column('network_id')}
    and (n.project_id = ${projectId} or n.shared = 1 or n.external = 1 or ${sharedWith(sql.ref('n.id'), projectId)}))`,
});

const fact = (row: Row<'networks'>, what: RawBuilder<unknown>) =>
  sql`(select ${what} from l3_network_facts as f where f.network_id = ${row.column('id')})`;

export const l3Network = defineInventory<'networks'>({
  name: 'L3NetworkInventory',
  className: 'org.zstack.header.network.l3.L3NetworkInventory',
  table: 'networks',
  fields: {
    ...commonFields,
    type: constant('L3BasicNetwork', 'string', 'Always L3BasicNetwork.'),
    zoneUuid: computed('string', 'The zone that it is in.', () => {
      return sql`(select zones.id from zones order by zones.is_default desc, zones.created_at limit 1)`;
    }),
    state: computed('string', 'Enabled or Disabled.', (row) => {
      return sql`(case ${row.column('admin_state_up')} when 1 then 'Enabled' else 'Disabled' end)`;
    }),
    system: computed('bool', 'Whether it is for the cloud’s own servers only.', (row) => {
      return sql`coalesce(${fact(row, sql`f.system`)}, 0)`;
    }),
    category: computed('string', 'Public, Private or System.', (row) => {
      return sql`(case ${row.column('external')} when 1 then 'Public' else coalesce(${fact(row, sql`f.category`)}, 'Private') end)`;
    }),
    ipVersion: computed('int', '4 or 6.', (row) => {
      return sql`coalesce((select min(subnets.ip_version) from subnets where subnets.network_id = ${row.column('id')}), 4)`;
    }),
    enableIPAM: constant(true, 'bool', 'Whether the cloud gives out its addresses.'),
    l2NetworkUuid: {
      type: 'string',
      description: 'The L2 network that it is on.',
      sql: (row) => fact(row, sql`f.l2_network_id`),
      match: (row, holds) => sql`${row.column('id')} in (select f.network_id from l3_network_facts as f
        where ${holds(sql.ref('f.l2_network_id'))})`,
    },
    dnsDomain: computed('string', 'The domain of its guests.', (row) => fact(row, sql`f.dns_domain`)),
  },
  lists: {
    ipRanges: {
      of: ipRange,
      local: 'uuid',
      foreign: 'l3NetworkUuid',
      description: 'Its ranges of addresses.',
    },
    reservedIpRanges: {
      of: reservedIpRange,
      local: 'uuid',
      foreign: 'l3NetworkUuid',
      description: 'Those of its addresses that are given to nothing.',
    },
    dns: { of: nameServer, local: 'uuid', foreign: 'l3NetworkUuid', pluck: 'dns', description: 'Its name servers.' },
    networkServices: {
      of: networkServiceRef,
      local: 'uuid',
      foreign: 'l3NetworkUuid',
      description: 'The services that were attached to it.',
    },
    hostRoute: { of: hostRoute, local: 'uuid', foreign: 'l3NetworkUuid', description: 'What its guests are told.' },
  },
  relations: {
    zone: { to: 'ZoneInventory', local: 'zoneUuid' },
    vmNic: { to: 'VmNicInventory', local: 'uuid', foreign: 'l3NetworkUuid' },
    l2Network: { to: 'L2NetworkInventory', local: 'l2NetworkUuid' },
    ipRange: { to: 'IpRangeInventory', local: 'uuid', foreign: 'l3NetworkUuid' },
  },
  visible: (row, { projectId = '' }) =>
    sql`(${row.column('project_id')} = ${projectId} or ${row.column('shared')} = 1 or ${row.column('external')} = 1
      or ${sharedWith(row.column('id'), projectId)})`,
});

/** A port that belongs to a server. */
export const vmNic = defineInventory<'ports'>({
  name: 'VmNicInventory',
  className: 'org.zstack.header.vm.VmNicInventory',
  table: 'ports',
  fields: {
    uuid: commonFields.uuid,
    vmInstanceUuid: column('device_id', 'string', 'The server that has it.'),
    l3NetworkUuid: column('network_id', 'string', 'The network that it is in.'),
    ip: {
      type: 'string',
      description: 'Its address.',
      sql: (row) => sql`(select a.ip_address from port_addresses as a
        where a.port_id = ${row.column('id')} order by a.ip_address limit 1)`,
      match: (row, holds) => sql`${row.column('id')} in (select a.port_id from port_addresses as a
        where ${holds(sql.ref('a.ip_address'))} and not exists (select 1 from port_addresses as b
          where b.port_id = a.port_id and b.ip_address < a.ip_address))`,
    },
    usedIpUuid: computed(
      'string',
      'That address, as a resource.',
      (row) => sql`(select a.id from port_addresses as a
        where a.port_id = ${row.column('id')} order by a.ip_address limit 1)`,
    ),
    mac: column('mac_address', 'string', 'Its hardware address.'),
    hypervisorType: constant('KVM', 'string', 'Always KVM.'),
    netmask: computed(
      'string',
      'The netmask of its network.',
      (row) => sql`(select ${netmaskOf(row, sql.ref('s.cidr'), sql.ref('s.ip_version'))}
      from port_addresses as a join subnets as s on s.id = a.subnet_id
      where a.port_id = ${row.column('id')} order by a.ip_address limit 1)`,
    ),
    gateway: computed(
      'string',
      'The gateway of its network.',
      (row) => sql`(select s.gateway_ip
      from port_addresses as a join subnets as s on s.id = a.subnet_id
      where a.port_id = ${row.column('id')} order by a.ip_address limit 1)`,
    ),
    ipVersion: computed(
      'int',
      '4 or 6.',
      (row) => sql`coalesce((select s.ip_version
      from port_addresses as a join subnets as s on s.id = a.subnet_id
      where a.port_id = ${row.column('id')} order by a.ip_address limit 1), 4)`,
    ),
    driverType: constant('virtio', 'string', 'Always virtio.'),
    internalName: computed(
      'string',
      'Its name on the host.',
      (row) => sql`('tap' || substr(${row.column('id')}, 1, 11))`,
    ),
    deviceId: computed(
      'int',
      'Its place among the server’s interfaces.',
      (row) => sql`(select count(*) from ports as p
      where p.device_id = ${row.column('device_id')} and (p.created_at < ${row.column('created_at')}
        or (p.created_at = ${row.column('created_at')} and p.id < ${row.column('id')})))`,
    ),
    type: constant('VNIC', 'string', 'Always VNIC.'),
    state: computed('string', 'enable or disable.', (row) => {
      return sql`(case ${row.column('admin_state_up')} when 1 then 'enable' else 'disable' end)`;
    }),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  lists: {
    usedIps: { of: nicIp, local: 'uuid', foreign: 'vmNicUuid', description: 'Its addresses.' },
  },
  relations: {
    vmInstance: { to: 'VmInstanceInventory', local: 'vmInstanceUuid' },
    l3Network: { to: 'L3NetworkInventory', local: 'l3NetworkUuid' },
    eip: { to: 'EipInventory', local: 'uuid', foreign: 'vmNicUuid' },
    securityGroup: {
      to: 'SecurityGroupInventory',
      through: { table: 'port_security_groups', near: 'port_id', far: 'security_group_id' },
    },
  },
  scope: (row) => sql`${row.column('device_owner')} like 'compute:%'`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
