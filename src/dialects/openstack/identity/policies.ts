import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Policy } from '../../../cloud/identity/policies.ts';
import { list, v3 } from './answers.ts';
import { Id, listDocument, SelfLink } from './schemas.ts';
import { linked } from './services.ts';
import { unnamedMembers } from './unnamed-members.ts';

const PolicyView = Type.Object(
  { id: Type.String(), type: Type.String(), blob: Type.String(), links: SelfLink },
  { additionalProperties: true },
);
export const PolicyDocument = Type.Object({ policy: PolicyView });
const Params = Type.Object({ policy_id: Id });
const PolicyType = Type.String({ maxLength: 255, description: 'The form of the blob, as `application/json`.' });
const Blob = Type.String({
  maxLength: 65_535,
  description: 'The rules. They are kept for services that ask for them.',
});
const NewPolicy = Type.Object({ type: PolicyType, blob: Blob });
const PolicyChanges = Type.Object({ type: Type.Optional(PolicyType), blob: Type.Optional(Blob) });
const common = { dialect: 'identity', group: 'policies', mode: 'sync' } as const;
const example = { params: { policy_id: '7c92d4c1b5a7e9f2483b8c6d0e1f3a2b' } };
const examplePolicy = { type: 'application/json', blob: '{"foobar_user": ["role:compute-user"]}' };
const view = linked<Policy>('policies');

/** The document of one policy. */
export function policyDocument(call: Pick<Call, 'base'>, policy: Policy) {
  return { policy: view(v3(call), policy) };
}

export const policyOperations = [
  operation({
    ...common,
    id: 'ListPolicies',
    method: 'GET',
    path: '/v3/policies',
    allow: 'systemReader',
    query: Type.Object({ type: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('policies', PolicyView) },
    errors: [401, 403],
    title: 'List policies',
    summary: 'Documents that say who may do what in a service.',
    examples: [{ title: 'Of one type', query: { type: 'application/json' }, status: 200 }],
    handle: async (call) => list(call, 'policies', await call.cloud.identity.policies.list(call.query), view),
  }),
  operation({
    ...common,
    id: 'CreatePolicy',
    method: 'POST',
    path: '/v3/policies',
    allow: 'admin',
    body: Type.Object({ policy: NewPolicy }),
    responses: { 201: PolicyDocument },
    errors: [400, 401, 403],
    title: 'Create a policy',
    summary: 'Keeps a document for a service. This cloud itself does not obey it.',
    examples: [{ title: 'Of a service', body: { policy: examplePolicy }, status: 201 }],
    handle: async (call) => {
      const { type, blob } = call.body.policy;
      const extra = unnamedMembers(call.body.policy, NewPolicy, PolicyView);
      const policy = await call.cloud.identity.policies.create(call.subject, { type, blob, extra });
      return { body: policyDocument(call, policy) };
    },
  }),
  operation({
    ...common,
    id: 'ShowPolicy',
    method: 'GET',
    path: '/v3/policies/{policy_id}',
    allow: 'systemReader',
    params: Params,
    responses: { 200: PolicyDocument },
    errors: [401, 403, 404],
    title: 'Show a policy',
    summary: 'Shows the document.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => ({
      body: policyDocument(call, await call.cloud.identity.policies.get(call.params.policy_id)),
    }),
  }),
  operation({
    ...common,
    id: 'UpdatePolicy',
    method: 'PATCH',
    path: '/v3/policies/{policy_id}',
    allow: 'admin',
    params: Params,
    body: Type.Object({ policy: PolicyChanges }),
    responses: { 200: PolicyDocument },
    errors: [400, 401, 403, 404],
    title: 'Update a policy',
    summary: 'Puts other rules in the place of these, or says that they are of another form.',
    examples: [{ title: 'Other rules', ...example, body: { policy: { blob: '{}' } }, status: 200 }],
    handle: async (call) => {
      const { type, blob } = call.body.policy;
      const changes = { type, blob, extra: unnamedMembers(call.body.policy, PolicyChanges, PolicyView) };
      const { policies } = call.cloud.identity;
      return { body: policyDocument(call, await policies.update(call.subject, call.params.policy_id, changes)) };
    },
  }),
  operation({
    ...common,
    id: 'DeletePolicy',
    method: 'DELETE',
    path: '/v3/policies/{policy_id}',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a policy',
    summary: 'What it was for has no policy then.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.policies.delete(subject, params.policy_id);
      return {};
    },
  }),
];
