import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type ts from 'typescript';
import { expect, test } from 'vitest';
import { openApiDocument } from '../../src/api/openapi.ts';
import { allDialects } from '../../src/assembly/dialects.ts';

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
}

const root = resolve(import.meta.dirname, '../..');
const typescript = createRequire(resolve(root, 'console/package.json'))('typescript') as typeof ts;
const file = resolve(root, 'console/src/lib/types.ts');
const source = typescript.createSourceFile(file, readFileSync(file, 'utf8'), typescript.ScriptTarget.Latest, true);

/** Which answer each of the console's types stands for: the API, its operation, and where in the answer. */
const answers: Record<string, [product: string, operation: string, ...path: string[]]> = {
  Activity: ['native', 'ShowActivity', 'activity'],
  ActivityDetail: ['native', 'ShowActivity', 'activity'],
  Span: ['native', 'ShowActivity', 'activity', 'spans', '[]'],
  Overview: ['native', 'ShowOverview'],
  Server: ['compute', 'ShowServer', 'server'],
  Flavor: ['compute', 'ShowFlavor', 'flavor'],
  Image: ['image', 'ShowImage'],
  Network: ['network', 'ShowNetwork', 'network'],
  Subnet: ['network', 'ShowSubnet', 'subnet'],
  Port: ['network', 'ShowPort', 'port'],
};

/** Every schema that the member may have, references and choices resolved. */
function choices(schema: Schema, scope: Schema[]): Schema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const within = [schema, ...scope];
  const target = schema.$ref?.replace(/^#?(\/\$defs\/)?/, '');
  const named = target && within.map(({ $defs }) => $defs?.[target]).find(Boolean);
  return [schema, ...inner.flatMap((one) => choices(one, within)), ...(named ? choices(named, within) : [])];
}

function step(schemas: Schema[], name: string): Schema[] {
  const found = schemas.flatMap(({ properties, items }) => (name === '[]' ? items : properties?.[name]) ?? []);
  return found.flatMap((one) => choices(one, schemas));
}

/** The words of JSON Schema that a written type may be, or undefined where anything goes. */
function kindsOf(node: ts.TypeNode): string[] | undefined {
  const { SyntaxKind } = typescript;
  if (typescript.isUnionTypeNode(node)) {
    const kinds = node.types.map(kindsOf);
    return kinds.includes(undefined) ? undefined : kinds.flatMap((some) => some!);
  }
  if (typescript.isLiteralTypeNode(node)) return node.literal.kind === SyntaxKind.NullKeyword ? ['null'] : ['string'];
  if (typescript.isArrayTypeNode(node)) return ['array'];
  if (typescript.isTypeLiteralNode(node)) return ['object'];
  if (typescript.isTypeReferenceNode(node)) {
    const name = node.typeName.getText(source);
    return name === 'Array' ? ['array'] : name === 'Record' || name in answers ? ['object'] : undefined;
  }
  if (node.kind === SyntaxKind.StringKeyword) return ['string'];
  if (node.kind === SyntaxKind.NumberKeyword) return ['number', 'integer'];
  return node.kind === SyntaxKind.BooleanKeyword ? ['boolean'] : undefined;
}

test('what the console takes answers for is what the OpenAPI documents say', async () => {
  const dialects = await allDialects();
  const wrong: string[] = [];
  const seen: string[] = [];
  for (const declared of source.statements.filter(typescript.isInterfaceDeclaration)) {
    const type = declared.name.text;
    const [product, operation, ...path] = answers[type] ?? [];
    if (!product) {
      wrong.push(`${type}: nobody says which answer it is`);
      continue;
    }
    const document = openApiDocument(dialects.filter(({ name }) => name === product)) as {
      paths: Record<
        string,
        Record<
          string,
          { operationId: string; responses: Record<string, { content?: Record<string, { schema?: Schema }> }> }
        >
      >;
    };
    const found = Object.values(document.paths)
      .flatMap((methods) => Object.values(methods))
      .find(({ operationId }) => operationId === operation);
    const schema = found?.responses['200']?.content?.['application/json']?.schema;
    if (!schema) {
      wrong.push(`${type}: ${product} has no ${operation}`);
      continue;
    }
    const whole = path.reduce(step, choices(schema, []));
    for (const member of declared.members.filter(typescript.isPropertySignature)) {
      const name = member.name.getText(source).replaceAll("'", '');
      const schemas = step(whole, name);
      seen.push(`${type}.${name}`);
      // What users named themselves may be there.
      const isOpen = member.questionToken && whole.some(({ additionalProperties }) => additionalProperties);
      if (schemas.length === 0 && !isOpen) wrong.push(`${type}.${name}: not in the document`);
      const promised = new Set(schemas.flatMap((one) => one.type ?? []));
      const taken = member.type && kindsOf(member.type);
      if (promised.size === 0 || !taken) continue;
      const amiss = [...promised].filter((kind) => kind !== 'null' && !taken.includes(kind));
      if (amiss.length > 0) wrong.push(`${type}.${name}: may be ${amiss.join(', ')}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(seen.length).toBeGreaterThan(80);
});
