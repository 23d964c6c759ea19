import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { namespaceMembers } from './metadef-namespaces.ts';
import { imageSchemaDocument, imagesSchemaDocument } from './schemas.ts';
import { memberProperties } from './sharing.ts';
import { taskDetails, taskProperties } from './tasks.ts';

const AnyDocument = Type.Unsafe<object>({ type: 'object', additionalProperties: true });

function schemaOperation(id: string, name: string, what: string, document: object) {
  return operation({
    dialect: 'image',
    group: 'schemas',
    id,
    method: 'GET',
    path: `/v2/schemas/${name}`,
    mode: 'sync',
    allow: 'reader',
    responses: { 200: AnyDocument },
    errors: [401],
    title: `Show the schema of ${what}`,
    summary: 'A JSON schema. Clients read it to tell what every image has from what its owner added.',
    examples: [{ title: 'The schema', status: 200 }],
    handle: () => ({ body: document }),
  });
}

const named = { type: 'string' };
const names = { type: 'array', items: named };
const anyMembers = { type: 'object', additionalProperties: true };

const memberSchema = { name: 'member', properties: memberProperties };
const taskSchema = { name: 'task', properties: { ...taskProperties, ...taskDetails } };

/** Glance describes what resource types are given to a namespace, not the types themselves. */
function titleOf(kind: unknown): string {
  return String(kind).replace(/^resource_type/, 'resource_type_association');
}

/** The documents of the catalogue of properties: what one of a kind has, and lists of them. */
const metadefSchemas = [
  ['Namespace', 'namespace', 'namespaces', namespaceMembers],
  ['Object', 'object', 'objects', { name: named, description: named, properties: anyMembers, required: names }],
  ['Property', 'property', 'properties', { name: named, title: named, type: named, enum: names }],
  ['Tag', 'tag', 'tags', { name: named }],
  ['ResourceType', 'resource_type', 'resource_types', { name: named, prefix: named, properties_target: named }],
].flatMap(([word, one, many, properties]) => [
  schemaOperation(`ShowMetadef${word}Schema`, `metadefs/${one}`, `a metadata definition: ${one}`, {
    name: titleOf(one),
    properties,
    additionalProperties: true,
  }),
  schemaOperation(`ShowMetadef${word}sSchema`, `metadefs/${many}`, `a list of metadata definitions: ${many}`, {
    name: titleOf(many),
    properties: { [titleOf(many)]: { type: 'array', items: { name: titleOf(one), properties } } },
    links: [{ rel: 'describedby', href: '{schema}' }],
  }),
]);

export const schemaOperations = [
  schemaOperation('ShowImageSchema', 'image', 'an image', imageSchemaDocument()),
  schemaOperation('ShowImagesSchema', 'images', 'a list of images', imagesSchemaDocument()),
  schemaOperation('ShowImageMemberSchema', 'member', 'an image member', memberSchema),
  schemaOperation('ShowImageMembersSchema', 'members', 'a list of image members', {
    name: 'members',
    properties: { members: { type: 'array', items: memberSchema }, schema: { type: 'string' } },
    links: [{ rel: 'describedby', href: '{schema}' }],
  }),
  schemaOperation('ShowTaskSchema', 'task', 'a task', taskSchema),
  schemaOperation('ShowTasksSchema', 'tasks', 'a list of tasks', {
    name: 'tasks',
    properties: {
      tasks: { type: 'array', items: { name: 'task', properties: taskProperties } },
      first: { type: 'string' },
      next: { type: 'string' },
      schema: { type: 'string' },
    },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  }),
  ...metadefSchemas,
];
