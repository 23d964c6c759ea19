import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileChooser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { buildLimit, ConsoleTest, password, picture } from './browser.ts';
import { focused, goBy, languages, pressTo, signInByKeys, type Words, wordsOf } from './keys.ts';
import { untranslated } from './untranslated.ts';

let tour: ConsoleTest;
let client: OpenStackClient;
let folder: string;
let guestImage: Buffer;
/** Without hardware virtualisation a guest takes its time to boot, more so beside other work. */
const bootMs = 300_000;
const limit = 3 * bootMs;
/** By its identifier it is the first of all; nobody is to be offered it first. */
const vast = { id: '0-vast', name: 'vast', vcpus: 1, ram: 900_000_000, disk: 1 };
let tries = 0;
const patience = { timeout: bootMs, interval: 1000 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-console-'));
  tour = await ConsoleTest.start({ hypervisor: 'qemu', hosts: 2 });
  client = await tour.cloud.openstack();
  await client.post('/compute/v2.1/flavors', { flavor: vast });
  const bytes = await fetch(`${client.origin}/image/v2/images/${tinyLinuxId}/file`, {
    headers: { 'x-auth-token': client.token },
  });
  guestImage = Buffer.from(await bytes.arrayBuffer());
}, buildLimit);

afterAll(async () => {
  await tour?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** How many points of the guest's screen are lit: text that is typed makes more of them. */
function litPoints(page: Page): Promise<number> {
  return page.locator('.screen canvas').evaluate((canvas: HTMLCanvasElement) => {
    if (canvas.width === 0 || canvas.height === 0) return 0;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at]! + data[at + 1]! + data[at + 2]! > 200) count++;
    return count;
  });
}

/** What a person does who has a keyboard, and no mouse. */
class Keys {
  readonly page: Page;
  readonly words: Words;

  constructor(page: Page, words: Words) {
    this.page = page;
    this.words = words;
  }

  async press(name: string, key = 'Tab'): Promise<void> {
    await pressTo(this.page, name, key);
    await this.page.keyboard.press('Enter');
  }

  /** Within a group of choices arrows go on; to the group goes Tab. */
  async choose(anyOfThem: RegExp, wanted: RegExp): Promise<void> {
    await pressTo(this.page, anyOfThem);
    await pressTo(this.page, wanted, 'ArrowRight');
  }

  /** Opens a tab of a server's page. */
  async tab(key: string): Promise<void> {
    const names = Object.keys(this.words).flatMap((word) => (word.startsWith('tab.') ? [this.words[word]!] : []));
    const isTab = async () =>
      (await this.page.evaluate(() => document.activeElement?.getAttribute('role'))) === 'tab' &&
      names.includes(await focused(this.page));
    for (let presses = 0; presses < 60 && !(await isTab()); presses++) await this.page.keyboard.press('Tab');
    await pressTo(this.page, this.words[`tab.${key}`]!, 'ArrowRight');
    const isOpen = () => this.page.evaluate(() => document.activeElement?.getAttribute('aria-selected'));
    await expect.poll(isOpen).toBe('true');
  }

  async serverAction(key: string): Promise<void> {
    await this.press(this.words['actions']!);
    await this.page.getByRole('menu').waitFor();
    await pressTo(this.page, new RegExp(`^${this.words[`action.${key}`]}($|[^A-Za-z])`), 'ArrowDown');
    await this.page.keyboard.press('Enter');
    await this.page.getByRole('dialog').waitFor();
  }

  /** The console has the keyboard as soon as it is connected; Shift with Escape takes it back. */
  async connected(): Promise<void> {
    const isConnected = this.page.getByText(this.words['console.connected']!).waitFor({ timeout: 60_000 });
    await isConnected.catch(async (error: Error) => {
      throw new Error(`${error.message}: ${await this.page.locator('.card.console').innerText()}`);
    });
  }

