import { type Static, Type } from 'typebox';
import type { DefaultGroupRule, DefaultGroupRuleField } from '../../../cloud/networks/default-group-rules.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { contentAttributes, contentOf, contentView, contentViewMembers, ruleMembers } from './rule-wire.ts';
import { Body, Nullable, ownerMembers } from './wire.ts';

const attributes: Attributes<DefaultGroupRuleField> = {
  id: ['id', 'id'],
  ...contentAttributes,
  used_in_default_sg: ['usedInDefaultSg', 'boolean'],
  used_in_non_default_sg: ['usedInNonDefaultSg', 'boolean'],
};

const CreateBody = Body({
  // Clients say a project; the rules are those of all.
  ...ownerMembers,
  ...ruleMembers,
  remote_group_id: Type.Optional(Nullable(Type.String({ description: 'A group, or `PARENT`: the new one itself.' }))),
  used_in_default_sg: Type.Optional(Type.Boolean()),
  used_in_non_default_sg: Type.Optional(Type.Boolean()),
});

function view(rule: DefaultGroupRule): Record<string, unknown> {
  return {
    id: withDashes(rule.id),
    description: rule.description,
    ...contentView(rule),
    used_in_default_sg: rule.usedInDefault,
    used_in_non_default_sg: rule.usedInOthers,
  };
}

const viewSchema = Type.Partial(
  Type.Object({
    id: Type.String(),
    description: Type.String(),
    ...contentViewMembers,
    used_in_default_sg: Type.Boolean(),
    used_in_non_default_sg: Type.Boolean(),
  }),
);

function newRule(body: Static<typeof CreateBody>) {
  return {
    ...contentOf(body),
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
