import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { account } from '../inventories/account.ts';
import { descriptionField, nameField, oneOfField, optionalName, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { requireUuid } from './images.ts';

const group = 'Account';
const shared = { group, package: 'header.identity', since: '0.6', allow: 'admin', ofUsers: 'never' } as const;
const example = {
  uuid: '36c27e8ff05c4780bf6d2fa65700f22e',
  name: 'admin',
  type: 'SystemAdmin',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const alice = { ...example, uuid: '1f0d9c8b7a694857b6a5948372615040', name: 'alice', type: 'Normal' };
/** SHA-512 of `password`. */
const examplePassword =
  'b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86';
const password = T.String({
  minLength: 1,
  maxLength: 255,
  description: 'SHA-512 of the password, lower-case hexadecimal.',
});

const createAccount = jobOperation({
  ...shared,
  id: 'CreateAccount',
  creates: 'project',
  method: 'POST',
  path: '/accounts',
  body: T.Object({
    name: nameField,
    password,
    description: descriptionField,
    type: oneOfField(['SystemAdmin', 'Normal'], 'What it may do; Normal where left out.'),
  }),
  result: account,
  title: 'Create an account',
  summary: 'Makes an account: a project, and a user of the same name who signs in to it.',
  examples: [
    {
      title: 'An ordinary account',
      body: { params: { name: 'alice', password: examplePassword } },
      status: 200,
      response: { inventory: alice, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { project } = await takenName(input.name, () =>
      cloud.identity.createAccount(subject, {
        id: input.resourceUuid,
        name: input.name,
        passwordSha512: input.password,
        description: input.description,
        isAdmin: input.type === 'SystemAdmin',
      }),
    );
    return { uuid: project.id };
  },
});

/** The published path, and the one that the Go SDK uses. */
const updateAccount = (id: string, path: string) =>
  jobOperation({
    ...shared,
    id,
    method: 'PUT',
    path,
    allow: 'member',
    bodyKeyAliases: ['updateAccount', 'params'],
    params: uuidIn('uuid', 'The account.'),
    body: T.Object({
      name: optionalName,
      password: T.Optional(password),
      oldPassword: T.Optional(password),
      description: descriptionField,
    }),
    result: account,
    title: 'Change an account',
    summary:
      'Changes the name, description or password of an account. Others than administrators change their own password only, and say the old one.',
    examples: [
      {
        title: 'Another password',
        params: { uuid: alice.uuid },
        body: { updateAccount: { password: examplePassword } },
        status: 200,
        response: { inventory: alice, success: true },
      },
    ],
    handle: async ({ cloud, subject, input }) => {
      const { uuid, name, description, oldPassword } = input;
      const owner = await cloud.identity.ownerOf(uuid);
      const isOwn = subject.projectId === uuid;
      if (owner === undefined || !(subject.isAdmin || isOwn)) throw resourceNotFound('uuid', uuid, 'AccountVO');
      if (!subject.isAdmin) {
        if (name !== undefined || description !== undefined || !input.password || !oldPassword) {
          throw new ZStackError('ID.1002', 'an account can change its own password only, and needs the old one for it');
        }
        await rightPassword(() => cloud.identity.users.changePassword(owner, oldPassword, input.password!));
        return { uuid };
      }
      const passwordSha512 = input.password;
      const changes = { name, description, passwordSha512 };
      await takenName(name ?? '', () => cloud.identity.updateAccount(subject, uuid, changes));
      return { uuid };
    },
  });

const deleteAccount = jobOperation({
  ...shared,
  id: 'DeleteAccount',
  method: 'DELETE',
  path: '/accounts/{uuid}',
  params: uuidIn('uuid', 'The account.'),
  title: 'Delete an account',
  summary: 'Ends an account and its users. What it owned stays, for administrators.',
  examples: [{ title: 'Delete', params: { uuid: alice.uuid }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    await cloud.identity.deleteAccount(subject, uuid);
    return {};
  },
});

async function takenName<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.code !== 'duplicate' && error.code !== 'conflict') throw error;
    throw invalidArgument(`unable to use the name[${name}], an account or user has it already`);
  }
}

/** Says in the dialect's words that the old password is wrong. */
export async function rightPassword(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'unauthenticated') throw error;
    throw new ZStackError('ID.1000', 'wrong account name or password');
  }
}

export const accountOperations = [
  createAccount,
  updateAccount('UpdateAccount', '/accounts/{uuid}'),
  updateAccount('UpdateAccountByActions', '/accounts/{uuid}/actions'),
  deleteAccount,
  ...queryOperations(account, {
    id: 'QueryAccount',
    group,
    package: 'header.identity',
    path: '/accounts',
    since: '0.6',
    title: 'Query accounts',
    example,
  }),
];
