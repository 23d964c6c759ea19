import { sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

type Rules = 'port_forwarding_rules';

const forwarded = (row: Row<Rules>, what: string) =>
  sql`(select ${sql.ref(`f.${what}`)} from port_forwardings as f where f.id = ${row.column('forwarding_id')})`;

/** Ports of a VIP that stand for ports of an interface, also what the engine's other APIs forwarded. */
export const portForwardingRule = defineInventory<Rules>({
  name: 'PortForwardingRuleInventory',
  className: 'org.zstack.network.service.portforwarding.PortForwardingRuleInventory',
  table: 'port_forwarding_rules',
  rows: () => sql`(select id, project_id, floating_ip_id, name, description, protocol, external_port, external_port_end,
      internal_port, internal_port_end, forwarding_id, created_at, updated_at from port_forwarding_rules
    union all
    select f.id, f.project_id, f.floating_ip_id, f.protocol || '-' || f.external_port, f.description, f.protocol,
      f.external_port, f.external_port_end, f.internal_port, f.internal_port_end, f.id, f.created_at, f.updated_at
    from port_forwardings as f
    where not exists (select 1 from port_forwarding_rules as r where r.forwarding_id = f.id))`,
  fields: {
    uuid: commonFields.uuid,
    name: column('name', 'string', 'The name; protocol and port where it has none.'),
    description: commonFields.description,
    vipIp: computed('string', 'The address outside.', (row) => {
      return sql`(select v.ip_address from floating_ips as v where v.id = ${row.column('floating_ip_id')})`;
    }),
    guestIp: computed('string', 'The address inside, while an interface has it.', (row) => {
      return forwarded(row, 'internal_address');
    }),
    vipUuid: column('floating_ip_id', 'string', 'The VIP.'),
    vipPortStart: column('external_port', 'int', 'The first port outside.'),
    vipPortEnd: column('external_port_end', 'int', 'The last port outside.'),
    privatePortStart: column('internal_port', 'int', 'The first port inside.'),
    privatePortEnd: column('internal_port_end', 'int', 'The last port inside.'),
    vmNicUuid: computed('string', 'The interface that has it.', (row) => forwarded(row, 'internal_port_id')),
    protocolType: words('protocol', { tcp: 'TCP', udp: 'UDP' }, 'TCP', 'TCP or UDP.'),
    allowedCidr: constant('0.0.0.0/0', 'string', 'Who may come: everybody, as far as security groups let them.'),
    state: constant('Enabled', 'string', 'Always Enabled.'),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    vip: { to: 'VipInventory', local: 'vipUuid' },
    vmNic: { to: 'VmNicInventory', local: 'vmNicUuid' },
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
