import { CloudError } from '../../../cloud/errors.ts';
import type { ImageChanges } from '../../../cloud/images/model.ts';
import { baseChange, isBaseMember, propertiesChange, requireWritable } from './members.ts';

/** The members of a request as an image's, those that are not its base's as properties of its own. */
export function newImage(members: Record<string, unknown>): ImageChanges {
  const own: Record<string, string> = {};
  let image: ImageChanges = {};
  for (const [name, value] of Object.entries(members)) {
    requireWritable(name);
    if (isBaseMember(name)) image = { ...image, ...baseChange(name, value) };
    else if (typeof value === 'string') own[name] = value;
    else {
      const found = JSON.stringify(value);
      throw new CloudError(
        'invalid',
        `Provided object does not match schema 'image': ${found} is not of type 'string' (${name})`,
        { field: name },
      );
    }
  }
  return { ...image, ...propertiesChange(own) };
}
