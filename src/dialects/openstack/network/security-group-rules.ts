import { type Static, Type } from 'typebox';
import { parseIpPrefix } from '../../../cloud/networks/ip-prefix.ts';
import type { SecurityGroupRule } from '../../../cloud/networks/model.ts';
import type { SecurityGroupRuleField } from '../../../cloud/networks/security-group-rules.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, commonView, idInPath, Name, Nullable, ownerMembers, ownerOf, View } from './wire.ts';

const attributes: Attributes<SecurityGroupRuleField> = {
  id: ['id', 'id'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  security_group_id: ['securityGroupId', 'id'],
  direction: ['direction', 'text'],
  ethertype: ['ethertype', 'text'],
  protocol: ['protocol', 'text'],
  port_range_min: ['portRangeMin', 'integer'],
  port_range_max: ['portRangeMax', 'integer'],
  remote_ip_prefix: ['remoteIpPrefix', 'text'],
  remote_group_id: ['remoteGroupId', 'id'],
  remote_address_group_id: ['remoteAddressGroupId', 'id'],
  revision_number: ['revision', 'integer'],
};

/** The engine checks it: what is right depends on the protocol. */
const PortNumber = Type.Optional(Nullable(Type.Integer()));

const CreateBody = Body({
  ...ownerMembers,
  security_group_id: Type.String(),
  direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
  ethertype: Type.Optional(Type.String({ pattern: '^[Ii][Pp][Vv][46]$' })),
  protocol: Type.Optional(Nullable(Type.Union([Type.String(), Type.Integer()]))),
  port_range_min: PortNumber,
  port_range_max: PortNumber,
  remote_ip_prefix: Type.Optional(Nullable(Type.String())),
  remote_group_id: Type.Optional(Nullable(Type.String())),
  remote_address_group_id: Type.Optional(Nullable(Type.String())),
  description: Type.Optional(Name),
});

/** The rule as Neutron's clients know it, alone and within its group. */
export function ruleView(rule: SecurityGroupRule): Record<string, unknown> {
  return {
    ...commonView(rule),
    security_group_id: withDashes(rule.securityGroupId),
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    port_range_min: rule.portRangeMin,
    port_range_max: rule.portRangeMax,
    remote_ip_prefix: rule.remoteIpPrefix,
    normalized_cidr: rule.remoteIpPrefix === null ? null : (parseIpPrefix(rule.remoteIpPrefix)?.normalized ?? null),
    remote_group_id: rule.remoteGroupId === null ? null : withDashes(rule.remoteGroupId),
    remote_address_group_id: rule.remoteAddressGroupId === null ? null : withDashes(rule.remoteAddressGroupId),
  };
}

export const ruleViewSchema = View({
  security_group_id: Type.String(),
  direction: Type.String(),
  ethertype: Type.String(),
  protocol: Nullable(Type.String()),
  port_range_min: Nullable(Type.Integer()),
  port_range_max: Nullable(Type.Integer()),
  remote_ip_prefix: Nullable(Type.String()),
  normalized_cidr: Nullable(Type.String()),
  remote_group_id: Nullable(Type.String()),
  remote_address_group_id: Nullable(Type.String()),
});

function newRule(body: Static<typeof CreateBody>) {
  const { ethertype, remote_group_id: remoteGroup, remote_address_group_id: addressGroup } = body;
  return {
    projectId: ownerOf(body),
    securityGroupId: idInPath('security_group', body.security_group_id),
    direction: body.direction,
    ethertype: ethertype === undefined ? undefined : (`IPv${ethertype.at(-1) as '4' | '6'}` as const),
    protocol: body.protocol,
    portRangeMin: body.port_range_min,
    portRangeMax: body.port_range_max,
    remoteIpPrefix: body.remote_ip_prefix,
    remoteGroupId: remoteGroup ? idInPath('security_group', remoteGroup) : null,
    remoteAddressGroupId: addressGroup ? idInPath('address_group', addressGroup) : null,
    description: body.description,
  };
}

const rules: Resource<SecurityGroupRule, Static<typeof CreateBody>, object> = {
  singular: 'security_group_rule',
  plural: 'security_group_rules',
  collection: 'security-group-rules',
  name: 'SecurityGroupRule',
  title: 'security group rule',
  summary: 'Traffic that a security group lets through. Ports are types and codes where the protocol is ICMP.',
  view: ruleView,
  viewSchema: ruleViewSchema,
  filters: Object.keys(attributes),
  createBody: CreateBody,
  example: {
    id: 'e8a3b0c2-4f3d-4f0a-a0b7-3f5d9c1e6a20',
    create: {
      security_group_id: '5b9a1f0e-8c1b-4a7f-9f0e-7c3a2c9e4d11',
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: 443,
      port_range_max: 443,
      remote_ip_prefix: '0.0.0.0/0',
    },
  },
  list: ({ cloud, subject }, query) => cloud.networks.securityGroupRules.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.securityGroupRules.get(subject, id),
  create: ({ cloud, subject }, bodies) => cloud.networks.securityGroupRules.create(subject, bodies.map(newRule)),
  delete: ({ cloud, subject }, id) => cloud.networks.securityGroupRules.delete(subject, id),
};

export const securityGroupRuleOperations = resourceOperations(rules);
