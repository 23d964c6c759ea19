import type { TSchema } from 'typebox';
import type { Dialect, ErrorForms } from './dialect.ts';
import { canRunDry } from './dry-run.ts';
import type { AnyOperation } from './operation.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of a dialect, which may have several mount points: nothing in it is written by hand. */
export function openApiDocument(dialects: readonly Dialect[]): Json {
  const paths: Record<string, Json> = {};
  for (const { mounts, operations, errors } of dialects) {
    for (const [path, sharing] of byPath(operations))
      paths[mounts[0]! + path || '/'] = pathItem(mounts[0]! + path, sharing, errors);
  }
  const main = dialects.reduce((a, b) => (b.operations.length > a.operations.length ? b : a));
  const groups = new Set(dialects.flatMap(({ operations }) => operations.map(({ group }) => group)));
  return {
    openapi: '3.1.0',
    info: { title: `Unkai: ${main.title}`, version: main.version, license: { name: 'Apache-2.0' } },
    tags: [...groups].map((name) => ({ name })),
    paths,
    'x-mounts': dialects.flatMap(({ mounts }) => mounts),
  };
}

function byPath(operations: readonly AnyOperation[]): Map<string, AnyOperation[]> {
  const paths = new Map<string, AnyOperation[]>();
  for (const operation of operations) paths.set(operation.path, [...(paths.get(operation.path) ?? []), operation]);
  return paths;
}

function pathItem(path: string, operations: AnyOperation[], errors: ErrorForms): Json {
  const item: Json = {};
  const methods = new Set(operations.map(({ method }) => method));
  for (const method of methods) {
    const sharing = operations.filter((operation) => operation.method === method);
    item[method.toLowerCase()] =
      sharing.length === 1 ? single(path, sharing[0]!, errors) : combined(path, sharing, errors);
  }
  return item;
}

function single(path: string, operation: AnyOperation, errors: ErrorForms): Json {
  return {
    operationId: operation.id,
    tags: [operation.group],
    summary: operation.title,
    description: operation.summary,
    'x-since': operation.since,
    'x-mode': operation.mode,
    'x-allow': operation.allow,
    'x-dry-run': canRunDry(operation),
    security: operation.allow === 'anyone' ? [] : undefined,
    parameters: parameters(path, operation),
    requestBody: requestBody(operation),
    responses: responses(operation, errors),
  };
}

/** Operations that only their body's key tells apart: one entry in OpenAPI's eyes, each named in `x-operations`. */
function combined(path: string, operations: AnyOperation[], errors: ErrorForms): Json {
  const first = operations[0]!;
  return {
    operationId: operations.map(({ id }) => id).join('_or_'),
    tags: [first.group],
    summary: operations.map(({ title }) => title).join(' / '),
    parameters: parameters(path, first),
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { oneOf: operations.map((o) => keyedBody(o)) } } },
    },
    responses: either(operations.map((operation) => responses(operation, errors))),
    'x-operations': operations.map((operation) => ({
      ...single(path, operation, errors),
      'x-body-key': operation.bodyKey,
    })),
  };
}

function parameters(path: string, operation: AnyOperation): Json[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: operation.params?.properties[name!] ?? { type: 'string' },
  }));
  const required = new Set<string>(operation.query?.required ?? []);
  const inQuery = Object.entries(operation.query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.has(name),
    description: (schema as { description?: string }).description,
    schema,
  }));
  return [...inPath, ...inQuery];
}

function keyedBody(operation: AnyOperation): Json {
  const value = operation.body ?? {};
  if (!operation.bodyKey) return value as Json;
  return {
    type: 'object',
    title: operation.id,
    required: [operation.bodyKey],
    properties: { [operation.bodyKey]: value },
  };
}

function requestBody(operation: AnyOperation): Json | undefined {
  if (operation.consumes) {
    const content = Object.fromEntries(
      operation.consumes.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
    );
    return { required: true, content };
  }
  if (!operation.body) return undefined;
  const examples = operation.examples
    .filter(({ body }) => body !== undefined)
    .map(({ title, body }) => [title, { value: body }]);
  return {
    required: true,
    content: {
      'application/json': {
        schema: keyedBody(operation),
        examples: examples.length > 0 ? Object.fromEntries(examples) : undefined,
      },
    },
  };
}

type Responses = Record<string, { content?: Record<string, { schema?: unknown }> }>;

/** What one of several operations answers. */
function either(all: readonly Json[]): Json {
  const merged: Responses = {};
  for (const [status, response] of all.flatMap((one) => Object.entries(one as Responses))) {
    const known = merged[status];
    const [schema, other] = [known, response].map((one) => one?.content?.['application/json']?.schema);
    if (!known) merged[status] = response;
    else if (schema && other)
      merged[status] = { ...known, content: { 'application/json': { schema: { anyOf: [schema, other] } } } };
  }
  return merged;
}

function responses(operation: AnyOperation, errors: ErrorForms): Json {
  const entries: Array<[string, Json]> = Object.entries(operation.responses).map(([status, schema]) => [
    status,
    { description: 'Success', content: content(operation, Number(status), schema as TSchema | null | 'stream') },
  ]);
  // Whatever may be asked for can be asked for wrongly.
  const isAskedFor = operation.query || operation.body || operation.path.includes('{');
  const wrong = isAskedFor ? [errors.invalid.status] : [];
  for (const status of [...new Set([...operation.errors, ...wrong])].sort((a, b) => a - b)) {
    const failures = failuresOf(operation, status, errors);
    const schema = operation.responses[status];
    const told = schema ? { content: content(operation, status, schema) } : {};
    const failure = { description: 'Failure', ...told, 'x-errors': failures.length > 0 ? failures : undefined };
    entries.push([String(status), failure]);
  }
  return Object.fromEntries(entries);
}

/** What only what makes or changes something can fail with. */
const ofChanges = new Set([
  'conflict',
  'duplicate',
  'quota_exceeded',
  'no_valid_host',
  'too_large',
  'unsupported_media',
]);
/** What a deletion can't fail with. */
const ofAdditions = new Set(['duplicate', 'quota_exceeded', 'no_valid_host', 'too_large', 'unsupported_media']);

/** The engine's errors that have the status, as `cause`, with the dialect's own `code` for each. */
function failuresOf({ method, allow }: AnyOperation, status: number, errors: ErrorForms): Json[] {
  const isImpossible = (cause: string) =>
    ((method === 'GET' || method === 'HEAD') && ofChanges.has(cause)) ||
    (method === 'DELETE' && ofAdditions.has(cause)) ||
    (allow === 'anyone' && cause === 'forbidden');
  return Object.entries(errors)
    .filter(([cause, form]) => form.status === status && !isImpossible(cause))
    .map(([cause, { code }]) => ({ cause, code }));
}

function content(operation: AnyOperation, status: number, schema: TSchema | null | 'stream'): Json | undefined {
  if (schema === null) return undefined;
  if (schema === 'stream') return { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
  const example = operation.examples.find((one) => one.status === status && one.response !== undefined)?.response;
  return { 'application/json': { schema, example } };
}
