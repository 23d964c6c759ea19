import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLimit, ConsoleTest, seriousProblems } from './browser.ts';

/** Without hardware virtualisation a guest takes its time, more so beside other work. */
const patience = { timeout: 120_000 };

let tour: ConsoleTest;

beforeAll(async () => {
  tour = await ConsoleTest.start({ hypervisor: 'qemu' });
}, buildLimit);
afterAll(() => tour?.[Symbol.asyncDispose]());

test("a screen's password is asked for, and what is wrong is said", async () => {
  const admin = await tour.cloud.openstack();
  const { flavors } = await admin.call('GET', '/compute/v2.1/flavors');
  const { images } = await admin.call('GET', '/image/v2/images');
  const flavorRef = flavors.find(({ name }: { name: string }) => name === 'm1.nano').id;
  const wanted = { name: 'guarded', imageRef: images[0].id, flavorRef, networks: [] };
  const { server } = await admin.call('POST', '/compute/v2.1/servers', { server: wanted });
  const status = async () => (await admin.call('GET', `/compute/v2.1/servers/${server.id}`)).server.status;
  await expect.poll(status, patience).toBe('ACTIVE');
  // It holds from the next start on.
  const password = randomBytes(4).toString('hex');
  const path = `/vm-instances/${server.id.replaceAll('-', '')}/actions`;
  await (await tour.cloud.zstack()).call('PUT', path, { setVmConsolePassword: { consolePassword: password } });
  await admin.call('POST', `/compute/v2.1/servers/${server.id}/action`, { reboot: { type: 'HARD' } });
  await expect.poll(status, patience).toBe('ACTIVE');

  const page = await tour.open();
  await tour.signIn(page);
  await page.goto(`${tour.cloud.origin}/ui/servers/${server.id}?tab=screen`);
  const field = page.getByLabel("The screen's password");
  await field.waitFor(patience);
  expect(await seriousProblems(page)).toEqual([]);
  // It has the keyboard.
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.getByText("The screen's password is wrong.").waitFor(patience);
  await page.getByRole('button', { name: 'Connect again' }).click();
  await field.waitFor(patience);
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.getByText('Connected', { exact: true }).waitFor(patience);
  expect(await field.count()).toBe(0);
}, 300_000);
