import { CloudError } from '../../../cloud/errors.ts';

type Specs = Record<string, string>;

/** Cinder's rule for the keys of specs, of volume types and of group types. Throws `invalid`, also for none at all. */
export function refuseOddKeys(member: 'extra_specs' | 'group_specs', wanted: Specs): void {
  const odd = Object.keys(wanted).find((key) => !/^[\w\-:. ]{1,255}$/.test(key));
  if (odd === undefined && Object.keys(wanted).length > 0) return;
  throw new CloudError('invalid', `Invalid input for field/attribute ${member}: the key '${odd ?? ''}' is invalid.`);
}

/** The value of the key that the path names: the body's only one. Throws `invalid`. */
export function valueOfOnly(member: 'extra_specs' | 'group_specs', body: Specs, key: string): string {
  const value = body[key];
  if (value === undefined) throw new CloudError('invalid', 'Request body and URI mismatch');
  if (Object.keys(body).length !== 1) throw new CloudError('invalid', 'Request body contains too many items');
  refuseOddKeys(member, body);
  return value;
}

/** The specs without the key. Throws what `missing` makes where there is none. */
export function withoutKey(specs: Specs, key: string, missing: () => CloudError): Specs {
  const { [key]: value, ...others } = specs;
  if (value === undefined) throw missing();
  return others;
}
