import { type TObject, Type } from 'typebox';
import { type AnyOperation, operation } from '../../../api/operation.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { QosPolicies, QosPolicy } from '../../../cloud/networks/qos-policies.ts';
import { listQuery, matches, type Query, selected, valuesOf } from './queries.ts';
import { idInPath } from './wire.ts';

/** Who asks, and the engine's ids of a policy and one of its rules. */
type RuleAddress = readonly [subject: Subject, policyId: string, ruleId: string];

/** One kind of rules of QoS policies: all have the same operations, which `ruleOperations` makes of this. */
export interface RuleKind<Rule, Create extends object, Update extends object> {
  /** As the key of a body, `dscp_marking_rule`. */
  singular: string;
  /** In operation ids, `DscpMarkingRule`. */
  name: string;
  /** For readers, `DSCP mark`. */
  title: string;
  summaries: Record<'list' | 'show' | 'create' | 'update' | 'delete', string>;
  view(rule: Rule): Record<string, unknown>;
  viewSchema: TObject;
  createBody: TObject;
  updateBody: TObject;
  /** Whether a change can make two rules of a policy contradict each other. */
  canClash: boolean;
  example: { title: string; create: Create; update: Update };
  rulesOf(policy: QosPolicy): Rule[];
  get(policies: QosPolicies, ...address: RuleAddress): Promise<Rule>;
  create(policies: QosPolicies, subject: Subject, policyId: string, body: Create): Promise<Rule>;
  update(policies: QosPolicies, address: RuleAddress, body: Update): Promise<Rule>;
  delete(policies: QosPolicies, ...address: RuleAddress): Promise<void>;
}

const PolicyParams = Type.Object({ policy_id: Type.String() });
const RuleParams = Type.Object({ policy_id: Type.String(), rule_id: Type.String() });
const policyParams = { policy_id: '5f6b3d70-9a1e-4d6a-b6a4-0c8b9a7d5e12' };
const ruleParams = { ...policyParams, rule_id: '2b1f7c0a-4c2d-4e8b-9f6d-7a1e3c5b8d90' };

const common = { dialect: 'network', group: 'qos/policies', mode: 'sync' } as const;
const idsOf = (params: { policy_id: string; rule_id: string }) =>
  [idInPath('policy', params.policy_id), idInPath('qos_rule', params.rule_id)] as const;

/** The operations of a kind of rules, in the order in which readers want them. */
export function ruleOperations<Rule, Create extends object, Update extends object>(
  kind: RuleKind<Rule, Create, Update>,
): AnyOperation[] {
  const { singular, name, title, summaries, viewSchema, example } = kind;
  const plural = `${singular}s`;
  const collection = `/qos/policies/{policy_id}/${plural}`;
  const one = { path: `${collection}/{rule_id}`, params: RuleParams } as const;
  const filters = Object.keys(viewSchema.properties);
  const document = Type.Object({ [singular]: viewSchema });
  const answer = (rule: Rule) => ({ body: { [singular]: kind.view(rule) } });
  return [
    operation({
      ...common,
      id: `List${name}s`,
      method: 'GET',
      path: collection,
      allow: 'reader',
      params: PolicyParams,
      query: listQuery(filters),
      responses: { 200: Type.Object({ [plural]: Type.Array(Type.Partial(viewSchema)) }) },
      errors: [401, 404],
      title: `List ${title}s of QoS policy`,
      summary: summaries.list,
      examples: [{ title: 'All', params: policyParams, status: 200 }],
      handle: async ({ cloud, subject, params, ...call }) => {
        const query = call.query as Query;
        const policy = await cloud.networks.qosPolicies.get(subject, idInPath('policy', params.policy_id));
        const rules = kind.rulesOf(policy).map(kind.view);
        const wanted = rules.filter((rule) => filters.every((key) => matches(rule[key], valuesOf(query, key))));
        return { body: { [plural]: wanted.map((rule) => selected(rule, query)) } };
      },
    }),
    operation({
      ...common,
      ...one,
      id: `Show${name}`,
      method: 'GET',
      allow: 'reader',
      responses: { 200: document },
      errors: [401, 404],
      title: `Show ${title}`,
      summary: summaries.show,
      examples: [{ title: 'By its id', params: ruleParams, status: 200 }],
      handle: async ({ cloud, subject, params }) =>
        answer(await kind.get(cloud.networks.qosPolicies, subject, ...idsOf(params))),
    }),
    operation({
      ...common,
      id: `Create${name}`,
      method: 'POST',
      path: collection,
      bodyKey: singular,
      allow: 'admin',
      params: PolicyParams,
      body: kind.createBody,
      responses: { 201: document },
      errors: [400, 401, 403, 404, 409],
      title: `Create ${title}`,
      summary: summaries.create,
      examples: [{ title: example.title, params: policyParams, body: { [singular]: example.create }, status: 201 }],
      handle: async ({ cloud, subject, params, body }) => {
        const policyId = idInPath('policy', params.policy_id);
        return answer(await kind.create(cloud.networks.qosPolicies, subject, policyId, body as Create));
      },
    }),
    operation({
      ...common,
      ...one,
      id: `Update${name}`,
      method: 'PUT',
      bodyKey: singular,
      allow: 'admin',
      body: kind.updateBody,
      responses: { 200: document },
      errors: kind.canClash ? [400, 401, 403, 404, 409] : [400, 401, 403, 404],
      title: `Update ${title}`,
      summary: summaries.update,
      examples: [{ title: 'Change', params: ruleParams, body: { [singular]: example.update }, status: 200 }],
      handle: async ({ cloud, subject, params, body }) => {
        const address = [subject, ...idsOf(params)] as const;
        return answer(await kind.update(cloud.networks.qosPolicies, address, body as Update));
      },
    }),
    operation({
      ...common,
      ...one,
      id: `Delete${name}`,
      method: 'DELETE',
      allow: 'admin',
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Delete ${title}`,
      summary: summaries.delete,
      examples: [{ title: 'By its id', params: ruleParams, status: 204 }],
      handle: async ({ cloud, subject, params }) => {
        await kind.delete(cloud.networks.qosPolicies, subject, ...idsOf(params));
        return {};
      },
    }),
  ];
}
