import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { account } from '../inventories/account.ts';
import { quota, quotaNames } from '../inventories/quota.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument, resourceNotFound } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { ofClass } from '../query/java-classes.ts';
import { inventoriesWith, readInventory } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';

const group = 'Account';
const accountUuid = '36c27e8ff05c4780bf6d2fa65700f22e';
const example = {
  name: 'vm.totalNum',
  identityUuid: accountUuid,
  identityType: 'AccountVO',
  value: 20,
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};

async function requireAccount(cloud: Cloud, field: string, uuid: string): Promise<void> {
  if (!(await readInventory(cloud, account, uuid))) throw resourceNotFound(field, uuid, 'AccountVO');
}

const updateQuota = jobOperation({
  id: 'UpdateQuota',
  group,
  package: 'header.identity',
  method: 'PUT',
  path: '/accounts/quotas/actions',
  since: '0.6',
  allow: 'admin',
  ofUsers: 'never',
  body: T.Object({
    identityUuid: T.String({ maxLength: 64, description: 'The account.' }),
    name: T.String({ maxLength: 255, description: 'What is limited, as vm.totalNum.' }),
    value: T.Integer({ minimum: -1, description: 'How much it may have; -1 for no limit.' }),
  }),
  response: T.Object({ inventory: inventorySchema(quota), success: T.Boolean() }),
  title: 'Change a quota',
  summary: 'Sets how much of something an account may have. It keeps what it has.',
  examples: [
    {
      title: 'Twenty servers',
      body: { updateQuota: { identityUuid: accountUuid, name: 'vm.totalNum', value: 20 } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const known = quotaNames.find(({ name }) => name === input.name);
    if (!known) throw invalidArgument(`there is no quota of the name[${input.name}]`);
    await requireAccount(cloud, 'identityUuid', input.identityUuid);
    const limit = input.value < 0 ? -1 : Math.floor(input.value / known.factor);
    await cloud.quotas.setLimits(subject, input.identityUuid, { [known.quota]: limit });
    const q = [`identityUuid=${input.identityUuid}`, `name=${input.name}`];
    const [inventory] = await inventoriesWith(cloud, quota, subject, q);
    return { body: { inventory: inventory!, success: true } };
  },
});

const getAccountQuotaUsage = syncOperation({
  id: 'GetAccountQuotaUsage',
  group,
  package: 'header.identity',
  method: 'GET',
  path: '/accounts/quota/{uuid}/usages',
  since: '0.6',
  allow: 'reader',
  params: uuidIn('uuid', 'The account.'),
  response: T.Object({
    usages: T.Array(
      T.Object(
        { name: T.String(), total: T.Integer(), used: T.Integer() },
        ofClass('org.zstack.header.identity.Quota$QuotaUsage'),
      ),
    ),
  }),
  title: 'Get what an account uses of its quotas',
  summary: 'What it may have (-1 for no limit) and what it has.',
  examples: [
    {
      title: 'Of admin',
      params: { uuid: accountUuid },
      status: 200,
      response: { usages: [{ name: 'vm.totalNum', total: 20, used: 3 }] },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await requireAccount(cloud, 'uuid', uuid);
    const limits = await cloud.quotas.limits(subject, uuid);
    const used: Readonly<Record<string, number>> = await cloud.quotas.usage(subject, uuid);
    const counted = quotaNames.filter(({ quota: name }) => used[name] !== undefined);
    return {
      usages: counted.map(({ name, quota: engineName, factor }) => ({
        name,
        total: limits[engineName] < 0 ? -1 : limits[engineName] * factor,
        used: used[engineName]! * factor,
      })),
    };
  },
});

export const quotaOperations = [
  updateQuota,
  getAccountQuotaUsage,
  ...queryOperations(quota, {
    id: 'QueryQuota',
    group,
    package: 'header.identity',
    path: '/accounts/quotas',
    since: '0.6',
    title: 'Query quotas',
    example,
    byUuid: false,
  }),
];
