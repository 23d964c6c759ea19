import { expect, it } from 'vitest';
import { complianceNames, noCompliance, parseCompliance, refuseWeakPassword } from './security-compliance.ts';

it('reads rules by the names that Keystone has for them', () => {
  expect(parseCompliance({})).toEqual(noCompliance);
  const written = {
    lockout_failure_attempts: '5',
    lockout_duration: '60',
    password_regex: '^.{8,}$',
    password_regex_description: 'eight or more',
    unique_last_password_count: '3',
    password_expires_days: '90',
    minimum_password_age: '1',
    change_password_upon_first_use: 'True',
    disable_user_account_days_inactive: '0',
  };
  expect(Object.keys(written)).toEqual(complianceNames);
  const rules = parseCompliance(written);
  expect(rules).toEqual({
    lockoutFailureAttempts: 5,
    lockoutDuration: 60,
    passwordRegex: '^.{8,}$',
    passwordRegexDescription: 'eight or more',
    uniqueLastPasswordCount: 3,
    passwordExpiresDays: 90,
    minimumPasswordAge: 1,
    changePasswordUponFirstUse: true,
    disableUserAccountDaysInactive: 0,
  });
  expect(() => refuseWeakPassword(rules, 'short')).toThrow('eight or more');
  refuseWeakPassword(rules, 'long enough');
});

it.each([
  [{ lockout_failures: '1' }, /^There is no lockout_failures, but lockout_failure_attempts, /],
  [{ toString: '1' }, /^There is no toString/],
  [{ lockout_duration: 'long' }, /^lockout_duration: it must be a whole number/],
  [{ password_expires_days: '-1' }, /^password_expires_days: it must be a whole number/],
  [{ password_regex: '(' }, /^password_regex: /],
  [{ change_password_upon_first_use: 'perhaps' }, /must be true or false/],
  [{ password_expires_days: '2', minimum_password_age: '2' }, /must be less than password_expires_days/],
])('refuses %j', (written, words) => {
  expect(() => parseCompliance(written as unknown as Record<string, string>)).toThrow(words);
});
