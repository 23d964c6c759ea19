import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TObject, TSchema } from 'typebox';
import type { Cloud } from '../cloud/cloud.ts';
import type { Allowed, Subject } from '../cloud/identity/subject.ts';

/**
 * One API operation, said once. From it come the route with its validation and compiled serialisation, the OpenAPI
 * document, the explorer's page, the permission matrix and the test that runs the operation's own example.
 */
export interface Operation<
  Params extends TObject = TObject,
  Query extends TObject = TObject,
  Body extends TSchema = TSchema,
> {
  /** Unique within the dialect, as `RebuildServer`. Never changed once released: permalinks and catalogues use it. */
  id: string;
  dialect: DialectName;
  /** The group it stands under in documents, as `servers`. */
  group: string;
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Relative to where the dialect is mounted; `{name}` for parameters. */
  path: string;
  /**
   * Several operations may share a method and path: the body's one key with this name chooses among them, and `body`
   * describes the value under the key.
   */
  bodyKey?: string;
  /** The API version that brought it, in the dialect's own counting. */
  since?: string;
  /** Whether the answer comes before the work is done. */
  mode: 'sync' | 'async';
  allow: Allowed;
  params?: Params;
  query?: Query;
  body?: Body;
  /** The media types of a body that is not JSON; the handler then reads `raw.body` as a stream. */
  consumes?: string[];
  /** False where the operation has effects outside of the database before its first transaction: they can't be taken back. */
  dryRun?: false;
  /** Status → schema of the JSON body, or null for an empty one, or `'stream'` for bytes. The first one is the usual. */
  responses: Record<number, TSchema | null | 'stream'>;
  /** Failures a client should expect, by the dialect's status. */
  errors: readonly number[];
  title: string;
  summary: string;
  examples: readonly OperationExample[];
  handle: (call: Call<Static<Params>, Static<Query>, Static<Body>>) => Promise<Answer> | Answer;
}

export type DialectName =
  | 'identity'
  | 'compute'
  | 'image'
  | 'network'
  | 'volume'
  | 'placement'
  | 'k5'
  | 'zstack'
  | 'native';

/** What a handler gets: valid input, and who asks. */
export interface Call<Params = unknown, Query = unknown, Body = unknown> {
  cloud: Cloud;
  /** Undefined only where `allow` is `anyone`. */
  subject: Subject;
  params: Params;
  query: Query;
  body: Body;
  requestId: string;
  /** Values of the mount point's own parameters, as `tenant_id`. */
  mount: Record<string, string>;
  /** The URL under which the client reached the dialect's mount point: links start with it; no slash at the end. */
  base: string;
  /** The scheme and authority clients reach us by, as `http://127.0.0.1:8774`. */
  origin: string;
  /** What the dialect's own hook found in the request, as its microversion. */
  context: Record<string, unknown>;
  raw: FastifyRequest;
  reply: FastifyReply;
}

/** What a handler gives. `body` is serialised by the response's schema: members it does not name do not leave. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** The same object may be given again: what it was serialised to is kept for as long as the object lives. */
  isShared?: boolean;
  /** The member of `body` that lists objects of which each may be given again, likewise. */
  sharedItems?: string;
}

export interface OperationExample {
  title: string;
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  status: number;
  response?: unknown;
}

/** Checks the definition's types against each other and forgets them, so that operations can stand in one list. */
export function operation<Params extends TObject, Query extends TObject, Body extends TSchema>(
  definition: Operation<Params, Query, Body>,
): AnyOperation {
  return definition as unknown as AnyOperation;
}

export type AnyOperation = Operation;
