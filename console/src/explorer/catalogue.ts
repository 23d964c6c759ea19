import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { titlesOf } from './titles.ts';

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  additionalProperties?: boolean | Schema;
  patternProperties?: Record<string, Schema>;
  $ref?: string;
  $defs?: Record<string, Schema>;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: Schema;
}

/** An error of the engine behind a status, and the dialect's own word for it where it has one. */
export interface ErrorCause {
  cause: string;
  code?: string;
}

interface OpenApiResponse {
  description: string;
  content?: Record<string, { schema?: Schema; example?: unknown }>;
  'x-errors'?: ErrorCause[];
}

/** One operation as its dialect's OpenAPI document has it. */
export interface OpenApiOperation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: {
    required?: boolean;
    content: Record<string, { schema?: Schema; examples?: Record<string, { value: unknown }> }>;
  };
  responses: Record<string, OpenApiResponse>;
  security?: unknown[];
  'x-since'?: string;
  'x-mode'?: 'sync' | 'async';
  'x-allow'?: string;
  'x-body-key'?: string;
  'x-dry-run'?: boolean;
  'x-operations'?: OpenApiOperation[];
}

/** An operation with its place: what the explorer has a page for. */
export interface CatalogueEntry {
  /** Unique over everything. */
  key: string;
  product: Product;
  id: string;
  group: string;
  method: string;
  path: string;
  titles: { en: string; ja: string; 'zh-CN': string };
  operation: OpenApiOperation;
}

/** The APIs, in the order in which the explorer shows them. */
export const products = {
  native: 'Unkai',
  compute: 'OpenStack Compute (Nova)',
  image: 'OpenStack Image (Glance)',
  network: 'OpenStack Network (Neutron)',
  volume: 'OpenStack Block Storage (Cinder)',
  identity: 'OpenStack Identity (Keystone)',
  placement: 'OpenStack Placement',
  k5: 'Fujitsu K5',
  zstack: 'ZStack Cloud, ZSphere',
} as const;
export type Product = keyof typeof products;

interface Document {
  info: { version: string };
  paths: Record<string, Record<string, OpenApiOperation>>;
}

const known = Object.keys(products) as Product[];

let listing: Promise<string[]> | undefined;

/** Which documents this cloud has. */
function servedDocuments(): Promise<string[]> {
  listing ??= fetch('/openapi')
    .then(async (response) => ((await response.json()) as { documents: string[] }).documents)
    .catch((error: unknown) => {
      // Who asks again gets another answer.
      listing = undefined;
      throw error;
    });
  return listing;
}

/** Reads the OpenAPI documents of every API that the cloud serves, once. */
export function useCatalogue(): CatalogueEntry[] {
  const results = useQueries({
    queries: known.map((product) => ({
      queryKey: ['openapi', product],
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: Number.POSITIVE_INFINITY,
      retry: 4,
      queryFn: async () => {
        if (!(await servedDocuments()).includes(`/openapi/${product}.json`)) return [];
        const response = await fetch(`/openapi/${product}.json`);
        // A cloud that is busy just now is asked again; what is kept is kept for good.
        if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
        return entriesOf(product, (await response.json()) as Document);
      },
    })),
  });
  const stamp = results.map(({ dataUpdatedAt }) => dataUpdatedAt).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the stamp changes when one of the documents does
  return useMemo(() => results.flatMap(({ data }) => data ?? []), [stamp]);
}

function entriesOf(product: Product, document: Document): CatalogueEntry[] {
  const seen = new Map<string, number>();
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, item]) =>
      (item['x-operations'] ?? [item]).map((operation) => {
        // Where an older mount point has the same operation again, the first page keeps the plain address.
        const count = (seen.get(operation.operationId) ?? 0) + 1;
        seen.set(operation.operationId, count);
        const id = count === 1 ? operation.operationId : `${operation.operationId}.${count}`;
        return {
          key: `${product} ${id}`,
          product,
          id,
          // Nova's older generation has the same operations again, under names of its own.
          group: `${operation.tags[0] ?? ''}${path.startsWith('/compute/v2/') ? ' (v2)' : ''}`,
          method: method.toUpperCase(),
          path,
          titles: titlesOf(operation.summary),
          operation,
        };
      }),
    ),
  );
}
