import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { openApiDocument } from '../../src/api/openapi.ts';
import { allDialects } from '../../src/assembly/dialects.ts';

/** Operations by the name of their API: those that types are made of. */
export type UsedOperations = Record<string, readonly string[]>;
export type Json = { [member: string]: unknown };

/** An operation as an OpenAPI document has it; several that share path and method stand in `x-operations`. */
export interface DocumentedOperation {
  operationId: string;
  requestBody?: Content;
  responses: Record<string, Content>;
  'x-operations'?: DocumentedOperation[];
}

interface Content {
  content?: Record<string, { schema?: Json }>;
}

/** What a request or an answer carries as JSON. */
export function jsonOf(content: Content | undefined): Json | undefined {
  return content?.content?.['application/json']?.schema;
}

/**
 * TypeScript types of one schema of each operation, named by its API and itself. `schemaOf` chooses which one.
 * Throws where a document has no such operation, or the operation no such schema.
 */
export async function documentTypes(
  used: UsedOperations,
  suffix: string,
  schemaOf: (operation: DocumentedOperation) => Json | undefined,
): Promise<string> {
  const dialects = await allDialects();
  const schemas: Json = {};
  for (const [product, operations] of Object.entries(used)) {
    const document = openApiDocument(dialects.filter(({ name }) => name === product));
    const { paths } = JSON.parse(JSON.stringify(document)) as {
      paths: Record<string, Record<string, DocumentedOperation>>;
    };
    const items = Object.values(paths)
      .flatMap((methods) => Object.values(methods))
      .flatMap((operation) => operation['x-operations'] ?? operation);
    for (const id of operations) {
      const found = items.find(({ operationId }) => operationId === id);
      const schema = found && schemaOf(found);
      if (!schema) throw new Error(`${product} says nothing of ${id}`);
      const name = product[0]!.toUpperCase() + product.slice(1) + id + suffix;
      schemas[name] = lifted(schema, schemas, name);
    }
  }
  const document = { openapi: '3.1.0', info: { title: 'Types', version: '1' }, paths: {}, components: { schemas } };
  const nodes = await openapiTS(document as unknown as OpenAPI3, {
    alphabetize: true,
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
  });
  return astToString(nodes);
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
