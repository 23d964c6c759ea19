import { Type as T } from 'typebox';
import type { PolicyStatement } from '../../../cloud/identity/policy-statements.ts';
import { policy } from '../inventories/user.ts';
import { descriptionField, nameField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { creationExample, deletion } from './simple-operations.ts';
import { policyExample as example, userExample, userGroupExample } from './user-examples.ts';

const group = 'Policy';
const shared = { group, package: 'header.identity', since: '0.6', allow: 'member', ofUsers: 'never' } as const;
const uuid = (description: string) => T.String({ maxLength: 64, description });
const policyUuids = T.Array(uuid('A policy.'), { minItems: 1, maxItems: 100, description: 'The policies.' });
const unused = T.Optional(T.Array(T.String({ maxLength: 2048 }), { description: 'Must be empty.', maxItems: 100 }));

const statement = T.Object({
  name: T.Optional(T.String({ maxLength: 255, description: 'What its author calls it.' })),
  effect: T.Unsafe<'Allow' | 'Deny'>({
    type: 'string',
    enum: ['Allow', 'Deny'],
    description: 'What denies wins over what allows.',
  }),
  actions: T.Array(T.String({ maxLength: 255 }), {
    minItems: 1,
    maxItems: 500,
    description:
      'Classes of requests, as org.zstack.header.vm.APIStartVmInstanceMsg; * within a part of the name, ** over all.',
  }),
  principals: unused,
  resources: unused,
  targetResources: unused,
});

const createPolicy = jobOperation({
  ...shared,
  id: 'CreatePolicy',
  creates: 'untagged',
  method: 'POST',
  path: '/accounts/policies',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    statements: T.Array(statement, { minItems: 1, maxItems: 100, description: 'What it allows and denies.' }),
  }),
  result: policy,
  title: 'Create a policy',
  summary: 'Says which requests users may make, for users and groups that it is attached to.',
  examples: [creationExample('All of images but one', { name: example.name, statements: example.statements }, example)],
  handle: async ({ cloud, subject, input: { resourceUuid, name, description, statements } }) => {
    const wanted = { id: resourceUuid, name, description, statements: statements.map(readStatement) };
    const { id } = await cloud.identity.accountPolicies.create(subject, wanted);
    return { uuid: id };
  },
});

type Written = PolicyStatement & Partial<Record<(typeof narrowing)[number], string[]>>;
/** A statement that speaks of some resources only would allow too much, or deny too much, if that were overlooked. */
const narrowing = ['principals', 'resources', 'targetResources'] as const;

function readStatement(written: Written): PolicyStatement {
  const { name, effect, actions } = written;
  const unserved = narrowing.find((member) => (written[member]?.length ?? 0) > 0);
  if (unserved) {
    throw new ZStackError(
      'SYS.1014',
      `statements with ${unserved} are not offered by this cloud, they name actions only`,
    );
  }
  return name === undefined ? { effect, actions } : { name, effect, actions };
}

/** Attaching and detaching: the fields say of what, and nothing is answered. */
const attachment = (
  about: Pick<Parameters<typeof jobOperation>[0], 'id' | 'method' | 'path' | 'title' | 'summary' | 'examples'>,
) => ({ ...shared, ...about });
const nothing = { status: 200, response: {} };
const toUser = { userUuid: userExample.uuid };
const toGroup = { groupUuid: userGroupExample.uuid };
const userParams = T.Object({ userUuid: uuid('The user.') });
const groupParams = T.Object({ groupUuid: uuid('The group.') });
const one = { policyUuid: example.uuid };
const several = { policyUuids: [example.uuid] };

const attachPolicyToUser = jobOperation({
  ...attachment({
    id: 'AttachPolicyToUser',
    method: 'POST',
    path: '/accounts/users/{userUuid}/policies',
    title: 'Attach a policy to a user',
    summary: 'The user may do what it allows from the next request on.',
    examples: [{ title: 'Attach', params: toUser, body: { params: one }, ...nothing }],
  }),
  params: userParams,
  body: T.Object({ policyUuid: uuid('The policy.') }),
  handle: async ({ cloud, subject, input: { userUuid, policyUuid } }) => {
    await cloud.identity.accountPolicies.attachToUser(subject, userUuid, [policyUuid]);
    return {};
  },
});

