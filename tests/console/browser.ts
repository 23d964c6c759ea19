import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ConsoleBuild } from '../../src/assembly/console-build.ts';
import { TestCloud, type TestCloudOptions } from '../support/cloud.ts';
import { smallPng } from './small-png.ts';

/** The console is built at the first test of a checkout: installing its packages is most of that. */
export const buildLimit = 600_000;
export const password = 'test-password';

const root = resolve(import.meta.dirname, '../..');
/** `UNKAI_SCREENSHOTS=1` makes those of the documentation anew; a folder gets them instead. */
const asked = process.env['UNKAI_SCREENSHOTS'];
const pictures = asked?.startsWith('/') ? asked : join(root, 'docs/screenshots');
/** Waits are on conditions; this is for machines that do much else. */
const patience = 45_000;

/** A cloud with its console, and a browser in front of it that reaches nothing else. */
export class ConsoleTest implements AsyncDisposable {
  readonly cloud: TestCloud;
  readonly browser: Browser;
  /** Requests that the pages made to anywhere else. */
  readonly strayRequests: string[] = [];
  /** What pages complained of. */
  readonly complaints: string[] = [];

  private constructor(cloud: TestCloud, browser: Browser) {
    this.cloud = cloud;
    this.browser = browser;
  }

  static async start(options: TestCloudOptions = {}): Promise<ConsoleTest> {
    const built = await new ConsoleBuild().start();
    if (built.phase !== 'ready') throw new Error(`the console could not be built: ${JSON.stringify(built)}`);
    const cloud = await TestCloud.start({ ...options, console: true, tinyLinux: true });
    try {
      const { chromium } = consoleRequire('playwright-core') as typeof import('playwright-core');
      const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
      const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args, timeout: 120_000 });
      return new ConsoleTest(cloud, browser);
    } catch (error) {
      await cloud.close();
      throw error;
    }
  }

  /** A page of its own, in a new context. */
  async open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await this.browser.newContext({
      viewport: { width: 1440, height: 900 },
      locale: 'en-US',
      reducedMotion: 'reduce',
      ...options,
    });
    context.setDefaultTimeout(patience);
    context.setDefaultNavigationTimeout(patience);
    await this.#blockOthers(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(error.message));
    return page;
  }

  async #blockOthers(context: BrowserContext): Promise<void> {
    await context.route(
      (url) => url.origin !== this.cloud.origin,
      (route) => {
        this.strayRequests.push(route.request().url());
        return route.abort();
      },
    );
  }

  async signIn(page: Page, name = 'admin', secret = password): Promise<void> {
    await page.goto(this.cloud.origin);
    await page.getByLabel('User name').fill(name);
    await page.getByLabel('Password').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/ui/home');
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.cloud.close();
  }
}

const consoleRequire = createRequire(join(root, 'console/package.json'));

const given = new Map<string, number>();

/** A name that nothing has yet: a test that is tried again finds what its first try made. */
export function fresh(name: string): string {
  const before = given.get(name) ?? 0;
  given.set(name, before + 1);
  return before === 0 ? name : `${name}-again-${before}`;
}

/** What axe-core finds on the page that is serious or critical, in words. */
export async function seriousProblems(page: Page): Promise<string[]> {
  const { AxeBuilder } = consoleRequire('@axe-core/playwright') as typeof import('@axe-core/playwright');
  const results = (await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
    .analyze()) as AxeResults;
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ target }) => target.join(' '))
          .join('; ')}`,
    );
}

/** Keeps a picture for the documentation, where UNKAI_SCREENSHOTS asks for new ones. */
export async function picture(page: Page, name: string): Promise<void> {
  if (!asked) return;
  mkdirSync(pictures, { recursive: true });
  const shot = (await page.screenshot()).toString('base64');
  // A page of its own decodes it: the console's policy forbids what that takes.
  const decoder = await page.context().newPage();
  const { width, height, pixels } = await decoder.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext('2d')!;
    context.drawImage(image, 0, 0);
    const bytes = context.getImageData(0, 0, image.width, image.height).data;
    let text = '';
    for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
    return { width: image.width, height: image.height, pixels: btoa(text) };
  }, shot);
  await decoder.close();
  writeFileSync(join(pictures, `${name}.png`), smallPng(Buffer.from(pixels, 'base64'), width, height));
}

export async function setTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  await page.evaluate((chosen) => {
    localStorage.setItem('unkai.theme', chosen);
    document.documentElement.dataset['theme'] = chosen;
  }, theme);
}
