import { type RawBuilder, sql } from 'kysely';
import { column, computed } from '../../../cloud/query/fields.ts';
import { defineInventory, type Field, type Row, seenWith } from '../../../cloud/query/inventory.ts';
import { netmaskOf } from './common.ts';

type PortAddresses = 'port_addresses';

const ofSubnet = (row: Row<PortAddresses>, what: RawBuilder<unknown>) =>
  sql`(select ${what} from subnets as s where s.id = ${row.column('subnet_id')})`;

const fields: Record<string, Field<PortAddresses>> = {
  uuid: column('id', 'string', 'The uuid.'),
  vmNicUuid: column('port_id', 'string', 'The interface that has it.'),
  ipRangeUuid: column('subnet_id', 'string', 'The range that it is of.'),
  l3NetworkUuid: column('network_id', 'string', 'The network that it is of.'),
  ipVersion: computed('int', '4 or 6.', (row) => {
    return sql`(case when ${row.column('ip_address')} like '%:%' then 6 else 4 end)`;
  }),
  ip: column('ip_address', 'string', 'The address.'),
  netmask: computed('string', 'The netmask of its range.', (row) => {
    return ofSubnet(row, netmaskOf(row, sql.ref('s.cidr'), sql.ref('s.ip_version')));
  }),
  gateway: computed('string', 'The gateway of its range.', (row) => ofSubnet(row, sql`s.gateway_ip`)),
  ipInLong: computed('long', 'An IPv4 address as a number; 0 for IPv6.', ipv4Number),
  createDate: column('created_at', 'time', 'When it was taken.'),
  lastOpDate: column('created_at', 'time', 'When it was taken: that does not change.'),
};
const className = 'org.zstack.header.network.l3.UsedIpInventory';

/** The addresses that an interface has. */
export const nicIp = defineInventory<PortAddresses>({
  name: 'VmNicIpInventory',
  className,
  table: 'port_addresses',
  fields,
  visible: seenWith('VmNicInventory', 'port_id'),
});

/** All addresses of networks that something has: interfaces, VIPs, and the networks' own routers and services. */
export const usedIp = defineInventory<PortAddresses>({
  name: 'UsedIpInventory',
  className,
  table: 'port_addresses',
  fields: {
    ...fields,
    vmNicUuid: {
      type: 'string',
      description: 'The interface that has it.',
      sql: (row) => sql`(select p.id from ports as p
        where p.id = ${row.column('port_id')} and p.device_owner like 'compute:%')`,
      match: (row, holds) => sql`${row.column('port_id')} in (select p.id from ports as p
        where p.device_owner like 'compute:%' and ${holds(sql.ref('p.id'))})`,
    },
    usedFor: computed('string', 'Vip for those of VIPs.', (row) => {
      return sql`(case when exists (select 1 from floating_ips as f
        where f.floating_port_id = ${row.column('port_id')}) then 'Vip' end)`;
    }),
  },
  relations: {
    l3Network: { to: 'L3NetworkInventory', local: 'l3NetworkUuid' },
    ipRange: { to: 'IpRangeInventory', local: 'ipRangeUuid' },
    vmNic: { to: 'VmNicInventory', local: 'vmNicUuid' },
    vip: { to: 'VipInventory', local: 'uuid', foreign: 'usedIpUuid' },
  },
  visible: (row, { projectId = '' }) => sql`${row.column('port_id')} in (
    select p.id from ports as p where p.project_id = ${projectId}
    union all select f.floating_port_id from floating_ips as f where f.project_id = ${projectId})`,
});

function ipv4Number(row: Row<PortAddresses>): RawBuilder<number> {
  const address = row.column('ip_address');
  const part = (index: number) =>
    row.db.kind === 'sqlite'
      ? sql`json_extract('[' || replace(${address}, '.', ',') || ']', ${sql.lit(`$[${index}]`)})`
      : sql`cast(split_part(${address}, '.', ${sql.lit(index + 1)}) as bigint)`;
  return sql`(case when ${address} like '%:%' then 0
    else ${part(0)} * 16777216 + ${part(1)} * 65536 + ${part(2)} * 256 + ${part(3)} end)`;
}
