import { Type } from 'typebox';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { parseId } from '../../../env/env.ts';
import { pythonRepr } from '../common/python-repr.ts';

/** What every schema of this API is made of. */
export const textOrNull = (more: object = {}) => Type.Unsafe<string | null>({ type: ['string', 'null'], ...more });
export const optionalText = (description: string) => Type.Optional(textOrNull({ description }));
export const flag = (more: object = {}) => Type.Unsafe<boolean | string>({ type: ['boolean', 'string'], ...more });

/** Keys and values that users set: texts of 255 characters at most. */
export const Metadata = Type.Unsafe<Record<string, string>>({
  type: 'object',
  propertyNames: { minLength: 1, maxLength: 255 },
  additionalProperties: { type: 'string', maxLength: 255 },
});
export const MetadataDocument = Type.Object({ metadata: Metadata });

export const gib = 2 ** 30;

/** Cinder counts in whole GiB. */
export function inGib(bytes: number): number {
  return Math.ceil(bytes / gib);
}

/** A boolean as Cinder's clients write it: also as `"True"`, `"0"` and so on. */
export function booleanOf(value: boolean | string | undefined, name: string): boolean {
  if (typeof value === 'boolean') return value;
  const text = String(value).toLowerCase();
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(text)) return true;
  if (['false', '0', 'no', 'off', 'f', 'n'].includes(text)) return false;
  throw new CloudError('invalid', `Invalid value '${value}' for ${name}. A boolean is expected.`, { field: name });
}

/** More could not be counted in bytes. */
const largestGib = 2 ** 22 - 1;

/** A size in GiB, also written as text, in bytes. */
export function bytesOf(size: number | string | null | undefined, name: string): number | undefined {
  if (size === null || size === undefined) return undefined;
  const gibibytes = Number(size);
  const isWhole = Number.isInteger(gibibytes) && size !== '';
  if (isWhole && gibibytes > 0 && gibibytes <= largestGib) return gibibytes * gib;
  if (isWhole && gibibytes > 0) {
    const message = `VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested ${size}G, quota is ${largestGib}G for any volume.`;
    throw new CloudError('quota_exceeded', message, { resource: 'quota', reason: 'gigabytes' });
  }
  const shown = pythonRepr(size);
  const why = isWhole ? `${size} is less than the minimum of 1` : `${shown} does not match '^[0-9]+$'`;
  throw new CloudError('invalid', `Invalid input for field/attribute ${name}. Value: ${size}. ${why}`, { field: name });
}

/** The id in a path. A text that can't be one names nothing: clients try names like this first. */
export function idOf(kind: 'volume' | 'snapshot' | 'backup', text: string): string {
  const id = parseId(text);
  if (id) return id;
  const words = { volume: 'Volume', snapshot: 'Snapshot', backup: 'Backup' }[kind];
  throw notFound(kind, text, `${words} ${text} could not be found.`);
}

/** The id of something that a body names. */
export function namedId(kind: string, text: string | null | undefined): string | undefined {
  if (text === null || text === undefined || text === '') return undefined;
  const id = parseId(text);
  if (id) return id;
  throw new CloudError('invalid', `Invalid input received: Invalid ${kind} identifier ${text}.`, { field: kind });
}