  async leaveConsole(): Promise<void> {
    await this.page.keyboard.press('Shift+Escape');
    const role = () => this.page.evaluate(() => document.activeElement?.getAttribute('role'));
    await expect.poll(role).toBe('tab');
  }

  /** Types a command into the serial console until its answer is seen: what is typed while the guest boots is lost. */
  async askSerially(command: string, answer: RegExp): Promise<void> {
    await this.tab('serial');
    await this.connected();
    const answered = async () => {
      await this.page.keyboard.type(`${command}\n`);
      return await this.page.locator('.serial-terminal').innerText();
    };
    await expect.poll(answered, patience).toMatch(answer);
  }
}

async function uploadImage(keys: Keys, name: string): Promise<void> {
  const { page, words } = keys;
  const file = join(folder, `${name}.qcow2`);
  await writeFile(file, guestImage);
  await goBy(page, words['images']!, '/ui/images');
  await keys.press(words['uploadImage']!);
  await page.getByRole('dialog').waitFor();
  const choosers: FileChooser[] = [];
  page.on('filechooser', (chooser) => choosers.push(chooser));
  const opened = async () => {
    await pressTo(page, words['file']!);
    await page.keyboard.press('Enter');
    return choosers.length;
  };
  await expect.poll(opened, { timeout: 60_000, interval: 2000 }).toBeGreaterThan(0);
  await choosers[0]!.setFiles(file);
  const named = () => page.getByRole('dialog').locator('input:not([type=file])').inputValue();
  await expect.poll(named).toBe(name);
  await keys.press(words['uploadImage']!);
  const done = words['uploaded']!.replace('{{name}}', name);
  await page.getByText(done).waitFor({ timeout: bootMs });
}

async function createServer(keys: Keys, name: string, anyChoice: RegExp, choice: RegExp): Promise<void> {
  const { page, words } = keys;
  await goBy(page, words['servers']!, '/ui/servers');
  await keys.press(words['createServer']!);
  await page.waitForURL('**/ui/servers/new');
  await page.getByRole('radio', { name: choice }).waitFor();
  await pressTo(page, words['name']!);
  await page.keyboard.type(name);
  await keys.choose(anyChoice, choice);
  await keys.press(words['createServer']!);
  await page.waitForURL(/\/ui\/servers\/[0-9a-f-]{36}/);
}

async function seeOnScreen(keys: Keys): Promise<void> {
  const { page } = keys;
  await keys.tab('screen');
  await keys.connected();
  await expect.poll(() => litPoints(page), patience).toBeGreaterThan(100);
  const typed = async (command: string) => {
    await page.keyboard.type(`${command}\n`, { delay: 20 });
    return await litPoints(page);
  };
  // Nothing but what is typed clears the screen; a line of an answer then lights several times what a prompt does.
  await expect.poll(() => typed('clear').then((lit) => lit > 50 && lit < 800), patience).toBe(true);
  await expect.poll(() => typed('uname -a'), patience).toBeGreaterThan(1500);
}

async function migrate(keys: Keys, id: string): Promise<void> {
  const server = async () => (await client.get(`/compute/v2.1/servers/${id}`)).server;
  const before = (await server())['OS-EXT-SRV-ATTR:host'] as string;
  await keys.serverAction('migrate');
  const form = keys.page.getByRole('dialog');
  await form.getByRole('radio', { disabled: false }).first().waitFor();
  const target = await form.getByRole('radio', { disabled: false }).first().inputValue();
  await pressTo(keys.page, target);
  await keys.page.keyboard.press('Space');
  await keys.press(keys.words['action.migrate']!);
  await form.waitFor({ state: 'hidden' });
  const place = async () => {
    const now = await server();
    return [now['OS-EXT-SRV-ATTR:host'] === before, now['OS-EXT-STS:task_state']];
  };
  await expect.poll(place, patience).toEqual([false, null]);
}

