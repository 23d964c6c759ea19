import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { user } from '../inventories/user.ts';
import { descriptionField, nameField, optionalName, uuidField } from '../protocol/field-schemas.ts';
import { type Input, jobOperation } from '../protocol/operation.ts';
import type { AsyncOutcome } from '../protocol/run-job.ts';
import { invalidArgument, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { rightPassword } from './accounts.ts';
import { creationExample, deletion } from './simple-operations.ts';
import { userExample as example } from './user-examples.ts';

const group = 'User';
const shared = { group, package: 'header.identity', since: '0.6', allow: 'member', ofUsers: 'never' } as const;
/** SHA-512 of `password`. */
const examplePassword =
  'b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86';
const password = T.String({
  minLength: 1,
  maxLength: 255,
  description: 'SHA-512 of the password, lower-case hexadecimal.',
});

const createUser = jobOperation({
  ...shared,
  id: 'CreateUser',
  creates: 'untagged',
  method: 'POST',
  path: '/accounts/users',
  body: T.Object({ name: nameField, password, description: descriptionField }),
  result: user,
  title: 'Create a user',
  summary: 'Makes a user of the caller’s account, who may do nothing until a policy says so.',
  examples: [creationExample('One who builds images', { name: 'dev', password: examplePassword }, example)],
  handle: async ({ cloud, subject, input }) => {
    const { resourceUuid, name, description } = input;
    const wanted = { id: resourceUuid, name, description, passwordSha512: input.password };
    const { id } = await namedOnce(name, () => cloud.identity.accountUsers.create(subject, wanted));
    return { uuid: id };
  },
});

const changes = {
  name: optionalName,
  password: T.Optional(password),
  oldPassword: T.Optional(password),
  description: descriptionField,
};
type Changing = Pick<Input<typeof noFields, typeof noFields, typeof changeFields>, 'cloud' | 'subject' | 'input'>;
const noFields = T.Object({});
const changeFields = T.Object({ uuid: uuidField('The user; the caller where it is left out.'), ...changes });

const updateUser = jobOperation({
  ...shared,
  id: 'UpdateUser',
  method: 'PUT',
  path: '/accounts/users/actions',
  ofUsers: 'always',
  body: changeFields,
  result: user,
  title: 'Change a user',
  summary:
    'Changes the name, description or password of a user of the account. Users change their own password only, and say the old one. A new password ends the user’s sessions.',
  examples: [
    {
      title: 'Rename',
      body: { updateUser: { uuid: example.uuid, name: example.name } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: (call) => (call.subject.statements ? changeOwnPassword(call) : changeUser(call)),
});

async function changeUser({ cloud, subject, input }: Changing): Promise<AsyncOutcome> {
  const { uuid, name, description, password: passwordSha512 } = input;
  if (!uuid) throw invalidArgument('field[uuid] must be set, an account is no user');
  const wanted = { name, description, passwordSha512 };
  await namedOnce(name ?? '', () => cloud.identity.accountUsers.update(subject, uuid, wanted));
  return { uuid };
}

async function changeOwnPassword({ cloud, subject, input }: Changing): Promise<AsyncOutcome> {
  const { uuid = subject.userId, name, description, password: next, oldPassword } = input;
  if (uuid !== subject.userId) throw resourceNotFound('uuid', uuid, 'UserVO');
  if (name !== undefined || description !== undefined || !next || !oldPassword) {
    throw new ZStackError('ID.1002', 'a user can change its own password only, and needs the old one for it');
  }
  await rightPassword(() => cloud.identity.users.changePassword(uuid, oldPassword, next));
  return { uuid };
}

/** Names are unique within an account, and with its name before them within the cloud. */
async function namedOnce<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'duplicate') throw error;
    throw invalidArgument(`unable to create a user. A user called ${name} is already under the account`);
  }
}

export const userOperations = [
  createUser,
  updateUser,
  deletion({
    ...shared,
    id: 'DeleteUser',
    path: '/accounts/users/{uuid}',
    title: 'Delete a user',
    summary: 'Ends a user of the account, with its sessions and access keys. What it made is the account’s, and stays.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.identity.accountUsers.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(user, {
    id: 'QueryUser',
    group,
    package: shared.package,
    path: '/accounts/users',
    since: '0.6',
    title: 'Query users',
    example,
  }),
];
