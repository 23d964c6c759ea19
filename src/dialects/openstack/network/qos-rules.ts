import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { BandwidthRuleView, bandwidthRuleView } from './qos-policies.ts';
import { listQuery, matches, type Query, selected, valuesOf } from './queries.ts';
import { Body, idInPath } from './wire.ts';

const ruleFilters = ['id', 'max_kbps', 'max_burst_kbps', 'direction'] as const;
const collection = '/qos/policies/{policy_id}/bandwidth_limit_rules';
const one = `${collection}/{rule_id}`;
export const PolicyParams = Type.Object({ policy_id: Type.String() });
export const RuleParams = Type.Object({ policy_id: Type.String(), rule_id: Type.String() });
const Direction = Type.Union([Type.Literal('egress'), Type.Literal('ingress')]);
export const largestRate = 2 ** 31 - 1;
/** Thousands of bits per second, and thousands of bits. */
const Rate = Type.Integer({ minimum: 1, maximum: largestRate });
const Burst = Type.Integer({ minimum: 0, maximum: largestRate });

const RuleDocument = Type.Object({ bandwidth_limit_rule: BandwidthRuleView });
export const policyParams = { policy_id: '5f6b3d70-9a1e-4d6a-b6a4-0c8b9a7d5e12' };
export const ruleParams = { ...policyParams, rule_id: '2b1f7c0a-4c2d-4e8b-9f6d-7a1e3c5b8d90' };

const common = { dialect: 'network', group: 'qos/policies', mode: 'sync' } as const;
/** The engine's ids of a policy and one of its rules. */
export const idsOf = (params: { policy_id: string; rule_id: string }) =>
  [idInPath('policy', params.policy_id), idInPath('qos_rule', params.rule_id)] as const;

export const qosRuleOperations = [
  operation({
    ...common,
    id: 'ListBandwidthLimitRules',
    method: 'GET',
    path: collection,
    allow: 'reader',
    params: PolicyParams,
    query: listQuery(ruleFilters),
    responses: { 200: Type.Object({ bandwidth_limit_rules: Type.Array(Type.Partial(BandwidthRuleView)) }) },
    errors: [401, 404],
    title: 'List bandwidth limits of QoS policy',
    summary: 'At most one for each direction.',
    examples: [{ title: 'All', params: policyParams, status: 200 }],
    handle: async ({ cloud, subject, params, ...call }) => {
      const query = call.query as Query;
      const policy = await cloud.networks.qosPolicies.get(subject, idInPath('policy', params.policy_id));
      const rules = policy.rules.map(bandwidthRuleView);
      const wanted = rules.filter((rule) => ruleFilters.every((key) => matches(rule[key], valuesOf(query, key))));
      return { body: { bandwidth_limit_rules: wanted.map((rule) => selected(rule, query)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowBandwidthLimitRule',
    method: 'GET',
    path: one,
    allow: 'reader',
    params: RuleParams,
    responses: { 200: RuleDocument },
    errors: [401, 404],
    title: 'Show bandwidth limit',
    summary: 'How fast ports with the policy may be.',
    examples: [{ title: 'By its id', params: ruleParams, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const rule = await cloud.networks.qosPolicies.rule(subject, ...idsOf(params));
      return { body: { bandwidth_limit_rule: bandwidthRuleView(rule) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateBandwidthLimitRule',
    method: 'POST',
    path: collection,
    bodyKey: 'bandwidth_limit_rule',
    allow: 'admin',
    params: PolicyParams,
    body: Body({ max_kbps: Rate, max_burst_kbps: Type.Optional(Burst), direction: Type.Optional(Direction) }),
    responses: { 201: RuleDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Create bandwidth limit',
    summary: 'Holds for ports with the policy at once. `egress` is what guests send.',
    examples: [
      {
        title: 'One megabit per second',
        params: policyParams,
        body: { bandwidth_limit_rule: { max_kbps: 1000, direction: 'egress' } },
        status: 201,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const rule = await cloud.networks.qosPolicies.addRule(subject, idInPath('policy', params.policy_id), {
        direction: body.direction ?? 'egress',
        maxKbps: body.max_kbps,
        maxBurstKbps: body.max_burst_kbps ?? 0,
      });
      return { body: { bandwidth_limit_rule: bandwidthRuleView(rule) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateBandwidthLimitRule',
    method: 'PUT',
    path: one,
    bodyKey: 'bandwidth_limit_rule',
    allow: 'admin',
    params: RuleParams,
    body: Body({
      max_kbps: Type.Optional(Rate),
      max_burst_kbps: Type.Optional(Burst),
      direction: Type.Optional(Direction),
    }),
    responses: { 200: RuleDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Update bandwidth limit',
    summary: 'Holds for ports with the policy at once.',
    examples: [
      { title: 'Change', params: ruleParams, body: { bandwidth_limit_rule: { max_kbps: 2000 } }, status: 200 },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const { direction, max_kbps: maxKbps, max_burst_kbps: maxBurstKbps } = body;
      const changes = { direction, maxKbps, maxBurstKbps };
      const rule = await cloud.networks.qosPolicies.updateRule(subject, ...idsOf(params), changes);
      return { body: { bandwidth_limit_rule: bandwidthRuleView(rule) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteBandwidthLimitRule',
    method: 'DELETE',
    path: one,
    allow: 'admin',
    params: RuleParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete bandwidth limit',
    summary: 'Ports with the policy are as fast as they can.',
    examples: [{ title: 'By its id', params: ruleParams, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.networks.qosPolicies.deleteRule(subject, ...idsOf(params));
      return {};
    },
  }),
];
