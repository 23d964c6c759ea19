import { Ajv, type ValidateFunction } from 'ajv';
import { CloudError } from '../../../cloud/errors.ts';
import type { Image, ImageChanges } from '../../../cloud/images/model.ts';
import { baseChange, isBaseMember, ownProperties, propertiesChange, requireWritable } from './members.ts';
import { settable } from './schemas.ts';

/** Media types of a patch; the older one names the operation by its member's key. */
export const patchTypes = [
  'application/openstack-images-v2.1-json-patch',
  'application/openstack-images-v2.0-json-patch',
] as const;

interface Change {
  op: 'add' | 'replace' | 'remove';
  name: string;
  value?: unknown;
  /** Of the older media type: there `add` is for what is not there yet. */
  isOld: boolean;
}

const ops = ['add', 'replace', 'remove'] as const;
const ajv = new Ajv({ strict: false });
const validators = new Map<string, ValidateFunction>();

/** Compiled when a member is first set; undefined for custom properties. */
function validatorOf(name: string): ValidateFunction | undefined {
  const schema = Object.hasOwn(settable, name) ? settable[name as keyof typeof settable] : undefined;
  const validator = validators.get(name) ?? (schema && ajv.compile(schema));
  if (validator) validators.set(name, validator);
  return validator;
}

/** Reads Glance's restricted JSON patch: members of the image itself, and nothing inside them. Throws 400s. */
export function parsePatch(body: unknown, mediaType: string): Change[] {
  if (!Array.isArray(body)) throw bad('Request body must be a JSON array of operation objects.');
  const isOld = mediaType === patchTypes[1];
  return body.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
      throw bad('Operations must be JSON objects.');
    }
    const members = entry as Record<string, unknown>;
    const { op, path } = isOld ? oldOperation(members) : newOperation(members);
    const change = { op, name: memberName(path), isOld };
    requireWritable(change.name);
    if (op === 'remove') return change;
    if (!Object.hasOwn(members, 'value')) throw bad(`Operation "${op}" requires a member named "value".`);
    checkValue(change.name, members['value']);
    return { ...change, value: members['value'] };
  });
}

/** What a patch comes to for the image as it is. */
export function applyPatch(image: Image, changes: readonly Change[]): ImageChanges {
  const own = ownProperties(image);
  let result: ImageChanges = {};
  for (const change of changes) {
    if (isBaseMember(change.name)) result = { ...result, ...changeBase(change) };
    else changeOwn(own, change);
  }
  return { ...result, ...propertiesChange(own) };
}

function changeBase({ op, name, value, isOld }: Change): ImageChanges {
  if (op === 'remove') {
    throw new CloudError('forbidden', `Property ${name} may not be removed.`, { reason: 'not_removable', field: name });
  }
  if (op === 'add' && isOld) throw conflict(`Property ${name} already present.`);
  return baseChange(name, value);
}

function changeOwn(own: Record<string, string>, { op, name, value, isOld }: Change): void {
  const isThere = Object.hasOwn(own, name);
  if (op !== 'add' && !isThere) throw conflict(`Property ${name} does not exist.`);
  if (op === 'add' && isOld && isThere) throw conflict(`Property ${name} already present.`);
  if (op === 'remove') delete own[name];
  else own[name] = value as string;
}

function newOperation(members: Record<string, unknown>): { op: Change['op']; path: unknown } {
  const { op, path } = members;
  if (op === undefined) throw bad(`Unable to find '${ops.join("', '")}' in JSON Schema change`);
  const known = ops.find((one) => one === op);
  if (!known) throw bad(`Invalid operation: \`${String(op)}\`. It must be one of the following: ${ops.join(', ')}.`);
  if (path === undefined) throw bad("Unable to find 'path' in JSON Schema change");
  return { op: known, path };
}

function oldOperation(members: Record<string, unknown>): { op: Change['op']; path: unknown } {
  const found = ops.filter((op) => Object.hasOwn(members, op));
  if (found.length !== 1)
    throw bad('Operation objects must contain exactly one member named "add", "remove", or "replace".');
  return { op: found[0]!, path: members[found[0]!] };
}

/** The member that a JSON pointer names. */
function memberName(path: unknown): string {
  if (typeof path !== 'string') throw bad(`Invalid JSON pointer for this resource: '${String(path)}'`);
  const [root, name, ...deeper] = path.split('/');
  if (root !== '') throw bad(`Pointer \`${path}\` does not start with "/".`);
  if (deeper.length > 0 || !name) throw bad(`Invalid JSON pointer for this resource: '${path}'`);
  if (/~(?![01])/.test(name)) throw bad(`Pointer \`${path}\` contains "~" not part of a recognized escape sequence.`);
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

function checkValue(name: string, value: unknown): void {
  const validator = validatorOf(name);
  const fits = validator ? validator(value) : typeof value === 'string';
  if (fits) return;
  const reason = validator ? 'does not fit' : "is not of type 'string'";
  throw bad(`Provided object does not match schema 'image': ${JSON.stringify(value)} ${reason} (${name})`);
}

function bad(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'bad_patch' });
}

function conflict(message: string): CloudError {
  return new CloudError('conflict', message, { reason: 'property' });
}
