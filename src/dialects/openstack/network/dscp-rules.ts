import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { DscpRuleView, dscpRuleView } from './qos-policies.ts';
import { idsOf, PolicyParams, policyParams, RuleParams, ruleParams } from './qos-rules.ts';
import { listQuery, matches, type Query, selected, valuesOf } from './queries.ts';
import { Body, idInPath } from './wire.ts';

const filters = ['id', 'dscp_mark'] as const;
const collection = '/qos/policies/{policy_id}/dscp_marking_rules';
const one = `${collection}/{rule_id}`;
const common = { dialect: 'network', group: 'qos/policies', mode: 'sync' } as const;
const RuleDocument = Type.Object({ dscp_marking_rule: DscpRuleView });

/** The marks that have a meaning: best effort, the classes CS1 to CS7, assured forwarding, and expedited forwarding. */
export const dscpMarks = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 46, 48, 56];
const Mark = Type.Union(dscpMarks.map((mark) => Type.Literal(mark)));

export const dscpRuleOperations = [
  operation({
    ...common,
    id: 'ListDscpMarkingRules',
    method: 'GET',
    path: collection,
    allow: 'reader',
    params: PolicyParams,
    query: listQuery(filters),
    responses: { 200: Type.Object({ dscp_marking_rules: Type.Array(Type.Partial(DscpRuleView)) }) },
    errors: [401, 404],
    title: 'List DSCP marks of QoS policy',
    summary: 'At most one.',
    examples: [{ title: 'All', params: policyParams, status: 200 }],
    handle: async ({ cloud, subject, params, ...call }) => {
      const query = call.query as Query;
      const { dscpRule } = await cloud.networks.qosPolicies.get(subject, idInPath('policy', params.policy_id));
      const rules = dscpRule ? [dscpRuleView(dscpRule)] : [];
      const wanted = rules.filter((rule) => filters.every((key) => matches(rule[key], valuesOf(query, key))));
      return { body: { dscp_marking_rules: wanted.map((rule) => selected(rule, query)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowDscpMarkingRule',
    method: 'GET',
    path: one,
    allow: 'reader',
    params: RuleParams,
    responses: { 200: RuleDocument },
    errors: [401, 404],
    title: 'Show DSCP mark',
    summary: 'What is written into the IP packets that guests at ports with the policy send.',
    examples: [{ title: 'By its id', params: ruleParams, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const rule = await cloud.networks.qosPolicies.dscpRule(subject, ...idsOf(params));
      return { body: { dscp_marking_rule: dscpRuleView(rule) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateDscpMarkingRule',
    method: 'POST',
    path: collection,
    bodyKey: 'dscp_marking_rule',
    allow: 'admin',
    params: PolicyParams,
    body: Body({ dscp_mark: Mark }),
    responses: { 201: RuleDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Create DSCP mark',
    summary: 'Holds for ports with the policy at once, whatever the guest itself writes there.',
    examples: [
      {
        title: 'Expedited forwarding',
        params: policyParams,
        body: { dscp_marking_rule: { dscp_mark: 46 } },
        status: 201,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const policyId = idInPath('policy', params.policy_id);
      const rule = await cloud.networks.qosPolicies.addDscpRule(subject, policyId, body.dscp_mark);
      return { body: { dscp_marking_rule: dscpRuleView(rule) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateDscpMarkingRule',
    method: 'PUT',
    path: one,
    bodyKey: 'dscp_marking_rule',
    allow: 'admin',
    params: RuleParams,
    body: Body({ dscp_mark: Type.Optional(Mark) }),
    responses: { 200: RuleDocument },
    errors: [400, 401, 403, 404],
    title: 'Update DSCP mark',
    summary: 'Holds for ports with the policy at once.',
    examples: [{ title: 'Change', params: ruleParams, body: { dscp_marking_rule: { dscp_mark: 26 } }, status: 200 }],
    handle: async ({ cloud, subject, params, body }) => {
      const rule = await cloud.networks.qosPolicies.updateDscpRule(subject, ...idsOf(params), body.dscp_mark);
      return { body: { dscp_marking_rule: dscpRuleView(rule) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteDscpMarkingRule',
    method: 'DELETE',
    path: one,
    allow: 'admin',
    params: RuleParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete DSCP mark',
    summary: 'Packets keep the marks that guests give them.',
    examples: [{ title: 'By its id', params: ruleParams, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.networks.qosPolicies.deleteDscpRule(subject, ...idsOf(params));
      return {};
    },
  }),
];
