import { type Static, Type } from 'typebox';
import type { BandwidthRule, DscpRule, QosPolicy, QosPolicyField } from '../../../cloud/networks/qos-policies.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import { Body, commonView, Name, ownerMembers, ownerOf, View } from './wire.ts';

const attributes: Attributes<QosPolicyField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  shared: ['shared', 'boolean'],
  is_default: ['isDefault', 'boolean'],
  revision_number: ['revision', 'integer'],
};

const changeable = {
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  shared: Type.Optional(Type.Boolean()),
  is_default: Type.Optional(Type.Boolean()),
};
const CreateBody = Body({ ...ownerMembers, ...changeable, name: Name });
const UpdateBody = Body(changeable);

/** A limit as Neutron's clients know it, alone and within its policy. */
export function bandwidthRuleView(rule: BandwidthRule) {
  return {
    id: withDashes(rule.id),
    direction: rule.direction,
    max_kbps: rule.maxKbps,
    max_burst_kbps: rule.maxBurstKbps,
  };
}

export const BandwidthRuleView = Type.Object({
  id: Type.String(),
  direction: Type.String(),
  max_kbps: Type.Integer(),
  max_burst_kbps: Type.Integer(),
});

/** A mark as Neutron's clients know it. */
export function dscpRuleView({ id, mark }: DscpRule) {
  return { id: withDashes(id), dscp_mark: mark };
}

export const DscpRuleView = Type.Object({ id: Type.String(), dscp_mark: Type.Integer() });

/** A rule of any kind, within its policy. */
const ListedRule = Type.Object({
  ...Type.Partial(BandwidthRuleView).properties,
  ...Type.Partial(DscpRuleView).properties,
  id: Type.String(),
  type: Type.String(),
  qos_policy_id: Type.String(),
});

const qosPolicies: Resource<QosPolicy, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'policy',
  plural: 'policies',
  collection: 'qos/policies',
  name: 'QosPolicy',
  title: 'QoS policy',
  summary:
    'Limits of what ports send and take, and marks of what they send, for networks and ports that have the policy.',
  view: (policy) => ({
    ...commonView(policy),
    name: policy.name,
    shared: policy.shared,
    is_default: policy.isDefault,
    rules: [
      ...policy.rules.map((rule) => ({ ...bandwidthRuleView(rule), type: 'bandwidth_limit' })),
      ...(policy.dscpRule ? [{ ...dscpRuleView(policy.dscpRule), type: 'dscp_marking' }] : []),
    ].map((rule) => ({ ...rule, qos_policy_id: withDashes(policy.id) })),
  }),
  viewSchema: View({
    name: Type.String(),
    shared: Type.Boolean(),
    is_default: Type.Boolean(),
    rules: Type.Array(ListedRule),
  }),
  filters: Object.keys(attributes),
  tagged: true,
  tagCollection: 'policies',
  writers: 'admin',
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '5f6b3d70-9a1e-4d6a-b6a4-0c8b9a7d5e12',
    create: { name: 'slow' },
    update: { name: 'slower' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.qosPolicies.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.qosPolicies.get(subject, id),
  create: ({ cloud, subject }, bodies) =>
    cloud.networks.qosPolicies.create(
      subject,
      bodies.map((body) => ({ ...changesOf(body), name: body.name, projectId: ownerOf(body) })),
    ),
  update: ({ cloud, subject }, id, body, revision) =>
    cloud.networks.qosPolicies.update(subject, id, changesOf(body), revision),
  delete: ({ cloud, subject }, id) => cloud.networks.qosPolicies.delete(subject, id),
};

function changesOf(body: Static<typeof UpdateBody>) {
  return { name: body.name, description: body.description, shared: body.shared, isDefault: body.is_default };
}

export const qosPolicyOperations = resourceOperations(qosPolicies);
