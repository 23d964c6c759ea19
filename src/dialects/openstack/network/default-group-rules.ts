import { type Static, Type } from 'typebox';
import type { DefaultGroupRule, DefaultGroupRuleField } from '../../../cloud/networks/default-group-rules.ts';
import { parentGroup } from '../../../cloud/networks/default-security-group.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, idInPath, Name, Nullable } from './wire.ts';

const attributes: Attributes<DefaultGroupRuleField> = {
  id: ['id', 'id'],
  description: ['description', 'text'],
  direction: ['direction', 'text'],
  ethertype: ['ethertype', 'text'],
  protocol: ['protocol', 'text'],
  port_range_min: ['portRangeMin', 'integer'],
  port_range_max: ['portRangeMax', 'integer'],
  remote_ip_prefix: ['remoteIpPrefix', 'text'],
  remote_group_id: ['remoteGroupId', 'id'],
  remote_address_group_id: ['remoteAddressGroupId', 'id'],
  used_in_default_sg: ['usedInDefaultSg', 'boolean'],
  used_in_non_default_sg: ['usedInNonDefaultSg', 'boolean'],
};

const PortNumber = Type.Optional(Nullable(Type.Integer()));

const CreateBody = Body({
  direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
  ethertype: Type.Optional(Type.String({ pattern: '^[Ii][Pp][Vv][46]$' })),
  protocol: Type.Optional(Nullable(Type.Union([Type.String(), Type.Integer()]))),
  port_range_min: PortNumber,
  port_range_max: PortNumber,
  remote_ip_prefix: Type.Optional(Nullable(Type.String())),
  remote_group_id: Type.Optional(Nullable(Type.String({ description: 'A group, or `PARENT`: the new one itself.' }))),
  remote_address_group_id: Type.Optional(Nullable(Type.String())),
  description: Type.Optional(Name),
  used_in_default_sg: Type.Optional(Type.Boolean()),
  used_in_non_default_sg: Type.Optional(Type.Boolean()),
});

function view(rule: DefaultGroupRule): Record<string, unknown> {
  const { remoteGroupId, remoteAddressGroupId } = rule;
  return {
    id: withDashes(rule.id),
    description: rule.description,
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: rule.protocol,
    port_range_min: rule.portRangeMin,
    port_range_max: rule.portRangeMax,
    remote_ip_prefix: rule.remoteIpPrefix,
    remote_group_id:
      remoteGroupId === null || remoteGroupId === parentGroup ? remoteGroupId : withDashes(remoteGroupId),
    remote_address_group_id: remoteAddressGroupId === null ? null : withDashes(remoteAddressGroupId),
    used_in_default_sg: rule.usedInDefault,
    used_in_non_default_sg: rule.usedInOthers,
  };
}

const viewSchema = Type.Partial(
  Type.Object({
    id: Type.String(),
    description: Type.String(),
    direction: Type.String(),
    ethertype: Type.String(),
    protocol: Nullable(Type.String()),
    port_range_min: Nullable(Type.Integer()),
    port_range_max: Nullable(Type.Integer()),
    remote_ip_prefix: Nullable(Type.String()),
    remote_group_id: Nullable(Type.String()),
    remote_address_group_id: Nullable(Type.String()),
    used_in_default_sg: Type.Boolean(),
    used_in_non_default_sg: Type.Boolean(),
  }),
);

function newRule(body: Static<typeof CreateBody>) {
  const { ethertype, remote_group_id: remoteGroup, remote_address_group_id: addressGroup } = body;
  const groupId = remoteGroup === parentGroup ? parentGroup : remoteGroup && idInPath('security_group', remoteGroup);
  return {
    direction: body.direction,
    ethertype: ethertype === undefined ? undefined : (`IPv${ethertype.at(-1) as '4' | '6'}` as const),
    protocol: body.protocol,
    portRangeMin: body.port_range_min,
    portRangeMax: body.port_range_max,
    remoteIpPrefix: body.remote_ip_prefix,
    remoteGroupId: groupId || null,
    remoteAddressGroupId: addressGroup ? idInPath('address_group', addressGroup) : null,
    description: body.description,
    usedInDefault: body.used_in_default_sg,
    usedInOthers: body.used_in_non_default_sg,
  };
}

const rules: Resource<DefaultGroupRule, Static<typeof CreateBody>, object> = {
  singular: 'default_security_group_rule',
  plural: 'default_security_group_rules',
  collection: 'default-security-group-rules',
  name: 'DefaultSecurityGroupRule',
  title: 'default security group rule',
  summary: 'A rule that new security groups begin with; groups that exist stay as they are.',
  view,
  viewSchema,
  filters: Object.keys(attributes),
  writers: 'admin',
  createBody: CreateBody,
  example: {
    id: '2fc15a1f-5d3e-4c27-9d3a-8f1d0ae1d9a4',
    create: {
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
      remote_ip_prefix: '192.0.2.0/24',
      used_in_default_sg: true,
    },
  },
  list: ({ cloud }, query) => cloud.networks.defaultGroupRules.list(listRequest(query, attributes)),
  get: ({ cloud }, id) => cloud.networks.defaultGroupRules.get(id),
  create: ({ cloud, subject }, bodies) => cloud.networks.defaultGroupRules.create(subject, bodies.map(newRule)),
  delete: ({ cloud, subject }, id) => cloud.networks.defaultGroupRules.delete(subject, id),
};

export const defaultGroupRuleOperations = resourceOperations(rules);
