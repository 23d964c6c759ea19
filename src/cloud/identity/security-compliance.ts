import { CloudError } from '../errors.ts';
import { adminAccountId, type Options, type User } from './model.ts';

/**
 * What an operator asks of passwords and of those who sign in, as Keystone's section `[security_compliance]`. Times are
 * seconds or days, 0 where a rule is not wanted.
 */
export interface SecurityCompliance {
  /** After how many wrong passwords in a row a user is locked out. */
  lockoutFailureAttempts: number;
  /** For how many seconds. */
  lockoutDuration: number;
  /** A regular expression that new passwords have to fit, and what it asks for in words. */
  passwordRegex?: string;
  passwordRegexDescription?: string;
  /** How many of their passwords in a row users have to make different ones, the one that they have among them. */
  uniqueLastPasswordCount: number;
  /** For how many days a new password is good. */
  passwordExpiresDays: number;
  /** For how many days users have to keep a password. */
  minimumPasswordAge: number;
  /** Whether users have to replace a password that somebody else gave them before they can sign in. */
  changePasswordUponFirstUse: boolean;
  /** After how many days in which they never signed in users are disabled. */
  disableUserAccountDaysInactive: number;
}

export const noCompliance: SecurityCompliance = {
  lockoutFailureAttempts: 0,
  lockoutDuration: 1800,
  uniqueLastPasswordCount: 0,
  passwordExpiresDays: 0,
  minimumPasswordAge: 0,
  changePasswordUponFirstUse: false,
  disableUserAccountDaysInactive: 0,
};

const dayMicros = 24 * 3600 * 1_000_000;

/** Refuses (`invalid`) a password that does not fit the operator's pattern. */
export function refuseWeakPassword(
  { passwordRegex, passwordRegexDescription }: SecurityCompliance,
  password: string | null | undefined,
): void {
  if (passwordRegex === undefined || password === null || password === undefined) return;
  if (new RegExp(passwordRegex, 'u').test(password)) return;
  const words = passwordRegexDescription ?? `it must fit ${passwordRegex}`;
  throw new CloudError('invalid', `The password does not meet the requirements: ${words}.`, { field: 'password' });
}

/**
 * When a password expires that is given now: at once where its user has to replace it, and never where the user's options
 * say so.
 * @param isOwn whether its user has chosen it
 */
export function passwordExpiry(
  rules: SecurityCompliance,
  { now, options, isOwn }: { now: number; options: Options; isOwn: boolean },
): number | null {
  const mayStay = options['ignore_change_password_upon_first_use'] === true;
  if (rules.changePasswordUponFirstUse && !isOwn && !mayStay) return now;
  if (rules.passwordExpiresDays === 0 || options['ignore_password_expiry'] === true) return null;
  // Keystone keeps whole seconds.
  return Math.floor(now / 1_000_000) * 1_000_000 + rules.passwordExpiresDays * dayMicros;
}

/** Throws `unauthenticated` in the words by which clients know that a new password is wanted. */
export function refuseExpiredPassword(user: User, now: number): void {
  if (!isPasswordExpired(user, now)) return;
  const words = `The password is expired and needs to be changed for user: ${user.id}.`;
  throw new CloudError('unauthenticated', words, { reason: 'password_expired' });
}

function isPasswordExpired({ passwordExpiresAt, options }: User, now: number): boolean {
  return passwordExpiresAt !== undefined && passwordExpiresAt <= now && options['ignore_password_expiry'] !== true;
}

/** Throws `invalid` where the user has not had the password for long enough to choose another one. */
export function refuseYoungPassword(rules: SecurityCompliance, user: User, now: number): void {
  const { minimumPasswordAge: days } = rules;
  if (days === 0 || user.passwordChangedAt === undefined || isPasswordExpired(user, now)) return;
  const left = Math.ceil((user.passwordChangedAt + days * dayMicros - now) / dayMicros);
  if (left <= 0) return;
  const words =
    'You cannot change your password at this time due to the minimum password age. Once you change your password, it ' +
    `must be used for ${days} day(s) before it can be changed. Please try again in ${left} day(s) or contact your ` +
    'administrator to reset your password.';
  throw new CloudError('invalid', words, { field: 'password' });
}

