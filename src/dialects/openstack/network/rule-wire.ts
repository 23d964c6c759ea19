import { type Static, Type } from 'typebox';
import { parentGroup } from '../../../cloud/networks/default-security-group.ts';
import type { NewRuleContent } from '../../../cloud/networks/rule-content.ts';
import type { RuleContent } from '../../../cloud/networks/security-group-rule-checks.ts';
import { withDashes } from '../../../env/env.ts';
import { idInPath, Name, Nullable } from './wire.ts';

/** The members by which rules are listed: those of groups, and those that new groups begin with. */
export const contentAttributes = {
  description: ['description', 'text'],
  direction: ['direction', 'text'],
  ethertype: ['ethertype', 'text'],
  protocol: ['protocol', 'text'],
  port_range_min: ['portRangeMin', 'integer'],
  port_range_max: ['portRangeMax', 'integer'],
  remote_ip_prefix: ['remoteIpPrefix', 'text'],
  remote_group_id: ['remoteGroupId', 'id'],
  remote_address_group_id: ['remoteAddressGroupId', 'id'],
} as const;

/** The engine checks it: what is right depends on the protocol. */
const PortNumber = Type.Optional(Nullable(Type.Integer()));

/** What a new rule says. */
export const ruleMembers = {
  direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
  ethertype: Type.Optional(Type.String({ pattern: '^[Ii][Pp][Vv][46]$' })),
  protocol: Type.Optional(Nullable(Type.Union([Type.String(), Type.Integer()]))),
  port_range_min: PortNumber,
  port_range_max: PortNumber,
  remote_ip_prefix: Type.Optional(Nullable(Type.String())),
  remote_group_id: Type.Optional(Nullable(Type.String())),
  remote_address_group_id: Type.Optional(Nullable(Type.String())),
  description: Type.Optional(Name),
};

const RuleMembers = Type.Object(ruleMembers);

/** What the engine is asked for. Whether `PARENT` may stand for a group the engine says: it is one of nobody's. */
export function contentOf(body: Static<typeof RuleMembers>): NewRuleContent {
  const { ethertype, remote_group_id: remoteGroup, remote_address_group_id: addressGroup } = body;
  return {
    direction: body.direction,
    ethertype: ethertype === undefined ? undefined : (`IPv${ethertype.at(-1) as '4' | '6'}` as const),
    protocol: body.protocol,
    portRangeMin: body.port_range_min,
    portRangeMax: body.port_range_max,
    remoteIpPrefix: body.remote_ip_prefix,
    remoteGroupId: remoteGroup ? groupIn(remoteGroup) : null,
    remoteAddressGroupId: addressGroup ? idInPath('address_group', addressGroup) : null,
    description: body.description,
  };
}

const groupIn = (id: string) => (id === parentGroup ? id : idInPath('security_group', id));

/** What a rule says, as clients read it. */
export function contentView(rule: RuleContent): Record<string, unknown> {
  const { remoteGroupId, remoteAddressGroupId } = rule;
  return {
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    port_range_min: rule.portRangeMin,
    port_range_max: rule.portRangeMax,
    remote_ip_prefix: rule.remoteIpPrefix,
    remote_group_id:
      remoteGroupId === null || remoteGroupId === parentGroup ? remoteGroupId : withDashes(remoteGroupId),
    remote_address_group_id: remoteAddressGroupId === null ? null : withDashes(remoteAddressGroupId),
  };
}

export const contentViewMembers = {
  direction: Type.String(),
  ethertype: Type.String(),
  protocol: Nullable(Type.String()),
  port_range_min: Nullable(Type.Integer()),
  port_range_max: Nullable(Type.Integer()),
  remote_ip_prefix: Nullable(Type.String()),
  remote_group_id: Nullable(Type.String()),
  remote_address_group_id: Nullable(Type.String()),
};
