import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLimit, ConsoleTest, picture, seriousProblems, setTheme } from './browser.ts';

let tour: ConsoleTest;
let page: Page;
const limit = 180_000;

beforeAll(async () => {
  tour = await ConsoleTest.start({ faults: true, hosts: 3 });
  page = await tour.open();
  await tour.signIn(page);
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

const go = (path: string) => page.goto(tour.cloud.origin + path);

test(
  'zones and image stores are seen; a store is closed and opened',
  async () => {
    await go('/ui/r/zones');
    await page.getByRole('row', { name: /3 \/ 3/ }).waitFor();
    await go('/ui/r/stores');
    await page.getByText('connected', { exact: true }).waitFor();
    await picture(page, 'stores');
    await page.getByRole('button', { name: 'Actions for default' }).click();
    await page.getByRole('menuitem', { name: 'Take no new images' }).click();
    await page.getByText('Done: Take no new images').waitFor();
    expect(tour.cloud.cloud.imageStores.list().map(({ enabled }) => enabled)).toEqual([false]);
    await page.getByRole('button', { name: 'Actions for default' }).click();
    await page.getByRole('menuitem', { name: 'Take new images' }).click();
    await expect.poll(() => tour.cloud.cloud.imageStores.list()[0]?.enabled, { timeout: 45_000 }).toBe(true);
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'the audit says that all is well',
  async () => {
    await go('/ui/r/audit');
    await page.getByText('Nothing is wrong: every rule holds.').waitFor();
    await picture(page, 'audit');
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'a fault is injected, strikes, and is removed',
  async () => {
    await go('/ui/r/faults');
    await page.getByRole('button', { name: 'Inject a fault' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Operation').fill('CreateNetwork');
    await form.getByLabel('Error code').selectOption('unavailable');
    await form.getByRole('button', { name: 'Inject a fault' }).click();
    await page.getByText('CreateNetwork').first().waitFor();
    const client = await tour.cloud.openstack();
    await expect(client.post('/network/v2.0/networks', { network: { name: 'not now' } })).rejects.toThrow();
    await picture(page, 'faults');
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'a host is taken into maintenance, and takes servers again',
  async () => {
    const state = async () => (await tour.cloud.cloud.hosts.list()).find(({ name }) => name === 'simulated-3')?.state;
    await go('/ui/r/hosts');
    await page.getByRole('button', { name: 'Actions for simulated-3' }).click();
    await page.getByRole('menuitem', { name: 'Begin maintenance' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Begin maintenance' }).click();
    await expect.poll(state, { timeout: 45_000 }).toBe('maintenance');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.getByRole('cell', { name: 'disabled', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Actions for simulated-3' }).click();
    await page.getByRole('menuitem', { name: 'Take new servers' }).click();
    await expect.poll(state, { timeout: 45_000 }).toBe('enabled');
  },
  limit,
);

test(
  'where a server can go is asked of the cloud, with why other hosts are refused',
  async () => {
    const client = await tour.cloud.openstack();
    const { images } = await client.get('/image/v2/images');
    const server = { name: 'moving', imageRef: images[0].id, flavorRef: '1', networks: 'none' };
    const version = { 'OpenStack-API-Version': 'compute 2.37' };
    const { id } = (await client.call('POST', '/compute/v2.1/servers', { server }, version)).server;
    await expect
      .poll(async () => (await client.get(`/compute/v2.1/servers/${id}`)).server.status, { timeout: 60_000 })
      .toBe('ACTIVE');
    const host = async () => (await client.get(`/compute/v2.1/servers/${id}`)).server['OS-EXT-SRV-ATTR:host'] as string;
    const now = await host();
    const closed = (await tour.cloud.cloud.hosts.list()).find(({ name }) => name !== now);
    await tour.cloud.cloud.hosts.setState(closed!.id, 'disabled');
    await go(`/ui/servers/${id}`);
    await page.getByRole('button', { name: 'Actions' }).click();
    await page.getByRole('menuitem', { name: 'Migrate' }).click();
    const form = page.getByRole('dialog');
    const other = form.getByRole('radio', { disabled: false });
    await other.first().waitFor();
    // The one that takes no servers says so.
    expect(await form.getByRole('radio', { disabled: true }).count()).toBe(1);
    await form.getByText('disabled', { exact: true }).waitFor();
    const target = await other.getAttribute('value');
    await other.check();
    await picture(page, 'migrate');
    expect(await seriousProblems(page)).toEqual([]);
    await form.getByRole('button', { name: 'Migrate' }).click();
    await form.waitFor({ state: 'hidden' });
    await expect.poll(host, { timeout: 60_000 }).toBe(target);
  },
  limit,
);

test(
  'what releases changed is told, for an operation and for all of them',
  async () => {
    await go('/explorer/en/compute/LockServer');
    await page.getByText('The request may have lock.locked_reason').waitFor();
    await go('/explorer/en/zstack/DeleteOneSecurityGroupRule');
    await page.getByText('Removed', { exact: true }).waitFor();
    await go('/explorer?status=breaking&tab=identity');
    await page.getByRole('link', { name: /CreateRole$/ }).waitFor();
    expect(await page.getByRole('combobox', { name: 'Kind of change' }).inputValue()).toBe('breaking');
    await setTheme(page, 'dark');
    expect(await seriousProblems(page)).toEqual([]);
    await picture(page, 'explorer-history');
    expect(tour.complaints).toEqual([]);
    expect(tour.strayRequests).toEqual([]);
  },
  limit,
);
