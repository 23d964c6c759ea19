import { Type as T } from 'typebox';
import { userGroup } from '../inventories/user.ts';
import { descriptionField, nameField, optionalName } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { queryOperations } from '../query/query-operations.ts';
import { creationExample, deletion } from './simple-operations.ts';
import { userGroupExample as example, userExample } from './user-examples.ts';

const group = 'User Group';
const shared = { group, package: 'header.identity', since: '0.6', allow: 'member', ofUsers: 'never' } as const;
const uuid = (description: string) => T.String({ maxLength: 64, description });

const createUserGroup = jobOperation({
  ...shared,
  id: 'CreateUserGroup',
  creates: 'untagged',
  method: 'POST',
  path: '/accounts/groups',
  body: T.Object({ name: nameField, description: descriptionField }),
  result: userGroup,
  title: 'Create a user group',
  summary: 'Makes a group for users of the caller’s account: its policies are theirs.',
  examples: [creationExample('A group', { name: example.name }, example)],
  handle: async ({ cloud, subject, input: { resourceUuid, name, description } }) => {
    const { id } = await cloud.identity.accountGroups.create(subject, { id: resourceUuid, name, description });
    return { uuid: id };
  },
});

const updateUserGroup = jobOperation({
  ...shared,
  id: 'UpdateUserGroup',
  method: 'PUT',
  path: '/accounts/groups/actions',
  body: T.Object({ uuid: uuid('The group.'), name: optionalName, description: descriptionField }),
  result: userGroup,
  title: 'Change a user group',
  summary: 'Changes the name or description of a group.',
  examples: [
    {
      title: 'Rename',
      body: { updateUserGroup: { uuid: example.uuid, name: example.name } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { name, description } = input;
    await cloud.identity.accountGroups.update(subject, input.uuid, { name, description });
    return { uuid: input.uuid };
  },
});

const addUserToGroup = jobOperation({
  ...shared,
  id: 'AddUserToGroup',
  method: 'POST',
  path: '/accounts/groups/{groupUuid}/users',
  params: T.Object({ groupUuid: uuid('The group.') }),
  body: T.Object({ userUuid: uuid('The user.') }),
  title: 'Add a user to a group',
  summary: 'The group’s policies are the user’s from the next request on. Adding again changes nothing.',
  examples: [
    {
      title: 'Add',
      params: { groupUuid: example.uuid },
      body: { params: { userUuid: userExample.uuid } },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { groupUuid, userUuid } }) => {
    await cloud.identity.accountGroups.add(subject, groupUuid, userUuid);
    return {};
  },
});

const removeUserFromGroup = jobOperation({
  ...shared,
  id: 'RemoveUserFromGroup',
  method: 'DELETE',
  path: '/accounts/groups/{groupUuid}/users/{userUuid}',
  params: T.Object({ groupUuid: uuid('The group.'), userUuid: uuid('The user.') }),
  title: 'Remove a user from a group',
  summary: 'The user loses what the group’s policies allowed. One who is not in the group stays out of it.',
  examples: [
    {
      title: 'Remove',
      params: { groupUuid: example.uuid, userUuid: userExample.uuid },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { groupUuid, userUuid } }) => {
    await cloud.identity.accountGroups.remove(subject, groupUuid, userUuid);
    return {};
  },
});

export const userGroupOperations = [
  createUserGroup,
  updateUserGroup,
  addUserToGroup,
  removeUserFromGroup,
  deletion({
    ...shared,
    id: 'DeleteUserGroup',
    path: '/accounts/groups/{uuid}',
    title: 'Delete a user group',
    summary: 'Its members stay, without what its policies allowed.',
    example,
    remove: async ({ cloud, subject, input }) => {
      await cloud.identity.accountGroups.delete(subject, input.uuid);
      return undefined;
    },
  }),
  ...queryOperations(userGroup, {
    id: 'QueryUserGroup',
    group,
    package: shared.package,
    path: '/accounts/groups',
    since: '0.6',
    title: 'Query user groups',
    example,
  }),
];
