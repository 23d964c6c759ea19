import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { openApiDocument } from '../../src/api/openapi.ts';
import { allDialects } from '../../src/assembly/dialects.ts';

// node console/openapi/answers.ts

/** Whose answers the console has types of: operations of each API's OpenAPI document. */
const used: Record<string, readonly string[]> = {
  native: [
    'ListActivities',
    'ShowActivity',
    'ShowOverview',
    'ListImageCopies',
    'ListDeletedImages',
    'ListMigrationTargets',
  ],
  compute: ['ShowServer', 'ShowFlavor', 'ListKeypairs', 'ListAvailabilityZones', 'ListVolumeAttachments'],
  image: ['ShowImage'],
  network: ['ShowNetwork', 'ShowSubnet', 'ShowPort', 'ShowRouter', 'ShowSecurityGroup'],
  volume: ['ShowVolume'],
  identity: ['ListAvailableProjects'],
};

type Json = { [member: string]: unknown };
type Documents = Record<string, Record<string, { operationId: string; responses: Record<string, Answer> }>>;
interface Answer {
  content?: Record<string, { schema?: Json }>;
}

/** Where the types stand: they are committed, and a test holds that they are those of the documents. */
export const answersFile = resolve(import.meta.dirname, '../src/api/answers.ts');

/** The TypeScript types of the answers that the console reads, from the cloud's own OpenAPI documents. */
export async function answerTypes(): Promise<string> {
  const dialects = await allDialects();
  const schemas: Json = {};
  for (const [product, operations] of Object.entries(used)) {
    const document = openApiDocument(dialects.filter(({ name }) => name === product));
    const { paths } = JSON.parse(JSON.stringify(document)) as { paths: Documents };
    const items = Object.values(paths).flatMap((methods) => Object.values(methods));
    for (const operation of operations) {
      const found = items.find(({ operationId }) => operationId === operation);
      const schema = found?.responses['200']?.content?.['application/json']?.schema;
      if (!schema) throw new Error(`${product} says nothing of what ${operation} answers`);
      schemas[typeName(product, operation)] = lifted(schema, schemas, typeName(product, operation));
    }
  }
  const document = { openapi: '3.1.0', info: { title: 'Answers', version: '1' }, paths: {}, components: { schemas } };
  const nodes = await openapiTS(document as unknown as OpenAPI3, {
    alphabetize: true,
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
  });
  return `// Made by \`node console/openapi/answers.ts\` from the cloud's OpenAPI documents.\n${astToString(nodes)}`;
}

function typeName(product: string, operation: string): string {
  return product[0]!.toUpperCase() + product.slice(1) + operation;
}

/** A schema whose named parts stand beside it, as OpenAPI has them, and no longer within. */
function lifted(value: unknown, schemas: Json, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((one) => lifted(one, schemas, prefix));
  if (typeof value !== 'object' || value === null) return value;
  // Words are not types, and may change without them.
  const { $defs, $ref, $id: _id, description, format: _format, ...rest } = value as Json;
  if (typeof description === 'object') rest['description'] = description;
  for (const [name, inner] of Object.entries(($defs ?? {}) as Json)) {
    schemas[prefix + name] = lifted(inner, schemas, prefix);
  }
  if (typeof $ref === 'string') {
    return { $ref: `#/components/schemas/${prefix}${$ref.replace(/^(#\/\$defs\/|#)?/, '')}` };
  }
  return Object.fromEntries(Object.entries(rest).map(([name, inner]) => [name, lifted(inner, schemas, prefix)]));
}

if (import.meta.main) writeFileSync(answersFile, await answerTypes());
