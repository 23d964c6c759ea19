import { Type } from 'typebox';
import type { SecurityGroup, SecurityGroupRule } from '../../../cloud/networks/model.ts';
import { withDashes } from '../../../env/env.ts';
import { TextOrNull } from './wire.ts';

const NumberOrNull = Type.Unsafe<number | null>({ type: ['integer', 'null'] });
export const SecurityGroupRuleSchema = Type.Object({
  id: Type.String(),
  parent_group_id: Type.String(),
  from_port: NumberOrNull,
  to_port: NumberOrNull,
  ip_protocol: TextOrNull,
  ip_range: Type.Object({ cidr: Type.Optional(Type.String()) }),
  group: Type.Object({ name: Type.Optional(Type.String()), tenant_id: Type.Optional(Type.String()) }),
});
export const SecurityGroupSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  tenant_id: Type.String(),
  rules: Type.Array(SecurityGroupRuleSchema),
});

/** A security group as Nova's own were. */
export function groupView(group: SecurityGroup, remotes: ReadonlyMap<string, SecurityGroup> = new Map()) {
  return {
    id: withDashes(group.id),
    name: group.name,
    description: group.description,
    tenant_id: group.projectId,
    // Nova's own groups knew rules for what comes in only.
    rules: group.rules
      .filter(({ direction }) => direction === 'ingress')
      .map((rule) => ruleView(rule, group, remotes.get(rule.remoteGroupId ?? ''))),
  };
}

/** @param remote the group that the rule names, where it is known */
export function ruleView(rule: SecurityGroupRule, group: SecurityGroup, remote?: SecurityGroup) {
  const named = rule.remoteGroupId === group.id ? group : remote;
  const anywhere = rule.ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0';
  return {
    id: withDashes(rule.id),
    parent_group_id: withDashes(group.id),
    from_port: rule.portRangeMin,
    to_port: rule.portRangeMax,
    ip_protocol: rule.protocol,
    ip_range: rule.remoteGroupId === null ? { cidr: rule.remoteIpPrefix ?? anywhere } : {},
    group: rule.remoteGroupId !== null && named ? { name: named.name, tenant_id: named.projectId } : {},
  };
}
