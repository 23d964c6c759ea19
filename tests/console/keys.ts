import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from 'playwright-core';

/** More presses than any page here has places to stop at. */
const maxPresses = 150;
const catalogues = resolve(import.meta.dirname, '../../console/src/i18n');

export const languages = ['en', 'ja', 'zh-CN'] as const;
export type Words = Record<string, string>;

/** The console's words in a language, by their keys. */
export function wordsOf(language: string): Words {
  return JSON.parse(readFileSync(resolve(catalogues, `${language}.json`), 'utf8')) as Words;
}

/** The name by which a screen reader tells what has the focus. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLInputElement | null;
    if (!element || element === document.body) return '';
    const label = element.labels?.[0]?.textContent;
    return (element.getAttribute('aria-label') ?? label ?? element.textContent ?? '').trim();
  });
}

/** Presses a key until what is named so has the focus: by default the one that goes on to the next place. */
export async function pressTo(page: Page, name: string | RegExp, key = 'Tab'): Promise<void> {
  const fits = (here: string) => (typeof name === 'string' ? here.startsWith(name) : name.test(here));
  const seen = [await focused(page)];
  while (!fits(seen.at(-1)!)) {
    if (seen.length > maxPresses) throw new Error(`${name} can't be reached by ${key}: ${seen.join(' | ')}`);
    await page.keyboard.press(key);
    seen.push(await focused(page));
  }
}

/** Goes to a page of the main menu by the palette. */
export async function goBy(page: Page, title: string, address: string): Promise<void> {
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

/** Signs in by what the page itself offers, in whatever language it is. */
export async function signInByKeys(page: Page, origin: string, words: Words, password: string): Promise<void> {
  await page.goto(origin);
  await page.getByRole('heading', { name: words['signIn']! }).waitFor();
  await pressTo(page, words['userName']!);
  await page.keyboard.type('admin');
  await pressTo(page, words['password']!);
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/ui/home');
  await page.locator('#content h1').waitFor();
}
