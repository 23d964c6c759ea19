import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { isTaggable, type TagKind } from '../../../cloud/tags/model.ts';
import { systemTag, userTag } from '../inventories/tags.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { resourceTypeOf } from '../protocol/resource-types.ts';
import { requireKnownSystemTag } from '../protocol/system-tags.ts';
import { invalidArgument, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
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
  handle: async ({ cloud, subject, input }) => ({ uuid: await createTag(cloud, subject, 'user', input) }),
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
    requireKnownSystemTag(input.tag);
    return { uuid: await createTag(cloud, subject, 'system', input) };
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
    requireKnownSystemTag(input.tag);
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

async function createTag(
  cloud: Cloud,
  subject: Subject,
  kind: TagKind,
  input: { resourceType: string; resourceUuid: string; tag: string },
): Promise<string> {
  const { resourceUuid, resourceType: className, tag } = input;
  const resourceType = resourceTypeOf(className);
  if (!resourceType || !isTaggable(resourceType)) {
    throw invalidArgument(`resourceType[${className}] is not a type of resource that can have tags`);
  }
  const wanted = { kind, resourceType, resourceId: resourceUuid, tag };
  try {
    return (await inTagWords(() => cloud.tags.create(subject, wanted), resourceUuid)).id;
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound('resourceUuid', resourceUuid, className);
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
