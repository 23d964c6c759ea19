import { type Static, Type } from 'typebox';
import { parseIpPrefix } from '../../../cloud/networks/ip-prefix.ts';
import type { SecurityGroupRule } from '../../../cloud/networks/model.ts';
import type { SecurityGroupRuleField } from '../../../cloud/networks/security-group-rules.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { contentAttributes, contentOf, contentView, contentViewMembers, ruleMembers } from './rule-wire.ts';
import { Body, commonView, idInPath, Nullable, ownerMembers, ownerOf, View } from './wire.ts';

const attributes: Attributes<SecurityGroupRuleField> = {
  id: ['id', 'id'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  security_group_id: ['securityGroupId', 'id'],
  ...contentAttributes,
  revision_number: ['revision', 'integer'],
};

const CreateBody = Body({
  ...ownerMembers,
  security_group_id: Type.String(),
  ...ruleMembers,
});

/** The rule as Neutron's clients know it, alone and within its group. */
export function ruleView(rule: SecurityGroupRule): Record<string, unknown> {
  return {
    ...commonView(rule),
    security_group_id: withDashes(rule.securityGroupId),
    ...contentView(rule),
    normalized_cidr: rule.remoteIpPrefix === null ? null : (parseIpPrefix(rule.remoteIpPrefix)?.normalized ?? null),
  };
}

export const ruleViewSchema = View({
  security_group_id: Type.String(),
  ...contentViewMembers,
  normalized_cidr: Nullable(Type.String()),
});

function newRule(body: Static<typeof CreateBody>) {
  return {
    projectId: ownerOf(body),
    securityGroupId: idInPath('security_group', body.security_group_id),
    ...contentOf(body),
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
