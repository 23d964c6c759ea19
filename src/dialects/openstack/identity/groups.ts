import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { homeOf } from '../../../cloud/identity/subject.ts';
import { list, v3 } from './answers.ts';
import { Description, GroupView, Id, listDocument, Name, optional, UserView } from './schemas.ts';
import { unnamedMembers } from './unnamed-members.ts';
import { groupView, userView } from './views.ts';

const common = { dialect: 'identity', group: 'groups', mode: 'sync' } as const;
const Params = Type.Object({ group_id: Id });
const MemberParams = Type.Object({ group_id: Id, user_id: Id });
const Document = Type.Object({ group: GroupView });
const NewGroup = Type.Object({ name: Name, domain_id: optional(Id), description: optional(Description) });
const GroupChanges = Type.Object({ name: Type.Optional(Name), description: optional(Description) });
const exampleId = 'a5b7c92d4c1b5a7e9f2483b8c6d0e1f3';
const example = { params: { group_id: exampleId } };
const memberExample = { params: { group_id: exampleId, user_id: adminAccountId } };

export const groupOperations = [
  operation({
    ...common,
    id: 'ListGroups',
    method: 'GET',
    path: '/v3/groups',
    allow: 'domainReader',
    query: Type.Object({ name: Type.Optional(Type.String()), domain_id: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('groups', GroupView) },
    errors: [401, 403],
    title: 'List groups',
    summary: 'Lists all groups, or those that fit all filters.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const filters = { name: call.query.name, domainId: call.query.domain_id };
      return list(call, 'groups', await call.cloud.identity.groups.list(call.subject, filters), groupView);
    },
  }),
  operation({
    ...common,
    id: 'CreateGroup',
    method: 'POST',
    path: '/v3/groups',
    allow: 'domainManager',
    body: Type.Object({ group: NewGroup }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a group',
    summary: 'Users of a group have the roles that are given to it.',
    examples: [{ title: 'Create', body: { group: { name: 'operators' } }, status: 201 }],
    handle: async (call) => {
      const { name, domain_id, description } = call.body.group;
      const extra = unnamedMembers(call.body.group, NewGroup, GroupView);
      const wanted = {
        name,
        domainId: domain_id ?? homeOf(call.subject),
        description: description ?? undefined,
        extra,
      };
      const group = await call.cloud.identity.groups.create(call.subject, wanted);
      return { body: { group: groupView(v3(call), group) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowGroup',
    method: 'GET',
    path: '/v3/groups/{group_id}',
    allow: 'domainReader',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show a group',
    summary: 'Shows a group.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const group = await call.cloud.identity.groups.get(call.subject, call.params.group_id);
      return { body: { group: groupView(v3(call), group) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateGroup',
    method: 'PATCH',
    path: '/v3/groups/{group_id}',
    allow: 'domainManager',
    params: Params,
    body: Type.Object({ group: GroupChanges }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a group',
    summary: 'Renames or describes a group.',
    examples: [{ title: 'Describe it', ...example, body: { group: { description: 'On call' } }, status: 200 }],
    handle: async (call) => {
      const { name, description } = call.body.group;
      const extra = unnamedMembers(call.body.group, GroupChanges, GroupView);
      const changes = { name, description: description === null ? '' : description, extra };
      const group = await call.cloud.identity.groups.update(call.subject, call.params.group_id, changes);
      return { body: { group: groupView(v3(call), group) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteGroup',
    method: 'DELETE',
    path: '/v3/groups/{group_id}',
    allow: 'domainManager',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a group',
    summary: 'Its users lose what roles they had by it, and their tokens.',
    examples: [{ title: 'Delete', ...example, status: 204 }],
    handle: async (call) => {
      await call.cloud.identity.groups.delete(call.subject, call.params.group_id);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ListUsersInGroup',
    method: 'GET',
    path: '/v3/groups/{group_id}/users',
    allow: 'domainReader',
    params: Params,
    responses: { 200: listDocument('users', UserView) },
    errors: [401, 403, 404],
    title: 'List the users of a group',
    summary: 'Those who have the roles that are given to it.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) =>
      list(call, 'users', await call.cloud.identity.groups.members(call.subject, call.params.group_id), userView),
  }),
  operation({
    ...common,
    id: 'AddUserToGroup',
    method: 'PUT',
    path: '/v3/groups/{group_id}/users/{user_id}',
    allow: 'domainManager',
    params: MemberParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Add a user to a group',
    summary: 'The user has its roles with the next token.',
    examples: [{ title: 'Add', ...memberExample, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.groups.add(subject, params.group_id, params.user_id);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'CheckUserInGroup',
    method: 'GET',
    path: '/v3/groups/{group_id}/users/{user_id}',
    allow: 'authenticated',
    params: MemberParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Check whether a user is in a group',
    summary: '204 if so, else 404.',
    examples: [{ title: 'Check', ...memberExample, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.groups.check(subject, params.group_id, params.user_id);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'RemoveUserFromGroup',
    method: 'DELETE',
    path: '/v3/groups/{group_id}/users/{user_id}',
    allow: 'domainManager',
    params: MemberParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Remove a user from a group',
    summary: 'The user loses what roles they had by it, and their tokens.',
    examples: [{ title: 'Remove', ...memberExample, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.groups.remove(subject, params.group_id, params.user_id);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ListGroupsOfUser',
    method: 'GET',
    path: '/v3/users/{user_id}/groups',
    allow: 'authenticated',
    params: Type.Object({ user_id: Id }),
    query: Type.Object({ name: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('groups', GroupView) },
    errors: [401, 403, 404],
    title: 'List the groups of a user',
    summary: "One's own, or as an administrator anyone's.",
    examples: [{ title: 'Of the user admin', params: { user_id: adminAccountId }, status: 200 }],
    handle: async (call) => {
      const groups = await call.cloud.identity.groups.of(call.subject, call.params.user_id);
      const { name } = call.query;
      return list(
        call,
        'groups',
        groups.filter((group) => name === undefined || group.name === name),
        groupView,
      );
    },
  }),
];
