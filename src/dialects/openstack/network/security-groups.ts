import { type Static, Type } from 'typebox';
import type { SecurityGroup } from '../../../cloud/networks/model.ts';
import type { SecurityGroupField } from '../../../cloud/networks/security-groups.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { ruleView, ruleViewSchema } from './security-group-rules.ts';
import { Body, commonView, Name, ownerMembers, ownerOf, View } from './wire.ts';

const attributes: Attributes<SecurityGroupField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  stateful: ['stateful', 'boolean'],
  revision_number: ['revision', 'integer'],
};

const CreateBody = Body({
  ...ownerMembers,
  name: Name,
  description: Type.Optional(Name),
  stateful: Type.Optional(Type.Boolean()),
});
const UpdateBody = Body({
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  stateful: Type.Optional(Type.Boolean()),
});

/** The group with its rules, as Neutron's clients know it. */
function securityGroupView(group: SecurityGroup): Record<string, unknown> {
  return {
    ...commonView(group),
    name: group.name,
    stateful: group.stateful,
    security_group_rules: group.rules.map(ruleView),
  };
}

const securityGroups: Resource<SecurityGroup, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'security_group',
  plural: 'security_groups',
  collection: 'security-groups',
  name: 'SecurityGroup',
  title: 'security group',
  summary:
    'Rules for the traffic of the ports that have the group. They are kept and shown, but filter nothing on hosts with ' +
    'user networking: there no guest can be reached from outside, and all may reach out.',
  view: securityGroupView,
  viewSchema: View({ name: Type.String(), stateful: Type.Boolean(), security_group_rules: Type.Array(ruleViewSchema) }),
  filters: Object.keys(attributes),
  tagged: true,
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '5b9a1f0e-8c1b-4a7f-9f0e-7c3a2c9e4d11',
    create: { name: 'web', description: 'HTTP and HTTPS from anywhere' },
    update: { description: 'HTTPS from anywhere' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.securityGroups.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.securityGroups.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.securityGroups.create(
      subject,
      bodies.map((body) => ({
        name: body.name,
        description: body.description,
        stateful: body.stateful,
        projectId: ownerOf(body),
      })),
    ),
  update: ({ cloud, subject }, id, body, revision) => cloud.networks.securityGroups.update(subject, id, body, revision),
  delete: ({ cloud, subject }, id) => cloud.networks.securityGroups.delete(subject, id),
};

export const securityGroupOperations = resourceOperations(securityGroups);
