/** What an OpenAPI document promises to programs, as far as a change of it can be told from these members. */
export interface ApiSnapshot {
  version: string;
  /** The day of the release, as `2026-11-21`. */
  date: string;
  /** By API, then by operation id. */
  products: Record<string, Record<string, OperationSnapshot>>;
}

export interface OperationSnapshot {
  /** As `POST /compute/v2.1/servers`. */
  call: string;
  deprecated?: true;
  /** What can be sent: `server.name` → its type, with `!` at the end where it is required. */
  takes: Record<string, string>;
  /** What comes back when it works: `201 server.id` → its type. A status without fields stands alone. */
  gives: Record<string, string>;
}

interface Schema {
  type?: string | string[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

interface Operation {
  operationId: string;
  deprecated?: boolean;
  parameters?: Array<{ name: string; in: string; required?: boolean; schema?: Schema }>;
  requestBody?: { content: Record<string, { schema?: Schema }> };
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
  'x-operations'?: Operation[];
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
}

/** Deeper fields are those of recursive schemas. */
const maxDepth = 8;

/** The operations of one API's document. Where a mount point has an operation again, the first one counts. */
export function operationsOf(document: object): Record<string, OperationSnapshot> {
  const found: Record<string, OperationSnapshot> = {};
  for (const [path, methods] of Object.entries((document as Document).paths)) {
    for (const [method, item] of Object.entries(methods)) {
      for (const operation of item['x-operations'] ?? [item]) {
        found[operation.operationId] ??= operationSnapshot(`${method.toUpperCase()} ${path}`, operation);
      }
    }
  }
  return found;
}

function operationSnapshot(call: string, operation: Operation): OperationSnapshot {
  const takes = new Map<string, string>();
  for (const { name, in: place, required, schema } of operation.parameters ?? []) {
    // A path without its parameters is another path.
    if (place === 'query') takes.set(`?${name}`, typeOf(schema) + (required ? '!' : ''));
  }
  for (const { schema } of Object.values(operation.requestBody?.content ?? {})) collect(schema, '', takes);
  const gives = new Map<string, string>();
  for (const [status, { content }] of Object.entries(operation.responses)) {
    if (Number(status) >= 400) continue;
    gives.set(status, '');
    for (const { schema } of Object.values(content ?? {})) collect(schema, `${status} `, gives);
  }
  return {
    call,
    ...(operation.deprecated ? { deprecated: true } : {}),
    takes: Object.fromEntries(takes),
    gives: Object.fromEntries(gives),
  };
}

function collect(schema: Schema | undefined, prefix: string, into: Map<string, string>, depth = 0): void {
  if (!schema || depth > maxDepth) return;
  const required = new Set(schema.required);
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const at = prefix + name;
    const type = typeOf(member) + (required.has(name) ? '!' : '');
    const known = into.get(at);
    into.set(at, known === undefined || known === type ? type : merged(known, type));
    collect(member, `${at}.`, into, depth + 1);
  }
  collect(schema.items, prefix.endsWith('.') ? `${prefix.slice(0, -1)}[].` : prefix, into, depth + 1);
  for (const one of [...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.allOf ?? [])]) {
    collect(one, prefix, into, depth + 1);
  }
}

/** A field of several alternatives is required where all of them require it. */
function merged(a: string, b: string): string {
  const isRequired = a.endsWith('!') && b.endsWith('!');
  const types = new Set([...bare(a).split('|'), ...bare(b).split('|')]);
  return [...types].sort().join('|') + (isRequired ? '!' : '');
}

/** The type without the mark of what is required. */
export function bare(type: string): string {
  return type.replace(/!$/, '');
}

function typeOf(schema: Schema | undefined): string {
  if (!schema) return 'any';
  if (schema.type) return [schema.type].flat().sort().join('|');
  if (schema.const !== undefined) return typeof schema.const;
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) return [...new Set(alternatives.flatMap((one) => typeOf(one).split('|')))].sort().join('|');
  return schema.properties ? 'object' : 'any';
}
