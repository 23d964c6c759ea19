import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLimit, ConsoleTest, password, picture, seriousProblems } from './browser.ts';

type Words = Record<string, string>;

const catalogues = resolve(import.meta.dirname, '../../console/src/i18n');
const languages = ['en', 'ja', 'zh-CN'] as const;
const wordsOf = (language: string) =>
  JSON.parse(readFileSync(resolve(catalogues, `${language}.json`), 'utf8')) as Words;
const english = wordsOf('en');
const limit = 300_000;
/** More presses than any page here has places to stop at. */
const maxPresses = 120;

let tour: ConsoleTest;

beforeAll(async () => {
  tour = await ConsoleTest.start({ hosts: 2 });
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

/** The name by which a screen reader tells what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLInputElement | null;
    if (!element || element === document.body) return '';
    const label = element.labels?.[0]?.textContent;
    return (element.getAttribute('aria-label') ?? label ?? element.textContent ?? '').trim();
  });
}

/** Presses a key until what is named so has the focus: by default the one that goes on to the next place. */
async function pressTo(page: Page, name: string | RegExp, key = 'Tab'): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < maxPresses; presses++) {
    await page.keyboard.press(key);
    const here = await focused(page);
    if (typeof name === 'string' ? here.startsWith(name) : name.test(here)) return;
    seen.push(here);
  }
  throw new Error(`${name} can't be reached by ${key}: ${seen.join(' | ')}`);
}

/** Goes to a page of the main menu by the palette. */
async function goBy(page: Page, title: string, address: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.type(title);
  await page.getByRole('option', { name: title, exact: true }).first().waitFor();
  const chosen = page.locator('[role=option][aria-selected=true]');
  for (let presses = 0; presses < maxPresses && (await chosen.innerText()).trim() !== title; presses++) {
    await page.keyboard.press('ArrowDown');
  }
  await page.keyboard.press('Enter');
  await page.waitForURL(`**${address}`);
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
}

/** Texts on the page that stand in the English catalogue while another language has other words, or are bare keys. */
async function untranslated(page: Page, words: Words): Promise<string[]> {
  const texts = await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const holder = node.parentElement;
      // What the cloud's users and APIs named is in no language; elements that are English say so.
      if (!holder || holder.closest('[lang="en"], code, pre, script, style, .mono')) continue;
      const text = node.textContent?.trim() ?? '';
      if (text) found.push(text);
    }
    for (const element of document.querySelectorAll('[aria-label], [placeholder], [title]')) {
      for (const name of ['aria-label', 'placeholder', 'title']) found.push(element.getAttribute(name)?.trim() ?? '');
    }
    return found;
  });
  const foreign = new Set(Object.keys(english).filter((key) => english[key] !== words[key]));
  const sentences = new Set([...foreign].map((key) => english[key]!));
  return [...new Set(texts)].filter(
    (text) => /\w{4}/.test(text) && (sentences.has(text) || (/^[a-z]+\.[a-zA-Z]+$/.test(text) && text in english)),
  );
}

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
  ...['services', 'audit'],
].map((place) => (place.startsWith('/') ? place : `/ui/r/${place}`));

/** One screen of each kind, beside those that other tests look at. */
const looked = new Set(['/ui/servers/new', '/ui/images?tab=bin', '/ui/quotas', '/ui/recorder', '/ui/r/securitygroups']);

test.each(languages)(
  'the tour by keyboard alone, in %s',
  async (language) => {
    const words = wordsOf(language);
    const w = (key: string, values: Words = {}) =>
      Object.entries(values).reduce((text, [name, value]) => text.replace(`{{${name}}}`, value), words[key]!);
    const name = `keys-${language.toLowerCase()}`;
    const page = await tour.open({ locale: language });
    await page.goto(tour.cloud.origin);
    await page.getByRole('heading', { name: w('signIn') }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
    await pressTo(page, w('userName'));
    await page.keyboard.type('admin');
    await pressTo(page, w('password'));
    await page.keyboard.type(password);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/ui/home');
    await page.locator('#content h1').waitFor();

    await goBy(page, w('servers'), '/ui/servers');
    await pressTo(page, w('createServer'));
    await page.keyboard.press('Enter');
    await page.waitForURL('**/ui/servers/new');
    await page.getByRole('radio', { name: /TinyLinux/ }).waitFor();
    await pressTo(page, w('name'));
    await page.keyboard.type(name);
    await pressTo(page, w('createServer'));
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/ui\/servers\/[0-9a-f-]{36}/);
    await page.getByText('ACTIVE', { exact: true }).waitFor();
    await page.getByText('compute__do_build_and_run_instance').waitFor();

    await pressTo(page, w('actions'));
    await page.keyboard.press('Enter');
    await page.getByRole('menu').waitFor();
    // A menu that is opened by a key has its first possible action chosen.
    await expect.poll(() => focused(page), { timeout: 45_000 }).toMatch(new RegExp(`^${w('action.stop')}`));
    await page.keyboard.press('Enter');
    await page.getByText('SHUTOFF', { exact: true }).first().waitFor();
    expect(await untranslated(page, words)).toEqual([]);

    await goBy(page, w('images'), '/ui/images');
    await page.getByRole('row', { name: /TinyLinux/ }).waitFor();
    await pressTo(page, w('select', { name: 'TinyLinux' }));
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: w('action.delete'), exact: true }).waitFor();
    await pressTo(page, new RegExp(`^${w('action.delete')}$`), 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByText(w('nothingYet')).waitFor();
    await pressTo(page, new RegExp(`^${w('images')}$`), 'Shift+Tab');
    await page.keyboard.press('ArrowRight');
    await page.getByRole('button', { name: w('recover') }).waitFor();
    await pressTo(page, w('recover'));
    await page.keyboard.press('Enter');
    await page.getByText(w('binEmpty')).waitFor();
    await page.close();
  },
  limit,
);

test.each(languages)(
  'every screen is whole in %s: nothing untranslated, nothing serious by axe',
  async (language) => {
    const words = wordsOf(language);
    const page = await tour.open({ locale: language });
    await page.goto(tour.cloud.origin);
    await page.locator('#name').fill('admin');
    await page.locator('#password').fill(password);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/ui/home');
    const wrong: string[] = [];
    for (const screen of screens) {
      const link = page.locator(`nav a[href="${screen}"]`);
      if ((await link.count()) > 0) await link.click();
      else await page.goto(tour.cloud.origin + screen);
      await page.waitForURL(`**${screen}`);
      await page.locator('#content h1').waitFor();
      await page.locator('#content .empty .spin').first().waitFor({ state: 'detached' });
      for (const text of language === 'en' ? [] : await untranslated(page, words)) wrong.push(`${screen}: ${text}`);
      // The pages are the same in every language: one look by axe at each kind of them is enough.
      if (language === 'en' && looked.has(screen))
        for (const problem of await seriousProblems(page)) wrong.push(`${screen}: ${problem}`);
    }
    expect(wrong).toEqual([]);
    if (language === 'ja') await picture(page, 'audit-ja');
    await page.close();
  },
  limit,
);

test('nothing was asked of any other host, and no page has failed', () => {
  expect(tour.strayRequests).toEqual([]);
  expect(tour.complaints).toEqual([]);
});
