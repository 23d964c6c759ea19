import { Type as T } from 'typebox';
import { accessKey } from '../inventories/access-key.ts';
import { descriptionField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { readInventory } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { deletion, stateChange } from './simple-operations.ts';

const shared = { group: 'Access Key', package: 'accessKey', since: '2.5', allow: 'member' } as const;
const adminUuid = '36c27e8ff05c4780bf6d2fa65700f22e';
const example = {
  uuid: '293a4b5c6d7e4893bf00112233445566',
  description: 'for the build',
  accountUuid: adminUuid,
  userUuid: adminUuid,
  AccessKeyID: 'zLzXPHYxUNNBVTQHvGGD',
  state: 'Enabled',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const secret = 'sBNGmwRxQF2lFRs6nmpqXVJy3hZ8U1D5kCtWaOe7';

const createAccessKey = jobOperation({
  ...shared,
  id: 'CreateAccessKey',
  creates: 'untagged',
  method: 'POST',
  path: '/accesskeys',
  body: T.Object({
    accountUuid: T.String({ maxLength: 32, description: 'The account that it shall sign for.' }),
    userUuid: T.String({ maxLength: 32, description: 'The user that it shall sign for; of an account, the same.' }),
    description: descriptionField,
    AccessKeyID: T.Optional(
      T.String({ maxLength: 20, pattern: '^[A-Za-z0-9]+$', description: 'Made up if left out.' }),
    ),
    AccessKeySecret: T.Optional(T.String({ maxLength: 40, minLength: 10, description: 'Made up if left out.' })),
  }),
  response: T.Object({
    inventory: T.Intersect([inventorySchema(accessKey), T.Object({ AccessKeySecret: T.String() })]),
    success: T.Boolean(),
  }),
  title: 'Create an access key',
  summary: 'Makes a key by which programs sign requests. Its secret is shown here only.',
  examples: [
    {
      title: 'For the administrator',
      body: { params: { accountUuid: adminUuid, userUuid: adminUuid, description: 'for the build' } },
      status: 200,
      response: { inventory: { ...example, AccessKeySecret: secret }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { accountUuid, userUuid, description, AccessKeyID, AccessKeySecret } = input;
    // An account's uuid stands for the user of the same name too, or for the caller where there is none.
    const caller = accountUuid === subject.projectId ? subject.userId : userUuid;
    const userId = userUuid === accountUuid ? ((await cloud.identity.ownerOf(accountUuid)) ?? caller) : userUuid;
    const wanted = {
      id: input.resourceUuid,
      projectId: accountUuid,
      userId,
      description,
      accessKeyId: AccessKeyID,
      secret: AccessKeySecret,
    };
    const made = await cloud.accessKeys.create(subject, wanted);
    const inventory = await readInventory(cloud, accessKey, made.id);
    return { body: { inventory: { ...inventory, AccessKeySecret: made.secret }, success: true } };
  },
});

export const accessKeyOperations = [
  createAccessKey,
  stateChange({
    ...shared,
    id: 'ChangeAccessKeyState',
    path: '/accesskeys/{uuid}/actions',
    result: accessKey,
    title: 'Enable or disable an access key',
    summary: 'What a disabled one signs is refused.',
    example,
    apply: ({ cloud, subject, input: { uuid } }, enabled) => cloud.accessKeys.setEnabled(subject, uuid, enabled),
  }),
  deletion({
    ...shared,
    id: 'DeleteAccessKey',
    path: '/accesskeys/{uuid}',
    title: 'Delete an access key',
    summary: 'What it signs is refused from then on.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.accessKeys.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(accessKey, {
    id: 'QueryAccessKey',
    group: shared.group,
    package: shared.package,
    path: '/accesskeys',
    since: '2.5',
    title: 'Query access keys',
    example,
  }),
];
