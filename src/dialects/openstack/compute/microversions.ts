import type { AnyOperation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { atLeast, type Microversion, type MicroversionedService } from '../common/microversion.ts';
import { pythonRepr } from '../common/python-repr.ts';

type Context = Record<string, unknown>;

/** What clients may ask for. The newest ones ask for the highest there is. */
export const computeMicroversions: MicroversionedService = {
  type: 'compute',
  legacyHeader: 'X-OpenStack-Nova-API-Version',
  min: { major: 2, minor: 1 },
  max: { major: 2, minor: 96 },
};

/** `/v2` has no microversions, and drops what it doesn't know where `/v2.1` refuses it. */
export function isLegacy(context: Context): boolean {
  return context['microversion'] === undefined;
}

/** The request's microversion without its 2; `/v2` behaves as 2.1. */
export function minorOf(context: Context): number {
  return (context['microversion'] as Microversion | undefined)?.minor ?? 1;
}

/** The first and, where it was taken back, the last microversion that knows a member of a request, without their 2. */
export type KnownIn = readonly [from: number, to?: number];

/**
 * The value without members that its microversion does not know. Throws `invalid` for such a member, in Nova's words;
 * `/v2` drops it.
 * @param field the value's name in the request, as `server`
 */
export function knownMembers<T extends object>(
  context: Context,
  field: string,
  value: T,
  ranges: { [K in keyof T]?: KnownIn },
): T {
  const minor = minorOf(context);
  const unknown = (Object.entries(ranges) as Array<[keyof T & string, KnownIn]>)
    .filter(([member, [from, to]]) => value[member] !== undefined && (minor < from || minor > (to ?? minor)))
    .map(([member]) => member);
  if (unknown.length === 0) return value;
  if (!isLegacy(context)) throw unexpectedMember(field, value, unknown[0]!);
  return Object.fromEntries(Object.entries(value).filter(([member]) => !unknown.includes(member as never))) as T;
}

function unexpectedMember(field: string, value: object, member: string): CloudError {
  return invalidField(field, value, `Additional properties are not allowed ('${member}' was unexpected)`);
}

/** A member of the body is not as it must be, in the words of Nova's schemas. */
export function invalidField(field: string, value: unknown, why: string): CloudError {
  const shown = typeof value === 'string' ? value : pythonRepr(value);
  return new CloudError('invalid', `Invalid input for field/attribute ${field}. Value: ${shown}. ${why}`, { field });
}

/** Members that a microversion does not know are refused, as are missing ones that it demands. */
export function checkMembers(what: string, body: object, known: readonly string[], required: readonly string[]): void {
  const stranger = Object.keys(body).find((member) => !known.includes(member));
  if (stranger !== undefined)
    throw invalidField(what, body, `Additional properties are not allowed ('${stranger}' was unexpected)`);
  const missing = required.find((member) => !(member in body));
  if (missing !== undefined) throw invalidField(what, body, `'${missing}' is a required property`);
}

/** As `invalidField`, for the URL's query. */
export function invalidQuery(name: string, value: string, why: string): CloudError {
  return new CloudError('invalid', `Invalid input for query parameters ${name}. Value: ${value}. ${why}`, {
    field: name,
  });
}

/** The operation exists up to this microversion. */
export function until(minor: number, operation: AnyOperation): AnyOperation {
  return onlyWhere(operation, (context) => !atLeast(context, 2, minor + 1));
}

/** The operation exists since the microversion that it names as `since`. */
export function sinceItsVersion(operation: AnyOperation): AnyOperation {
  const minor = Number(operation.since?.split('.')[1] ?? 1);
  return minor <= 1 ? operation : onlyWhere(operation, (context) => atLeast(context, 2, minor));
}

function onlyWhere(operation: AnyOperation, exists: (context: Context) => boolean): AnyOperation {
  return {
    ...operation,
    handle(call) {
      if (exists(call.context)) return operation.handle(call);
      throw new CloudError('not_found', `API version 2.${minorOf(call.context)} is not supported on this method.`);
    },
  };
}
