import { type Static, Type } from 'typebox';
import type { BandwidthRule } from '../../../cloud/networks/qos-policies.ts';
import { BandwidthRuleView, bandwidthRuleView } from './qos-policies.ts';
import { type RuleKind, ruleOperations } from './qos-rules.ts';
import { Body } from './wire.ts';

export const largestRate = 2 ** 31 - 1;
/** Thousands of bits per second, and thousands of bits. */
const Rate = Type.Integer({ minimum: 1, maximum: largestRate });
const Burst = Type.Integer({ minimum: 0, maximum: largestRate });
const Direction = Type.Union([Type.Literal('egress'), Type.Literal('ingress')]);

const UpdateBody = Body({
  max_kbps: Type.Optional(Rate),
  max_burst_kbps: Type.Optional(Burst),
  direction: Type.Optional(Direction),
});
const CreateBody = Body({ ...UpdateBody.properties, max_kbps: Rate });

const bandwidthRules: RuleKind<BandwidthRule, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'bandwidth_limit_rule',
  name: 'BandwidthLimitRule',
  title: 'bandwidth limit',
  summaries: {
    list: 'At most one for each direction.',
    show: 'How fast ports with the policy may be.',
    create: 'Holds for ports with the policy at once. `egress` is what guests send.',
    update: 'Holds for ports with the policy at once.',
    delete: 'Ports with the policy are as fast as they can.',
  },
  view: bandwidthRuleView,
  viewSchema: BandwidthRuleView,
  createBody: CreateBody,
  updateBody: UpdateBody,
  canClash: true,
  example: {
    title: 'One megabit per second',
    create: { max_kbps: 1000, direction: 'egress' },
    update: { max_kbps: 2000 },
  },
  rulesOf: ({ rules }) => rules,
  get: (policies, ...address) => policies.rule(...address),
  create: (
    policies,
    subject,
    policyId,
    { direction = 'egress', max_kbps: maxKbps, max_burst_kbps: maxBurstKbps = 0 },
  ) => policies.addRule(subject, policyId, { direction, maxKbps, maxBurstKbps }),
  update: (policies, address, { direction, max_kbps: maxKbps, max_burst_kbps: maxBurstKbps }) =>
    policies.updateRule(...address, { direction, maxKbps, maxBurstKbps }),
  delete: (policies, ...address) => policies.deleteRule(...address),
};

export const bandwidthRuleOperations = ruleOperations(bandwidthRules);
