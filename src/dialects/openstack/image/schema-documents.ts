import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { imageSchemaDocument, imagesSchemaDocument } from './schemas.ts';
import { memberProperties } from './sharing.ts';
import { taskDetails, taskProperties } from './tasks.ts';

const AnyDocument = Type.Unsafe<object>({ type: 'object', additionalProperties: true });

export function schemaOperation(id: string, name: string, what: string, document: object) {
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

const memberSchema = { name: 'member', properties: memberProperties };
const taskSchema = { name: 'task', properties: { ...taskProperties, ...taskDetails } };

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
];