/** @returns the error for a password that the user has had before. */
export function repeatedPassword({ uniqueLastPasswordCount: count }: SecurityCompliance): CloudError {
  const words =
    'The new password cannot be identical to a previous password. The total number which includes the new password that ' +
    `must be unique is ${count}.`;
  return new CloudError('invalid', words, { field: 'password' });
}

/**
 * The user as they count at this moment: disabled where they have not signed in for too long. The cloud's first
 * administrator is never away for too long: nobody would be left who could enable anybody.
 */
export function asActive(rules: SecurityCompliance, user: User, now: number): User {
  const { disableUserAccountDaysInactive: days } = rules;
  if (days === 0 || !user.enabled || user.id === adminAccountId || user.options['ignore_user_inactivity'] === true) {
    return user;
  }
  const daysAway = dayOf(now) - dayOf(user.lastActiveAt ?? user.createdAt);
  return daysAway >= days ? { ...user, enabled: false } : user;
}

/** Whether a sign-in of now is a later day than the last one that is known. */
export function isNewDay(user: User, now: number): boolean {
  return user.lastActiveAt === undefined || dayOf(user.lastActiveAt) !== dayOf(now);
}

function dayOf(micros: number): number {
  return Math.floor(micros / dayMicros);
}

/** Keystone's names of the rules. */
const parsers: { [name: string]: (text: string) => Partial<SecurityCompliance> } = {
  lockout_failure_attempts: (text) => ({ lockoutFailureAttempts: wholeNumber(text) }),
  lockout_duration: (text) => ({ lockoutDuration: wholeNumber(text) }),
  password_regex: (text) => ({ passwordRegex: new RegExp(text, 'u').source }),
  password_regex_description: (text) => ({ passwordRegexDescription: text }),
  unique_last_password_count: (text) => ({ uniqueLastPasswordCount: wholeNumber(text, 24) }),
  password_expires_days: (text) => ({ passwordExpiresDays: wholeNumber(text) }),
  minimum_password_age: (text) => ({ minimumPasswordAge: wholeNumber(text) }),
  change_password_upon_first_use: (text) => ({ changePasswordUponFirstUse: yesOrNo(text) }),
  disable_user_account_days_inactive: (text) => ({ disableUserAccountDaysInactive: wholeNumber(text) }),
};

export const complianceNames: readonly string[] = Object.keys(parsers);

/** Rules by Keystone's names, as an operator writes them. Throws an `Error` that says what is wrong. */
export function parseCompliance(written: Readonly<Record<string, string>>): SecurityCompliance {
  const rules: SecurityCompliance = { ...noCompliance };
  for (const [name, text] of Object.entries(written)) {
    const parse = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
    if (!parse) throw new Error(`There is no ${name}, but ${complianceNames.join(', ')}.`);
    try {
      Object.assign(rules, parse(text));
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`);
    }
  }
  const { minimumPasswordAge: least, passwordExpiresDays: most } = rules;
  if (most > 0 && least >= most) {
    throw new Error('minimum_password_age must be less than password_expires_days, or nobody could change a password.');
  }
  return rules;
}

function wholeNumber(text: string, most = 100_000): number {
  const number = Number(text);
  if (text !== '' && Number.isSafeInteger(number) && number >= 0 && number <= most) return number;
  throw new Error(`it must be a whole number from 0 to ${most}.`);
}

function yesOrNo(text: string): boolean {
  const word = text.toLowerCase();
  if (['true', 'yes', '1'].includes(word)) return true;
  if (['false', 'no', '0'].includes(word)) return false;
  throw new Error('it must be true or false.');
}
