import { Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { invalidField } from './microversions.ts';

/** As many tags as a server may have, and as long as one may be. */
const most = 50;
const longest = 60;

/** By what a guest knows one of its devices. */
export const DeviceTag = Type.String({ minLength: 1, maxLength: longest, pattern: '^[^,/]*$' });

export const TagNames = Type.Array(Type.String({ minLength: 1, maxLength: longest }), {
  maxItems: most,
  description: 'Words to find servers by, without `/` and `,`; from 2.52 on.',
});

/** Throws `invalid` for a tag that could not stand in a URL or a list. */
export function checkTagNames(tags: readonly string[]): void {
  for (const tag of tags) {
    if (tag === '' || tag.length > longest) throw invalidField('tag', tag, `'${tag}' is too ${tag ? 'long' : 'short'}`);
    if (/[,/]/.test(tag)) throw invalidField('tag', tag, `'${tag}' does not match '^[^,/]*$'`);
  }
}

export function checkTagCount(count: number): void {
  if (count > most) {
    throw new CloudError('invalid', `The number of tags exceeded the per-server limit ${most}`, { reason: 'tags' });
  }
}
