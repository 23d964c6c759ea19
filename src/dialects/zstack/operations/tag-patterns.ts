import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { tagPattern } from '../inventories/tag-pattern.ts';
import { userTag } from '../inventories/tags.ts';
import { descriptionField, oneOfField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { inPatternWords } from '../protocol/system-tags.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { ofClass } from '../query/java-classes.ts';
import { readInventory } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { creationExample } from './simple-operations.ts';

const shared = { group: 'Tag', package: 'tag2', since: '3.2.0', allow: 'member' } as const;
const example = {
  uuid: '6f0c8a2b4d1e4c7f9a3b5d7e9f1a2b3c',
  name: 'performance',
  value: 'performance::{level}',
  color: '#aa5500',
  type: 'withToken',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const attached = {
  uuid: 'b1d2c3e4f5a64b7c8d9e0f1a2b3c4d5e',
  resourceUuid: 'f7e1c4a9b2d34e5f8a6b7c8d9e0f1a2b',
  resourceType: 'VmInstanceVO',
  tag: 'performance::high',
  type: 'User',
  tagPatternUuid: example.uuid,
  createDate: example.createDate,
  lastOpDate: example.lastOpDate,
};
const text = (what: string) => T.String({ minLength: 1, maxLength: 128, description: what });
const colorField = T.Optional(T.String({ pattern: '^(#[0-9a-fA-F]{6})?$', description: 'The color, as #aa5500.' }));
const value = text('The text of its tags; of the type withToken with words in braces, as performance::{level}.');
const some = { minItems: 1, maxItems: 100, description: 'The resources.' };
const resources = T.Array(T.String({ maxLength: 64 }), some);
const byTag = uuidIn('tagUuid', 'The tag pattern.');
const here = { tagUuid: example.uuid };

const createTag = jobOperation({
  ...shared,
  id: 'CreateTag',
  creates: 'untagged',
  method: 'POST',
  path: '/tags',
  body: T.Object({
    name: text('The name.'),
    value,
    description: descriptionField,
    color: colorField,
    type: oneOfField(['simple', 'withToken'], 'simple where left out.'),
  }),
  result: tagPattern,
  title: 'Create a tag pattern',
  summary: 'Defines a tag once, with a color, for many resources to wear.',
  examples: [
    creationExample(
      'With a token',
      { name: example.name, value: example.value, color: example.color, type: 'withToken' },
      example,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { resourceUuid, name, description, color, type } = input;
    const wanted = { id: resourceUuid, name, value: input.value, description, color: color || undefined, type };
    return { uuid: (await cloud.tags.patterns.create(subject, wanted)).id };
  },
});

const updateTag = jobOperation({
  ...shared,
  id: 'UpdateTag',
  method: 'PUT',
  path: '/tags/{uuid}/actions',
  params: uuidIn('uuid', 'The tag pattern.'),
  body: T.Object({
    name: T.Optional(text('The name.')),
    value: T.Optional(value),
    description: descriptionField,
    color: colorField,
  }),
  result: tagPattern,
  title: 'Change a tag pattern',
  summary: 'Of its text only the words in braces can change. Tags that resources have stay as they are.',
  examples: [
    {
      title: 'Rename',
      params: { uuid: example.uuid },
      body: { updateTag: { name: example.name } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, name, value: changed, description, color } }) => {
    const given = { name, value: changed || undefined, description, color: color || undefined };
    const changes = Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined));
    await inPatternWords(uuid, 'uuid', () => cloud.tags.patterns.update(subject, uuid, changes));
    return { uuid };
  },
});

const attachTagToResources = jobOperation({
  ...shared,
  id: 'AttachTagToResources',
  method: 'POST',
  path: '/tags/{tagUuid}/resources',
  params: byTag,
  body: T.Object({
    resourceUuids: resources,
    tokens: T.Optional(
      T.Record(T.String({ maxLength: 128 }), T.String({ maxLength: 255 }), { description: 'For the words in braces.' }),
    ),
  }),
  response: T.Object({
    success: T.Boolean(),
    results: T.Array(
      T.Object(
        { inventory: T.Optional(inventorySchema(userTag)), success: T.Boolean() },
        ofClass('org.zstack.tag2.AttachTagResult'),
      ),
    ),
  }),
  answer: attachedTags,
  title: 'Put a tag on resources',
  summary: 'On all of them, or on none. One that has a tag of the pattern keeps it.',
  examples: [
    {
      title: 'A server',
      params: here,
      body: { params: { resourceUuids: [attached.resourceUuid], tokens: { level: 'high' } } },
      status: 200,
      response: { success: true, results: [{ inventory: attached, success: true }] },
    },
  ],
  handle: async ({ cloud, subject, input: { tagUuid, resourceUuids, tokens } }) => {
    const attach = () => cloud.tags.patterns.attach(subject, tagUuid, resourceUuids, tokens);
    return { uuid: (await inPatternWords(tagUuid, 'tagUuid', attach)).join() };
  },
});

/** @param uuids of the tags, parted by commas */
async function attachedTags(cloud: Cloud, uuids: string): Promise<Record<string, unknown>> {
  const inventories = await Promise.all(uuids.split(',').map((uuid) => readInventory(cloud, userTag, uuid)));
  return { success: true, results: inventories.map((inventory) => ({ inventory, success: true })) };
}

const detachTagFromResources = jobOperation({
  ...shared,
  id: 'DetachTagFromResources',
  method: 'DELETE',
  path: '/tags/{tagUuid}/resources',
  params: byTag,
  // The Go clients send one text with commas in it.
  query: T.Object({ resourceUuids: T.Array(T.String({ maxLength: 65 * some.maxItems }), some) }),
  title: 'Take a tag off resources',
  summary: 'Resources that have no tag of the pattern stay as they are.',
  examples: [
    {
      title: 'A server',
      params: here,
      query: { resourceUuids: attached.resourceUuid },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { tagUuid, resourceUuids } }) => {
    const uuids = resourceUuids.flatMap((one) => one.split(','));
    await inPatternWords(tagUuid, 'tagUuid', () => cloud.tags.patterns.detach(subject, tagUuid, uuids));
    return {};
  },
});

/** Tag patterns, and how resources get tags of them. `DeleteTag` deletes both. */
export const tagPatternOperations = [
  createTag,
  updateTag,
  attachTagToResources,
  detachTagFromResources,
  ...queryOperations(tagPattern, {
    id: 'QueryTag',
    group: shared.group,
    package: shared.package,
    path: '/tags',
    since: shared.since,
    title: 'Query tag patterns',
    example,
  }),
];
