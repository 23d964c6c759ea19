import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApiDocument } from '../../src/api/openapi.ts';
import { allDialects } from '../../src/assembly/dialects.ts';
import type { CloudErrorCode } from '../../src/cloud/errors.ts';
import { buildLimit, ConsoleTest, picture, seriousProblems } from './browser.ts';

let tour: ConsoleTest;
let page: Page;
const limit = 300_000;

beforeAll(async () => {
  tour = await ConsoleTest.start();
  page = await tour.open();
  await tour.signIn(page);
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

const go = (path: string) => page.goto(tour.cloud.origin + path);

test('every error of the engine stands behind a status of some page, in every API', async () => {
  const codes: Record<CloudErrorCode, true> = {
    invalid: true,
    unauthenticated: true,
    forbidden: true,
    not_found: true,
    conflict: true,
    duplicate: true,
    quota_exceeded: true,
    no_valid_host: true,
    too_large: true,
    unsupported_media: true,
    unavailable: true,
  };
  const dialects = await allDialects();
  const text = JSON.stringify(
    [...new Set(dialects.map(({ name }) => name))].map((name) =>
      openApiDocument(dialects.filter((one) => one.name === name)),
    ),
  );
  expect(Object.keys(codes).filter((code) => !text.includes(`"cause":"${code}"`))).toEqual([]);
});

test(
  'a failure tells the codes behind its status, with cause and cure, and the search finds them',
  async () => {
    await go('/explorer/en/zstack/DeleteImage');
    const failures = page.locator('details[id="response.503"]');
    await failures.locator('summary').click();
    await failures.getByText('SYS.1003').waitFor();
    await failures.getByText('Check the id and the project that you work in.').waitFor();
    await page.locator('.explorer-nav input').fill('HOST_ALLOCATION.1000 instance');
    await page.locator('.explorer-nav a[href*=CreateVmInstance]').first().waitFor();
    await page.locator('.explorer-nav input').fill('');
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'what is wrong is said at its field before anything is sent',
  async () => {
    await go('/explorer/en/compute/CreateServer');
    await page.getByLabel('Request body').fill('{\n "server": {\n  "name": 7\n }\n}');
    const problem = page.locator('#try-body-problem');
    await problem.locator('code').first().waitFor();
    expect(await problem.locator('a').getAttribute('href')).toMatch(/^#body\.server\./);
    await go('/explorer/en/native/ListActivities');
    await page.getByRole('combobox', { name: /^limit/ }).fill('many');
    const field = page.locator('.field', { has: page.locator('code', { hasText: /^limit$/ }) });
    await field.locator('.problem').waitFor();
    await picture(page, 'explorer-validation');
  },
  limit,
);

test(
  'another microversion is sent with the call, and hides what came later',
  async () => {
    await go('/explorer/en/compute/LockServer');
    const version = page.getByRole('combobox', { name: 'API version' });
    await version.locator('option').nth(2).waitFor({ state: 'attached' });
    await version.selectOption('2.1');
    await expect.poll(() => page.locator('.beside').innerText()).toContain('compute 2.1');
    await go('/explorer/en/compute/ShowServerTopology');
    await page.getByText(/you have chosen 2\.1/).waitFor();
    await page.getByRole('combobox', { name: 'API version' }).selectOption('');
    await page.getByText(/you have chosen 2\.1/).waitFor({ state: 'hidden' });
  },
  limit,
);

test(
  'everything can be taken along as one file that asks nobody for anything',
  async () => {
    await go('/explorer');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: /Download all pages/ }).click(),
    ]);
    const file = await download.path();
    const text = await readFile(file, 'utf8');
    expect(text).not.toMatch(/(src|href)="http/);
    const reader = await tour.browser.newContext({ offline: true });
    const book = await reader.newPage();
    await book.setContent(text);
    const total = await book.locator('details').count();
    expect(total).toBeGreaterThan(500);
    await book.getByRole('searchbox').fill('RecoverImage');
    await book.locator('details:not([hidden])').first().click();
    await book.getByText('/zstack/v1/images/{imageUuid}/actions').first().waitFor();
    expect(await book.locator('details:not([hidden])').count()).toBeLessThan(20);
    await reader.close();
  },
  limit,
);

test(
  'a page can be printed whole: what is folded is opened, the navigation stays away',
  async () => {
    await go('/explorer/en/compute/CreateServer');
    await page.locator('details[id="response.400"]').waitFor();
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    await page.locator('details[id="response.400"] p').first().waitFor();
    expect(await page.locator('.explorer-nav').isVisible()).toBe(false);
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    await page.emulateMedia({ media: 'screen' });
    await page.locator('details[id="response.400"] p').first().waitFor({ state: 'hidden' });
  },
  limit,
);

test('nothing was asked of any other host, and no page has failed', () => {
  expect(tour.strayRequests).toEqual([]);
  expect(tour.complaints).toEqual([]);
});
