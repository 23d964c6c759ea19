import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { OwnableType } from '../../../cloud/owners/owners.ts';
import { account } from '../inventories/account.ts';
import { accountResourceRef, sharedResource } from '../inventories/resource-owner.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { resourceTypeOf } from '../protocol/resource-types.ts';
import { invalidArgument, operationFailed, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesByUuid, readInventory, runQuery } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { parseQuery } from '../query/query-parameters.ts';
import { l3Example } from './l3-examples.ts';
import { vmExample } from './vm-examples.ts';

const group = 'Account';
const shared = { group, package: 'header.identity', since: '0.6' } as const;
const dates = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };
const accountUuid = '1f0d9c8b7a694857b6a5948372615040';
const refExample = { accountUuid, resourceUuid: vmExample.uuid, resourceType: 'VmInstanceVO', type: 'Own', ...dates };
const ownable: ReadonlySet<string> = new Set(['server', 'volume', 'image', 'network', 'floating_ip']);

/** What is owned of these resources, as far as the subject sees it. */
async function refsOf(cloud: Cloud, subject: Pick<Subject, 'isAdmin' | 'projectId'>, uuids: readonly string[]) {
  const query = parseQuery({});
  query.conditions.push({ path: ['resourceUuid'], operator: '?=', value: '', list: [...uuids] });
  const { inventories = [] } = await runQuery(cloud, accountResourceRef, subject, query);
  return inventories;
}

const changeResourceOwner = jobOperation({
  ...shared,
  id: 'ChangeResourceOwner',
  method: 'POST',
  path: '/account/{accountUuid}/resources',
  allow: 'admin',
  ofUsers: 'never',
  params: T.Object({ accountUuid: T.String({ maxLength: 64, description: 'The account that gets it.' }) }),
  body: T.Object({
    resourceUuid: T.String({ maxLength: 64, description: 'A server, data volume, image, L3 network or VIP.' }),
  }),
  response: T.Object({
    inventory: T.Optional(inventorySchema(accountResourceRef)),
    success: T.Optional(T.Boolean()),
  }),
  title: 'Give a resource to another account',
  summary:
    'A server goes with its volumes, their snapshots and its interfaces, a volume with its snapshots, an L3 network with its ranges. The quotas of the account must have room for it.',
  examples: [
    {
      title: 'A server',
      params: { accountUuid },
      body: { params: { resourceUuid: vmExample.uuid } },
      status: 200,
      response: { inventory: refExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { accountUuid: projectId, resourceUuid } = input;
    if (!(await readInventory(cloud, account, projectId))) {
      throw resourceNotFound('accountUuid', projectId, 'AccountVO');
    }
    const [before] = await refsOf(cloud, { isAdmin: true }, [resourceUuid]);
    if (!before) throw resourceNotFound('resourceUuid', resourceUuid, 'ResourceVO');
    const className = String(before['resourceType']);
    const type = resourceTypeOf(className) ?? '';
    if (!ownable.has(type)) {
      throw new ZStackError('SYS.1014', `a resource[type:${className}] can't be given to another account by itself`);
    }
    try {
      await cloud.resourceOwners.change(subject, type as OwnableType, resourceUuid, projectId);
    } catch (error) {
      throw inOwnerWords(error, resourceUuid, className);
    }
    const [inventory] = await refsOf(cloud, { isAdmin: true }, [resourceUuid]);
    return { body: { inventory, success: true } };
  },
});

function inOwnerWords(error: unknown, uuid: string, className: string): unknown {
  if (!(error instanceof CloudError)) return error;
  const { reason } = error.details;
  if (reason === 'same_owner') return invalidArgument(`the account has the resource[uuid:${uuid}] already`);
  if (error.code === 'not_found') return resourceNotFound('resourceUuid', uuid, className);
  if (reason === 'tied' || reason === 'busy') {
    return operationFailed(`unable to change the owner of the resource[uuid:${uuid}]: ${error.message}`);
  }
  return error;
}

const getResourceAccount = syncOperation({
  ...shared,
  id: 'GetResourceAccount',
  method: 'GET',
  path: '/resources/accounts',
  allow: 'reader',
  query: T.Object({
    resourceUuids: T.Array(T.String({ maxLength: 64 }), {
      minItems: 1,
      maxItems: 200,
      description: 'The resources.',
    }),
  }),
  response: T.Object({ inventories: T.Record(T.String(), inventorySchema(account)) }),
  title: 'Get the accounts of resources',
  summary: 'Which account has each of the resources, as far as the caller may see them.',
  examples: [
    {
      title: 'A server’s',
      query: { resourceUuids: vmExample.uuid },
      status: 200,
      response: { inventories: { [vmExample.uuid]: { uuid: accountUuid, name: 'alice', type: 'Normal', ...dates } } },
    },
  ],
  handle: async ({ cloud, subject, input: { resourceUuids } }) => {
    const refs = await refsOf(cloud, subject, resourceUuids);
    const uuids = [...new Set(refs.map((ref) => String(ref['accountUuid'])))];
    const found = await inventoriesByUuid(cloud, account, subject, uuids);
    const accounts = new Map(found.map((one) => [one['uuid'], one]));
    const entries = refs.map((ref) => [ref['resourceUuid'], accounts.get(ref['accountUuid'])] as const);
    return { inventories: Object.fromEntries(entries.filter(([, owner]) => owner !== undefined)) };
  },
});

export const resourceOwnerOperations = [
  changeResourceOwner,
  getResourceAccount,
  ...queryOperations(accountResourceRef, {
    id: 'QueryAccountResourceRef',
    group,
    package: shared.package,
    path: '/accounts/resources/refs',
    title: 'Query what accounts own',
    example: refExample,
    byUuid: false,
  }),
  ...queryOperations(sharedResource, {
    id: 'QuerySharedResource',
    group,
    package: shared.package,
    path: '/accounts/resources',
    title: 'Query what accounts share',
    example: {
      ownerAccountUuid: accountUuid,
      toPublic: true,
      resourceType: 'L3NetworkVO',
      resourceUuid: l3Example.uuid,
      ...dates,
    },
    byUuid: false,
  }),
];