const attachPoliciesToUser = jobOperation({
  ...attachment({
    id: 'AttachPoliciesToUser',
    method: 'POST',
    path: '/accounts/users/{userUuid}/policy-collection',
    title: 'Attach policies to a user',
    summary: 'All of them, or none where one is not there.',
    examples: [{ title: 'Attach', params: toUser, body: { params: several }, ...nothing }],
  }),
  params: userParams,
  body: T.Object({ policyUuids }),
  handle: async ({ cloud, subject, input }) => {
    await cloud.identity.accountPolicies.attachToUser(subject, input.userUuid, input.policyUuids);
    return {};
  },
});

const detachPolicyFromUser = jobOperation({
  ...attachment({
    id: 'DetachPolicyFromUser',
    method: 'DELETE',
    path: '/accounts/users/{userUuid}/policies/{policyUuid}',
    title: 'Detach a policy from a user',
    summary: 'The user may not do any more what only it allowed.',
    examples: [{ title: 'Detach', params: { ...toUser, ...one }, ...nothing }],
  }),
  params: T.Object({ userUuid: uuid('The user.'), policyUuid: uuid('The policy.') }),
  handle: async ({ cloud, subject, input: { userUuid, policyUuid } }) => {
    await cloud.identity.accountPolicies.detachFromUser(subject, userUuid, [policyUuid]);
    return {};
  },
});

const detachPoliciesFromUser = jobOperation({
  ...attachment({
    id: 'DetachPoliciesFromUser',
    method: 'DELETE',
    path: '/accounts/users/{userUuid}/policies',
    title: 'Detach policies from a user',
    summary: 'The user may not do any more what only they allowed.',
    examples: [{ title: 'Detach', params: toUser, query: { policyUuids: example.uuid }, ...nothing }],
  }),
  params: userParams,
  query: T.Object({ policyUuids }),
  handle: async ({ cloud, subject, input }) => {
    await cloud.identity.accountPolicies.detachFromUser(subject, input.userUuid, input.policyUuids);
    return {};
  },
});

const attachPolicyToUserGroup = jobOperation({
  ...attachment({
    id: 'AttachPolicyToUserGroup',
    method: 'POST',
    path: '/accounts/groups/{groupUuid}/policies',
    title: 'Attach a policy to a user group',
    summary: 'All users of the group may do what it allows.',
    examples: [{ title: 'Attach', params: toGroup, body: { params: one }, ...nothing }],
  }),
  params: groupParams,
  body: T.Object({ policyUuid: uuid('The policy.') }),
  handle: async ({ cloud, subject, input: { groupUuid, policyUuid } }) => {
    await cloud.identity.accountPolicies.attachToGroup(subject, groupUuid, policyUuid);
    return {};
  },
});

const detachPolicyFromUserGroup = jobOperation({
  ...attachment({
    id: 'DetachPolicyFromUserGroup',
    method: 'DELETE',
    path: '/accounts/groups/{groupUuid}/policies/{policyUuid}',
    title: 'Detach a policy from a user group',
    summary: 'The group’s users may not do any more what only it allowed.',
    examples: [{ title: 'Detach', params: { ...toGroup, ...one }, ...nothing }],
  }),
  params: T.Object({ groupUuid: uuid('The group.'), policyUuid: uuid('The policy.') }),
  handle: async ({ cloud, subject, input: { groupUuid, policyUuid } }) => {
    await cloud.identity.accountPolicies.detachFromGroup(subject, groupUuid, policyUuid);
    return {};
  },
});

export const policyOperations = [
  createPolicy,
  attachPolicyToUser,
  attachPoliciesToUser,
  detachPolicyFromUser,
  detachPoliciesFromUser,
  attachPolicyToUserGroup,
  detachPolicyFromUserGroup,
  deletion({
    ...shared,
    id: 'DeletePolicy',
    path: '/accounts/policies/{uuid}',
    title: 'Delete a policy',
    summary: 'Users and groups that had it lose what it allowed.',
    example,
    remove: async ({ cloud, subject, input }) => {
      await cloud.identity.accountPolicies.delete(subject, input.uuid);
      return undefined;
    },
  }),
  ...queryOperations(policy, {
    id: 'QueryPolicy',
    group,
    package: shared.package,
    path: '/accounts/policies',
    since: '0.6',
    title: 'Query policies',
    example,
  }),
];
