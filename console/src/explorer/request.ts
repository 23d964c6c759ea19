import type { ApiCall } from '../lib/api.ts';
import { session } from '../lib/session.ts';
import type { CatalogueEntry, Schema } from './catalogue.ts';
import { versionHeader } from './versions.ts';

/** What is filled in of a request. */
export interface Draft {
  params: Record<string, string>;
  query: Record<string, string>;
  /** JSON, as it is typed. */
  body: string;
}

/** A request to begin with: the operation's own example, or else what its schema asks for. */
export function exampleRequest({ operation }: CatalogueEntry): Draft {
  const content = operation.requestBody?.content['application/json'];
  const [example] = Object.values(content?.examples ?? {});
  const value = example?.value ?? (content?.schema ? skeleton(content.schema) : undefined);
  const projectId = session()?.project.id ?? '';
  const params = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
  return {
    params: Object.fromEntries(
      params.map(({ name }) => [name, name === 'tenant_id' || name === 'project_id' ? projectId : '']),
    ),
    query: {},
    body: value === undefined ? '' : JSON.stringify(value, undefined, 2),
  };
}

/** The call that the draft makes, in the version that was chosen. Path parameters that are missing stay as `{name}`. */
export function requestOf({ method, path, product }: CatalogueEntry, draft: Draft, version?: string): ApiCall {
  const filled = path.replaceAll(/\{(\w+)\}/g, (slot, name: string) => {
    const value = draft.params[name];
    return value ? encodeURIComponent(value) : slot;
  });
  const query = new URLSearchParams(Object.entries(draft.query).filter(([, value]) => value !== '')).toString();
  const headers =
    product === 'zstack'
      ? { Authorization: `OAuth ${session()?.zstack ?? '$ZSTACK_SESSION'}` }
      : version && versionHeader(product, version);
  return {
    method,
    path: query ? `${filled}?${query}` : filled,
    body: parsed(draft.body),
    ...(headers ? { headers } : {}),
  };
}

function parsed(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const maxDepth = 5;

/** The smallest value that has every required member. */
function skeleton(schema: Schema, depth = 0): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = schema.oneOf?.[0] ?? schema.anyOf?.[0];
  if (choice) return skeleton(choice, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object' || schema.properties) {
    if (depth > maxDepth) return {};
    return Object.fromEntries(
      (schema.required ?? []).map((name) => [name, skeleton(schema.properties?.[name] ?? {}, depth + 1)]),
    );
  }
  if (type === 'array') return [];
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0;
  return type === 'boolean' ? false : '';
}
