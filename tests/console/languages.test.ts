import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLimit, ConsoleTest, password, seriousProblems } from './browser.ts';
import { languages, signInByKeys, wordsOf } from './keys.ts';
import { untranslated } from './untranslated.ts';

const limit = 300_000;
let tour: ConsoleTest;

beforeAll(async () => {
  tour = await ConsoleTest.start({ hosts: 2, faults: true });
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

const screens = [
  '/ui/home',
  '/ui/servers',
  '/ui/servers/new',
  '/ui/images',
  '/ui/images?tab=bin',
  '/ui/topology',
  '/ui/quotas',
  '/ui/recorder',
  ...['flavors', 'keypairs', 'servergroups', 'volumes', 'snapshots', 'networks', 'subnets', 'routers'],
  ...['floatingips', 'securitygroups', 'ports', 'hosts', 'projects', 'users', 'roles', 'zones', 'stores'],
  ...['services', 'audit', 'faults'],
].map((place) => (place.startsWith('/') ? place : `/ui/r/${place}`));

/** One screen of each kind, beside those that other tests look at. */
const looked = new Set(['/ui/servers/new', '/ui/images?tab=bin', '/ui/quotas', '/ui/recorder', '/ui/r/securitygroups']);

test.each(languages)(
  'every screen is whole in %s: nothing untranslated, nothing serious by axe',
  async (language) => {
    const words = wordsOf(language);
    const page = await tour.open({ locale: language });
    await signInByKeys(page, tour.cloud.origin, words, password);
    const wrong: string[] = [];
    for (const screen of screens) {
      const link = page.locator(`nav a[href="${screen}"]`);
      if ((await link.count()) > 0) await link.click();
      else await page.goto(tour.cloud.origin + screen);
      await page.waitForURL(`**${screen}`);
      await page.locator('#content h1').waitFor();
      await page.locator('#content .empty .spin').first().waitFor({ state: 'detached' });
      for (const text of await untranslated(page, words)) wrong.push(`${screen}: ${text}`);
      // The pages are the same in every language: one look by axe at each kind of them is enough.
      if (language === 'en' && looked.has(screen))
        for (const problem of await seriousProblems(page)) wrong.push(`${screen}: ${problem}`);
    }
    expect(wrong).toEqual([]);
    await page.context().close();
  },
  limit,
);

test('nothing was asked of any other host, and no page has failed', () => {
  expect(tour.strayRequests).toEqual([]);
  expect(tour.complaints).toEqual([]);
});
