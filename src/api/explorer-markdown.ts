type Json = Record<string, unknown>;

interface OpenApiOperation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Array<{ name: string; in: string; required?: boolean; description?: string; schema?: Schema }>;
  requestBody?: { content: Record<string, { schema?: Schema; examples?: Record<string, { value: unknown }> }> };
  responses: Record<
    string,
    {
      description: string;
      content?: Record<string, { schema?: Schema; example?: unknown }>;
      'x-errors'?: Array<{ cause: string; code?: string }>;
    }
  >;
  'x-since'?: string;
  'x-mode'?: string;
  'x-allow'?: string;
  'x-operations'?: OpenApiOperation[];
}

interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

interface Found {
  method: string;
  path: string;
  operation: OpenApiOperation;
}

const maxDepth = 6;

/** Every operation of an OpenAPI document, those that share a path by their body's key each for itself. */
function operationsOf(document: Json): Found[] {
  const paths = document['paths'] as Record<string, Record<string, OpenApiOperation>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, item]) =>
      (item['x-operations'] ?? [item]).map((operation) => ({ method: method.toUpperCase(), path, operation })),
    ),
  );
}

/** The explorer's page of an operation as Markdown, for readers without a browser. Undefined where there is none. */
export function operationMarkdown(document: Json, id: string): string | undefined {
  const found = operationsOf(document).find(({ operation }) => operation.operationId === id);
  if (!found) return undefined;
  const { method, path, operation } = found;
  const bodies = Object.values(operation.requestBody?.content ?? {});
  const lines = [
    `# ${operation.summary}`,
    '',
    operation.description ?? '',
    '',
    `- Endpoint: \`${method} ${path}\``,
    `- Operation id: \`${operation.operationId}\``,
    `- Group: ${operation.tags.join(', ')}`,
    ...(operation['x-since'] ? [`- Since: ${operation['x-since']}`] : []),
    `- Mode: ${operation['x-mode'] === 'async' ? 'asynchronous' : 'synchronous'}`,
    `- Who may call it: ${operation['x-allow'] ?? 'authenticated'}`,
  ];
  const parameters = operation.parameters ?? [];
  if (parameters.length > 0) lines.push('', '## Parameters', '');
  for (const { name, in: place, required, description, schema } of parameters) {
    const mark = required ? ', required' : '';
    lines.push(
      `- \`${name}\` (${place}, ${typeOf(schema)}${mark}) ${description ?? schema?.description ?? ''}`.trimEnd(),
    );
  }
  if (bodies.length > 0) lines.push('', '## Body fields', '');
  for (const { schema, examples } of bodies) {
    lines.push(...fields(schema));
    const [example] = Object.values(examples ?? {});
    if (example) lines.push('', '```json', JSON.stringify(example.value, undefined, 2), '```');
  }
  lines.push('', '## Responses', '');
  for (const [status, { description, content, 'x-errors': errors = [] }] of Object.entries(operation.responses)) {
    lines.push(`### ${status} ${description}`, '');
    lines.push(
      ...errors.map(({ cause, code }) => `- \`${code ?? cause}\`${code && code !== cause ? ` (${cause})` : ''}`),
    );
    const json = content?.['application/json'];
    lines.push(...fields(json?.schema));
    if (json?.example !== undefined) lines.push('', '```json', JSON.stringify(json.example, undefined, 2), '```');
    lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function fields(schema: Schema | undefined, depth = 0): string[] {
  const whole = schema?.properties
    ? schema
    : [...(schema?.anyOf ?? []), ...(schema?.oneOf ?? [])].find((one) => one.properties);
  if (!whole || depth > maxDepth) return [];
  const required = new Set(whole.required ?? []);
  return Object.entries(whole.properties ?? {}).flatMap(([name, member]) => [
    `${'  '.repeat(depth)}- \`${name}\` (${typeOf(member)}${required.has(name) ? ', required' : ''}) ${member.description ?? ''}`.trimEnd(),
    ...fields(member.items ?? member, depth + 1),
  ]);
}

function typeOf(schema: Schema | undefined): string {
  if (schema?.items) return `array of ${typeOf(schema.items)}`;
  if (Array.isArray(schema?.type)) return schema.type.join(' or ');
  return schema?.type ?? (schema?.properties ? 'object' : 'any');
}

/** What language models are given to find their way (llmstxt.org): every operation with the address of its page. */
export function llmsText(documents: ReadonlyArray<{ name: string; document: Json }>): string {
  const lines = [
    '# Unkai',
    '',
    '> A private cloud behind the OpenStack, Fujitsu K5 and ZStack APIs, and a native one. Every operation has a page in Markdown.',
  ];
  for (const { name, document } of documents) {
    const { title } = document['info'] as { title: string };
    lines.push('', `## ${title}`, '', `- [OpenAPI document](/openapi/${name}.json)`);
    for (const { method, path, operation } of operationsOf(document)) {
      lines.push(`- [${operation.summary}](/explorer/en/${name}/${operation.operationId}.md): \`${method} ${path}\``);
    }
  }
  return `${lines.join('\n')}\n`;
}
