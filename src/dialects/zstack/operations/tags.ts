import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { isTaggable, type NewTag, type TagKind } from '../../../cloud/tags/model.ts';
import { systemTag, userTag } from '../inventories/tags.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { resourceTypeOf } from '../protocol/resource-types.ts';
import { requireSettableSystemTag } from '../protocol/system-tags.ts';
import { invalidArgument, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { readInventory } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';

const group = 'Tag';
const newTag = T.Object({
  resourceType: T.String({ maxLength: 255, description: 'The type of the resource, as ImageVO or VmInstanceVO.' }),
  resourceUuid: T.String({ maxLength: 64, description: 'The resource.' }),
  tag: T.String({ minLength: 1, maxLength: 2048, description: 'The tag.' }),
});
const example = {
  uuid: 'c9f9a1f6a8c84d5a9a0dd1b62e8d2c11',
  resourceUuid: 'c019173f2b5742868058049be43033a1',
  resourceType: 'ImageVO',
  tag: 'golden',
  type: 'User',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const systemExample = { ...example, tag: 'bootMode::UEFI', type: 'System', inherent: false };
const newExample = { resourceType: example.resourceType, resourceUuid: example.resourceUuid };

const createUserTag = jobOperation({
  id: 'CreateUserTag',
  group,
  package: 'header.tag',
  method: 'POST',
  path: '/user-tags',
  since: '0.6',
  allow: 'member',
  body: newTag,
  result: userTag,
  title: 'Create a user tag',
  summary: 'Puts free text on a resource, to find it by.',
  examples: [
    {
      title: 'Mark an image',
      body: { params: { ...newExample, tag: 'golden' } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const tag = newTagOn('user', input, input.tag);
    const { id } = await onResource(input, () => cloud.tags.create(subject, tag));
    return { uuid: id };
  },
});

const createSystemTag = jobOperation({
  id: 'CreateSystemTag',
  group,
  package: 'header.tag',
  method: 'POST',
  path: '/system-tags',
  since: '0.6',
  allow: 'member',
  body: newTag,
  result: systemTag,
  title: 'Create a system tag',
  summary: 'Puts a tag in one of the server’s own notations on a resource.',
  examples: [
    {
      title: 'An image that boots by UEFI',
      body: { params: { ...newExample, tag: 'bootMode::UEFI' } },
      status: 200,
      response: { inventory: systemExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    requireSettableSystemTag(input.tag);
    const tag = newTagOn('system', input, input.tag);
    const { id } = await onResource(input, () => cloud.tags.create(subject, tag));
    return { uuid: id };
  },
});

const createSystemTags = jobOperation({
  id: 'CreateSystemTags',
  group,
  package: 'header.tag',
  method: 'POST',
  path: '/system-tags/{resourceUuid}/tags',
  since: '4.7.0',
  allow: 'member',
  params: uuidIn('resourceUuid', 'The resource.'),
  body: T.Object({
    resourceType: newTag.properties.resourceType,
    tags: T.Array(newTag.properties.tag, { minItems: 1, maxItems: 100, description: 'The tags.' }),
  }),
  response: T.Object({
    inventories: T.Optional(T.Array(inventorySchema(systemTag))),
    success: T.Optional(T.Boolean()),
  }),
  title: 'Create system tags',
  summary: 'Puts several tags in the server’s own notations on one resource: all of them or none.',
  examples: [
    {
      title: 'An image that boots by UEFI',
      params: { resourceUuid: example.resourceUuid },
      body: { params: { resourceType: example.resourceType, tags: ['bootMode::UEFI'] } },
      status: 200,
      response: { inventories: [systemExample], success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const tags = [...new Set(input.tags)];
    for (const tag of tags) requireSettableSystemTag(tag);
    const wanted = tags.map((tag) => newTagOn('system', input, tag));
    const made = await onResource(input, () => cloud.tags.createAll(subject, wanted));
    const inventories = await Promise.all(made.map(({ id }) => readInventory(cloud, systemTag, id)));
    return { body: { inventories, success: true } };
  },
});

const updateSystemTag = jobOperation({
  id: 'UpdateSystemTag',
  group,
  package: 'header.tag',
  method: 'PUT',
  path: '/system-tags/{uuid}/actions',
  since: '0.6',
  allow: 'member',
  params: uuidIn('uuid', 'The tag.'),
  body: T.Object({ tag: newTag.properties.tag }),
  result: systemTag,
  title: 'Change a system tag',
  summary: 'Replaces the text of a system tag.',
  examples: [
    {
      title: 'Boot by BIOS instead',
      params: { uuid: example.uuid },
      body: { updateSystemTag: { tag: 'bootMode::Legacy' } },
      status: 200,
      response: { inventory: { ...systemExample, tag: 'bootMode::Legacy' }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    requireSettableSystemTag(input.tag);
    await inTagWords(() => cloud.tags.update(subject, input.uuid, input.tag), input.uuid);
    return { uuid: input.uuid };
  },
});

const deleteTag = jobOperation({
  id: 'DeleteTag',
  group,
  package: 'header.tag',
  method: 'DELETE',
  path: '/tags/{uuid}',
  since: '0.6',
  allow: 'member',
  params: uuidIn('uuid', 'The tag.'),
  title: 'Delete a tag',
  summary:
    'Takes a user or system tag off its resource, or deletes a tag pattern and takes it off all resources. One that is gone already stays gone.',
  examples: [{ title: 'Delete', params: { uuid: example.uuid }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input }) => {
    if (await cloud.tags.patterns.delete(subject, input.uuid)) return {};
    try {
      await inTagWords(() => cloud.tags.delete(subject, input.uuid), input.uuid);
    } catch (error) {
      if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    }
    return {};
  },
});

interface Tagged {
  resourceType: string;
  resourceUuid: string;
}

function newTagOn(kind: TagKind, { resourceUuid, resourceType: className }: Tagged, tag: string): NewTag {
  const resourceType = resourceTypeOf(className);
  if (!resourceType || !isTaggable(resourceType)) {
    throw invalidArgument(`resourceType[${className}] is not a type of resource that can have tags`);
  }
  return { kind, resourceType, resourceId: resourceUuid, tag };
}

/** What goes wrong with new tags, as the dialect says it. */
async function onResource<Result>({ resourceUuid, resourceType }: Tagged, work: () => Promise<Result>) {
  try {
    return await inTagWords(work, resourceUuid);
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound('resourceUuid', resourceUuid, resourceType);
  }
}

async function inTagWords<Result>(work: () => Promise<Result>, uuid: string): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.code === 'duplicate') throw new ZStackError('TAG.1001', `duplicated tag for the resource[uuid:${uuid}]`);
    if (error.details.reason === 'inherent') {
      throw new ZStackError('TAG.1000', `tag[uuid:${uuid}] is inherent to its resource, it can't be changed`);
    }
    if (error.code === 'not_found') throw resourceNotFound('uuid', uuid, 'TagVO');
    throw error;
  }
}

export const tagOperations = [
  createUserTag,
  createSystemTag,
  createSystemTags,
  updateSystemTag,
  deleteTag,
  ...queryOperations(userTag, {
    id: 'QueryUserTag',
    group,
    package: 'header.tag',
    path: '/user-tags',
    since: '0.6',
    title: 'Query user tags',
    example,
  }),
  ...queryOperations(systemTag, {
    id: 'QuerySystemTag',
    group,
    package: 'header.tag',
    path: '/system-tags',
    since: '0.6',
    title: 'Query system tags',
    example: systemExample,
  }),
];
