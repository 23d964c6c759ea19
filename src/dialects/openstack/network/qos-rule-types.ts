import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { largestRate } from './bandwidth-rules.ts';
import { dscpMarks } from './dscp-rules.ts';

const common = { dialect: 'network', group: 'qos/policies', mode: 'sync' } as const;
const RuleType = Type.Object({ type: Type.String(), drivers: Type.Optional(Type.Array(Type.Any())) });

const range = (start: number) => ({ start, end: largestRate });
/** Kind of rule → what may be said in one. */
const parameters: Record<string, object[]> = {
  bandwidth_limit: [
    { parameter_name: 'max_kbps', parameter_type: 'range', parameter_values: range(1) },
    { parameter_name: 'max_burst_kbps', parameter_type: 'range', parameter_values: range(0) },
    { parameter_name: 'direction', parameter_type: 'choices', parameter_values: ['egress', 'ingress'] },
  ],
  dscp_marking: [{ parameter_name: 'dscp_mark', parameter_type: 'choices', parameter_values: dscpMarks }],
};

/** How hosts keep such rules; for administrators, what may be said in one. */
function view(type: string, { isAdmin }: Subject) {
  const drivers = [{ name: 'linuxbridge', supported_parameters: parameters[type] }];
  return { type, ...(isAdmin ? { drivers } : {}) };
}

export const qosRuleTypeOperations = [
  operation({
    ...common,
    id: 'ListQosRuleTypes',
    method: 'GET',
    path: '/qos/rule-types',
    allow: 'authenticated',
    responses: { 200: Type.Object({ rule_types: Type.Array(RuleType) }) },
    errors: [401],
    title: 'List kinds of QoS rules',
    summary: 'Limits of bandwidth, and DSCP marks.',
    examples: [{ title: 'All', status: 200 }],
    handle: ({ subject }) => ({ body: { rule_types: Object.keys(parameters).map((type) => view(type, subject)) } }),
  }),
  operation({
    ...common,
    id: 'ShowQosRuleType',
    method: 'GET',
    path: '/qos/rule-types/{rule_type}',
    allow: 'admin',
    params: Type.Object({ rule_type: Type.String() }),
    responses: { 200: Type.Object({ rule_type: RuleType }) },
    errors: [401, 403, 404],
    title: 'Show kind of QoS rules',
    summary: 'What can be said in such a rule.',
    examples: [{ title: 'Limits of bandwidth', params: { rule_type: 'bandwidth_limit' }, status: 200 }],
    handle: ({ subject, params }) => {
      if (Object.hasOwn(parameters, params.rule_type)) return { body: { rule_type: view(params.rule_type, subject) } };
      throw notFound('rule_type', params.rule_type);
    },
  }),
];
