import { Type } from 'typebox';
import type { DscpRule } from '../../../cloud/networks/qos-policies.ts';
import { DscpRuleView, dscpRuleView } from './qos-policies.ts';
import { type RuleKind, ruleOperations } from './qos-rules.ts';
import { Body } from './wire.ts';

/** The marks that have a meaning: best effort, the classes CS1 to CS7, assured forwarding, and expedited forwarding. */
export const dscpMarks = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 46, 48, 56];
const Mark = Type.Union(dscpMarks.map((mark) => Type.Literal(mark)));

const dscpRules: RuleKind<DscpRule, { dscp_mark: number }, { dscp_mark?: number }> = {
  singular: 'dscp_marking_rule',
  name: 'DscpMarkingRule',
  title: 'DSCP mark',
  summaries: {
    list: 'At most one.',
    show: 'What is written into the IP packets that guests at ports with the policy send.',
    create: 'Holds for ports with the policy at once, whatever the guest itself writes there.',
    update: 'Holds for ports with the policy at once.',
    delete: 'Packets keep the marks that guests give them.',
  },
  view: dscpRuleView,
  viewSchema: DscpRuleView,
  createBody: Body({ dscp_mark: Mark }),
  updateBody: Body({ dscp_mark: Type.Optional(Mark) }),
  canClash: false,
  example: { title: 'Expedited forwarding', create: { dscp_mark: 46 }, update: { dscp_mark: 26 } },
  rulesOf: ({ dscpRule }) => (dscpRule ? [dscpRule] : []),
  get: (policies, ...address) => policies.dscpRule(...address),
  create: (policies, subject, policyId, { dscp_mark }) => policies.addDscpRule(subject, policyId, dscp_mark),
  update: (policies, address, { dscp_mark }) => policies.updateDscpRule(...address, dscp_mark),
  delete: (policies, ...address) => policies.deleteDscpRule(...address),
};

export const dscpRuleOperations = ruleOperations(dscpRules);
