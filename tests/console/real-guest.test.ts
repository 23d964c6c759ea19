import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import { buildLimit, ConsoleTest, picture } from './browser.ts';

let tour: ConsoleTest;
let page: Page;
let folder: string;
/** Without hardware virtualisation a guest takes its time to boot, more so beside other work. */
const bootMs = 240_000;
const limit = 2 * bootMs;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-console-'));
  tour = await ConsoleTest.start({ hypervisor: 'qemu', hosts: 2 });
  page = await tour.open();
  await tour.signIn(page);
}, buildLimit);

afterAll(async () => {
  await tour?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** The page of the server that the tour made. */
let serverPage: string;
let serverId: string;

const tab = (name: string) => page.getByRole('tab', { name, exact: true }).click();

/** Types a command into the serial console until its answer is seen: what is typed while the guest boots is lost. */
async function askSerially(command: string, answer: RegExp): Promise<void> {
  await tab('Serial console');
  await page.getByText('Connected').waitFor({ timeout: bootMs });
  const terminal = page.locator('.serial-terminal');
  await expect
    .poll(
      async () => {
        await terminal.click();
        await page.keyboard.type(`${command}\n`);
        return await terminal.innerText();
      },
      { timeout: bootMs, interval: 2000 },
    )
    .toMatch(answer);
}

/** How many points of the guest's screen are lit: text that is typed makes more of them. */
function litPoints(): Promise<number> {
  return page.locator('.screen canvas').evaluate((canvas: HTMLCanvasElement) => {
    if (canvas.width === 0 || canvas.height === 0) return 0;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at]! + data[at + 1]! + data[at + 2]! > 200) count++;
    return count;
  });
}

test(
  'an image is uploaded, and a server of it made by the form',
  async () => {
    const client = await tour.cloud.openstack();
    const bytes = await fetch(`${client.origin}/image/v2/images/${tinyLinuxId}/file`, {
      headers: { 'x-auth-token': client.token },
    });
    const file = join(folder, 'my-linux.qcow2');
    await writeFile(file, bytes.body!);
    await page.goto(`${tour.cloud.origin}/ui/images`);
    await page.getByRole('button', { name: 'Upload an image' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('File').setInputFiles(file);
    await form.getByRole('button', { name: 'Upload an image' }).click();
    await page.getByText('my-linux is uploaded').waitFor({ timeout: bootMs });
    await page.goto(`${tour.cloud.origin}/ui/servers/new`);
    await page.getByLabel('Name').first().fill('guest-1');
    await page.getByRole('radio', { name: /my-linux/ }).check();
    await page.getByRole('button', { name: 'Create a server' }).click();
    await page.waitForURL(/\/ui\/servers\/[0-9a-f-]{36}/);
    serverPage = page.url().split('?', 1)[0]!;
    serverId = serverPage.split('/').at(-1)!;
    await page.getByText('ACTIVE', { exact: true }).waitFor({ timeout: bootMs });
  },
  limit,
);

test(
  'it is typed into through its serial console',
  async () => {
    await askSerially('uname -a', /Linux \S+ \d+\.\d+/);
    await picture(page, 'serial-console');
  },
  limit,
);

test(
  'its screen is shown in the page, and takes what is typed',
  async () => {
    await tab('Screen (VNC)');
    await page.getByText('Connected').waitFor({ timeout: bootMs });
    await expect.poll(litPoints, { timeout: bootMs }).toBeGreaterThan(100);
    const typed = async (command: string) => {
      await page.locator('.screen canvas').click();
      await page.keyboard.type(`${command}\n`, { delay: 20 });
      return await litPoints();
    };
    const patience = { timeout: bootMs, interval: 2000 };
    // Nothing but what is typed clears the screen; a line of an answer then lights several times what a prompt does.
    await expect.poll(() => typed('clear').then((lit) => lit > 50 && lit < 800), patience).toBe(true);
    await expect.poll(() => typed('uname -a'), patience).toBeGreaterThan(1500);
    await picture(page, 'screen');
  },
  limit,
);

test(
  'a rebuild is watched span by span',
  async () => {
    await page.getByRole('button', { name: 'Rebuild' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Image').selectOption({ label: 'TinyLinux' });
    await form.getByRole('button', { name: 'Rebuild' }).click();
    await tab('Action timeline');
    await page.getByText('compute_rebuild_instance').first().waitFor({ timeout: bootMs });
    await page.getByRole('button', { name: /^rebuild succeeded/ }).waitFor({ timeout: bootMs });
    await picture(page, 'rebuild');
  },
  limit,
);

test(
  'it moves to another host while it runs, and answers there',
  async () => {
    const host = async () => (await tour.cloud.openstack()).get(`/compute/v2.1/servers/${serverId}`);
    const before = (await host()).server['OS-EXT-SRV-ATTR:host'] as string;
    await askSerially('echo ready-$((20 + 1))', /ready-21/);
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Migrate' }).click();
    const form = page.getByRole('dialog');
    const other = form.getByRole('radio', { disabled: false });
    await other.first().waitFor();
    await other.first().check();
    await form.getByRole('button', { name: 'Migrate' }).click();
    await form.waitFor({ state: 'hidden' });
    await expect
      .poll(async () => (await host()).server['OS-EXT-SRV-ATTR:host'], { timeout: bootMs, interval: 1000 })
      .not.toBe(before);
    await expect
      .poll(async () => (await host()).server['OS-EXT-STS:task_state'], { timeout: bootMs, interval: 1000 })
      .toBeNull();
    await page.goto(serverPage);
    await askSerially('echo moved-$((20 + 2))', /moved-22/);
  },
  limit,
);

test(
  'what is broken says why: a server that no host can take',
  async () => {
    const client = await tour.cloud.openstack();
    await client.post('/compute/v2.1/flavors', { flavor: { name: 'vast', vcpus: 1, ram: 900_000_000, disk: 1 } });
    await page.goto(`${tour.cloud.origin}/ui/servers/new`);
    await page.getByLabel('Name').first().fill('too-big');
    await page.getByRole('radio', { name: /vast/ }).check();
    await page.getByRole('button', { name: 'Create a server' }).click();
    await page.waitForURL(/\/ui\/servers\/[0-9a-f-]{36}/);
    await page.getByText('First cause:').waitFor();
    await page
      .getByText(/lacks? memory/)
      .first()
      .waitFor();
  },
  limit,
);

test(
  'the image is deleted, and comes back',
  async () => {
    await page.goto(`${tour.cloud.origin}/ui/images`);
    await page.getByLabel('Select my-linux').check();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('tab', { name: 'Recycle bin' }).click();
    await page.getByRole('button', { name: 'Recover' }).click();
    await page.getByText('my-linux is back').waitFor();
    expect(tour.complaints).toEqual([]);
    expect(tour.strayRequests).toEqual([]);
  },
  limit,
);
