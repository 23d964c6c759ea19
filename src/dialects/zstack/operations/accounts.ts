import { Type as T } from 'typebox';
import { account } from '../inventories/account.ts';
import { descriptionField, nameField, oneOfField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { queryOperations } from '../query/query-operations.ts';

const group = 'Account';
const example = {
  uuid: '36c27e8ff05c4780bf6d2fa65700f22e',
  name: 'admin',
  type: 'SystemAdmin',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};

const createAccount = jobOperation({
  id: 'CreateAccount',
  group,
  package: 'header.identity',
  method: 'POST',
  path: '/accounts',
  since: '0.6',
  allow: 'admin',
  body: T.Object({
    name: nameField,
    password: T.String({
      minLength: 1,
      maxLength: 255,
      description: 'SHA-512 of the password, lower-case hexadecimal.',
    }),
    description: descriptionField,
    type: oneOfField(['SystemAdmin', 'Normal'], 'What it may do; Normal where left out.'),
  }),
  result: account,
  title: 'Create an account',
  summary: 'Makes an account: a project, and a user of the same name who signs in to it.',
  examples: [
    {
      title: 'An ordinary account',
      body: {
        params: {
          name: 'alice',
          password:
            'b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86',
        },
      },
      status: 200,
      response: {
        inventory: { ...example, uuid: '1f0d9c8b7a694857b6a5948372615040', name: 'alice', type: 'Normal' },
        success: true,
      },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { project } = await cloud.identity.createAccount(subject, {
      name: input.name,
      passwordSha512: input.password,
      description: input.description,
      isAdmin: input.type === 'SystemAdmin',
    });
    return { uuid: project.id };
  },
});

export const accountOperations = [
  createAccount,
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
