import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import type { CloudError, CloudErrorCode } from '../cloud/errors.ts';
import type { Subject } from '../cloud/identity/subject.ts';
import type { AnyOperation, DialectName } from './operation.ts';

/** A set of operations with the habits that they share: where they are, how one signs in, how they fail. */
export interface Dialect {
  name: DialectName;
  title: string;
  /** Version of the API itself, for its OpenAPI document. */
  version: string;
  /** Where the operations are mounted; `{name}` for parameters that every one of them then has. */
  mounts: readonly string[];
  operations: readonly AnyOperation[];
  /** Finds who asks. Undefined when no credentials came; throws a `CloudError` (`unauthenticated`) for bad ones. */
  authenticate(
    request: FastifyRequest,
    cloud: Cloud,
    requestId: string,
  ): Promise<Subject | undefined> | Subject | undefined;
  /** Looks at the request before its operation does (microversions, project in the URL); may throw a `CloudError`. */
  prepare?(request: FastifyRequest, subject: Subject | undefined): Record<string, unknown>;
  /**
   * Picks the operation among those that share a route, and the body it is to see, where that is not simply what the
   * body's one key names; may throw. Called before anything of the request is validated.
   */
  select?(operations: readonly AnyOperation[], request: FastifyRequest): { operation: AnyOperation; body: unknown };
  /** Headers that every answer carries. */
  headers(requestId: string, context: Record<string, unknown>): Record<string, string>;
  /** The dialect's form of a failure. `operation` is undefined where no operation matched. */
  fail(failure: Failure): FailureAnswer | Promise<FailureAnswer>;
  /** What `fail` makes of each of the engine's errors, for the dialect's documents. */
  errors: ErrorForms;
  /** What happens to members of a request's body that the operation does not know. */
  unknownMembers: 'refuse' | 'drop' | 'keep';
}

/**
 * Dialects that are loaded together, at the first request that comes for one of them: an API that nobody asks costs
 * neither time at the start nor memory.
 */
export interface DialectGroup {
  /** The names of all dialects in it. */
  names: readonly DialectName[];
  /** Path prefixes that are theirs alone, as `/compute`; where several groups' fit, the longest wins. */
  prefixes: readonly string[];
  load(): Promise<readonly Dialect[]>;
}

/** An engine's error in a dialect: its status, and the word of the dialect's own for it where there is one. */
export interface ErrorForm {
  status: number;
  code?: string;
}

export type ErrorForms = Readonly<Record<CloudErrorCode, ErrorForm>>;

/** `body` is text as it is, or else JSON. */
export interface FailureAnswer {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface Failure {
  error: CloudError | InvalidRequest | NoSuchOperation | UnexpectedError;
  request: FastifyRequest;
  requestId: string;
  /** Undefined where none was found, or could not be told apart before the failure. */
  operation?: AnyOperation;
  origin: string;
}

/** The request does not fit the operation's schema. */
export class InvalidRequest extends Error {
  /** Where: `params`, `query` or `body`. */
  readonly part: 'params' | 'query' | 'body';
  /** The path of the member, as `server.name`; empty for the whole. */
  readonly field: string;
  readonly value: unknown;
  /** ajv's keyword, as `required` or `maxLength`, or `json` for a body that is none, or `bodyKey`. */
  readonly rule: string;
  readonly ruleParams: Record<string, unknown>;
  constructor(
    part: 'params' | 'query' | 'body',
    field: string,
    message: string,
    rule: string,
    ruleParams: Record<string, unknown> = {},
    value?: unknown,
  ) {
    super(message);
    this.name = 'InvalidRequest';
    this.part = part;
    this.field = field;
    this.rule = rule;
    this.ruleParams = ruleParams;
    this.value = value;
  }
}

/** No operation has this method and path (`path`), this method (`method`), or this body key (`bodyKey`). */
export class NoSuchOperation extends Error {
  readonly what: 'path' | 'method' | 'bodyKey';
  constructor(what: 'path' | 'method' | 'bodyKey', message: string) {
    super(message);
    this.name = 'NoSuchOperation';
    this.what = what;
  }
}

/** A bug, or a part that failed. The user learns the request id, the log the whole chain. */
export class UnexpectedError extends Error {
  constructor(cause: unknown) {
    super('An unexpected error occurred.', { cause });
    this.name = 'UnexpectedError';
  }
}
