import { type RawBuilder, sql } from 'kysely';
import { column, computed, constant } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import { commonFields, netmaskOf, prefixLength } from './common.ts';

type FloatingIps = 'floating_ips';

const ofSubnet = (row: Row<FloatingIps>, what: RawBuilder<unknown>) => sql`(select ${what}
  from port_addresses as a join subnets as s on s.id = a.subnet_id
  where a.port_id = ${row.column('floating_port_id')} limit 1)`;
const eip = (row: Row<FloatingIps>, what: RawBuilder<unknown>) =>
  sql`(select ${what} from eips as e where e.floating_ip_id = ${row.column('id')})`;

/** A floating IP: an address of a public network that is the account's. */
export const vip = defineInventory<FloatingIps>({
  name: 'VipInventory',
  className: 'org.zstack.network.service.vip.VipInventory',
  table: 'floating_ips',
  fields: {
    uuid: commonFields.uuid,
    name: computed('string', 'The name; the address itself where it has none.', (row) => {
      return sql`coalesce((select v.name from vip_names as v where v.floating_ip_id = ${row.column('id')}), ${row.column('ip_address')})`;
    }),
    description: commonFields.description,
    l3NetworkUuid: column('network_id', 'string', 'The network that it is an address of.'),
    ip: column('ip_address', 'string', 'The address.'),
    usedIpUuid: {
      type: 'string',
      description: 'The address, as a resource.',
      sql: (row) =>
        sql`(select a.id from port_addresses as a where a.port_id = ${row.column('floating_port_id')} limit 1)`,
      match: (row, holds) => sql`${row.column('floating_port_id')} in (select a.port_id from port_addresses as a
        where ${holds(sql.ref('a.id'))})`,
    },
    state: constant('Enabled', 'string', 'Always Enabled.'),
    gateway: computed('string', 'The gateway of its network.', (row) => ofSubnet(row, sql`s.gateway_ip`)),
    netmask: computed('string', 'The netmask of its network.', (row) => {
      return ofSubnet(row, netmaskOf(row, sql.ref('s.cidr'), sql.ref('s.ip_version')));
    }),
    prefixLen: computed('int', 'The length of the prefix of its network.', (row) => {
      return ofSubnet(row, prefixLength(row, sql.ref('s.cidr')));
    }),
    serviceProvider: computed('string', 'What serves it: Flat, while it is used.', (row) => {
      return sql`(case when ${row.column('router_id')} is not null then 'Flat' end)`;
    }),
    useFor: computed('string', 'What it is used for: Eip, LoadBalancer, PortForwarding, or both of these.', (row) => {
      const balanced = sql`exists (select 1 from load_balancers as b where b.floating_ip_id = ${row.column('id')})`;
      const forwarded = sql`${row.column('id')} in (select r.floating_ip_id from port_forwarding_rules as r
          union all select f.floating_ip_id from port_forwardings as f)`;
      return sql`(case when ${row.column('port_id')} is not null or ${eip(row, sql`e.id`)} is not null then 'Eip'
        when ${balanced} and ${forwarded} then 'LoadBalancer,PortForwarding'
        when ${balanced} then 'LoadBalancer' when ${forwarded} then 'PortForwarding' end)`;
    }),
    system: constant(false, 'bool', 'Whether the cloud took it for itself.'),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    l3Network: { to: 'L3NetworkInventory', local: 'l3NetworkUuid' },
    eip: { to: 'EipInventory', local: 'uuid', foreign: 'vipUuid' },
    loadBalancer: { to: 'LoadBalancerInventory', local: 'uuid', foreign: 'vipUuid' },
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** A floating IP that is used for an interface, or kept for one. */
export const eipInventory = defineInventory<FloatingIps>({
  name: 'EipInventory',
  className: 'org.zstack.network.service.eip.EipInventory',
  table: 'floating_ips',
  fields: {
    uuid: computed('string', 'The uuid.', (row) => sql`coalesce(${eip(row, sql`e.id`)}, ${row.column('id')})`),
    name: computed('string', 'The name; the address where it has none.', (row) => {
      return sql`coalesce(${eip(row, sql`e.name`)}, ${row.column('ip_address')})`;
    }),
    description: computed('string', 'The description.', (row) => eip(row, sql`e.description`)),
    vmNicUuid: column('port_id', 'string', 'The interface that it is for.'),
    vipUuid: column('id', 'string', 'The address.'),
    state: constant('Enabled', 'string', 'Always Enabled.'),
    vipIp: column('ip_address', 'string', 'The address outside.'),
    guestIp: column('fixed_ip_address', 'string', 'The address inside.'),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    vip: { to: 'VipInventory', local: 'vipUuid' },
    vmNic: { to: 'VmNicInventory', local: 'vmNicUuid' },
  },
  scope: (row) => sql`(${row.column('port_id')} is not null or
    exists (select 1 from eips as e where e.floating_ip_id = ${row.column('id')}))`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
