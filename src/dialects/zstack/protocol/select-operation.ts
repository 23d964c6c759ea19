import type { FastifyRequest } from 'fastify';
import type { TObject } from 'typebox';
import type { AnyOperation } from '../../../api/operation.ts';
import { readFields } from './field-types.ts';
import { knownOperations } from './known-operations.ts';
import { requirePermission } from './permission.ts';
import { factsOf } from './request-facts.ts';
import { tagFields } from './tag-fields.ts';
import { traitsOf } from './traits.ts';
import { invalidArgument, MalformedRequest, ZStackError } from './zstack-error.ts';

type Members = Record<string, unknown>;

/**
 * Finds the operation that a request means, and its fields: for POST they stand under `params`, for PUT under the name
 * of the action, for GET and DELETE in the query string. Tags may stand beside the fields or among them.
 */
export function selectOperation(operations: readonly AnyOperation[], request: FastifyRequest) {
  const { operation, fields } = pick(operations, request);
  requirePermission(factsOf(request)?.subject, operation);
  if (!operation.body) return { operation, body: undefined };
  return { operation, body: readFields(operation.body as unknown as TObject, fields) };
}

function pick(
  operations: readonly AnyOperation[],
  request: FastifyRequest,
): { operation: AnyOperation; fields: Members } {
  const first = operations[0]!;
  if (request.method !== 'POST' && request.method !== 'PUT') return { operation: first, fields: {} };
  const body = bodyOf(request);
  const chosen =
    request.method === 'POST' ? { operation: first, key: first.bodyKey! } : choose(operations, body, request);
  const fields = { ...membersOf(body[chosen.key], chosen.key) };
  refuseContradictions(chosen.operation, fields, request);
  for (const name of tagFields) if (body[name] !== undefined && body[name] !== null) fields[name] = body[name];
  return { operation: chosen.operation, fields };
}

/** Several actions share one path; the body has the name of the one that is meant as a key. */
function choose(operations: readonly AnyOperation[], body: Members, request: FastifyRequest) {
  for (const operation of operations) {
    const names = [operation.bodyKey!, ...(traitsOf(operation).bodyKeyAliases ?? [])];
    const key = names.find((name) => Object.hasOwn(body, name));
    if (key) return { operation, key };
  }
  const path = pathOf(request);
  const known = knownOperations('PUT', path) ?? [];
  const elsewhere = known.find((id) => Object.hasOwn(body, bodyKeyOf(id)));
  if (elsewhere) throw notOffered(elsewhere);
  if (Object.hasOwn(body, 'params')) {
    const params = membersOf(body['params'], 'params');
    const fits = operations.find((operation) => traitsOf(operation).fitsPlainParams?.(params));
    if (fits && onlyTagsBesides(body, 'params')) return { operation: fits, key: 'params' };
  }
  // Where a path has a single action there is nothing to choose.
  if (known.length <= 1 && operations.length === 1) return { operation: operations[0]!, key: 'params' };
  throw new MalformedRequest(`the body doesn't contain action mapping to the URL[/v1${path}]`);
}

function onlyTagsBesides(body: Members, key: string): boolean {
  return Object.keys(body).every((name) => name === key || (tagFields as readonly string[]).includes(name));
}

/** The failure for operations that exist in the dialect, but not here. */
export function notOffered(id: string): ZStackError {
  return new ZStackError('SYS.1014', `the operation[${id}] is not offered by this cloud`);
}

/** `RecoverImage` → `recoverImage` */
export function bodyKeyOf(id: string): string {
  return id.charAt(0).toLowerCase() + id.slice(1);
}

/** The request's path relative to `/v1`, decoded. */
export function pathOf(request: FastifyRequest): string {
  const path = request.url
    .split('?', 1)[0]!
    .replace(/^\/zstack(?=\/)/, '')
    .replace(/^\/v1(?=\/|$)/, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** SDKs send `null`, `{}` or nothing where an operation has no parameters. */
function bodyOf(request: FastifyRequest): Members {
  const body = request.body;
  if (body === undefined || body === null) return {};
  if (typeof body === 'object' && !Array.isArray(body)) return body as Members;
  throw new MalformedRequest('the request body must be a JSON object');
}

function membersOf(value: unknown, key: string): Members {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Members;
  throw new MalformedRequest(`[${key}] in the request body must be a JSON object`);
}

/** What the URL says wins over the body; a body that says something else is a mistake worth telling. */
function refuseContradictions(operation: AnyOperation, fields: Members, request: FastifyRequest): void {
  const inUrl = Object.values(request.params as Record<string, string>);
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  for (const [index, name] of names.entries()) {
    const value = fields[name];
    if (typeof value === 'string' && value !== '' && value !== inUrl[index]) {
      throw invalidArgument(`field[${name}] in the body is ${value}, but the URL says ${inUrl[index]}`);
    }
    delete fields[name];
  }
}