async function rebuild(keys: Keys): Promise<void> {
  const { page } = keys;
  await keys.serverAction('rebuild');
  const form = page.getByRole('dialog');
  await pressTo(page, keys.words['image']!);
  await page.keyboard.type('TinyLinux');
  const chosen = async () => (await form.locator('select').inputValue()).replaceAll('-', '');
  await expect.poll(chosen).toBe(tinyLinuxId);
  await keys.press(keys.words['action.rebuild']!);
  await form.waitFor({ state: 'hidden' });
  await keys.tab('timeline');
  await page.getByText('compute_rebuild_instance').first().waitFor({ timeout: bootMs });
  await page.getByRole('button', { name: /^rebuild succeeded/ }).waitFor({ timeout: bootMs });
}

async function deleteAndRecover(keys: Keys, name: string): Promise<void> {
  const { page, words } = keys;
  await goBy(page, words['images']!, '/ui/images');
  await page.getByRole('row', { name: new RegExp(name) }).waitFor();
  await pressTo(page, words['select']!.replace('{{name}}', name));
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: words['action.delete']!, exact: true }).waitFor();
  await pressTo(page, new RegExp(`^${words['action.delete']}$`), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('row', { name: new RegExp(name) }).waitFor({ state: 'detached' });
  await pressTo(page, new RegExp(`^${words['images']}$`), 'Shift+Tab');
  await page.keyboard.press('ArrowRight');
  const recover = words['actionOf']!.replace('{{action}}', words['recover']!).replace('{{name}}', name);
  await page.getByRole('button', { name: recover, exact: true }).waitFor();
  await keys.press(recover);
  await page.getByText(words['recovered']!.replace('{{name}}', name)).waitFor();
}

test.each(languages)(
  'the tour with a real guest, by keyboard alone, in %s',
  async (language) => {
    const words = wordsOf(language);
    const page = await tour.open({ locale: language });
    const keys = new Keys(page, words);
    // What an earlier try uploaded may still be there.
    const name = `my-linux-${language.toLowerCase()}-${++tries}`;
    const look = async () => expect(await untranslated(page, words)).toEqual([]);
    const show = async (what: string) => {
      if (language === 'en') await picture(page, what);
    };
    await signInByKeys(page, tour.cloud.origin, words, password);
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
    await uploadImage(keys, name);
    await look();

    await createServer(keys, `guest-${language}`, /qcow2/, new RegExp(`^${name}`));
    const id = page.url().split('?', 1)[0]!.split('/').at(-1)!;
    const open = async () => {
      await page.goto(`${tour.cloud.origin}/ui/servers/${id}`);
      await page.getByRole('tab', { name: words['tab.overview']! }).waitFor();
    };
    await page.getByText(/^(ACTIVE|ERROR)$/).waitFor({ timeout: bootMs });
    expect((await client.get(`/compute/v2.1/servers/${id}`)).server).toMatchObject({ status: 'ACTIVE' });
    await page.getByText('compute__do_build_and_run_instance').waitFor();
    await look();
    await keys.askSerially('uname -a', /Linux \S+ \d+\.\d+/);
    await show('serial-console');
    await keys.leaveConsole();
    await seeOnScreen(keys);
    await show('screen');
    await keys.leaveConsole();

    await migrate(keys, id);
    await open();
    await keys.askSerially('echo moved-$((20 + 2))', /moved-22/);
    await keys.leaveConsole();
    await open();
    await rebuild(keys);
    await show('rebuild');
    await look();

    await createServer(keys, `too-big-${language}`, /vCPU/, /vast/);
    await page.getByText(words['firstCause']!).waitFor();
    await page
      .getByText(/lacks? memory/)
      .first()
      .waitFor();
    await look();
    await deleteAndRecover(keys, name);
    await client.delete(`/compute/v2.1/servers/${id}`);
    await page.context().close();
  },
  limit,
);

test('nothing was asked of any other host, and no page has failed', () => {
  expect(tour.strayRequests).toEqual([]);
  expect(tour.complaints).toEqual([]);
});
