import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { imageSchemaDocument, imagesSchemaDocument } from './schemas.ts';

const AnyDocument = Type.Unsafe<object>({ type: 'object', additionalProperties: true });

function schemaOperation(id: string, name: string, document: object) {
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
    title: `Show the schema of ${name === 'image' ? 'an image' : 'a list of images'}`,
    summary: 'A JSON schema. Clients read it to tell what every image has from what its owner added.',
    examples: [{ title: 'The schema', status: 200 }],
    handle: () => ({ body: document }),
  });
}

export const schemaOperations = [
  schemaOperation('ShowImageSchema', 'image', imageSchemaDocument()),
  schemaOperation('ShowImagesSchema', 'images', imagesSchemaDocument()),
];
