import { CloudError } from '../../../cloud/errors.ts';
import type { Image, ImageChanges, Visibility } from '../../../cloud/images/model.ts';
import { parseId } from '../../../env/env.ts';
import { readOnly, settable } from './schemas.ts';

/** Members that no request may set: 403, whatever the value. */
const readOnlyNames = new Set([...Object.keys(readOnly), 'direct_url', 'sync_status_reason']);
// What is called `__proto__` would be no property of an object, and be lost without a word.
const reservedNames = new Set(['location', 'deleted', 'deleted_at', 'locations', '__proto__']);
const reservedPrefix = 'os_glance_';

/** Refuses names that are the service's own. */
export function requireWritable(name: string, options: { except?: string } = {}): void {
  if (name !== options.except && readOnlyNames.has(name)) {
    throw new CloudError('forbidden', `Attribute '${name}' is read-only.`, { reason: 'read_only', field: name });
  }
  if (reservedNames.has(name) || name.startsWith(reservedPrefix)) {
    throw new CloudError('forbidden', `Attribute '${name}' is reserved.`, { reason: 'reserved', field: name });
  }
}

/** Whether the image always has a member of this name. */
export function isBaseMember(name: string): boolean {
  return Object.hasOwn(settable, name) || readOnlyNames.has(name);
}

/** One base member's value, already held against its schema, as a change of the image. */
export function baseChange(name: string, value: unknown): ImageChanges {
  switch (name) {
    case 'name':
      return { name: value as string | null };
    case 'visibility':
      return { visibility: value as Visibility };
    case 'protected':
      return { isProtected: value as boolean };
    case 'os_hidden':
      return { isHidden: value as boolean };
    case 'container_format':
      return { containerFormat: value as string | null };
    case 'disk_format':
      return { diskFormat: value as string | null };
    case 'min_disk':
      return { minDiskGb: value as number };
    case 'min_ram':
      return { minMemoryMb: value as number };
    case 'tags':
      return { tags: value as string[] };
    case 'owner':
      return value === null ? {} : { projectId: parseId(value as string) ?? (value as string) };
    default:
      throw new Error(`the image has no base member ${name}`);
  }
}

/** The image's own properties as its clients see them: the description is one of them. */
export function ownProperties(image: Pick<Image, 'properties' | 'description'>): Record<string, string> {
  return { ...image.properties, ...(image.description === null ? {} : { description: image.description }) };
}

/** The way back of `ownProperties`. */
export function propertiesChange(own: Record<string, string>): ImageChanges {
  const { description, ...properties } = own;
  return { properties, description: description ?? null };
}
