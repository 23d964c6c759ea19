import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLimit, ConsoleTest, picture } from './browser.ts';

let tour: ConsoleTest;
let page: Page;
/** Without hardware virtualisation a guest takes its time to boot, more so beside other work. */
const bootMs = 240_000;

beforeAll(async () => {
  tour = await ConsoleTest.start({ hypervisor: 'qemu' });
  page = await tour.open();
  await tour.signIn(page);
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

test(
  'a real guest is created by the form, and typed into through its serial console',
  async () => {
    await page.goto(`${tour.cloud.origin}/ui/servers/new`);
    await page.getByLabel('Name').first().fill('guest-1');
    await page.getByRole('button', { name: 'Create a server' }).click();
    await page.waitForURL(/\/ui\/servers\/[0-9a-f-]{36}/);
    await page.getByText('ACTIVE', { exact: true }).waitFor({ timeout: bootMs });
    await page.getByRole('tab', { name: 'Serial console' }).click();
    await page.getByText('Connected').waitFor();
    const terminal = page.locator('.serial-terminal');
    await terminal.click();
    // What was typed before the guest had booted is lost, so it is typed until it is answered.
    await expect
      .poll(
        async () => {
          await page.keyboard.type('uname -a\n');
          return await terminal.innerText();
        },
        { timeout: bootMs, interval: 2000 },
      )
      .toMatch(/Linux \S+ \d+\.\d+/);
    await picture(page, 'serial-console');
  },
  2 * bootMs,
);

test(
  'its screen is shown in the page',
  async () => {
    await page.getByRole('tab', { name: 'Screen (VNC)' }).click();
    await page.getByText('Connected').waitFor({ timeout: bootMs });
    await expect
      .poll(() => page.locator('.screen canvas').evaluate((canvas: HTMLCanvasElement) => canvas.width), {
        timeout: bootMs,
      })
      .toBeGreaterThan(300);
    expect(tour.complaints).toEqual([]);
  },
  2 * bootMs,
);
