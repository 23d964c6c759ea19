import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row, seenWith } from '../../../cloud/query/inventory.ts';
import { commonFields, stateField } from './common.ts';

type Rules = 'security_group_rules';

/** The group that stands for having none is shown nowhere, as the dialect has none. */
const notOpen = (groupId: Expression<unknown>) =>
  sql<SqlBool>`exists (select 1 from security_groups as g where g.id = ${groupId} and g.open = 0)`;

/** The rules of one set are known together: by the id of the set, which is the id of its first rule. */
const setId = (row: Row<Rules>): RawBuilder<string> =>
  sql`coalesce((select s.set_id from security_group_rule_sets as s where s.rule_id = ${row.column('id')}), ${row.column('id')})`;

/** Each word of a set's rules once; the text that it was written with while all its rules are there. */
function together(
  row: Row<Rules>,
  written: 'ports' | 'addresses',
  each: Expression<unknown>,
): RawBuilder<string | null> {
  const members = sql`select distinct ${each} as word from security_group_rules as r
    where r.id = ${row.column('id')} or r.id in (select o.rule_id from security_group_rule_sets as o
      where o.set_id = (select s.set_id from security_group_rule_sets as s where s.rule_id = ${row.column('id')}))`;
  const joined =
    row.db.kind === 'sqlite'
      ? sql`(select group_concat(m.word, ',') from (${members}) as m)`
      : sql`(select string_agg(m.word, ',' order by m.word) from (${members}) as m)`;
  return sql`coalesce((select ${sql.ref(`s.${written}`)} from security_group_rule_sets as s
    where s.rule_id = ${row.column('id')} and s.members =
      (select count(*) from security_group_rule_sets as o where o.set_id = s.set_id)), ${joined})`;
}

const ports = sql`(case when r.port_range_min is null or r.protocol = 'icmp' then null
  when r.port_range_min = r.port_range_max then cast(r.port_range_min as text)
  else cast(r.port_range_min as text) || '-' || cast(r.port_range_max as text) end)`;

const peer = (row: Row<Rules>, direction: 'ingress' | 'egress') =>
  sql`(case when ${row.column('direction')} = ${sql.lit(direction)} then
    ${together(row, 'addresses', sql`r.remote_ip_prefix`)} end)`;

