import { afterAll, beforeAll, expect, test } from 'vitest';
import { passcodeAt, totpSecret } from '../../src/cloud/identity/totp.ts';
import { buildLimit, ConsoleTest, seriousProblems } from './browser.ts';

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY';
const options = { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'totp']] };

let tour: ConsoleTest;

beforeAll(async () => {
  tour = await ConsoleTest.start();
}, buildLimit);
afterAll(() => tour?.[Symbol.asyncDispose]());

test('a user of several methods is asked for a passcode, and comes in with the right one', async () => {
  await tour.cloud.member('mio');
  const admin = await tour.cloud.openstack();
  const { users } = await admin.call('GET', '/identity/v3/users?name=mio');
  const { id } = users[0];
  const credential = { user_id: id, type: 'totp', blob: secret };
  await admin.call('POST', '/identity/v3/credentials', { credential });
  await admin.call('PATCH', `/identity/v3/users/${id}`, { user: { options } });

  const page = await tour.open();
  await page.goto(tour.cloud.origin);
  await page.getByLabel('User name').fill('mio');
  await page.getByLabel('Password').fill('mio');
  expect(await page.getByLabel('Passcode').count()).toBe(0);
  const enter = page.getByRole('button', { name: 'Sign in' });
  await enter.click();
  const passcode = page.getByLabel('Passcode');
  await passcode.fill('000000');
  expect(await seriousProblems(page)).toEqual([]);
  await enter.click();
  await page.getByText('The name, the password or the passcode is wrong.').waitFor();
  await passcode.fill(passcodeAt(totpSecret(secret)!, Date.now() * 1000));
  await enter.click();
  await page.waitForURL('**/ui/home');
});
