import { CloudError } from '../errors.ts';
import type { CloudSettings } from '../settings.ts';

/** Refuses (`invalid`) a password that does not fit the operator's pattern. */
export function refuseWeakPassword(
  { passwordPattern, passwordPatternWords }: Pick<CloudSettings, 'passwordPattern' | 'passwordPatternWords'>,
  password: string | null | undefined,
): void {
  if (passwordPattern === undefined || password === null || password === undefined) return;
  if (new RegExp(passwordPattern, 'u').test(password)) return;
  const words = passwordPatternWords ?? `it must fit ${passwordPattern}`;
  throw new CloudError('invalid', `The password does not meet the requirements: ${words}.`, { field: 'password' });
}