export const securityGroupRule = defineInventory<Rules>({
  name: 'SecurityGroupRuleInventory',
  className: 'org.zstack.network.securitygroup.SecurityGroupRuleInventory',
  table: 'security_group_rules',
  fields: {
    uuid: computed('string', 'The uuid: 32 hexadecimal digits.', setId),
    securityGroupUuid: column('security_group_id', 'string', 'The security group that it is of.'),
    type: words('direction', { ingress: 'Ingress' }, 'Egress', 'Ingress or Egress.'),
    protocol: computed('string', 'TCP, UDP, ICMP, ALL, or another protocol’s name.', (row) => {
      return sql`upper(coalesce(${row.column('protocol')}, 'ALL'))`;
    }),
    state: constant('Enabled', 'string', 'Always Enabled.'),
    priority: computed(
      'int',
      'Its place among the rules of its direction, from 1; 0 for those that come first.',
      (row) => {
        return sql`coalesce((select s.priority from security_group_rule_sets as s where s.rule_id = ${row.column('id')}), 0)`;
      },
    ),
    ipVersion: computed(
      'int',
      '4 or 6.',
      (row) => sql`(case ${row.column('ethertype')} when 'IPv6' then 6 else 4 end)`,
    ),
    description: column('description', 'string', 'The description.'),
    startPort: computed(
      'int',
      'The first port; -1 for any.',
      (row) => sql`coalesce(${row.column('port_range_min')}, -1)`,
    ),
    endPort: computed('int', 'The last port; -1 for any.', (row) => sql`coalesce(${row.column('port_range_max')}, -1)`),
    dstPortRange: computed('string', 'The ports, as 22,80-90; absent for any.', (row) => together(row, 'ports', ports)),
    allowedCidr: computed('string', 'The first network that is let through, in CIDR notation.', (row) => {
      return sql`coalesce(${row.column('remote_ip_prefix')}, case ${row.column('ethertype')} when 'IPv6' then '::/0' else '0.0.0.0/0' end)`;
    }),
    srcIpRange: computed('string', 'Where it lets traffic come from.', (row) => peer(row, 'ingress')),
    dstIpRange: computed('string', 'Where it lets traffic go.', (row) => peer(row, 'egress')),
    remoteSecurityGroupUuid: column('remote_group_id', 'string', 'The group whose members it lets through.'),
    action: constant('ACCEPT', 'string', 'Always ACCEPT: what no rule lets through is dropped.'),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: { securityGroup: { to: 'SecurityGroupInventory', local: 'securityGroupUuid' } },
  // Of each set the rule that was made first.
  scope: (
    row,
  ) => sql`${notOpen(row.column('security_group_id'))} and not exists (select 1 from security_group_rule_sets as mine
    join security_group_rule_sets as other on other.set_id = mine.set_id
    join security_group_rules as earlier on earlier.id = other.rule_id
    where mine.rule_id = ${row.column('id')} and other.rule_id <> mine.rule_id and
      (earlier.created_at < ${row.column('created_at')} or
        (earlier.created_at = ${row.column('created_at')} and earlier.id < ${row.column('id')})))`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

const groupNetwork = defineInventory<'security_group_networks'>({
  name: 'SecurityGroupL3NetworkRefInventory',
  className: 'org.zstack.network.securitygroup.SecurityGroupL3NetworkRefInventory',
  table: 'security_group_networks',
  fields: {
    securityGroupUuid: column('security_group_id', 'string', ''),
    l3NetworkUuid: column('network_id', 'string', ''),
  },
  visible: seenWith('SecurityGroupInventory', 'security_group_id'),
});

export const securityGroup = defineInventory<'security_groups'>({
  name: 'SecurityGroupInventory',
  className: 'org.zstack.network.securitygroup.SecurityGroupInventory',
  table: 'security_groups',
  fields: {
    ...commonFields,
    state: stateField,
    ipVersion: constant(4, 'int', 'Always 4; rules of either version can be added.'),
    vSwitchType: constant('LinuxBridge', 'string', 'Always LinuxBridge.'),
  },
  lists: {
    rules: { of: securityGroupRule, local: 'uuid', foreign: 'securityGroupUuid', description: 'What it lets through.' },
    attachedL3NetworkUuids: {
      of: groupNetwork,
      local: 'uuid',
      foreign: 'securityGroupUuid',
      pluck: 'l3NetworkUuid',
      description: 'The networks that it was attached to.',
    },
  },
  relations: {
    vmNic: {
      to: 'VmNicInventory',
      through: { table: 'port_security_groups', near: 'security_group_id', far: 'port_id' },
    },
  },
  scope: (row) => sql`${row.column('open')} = 0`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** An interface that a security group is on. */
export const vmNicInSecurityGroup = defineInventory<'port_security_groups'>({
  name: 'VmNicSecurityGroupRefInventory',
  className: 'org.zstack.network.securitygroup.VmNicSecurityGroupRefInventory',
  table: 'port_security_groups',
  fields: {
    uuid: computed('string', 'The interface and the group.', (row) => {
      return sql`(${row.column('port_id')} || ${row.column('security_group_id')})`;
    }),
    vmNicUuid: column('port_id', 'string', 'The interface.'),
    securityGroupUuid: column('security_group_id', 'string', 'The security group.'),
    vmInstanceUuid: computed('string', 'The server that has the interface.', (row) => {
      return sql`(select p.device_id from ports as p where p.id = ${row.column('port_id')})`;
    }),
    priority: constant(1, 'int', 'Always 1: the order of groups decides nothing.'),
  },
  relations: {
    vmNic: { to: 'VmNicInventory', local: 'vmNicUuid' },
    securityGroup: { to: 'SecurityGroupInventory', local: 'securityGroupUuid' },
  },
  scope: (row) =>
    sql`exists (select 1 from ports as p where p.id = ${row.column('port_id')} and p.device_owner like 'compute:%')
      and ${notOpen(row.column('security_group_id'))}`,
  visible: (row, { projectId = '' }) =>
    sql`exists (select 1 from ports as p where p.id = ${row.column('port_id')} and p.project_id = ${projectId})`,
});
