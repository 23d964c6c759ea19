import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import { buildLimit, ConsoleTest, fresh, picture, seriousProblems, setTheme } from './browser.ts';

let tour: ConsoleTest;
let page: Page;
let folder: string;
/** The server that is made first, and by which name. */
let first: { id: string; name: string };
const limit = 300_000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-console-'));
  tour = await ConsoleTest.start();
}, buildLimit);

afterAll(async () => {
  await tour?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const go = (path: string) => page.goto(tour.cloud.origin + path);

test(
  'a wrong password is told as such, and the right one lets in',
  async () => {
    page = await tour.open();
    await go('/');
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill('not this one');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The name or the password is wrong.').waitFor();
    expect(await seriousProblems(page)).toEqual([]);
    await tour.signIn(page);
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'a server is made: checked by a dry run, created, and its spans shown',
  async () => {
    await go('/ui/servers/new');
    const name = fresh('web-1');
    // Quota and capacity are looked at before anything is asked.
    await page.getByText('The cloud would take it. First choice of host: simulated.').waitFor();
    await page.getByLabel('Name').first().fill(name);
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByText('The cloud would take it. First choice of host: simulated.').waitFor();
    await page.getByText('Same request as curl').click();
    await page.getByRole('tab', { name: 'openstack CLI' }).click();
    await page.getByText('openstack server create').waitFor();
    await picture(page, 'create-server');
    await page.getByRole('button', { name: 'Create a server' }).click();
    await page.waitForURL(/\/ui\/servers\/[0-9a-f-]{36}/);
    first = { id: new URL(page.url()).pathname.split('/').at(-1)!, name };
    await page.getByText('ACTIVE', { exact: true }).waitFor();
    await page.getByText('compute__do_build_and_run_instance').waitFor();
  },
  limit,
);

test(
  'a rebuild is watched span by span; what can not be done says why',
  async () => {
    await go(`/ui/servers/${first.id}?tab=timeline`);
    await page.getByRole('button', { name: 'Rebuild' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Image').selectOption({ label: 'TinyLinux' });
    await form.getByRole('button', { name: 'Rebuild' }).click();
    await page.getByText('compute_rebuild_instance').first().waitFor();
    await page
      .getByRole('button', { name: /^rebuild succeeded/ })
      .first()
      .waitFor();
    await picture(page, 'server-timeline');
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByText('The state is ACTIVE; it needs SHUTOFF.').waitFor();
    await page.keyboard.press('Escape');
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'an image that is made of a server stands among its snapshots',
  async () => {
    const name = fresh('as-it-was');
    await go(`/ui/servers/${first.id}?tab=snapshots`);
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Create an image' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Name').fill(name);
    await form.getByRole('button', { name: 'Create an image' }).click();
    await page.getByRole('link', { name, exact: true }).waitFor();
  },
  limit,
);

test(
  'a failure shows its first cause',
  async () => {
    const admin = await tour.cloud.openstack();
    const { flavor } = await admin.post('/compute/v2.1/flavors', {
      flavor: { id: fresh('0-vast'), name: fresh('vast'), vcpus: 1, ram: 900_000_000, disk: 1 },
    });
    const server = { name: 'too-big', imageRef: tinyLinuxId, flavorRef: flavor.id, networks: 'none' };
    const version = { 'OpenStack-API-Version': 'compute 2.37' };
    const { id } = (await admin.call('POST', '/compute/v2.1/servers', { server }, version)).server;
    await go(`/ui/servers/${id}?tab=timeline`);
    await page.getByText('First cause:').waitFor();
    await page
      .getByText(/lacks memory/)
      .first()
      .waitFor();
    await go('/ui/home');
    await page.getByText('is in error').first().waitFor();
    await picture(page, 'home');
  },
  limit,
);

test(
  'servers are found by the filter in the address, and stopped in bulk',
  async () => {
    await go('/ui/servers?q=web');
    await page.getByRole('link', { name: first.name, exact: true }).waitFor();
    expect(await page.getByRole('link', { name: 'too-big' }).count()).toBe(0);
    await page.getByLabel(`Select ${first.name}`, { exact: true }).check();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByRole('row', { name: first.name }).getByText('SHUTOFF').first().waitFor();
    await page.getByRole('searchbox', { name: 'Filter: Servers' }).fill('');
    await page.getByRole('link', { name: 'too-big' }).first().waitFor();
    await picture(page, 'servers');
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'an image is uploaded, deleted, and comes back from the recycle bin',
  async () => {
    const name = fresh('small');
    const file = join(folder, `${name}.raw`);
    await writeFile(file, Buffer.alloc(3 * 2 ** 20, 'unkai'));
    await go('/ui/images');
    await page.getByRole('button', { name: 'Upload an image' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('File').setInputFiles(file);
    await form.getByRole('button', { name: 'Upload an image' }).click();
    await page.getByText(`${name} is uploaded`).waitFor();
    await page.getByRole('link', { name, exact: true }).waitFor();
    await picture(page, 'images');
    await page.getByLabel(`Select ${name}`, { exact: true }).check();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('tab', { name: 'Recycle bin' }).click();
    await page.getByRole('button', { name: `Recover: ${name}`, exact: true }).waitFor();
    await picture(page, 'recycle-bin');
    await page.getByRole('button', { name: `Recover: ${name}`, exact: true }).click();
    await page.getByText(`${name} is back`).waitFor();
    await page.getByRole('tab', { name: 'Images', exact: true }).click();
    await page.getByRole('link', { name, exact: true }).waitFor();
  },
  limit,
);

test(
  'an upload that is interrupted goes on where it was, also after the page was closed',
  async () => {
    const size = 6 * 2 ** 20;
    const name = fresh('large');
    const file = join(folder, `${name}.raw`);
    await writeFile(file, Buffer.alloc(size, 'sea of clouds'));
    const offsets: number[] = [];
    page.on('request', (request) => {
      const offset = /\/upload\/parts\/(\d+)$/.exec(request.url())?.[1];
      if (offset) offsets.push(Number(offset));
    });
    const network = await page.context().newCDPSession(page);
    const atSpeed = (uploadThroughput: number) =>
      network.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput,
      });
    const form = page.getByRole('dialog');
    await atSpeed(-1);
    await go('/ui/images');
    await page.getByRole('button', { name: 'Upload an image' }).click();
    await form.getByLabel('File').setInputFiles(file);
    await atSpeed(size / 8);
    await form.getByRole('button', { name: 'Upload an image' }).click();
    const share = () => form.getByRole('progressbar').getAttribute('aria-valuenow');
    await expect.poll(share).toMatch(/^[2-9]\d$/);
    await form.getByRole('button', { name: 'Pause' }).click();
    await form.getByText(/of 6 MiB have come/).waitFor();
    await picture(page, 'upload-paused');
    await go('/ui/images');
    await page.getByRole('button', { name: 'Upload an image' }).click();
    await form.getByLabel('File').setInputFiles(file);
    await form.getByText(/of 6 MiB have come/).waitFor();
    await atSpeed(-1);
    // A connection that fails is taken up again without anybody's doing.
    await page.route('**/upload/parts/*', (route) => route.abort('connectionreset'), { times: 1 });
    await form.getByRole('button', { name: 'Continue the upload' }).click();
    await page.getByText(`${name} is uploaded`).waitFor();
    expect(offsets.length).toBeGreaterThanOrEqual(3);
    expect(offsets.at(-1)).toBeGreaterThan(0);
    const client = await tour.cloud.openstack();
    const { images } = await client.get(`/image/v2/images?name=${name}`);
    expect(images).toMatchObject([{ status: 'active', size }]);
    const hash = createHash(images[0].os_hash_algo).update(Buffer.alloc(size, 'sea of clouds')).digest('hex');
    expect(images[0].os_hash_value).toBe(hash);
  },
  limit,
);

test(
  'networks and volumes are made by forms, and the topology draws them',
  async () => {
    const [network, volume] = [fresh('backend'), fresh('data-1')];
    await go('/ui/r/networks');
    await page.getByRole('button', { name: 'Create a network' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill(network);
    await page.getByRole('dialog').getByRole('button', { name: 'Create a network' }).click();
    await page.getByRole('row', { name: network }).first().waitFor();
    await page.getByRole('button', { name: `Actions for ${network}`, exact: true }).click();
    await page.getByRole('menuitem', { name: 'Create a subnet' }).click();
    await page.getByRole('dialog').getByLabel('CIDR').fill('10.9.0.0/24');
    await page.getByRole('dialog').getByRole('button', { name: 'Create a subnet' }).click();
    await page.getByText('Done: Create a subnet').waitFor();
    await go('/ui/r/volumes');
    await page.getByRole('button', { name: 'Create a volume' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill(volume);
    await page.getByRole('dialog').getByRole('button', { name: 'Create a volume' }).click();
    await page.getByRole('row', { name: new RegExp(`${volume} .*available`) }).waitFor();
    await go('/ui/topology');
    await page.getByText('10.9.0.0/24').first().waitFor();
    await picture(page, 'topology');
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'every list there is can be read',
  async () => {
    const kinds = [
      'flavors',
      'keypairs',
      'servergroups',
      'snapshots',
      'subnets',
      'routers',
      'floatingips',
      'securitygroups',
      'ports',
      'hosts',
      'projects',
      'users',
      'roles',
      'services',
    ];
    await go('/ui/home');
    for (const kind of kinds) {
      await page.locator(`nav a[href="/ui/r/${kind}"]`).click();
      await page.waitForURL(`**/ui/r/${kind}`);
      await page.getByText(/^\d+ of \d+$/).waitFor();
      expect(await page.getByRole('alert').count(), kind).toBe(0);
    }
    await go('/ui/r/hosts');
    await page.getByRole('row', { name: /simulated/ }).waitFor();
    await picture(page, 'hosts');
  },
  limit,
);

test(
  'the palette goes anywhere by keyboard alone',
  async () => {
    await go('/ui/home');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type('flavors');
    await page.getByRole('option', { name: 'Flavors', exact: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/ui/r/flavors');
  },
  limit,
);

test(
  'the recorder has the calls behind the clicks',
  async () => {
    await go('/ui/r/flavors');
    await page.getByRole('button', { name: 'Create a flavor' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill(fresh('pocket'));
    await page.getByRole('dialog').getByRole('button', { name: 'Create a flavor' }).click();
    await page.getByText('Done: Create a flavor').waitFor();
    await page.getByRole('link', { name: 'Recorder' }).click();
    await page.getByRole('button', { name: /POST.*\/flavors/ }).click();
    await page.getByRole('tab', { name: 'Terraform' }).click();
    await page.getByText('openstack_compute_flavor_v2').waitFor();
    await picture(page, 'recorder');
  },
  limit,
);

test(
  'it speaks three languages, and has a dark side',
  async () => {
    page = await tour.open();
    await tour.signIn(page);
    await page.getByRole('button', { name: 'Language' }).click();
    await page.getByRole('menuitemradio', { name: '日本語' }).click();
    await page.getByRole('heading', { name: 'ようこそ、admin さん' }).waitFor();
    await setTheme(page, 'dark');
    expect(await seriousProblems(page)).toEqual([]);
    await picture(page, 'home-dark-ja');
    await page.getByRole('button', { name: '言語' }).click();
    await page.getByRole('menuitemradio', { name: '简体中文' }).click();
    await page.getByRole('heading', { name: '欢迎,admin' }).waitFor();
    await go('/ui/servers');
    await page.getByRole('heading', { name: '服务器', level: 1 }).waitFor();
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test('nothing was asked of any other host, and no page has failed', () => {
  expect(tour.strayRequests).toEqual([]);
  expect(tour.complaints).toEqual([]);
});
