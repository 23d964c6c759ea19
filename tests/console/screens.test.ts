import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLimit, ConsoleTest, picture, setTheme } from './browser.ts';
import { populate } from './populated.ts';

const limit = 300_000;
const phone = { width: 390, height: 844 };
/** What one looks at, and stops, on the way. */
const onPhones = new Set(['home', 'servers', 'server-timeline']);
const isWanted = Boolean(process.env['UNKAI_SCREENSHOTS']);

let tour: ConsoleTest;
let servers: Record<string, string>;

beforeAll(async () => {
  tour = await ConsoleTest.start({ hosts: 3, faults: true });
  servers = await populate(await tour.cloud.openstack());
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

/** Main screens: the name of the picture, where it is, and what is there when it is whole. */
const screens = (): Array<[name: string, path: string, ready: string]> => [
  ['home', '/ui/home', '.feed .what'],
  ['servers', '/ui/servers', '.rows [role=row]'],
  ['server', `/ui/servers/${servers['web-1']}`, '.facts'],
  ['server-timeline', `/ui/servers/${servers['web-1']}?tab=timeline`, '.spans .bar'],
  ['create-server', '/ui/servers/new', '.choice'],
  ['images', '/ui/images', '.rows [role=row]'],
  ['networks', '/ui/r/networks', '.rows [role=row]'],
  ['topology', '/ui/topology', 'svg.topology'],
  ['hosts', '/ui/r/hosts', '.rows [role=row]'],
  ['explorer', '/explorer/en/compute/CreateServer', '.verb'],
];

/** Others that a telephone shows whole; nobody needs pictures of them. */
const unpictured = async (): Promise<Array<[name: string, path: string, ready: string]>> => {
  const [host] = await tour.cloud.cloud.hosts.list();
  const dashed = host!.id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return [
    ['quotas', '/ui/quotas', '.stat .value'],
    ['host', `/ui/r/hosts/${dashed}`, '.meter'],
  ];
};

async function visit(page: Page, path: string, ready: string): Promise<void> {
  await page.goto(tour.cloud.origin + path);
  await page.locator(`#content ${ready}`).first().waitFor();
  await page.evaluate(() => document.fonts.ready);
}

/** What sticks out of the page to the right, as who looks at it on a telephone finds out. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('#content, .topbar')]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
      .map(({ tagName, className, scrollWidth }) => `${tagName}.${className}: ${scrollWidth}`),
  );
}

test(
  'no screen is wider than a telephone',
  async () => {
    // English words are the longest; with the pictures, the widest letters are looked at too.
    for (const locale of isWanted ? ['en', 'ja'] : ['en']) {
      const page = await tour.open({ viewport: phone, locale, hasTouch: true, isMobile: true });
      await page.goto(tour.cloud.origin);
      await page.locator('#name').fill('admin');
      await page.locator('#password').fill('test-password');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/ui/home');
      for (const [name, path, ready] of [...screens(), ...(await unpictured())]) {
        await visit(page, path, ready);
        expect(await tooWide(page), `${name} in ${locale}`).toEqual([]);
        if (locale === 'en' && onPhones.has(name)) await picture(page, `phone-${name}`);
      }
      await page.context().close();
    }
  },
  limit,
);

test.runIf(isWanted)(
  'the main screens have their pictures taken, light and dark',
  async () => {
    const page = await tour.open();
    await tour.signIn(page);
    for (const theme of ['light', 'dark'] as const) {
      await setTheme(page, theme);
      for (const [name, path, ready] of screens()) {
        await visit(page, path, ready);
        await picture(page, theme === 'light' ? name : `${name}-dark`);
      }
    }
    expect(tour.strayRequests).toEqual([]);
    expect(tour.complaints).toEqual([]);
  },
  limit,
);
