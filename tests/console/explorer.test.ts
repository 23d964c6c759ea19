import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import { buildLimit, ConsoleTest, picture, seriousProblems, setTheme } from './browser.ts';

let tour: ConsoleTest;
let page: Page;
const limit = 300_000;

beforeAll(async () => {
  tour = await ConsoleTest.start();
  page = await tour.open();
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

const go = (path: string) => page.goto(tour.cloud.origin + path);

/** The headings of a page, in their order. */
async function headings(): Promise<string[]> {
  const texts = await page.locator('article.operation h2').allInnerTexts();
  return texts.map((text) => text.replace(/#$/, '').trim());
}

const order = ['Execution availability', 'Path parameters', 'Body fields', 'Responses', 'Change history'];
const beside = ['Endpoint', 'Request example', 'Response example'];

/** The pages that the explorer was made after: every element of them, on ours. */
const seeds = [
  {
    product: 'zstack',
    id: 'RecoverImage',
    method: 'PUT',
    path: '/zstack/v1/images/{imageUuid}/actions',
    fields: ['imageUuid', 'backupStorageUuids', 'systemTags', 'userTags'],
    answer: 'inventory',
  },
  {
    product: 'zstack',
    id: 'CreateRootVolumeTemplateFromRootVolume',
    method: 'POST',
    path: '/zstack/v1/images/root-volume-templates/from/volumes/{rootVolumeUuid}',
    fields: ['rootVolumeUuid', 'name', 'guestOsType', 'backupStorageUuids', 'platform', 'resourceUuid'],
    answer: 'inventory',
  },
  {
    product: 'k5',
    id: 'RebuildServer',
    method: 'POST',
    path: '/v2/{tenant_id}/servers/{server_id}/action',
    fields: ['tenant_id', 'server_id', 'imageRef', 'name', 'metadata'],
    answer: 'adminPass',
  },
];

test.each(seeds)(
  'the page of $id has every element of the page it is made after',
  async ({ product, id, method, path, fields, answer }) => {
    await go(`/explorer/en/${product}/${id}`);
    const article = page.locator('article.operation');
    await article.getByRole('heading', { level: 1 }).waitFor();
    expect(await headings()).toEqual([...order, ...beside]);
    expect(await article.locator('.verb').first().innerText()).toBe(method);
    const badges = (await article.locator('header .badge').allInnerTexts()).join(' | ');
    expect(badges).toMatch(/Since .* \| .*ynchronous.* \| Auth required/);
    expect(await article.locator('.endpoint').innerText()).toContain(path);
    expect(await article.innerText()).toContain(id);
    const named = await article.locator('.fields code').allInnerTexts();
    for (const field of fields) expect(named).toContain(field);
    expect(await article.locator('.beside').innerText()).toContain('curl -X ' + method);
    expect(await article.locator('.beside .code').last().innerText()).toContain(answer);
    expect(await article.getByRole('link', { name: `/explorer/en/${product}/${id}`, exact: true }).count()).toBe(1);
    await article.getByRole('link', { name: 'View all change history' }).waitFor();
    // More than the page it is made after: failures with what to do, too.
    expect(await article.locator('.badge[data-tone="bad"]').count()).toBeGreaterThan(0);
  },
  limit,
);

test(
  'can be read by somebody who has not signed in, in three languages, and is found by their words',
  async () => {
    page = await tour.open();
    await go('/explorer/ja/zstack/RecoverImage');
    await page.getByRole('heading', { name: 'イメージを復元' }).waitFor();
    await page.getByLabel('リクエスト本文').fill('{"recoverImage": {"userTags": ["a"]}}');
    await page.getByRole('button', { name: '言語' }).click();
    await page.getByRole('menuitemradio', { name: '简体中文' }).click();
    await page.waitForURL('**/explorer/zh-CN/zstack/RecoverImage');
    await page.getByRole('heading', { name: '恢复镜像' }).waitFor();
    // Another language keeps what was filled in.
    expect(await page.getByLabel('请求体', { exact: true }).inputValue()).toContain('userTags');
    await page.getByRole('searchbox', { name: '搜索操作' }).fill('重建服务器');
    await page
      .getByRole('link', { name: /重建服务器/ })
      .first()
      .click();
    await page.waitForURL(/RebuildServer/);
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'an address as ZStack has it leads to the page',
  async () => {
    await go('/en/zstack/RecoverImage');
    await page.getByRole('heading', { name: 'Recover an image' }).waitFor();
  },
  limit,
);

test(
  'an operation runs as a mock, as a dry run, and for real with its job',
  async () => {
    // Another visitor: the one before has chosen a language.
    page = await tour.open();
    await tour.signIn(page);
    const client = await tour.cloud.openstack();
    const bin = '/unkai/v1/deleted-images';
    const { images: deleted } = await client.get(bin);
    for (const { id } of deleted) await client.post(`${bin}/${id}/recover`, {});
    await go('/explorer/en/zstack/DeleteImage');
    await page.getByRole('combobox', { name: /^uuid/ }).fill(tinyLinuxId);
    await page.getByRole('button', { name: 'Send mock request' }).click();
    await page.locator('[aria-live] .badge').first().waitFor();
    await page.getByText('Dry run', { exact: true }).click();
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByText('"dry_run": true').waitFor();
    await picture(page, 'explorer-dry-run');
    await page.getByText('Real', { exact: true }).click();
    const send = page.getByRole('button', { name: 'Send for real' });
    expect(await send.isDisabled()).toBe(true);
    await page.getByRole('textbox', { name: 'Type DeleteImage to confirm' }).fill('DeleteImage');
    await send.click();
    await expect
      .poll(async () => (await tour.cloud.cloud.images.list(await admin(), { statuses: ['deleted'] })).length, {
        timeout: 60_000,
      })
      .toBe(1);
    await go('/explorer/en/zstack/RecoverImage');
    await page.getByRole('combobox', { name: /imageUuid/ }).fill(tinyLinuxId);
    await page.getByText('Real', { exact: true }).click();
    await page.getByRole('button', { name: 'Send for real' }).click();
    await page.locator('[aria-live]').getByText('"inventory"').waitFor();
  },
  limit,
);

async function admin() {
  const { operator } = await import('../../src/cloud/identity/subject.ts');
  return operator();
}

test(
  'a rebuild is followed to its end on the page',
  async () => {
    const client = await tour.cloud.openstack();
    const server = { name: 'followed', imageRef: tinyLinuxId, flavorRef: '1', networks: 'none' };
    const version = { 'OpenStack-API-Version': 'compute 2.37' };
    const { id } = (await client.call('POST', '/compute/v2.1/servers', { server }, version)).server;
    await expect.poll(async () => (await client.get(`/compute/v2.1/servers/${id}`)).server.status).toBe('ACTIVE');
    await go('/explorer/en/k5/RebuildServer');
    await page.getByRole('combobox', { name: /server_id/ }).fill(id);
    await page.getByLabel('Request body').fill(JSON.stringify({ rebuild: { imageRef: tinyLinuxId } }));
    await page.getByText('Real', { exact: true }).click();
    await page.getByRole('button', { name: 'Send for real' }).click();
    const job = page.getByRole('region', { name: 'Job' });
    await job.getByText('compute_rebuild_instance').waitFor();
    await job.getByText('succeeded', { exact: true }).waitFor();
    await picture(page, 'explorer-job');
  },
  limit,
);

test(
  'what the server would say against a request is said while one types',
  async () => {
    await go('/explorer/en/compute/CreateServer');
    await page.getByLabel('Request body').fill('{"server": {"name": 7}}');
    await page
      .getByRole('status')
      .getByText(/required property|Invalid input for field/)
      .waitFor();
  },
  limit,
);

test(
  'it has a dark side, and every sample has a form',
  async () => {
    await go('/explorer/en/compute/CreateServer');
    await setTheme(page, 'dark');
    for (const name of ['HTTPie', 'TypeScript', 'Python', 'Go', 'Java', 'openstack CLI', 'Terraform']) {
      await page.getByRole('tab', { name, exact: true }).click();
      expect((await page.locator('.beside [role=tabpanel]').innerText()).length).toBeGreaterThan(20);
    }
    expect(await seriousProblems(page)).toEqual([]);
    await picture(page, 'explorer-dark');
  },
  limit,
);

test('nothing was asked of any other host, and no page has failed', () => {
  expect(tour.strayRequests).toEqual([]);
  expect(tour.complaints).toEqual([]);
});
