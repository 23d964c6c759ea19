import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import { buildLimit, ConsoleTest, fresh, picture, seriousProblems, setTheme } from './browser.ts';

let tour: ConsoleTest;
let page: Page;
const limit = 300_000;

beforeAll(async () => {
  tour = await ConsoleTest.start({ faults: true, hosts: 3 });
  page = await tour.open();
  await tour.signIn(page);
}, buildLimit);

afterAll(() => tour?.[Symbol.asyncDispose]());

const go = (path: string) => page.goto(tour.cloud.origin + path);

/** As they are at first, whatever an earlier try left them in. */
async function openHosts(): Promise<void> {
  for (const { id } of await tour.cloud.cloud.hosts.list()) await tour.cloud.cloud.hosts.setState(id, 'enabled');
}

test(
  'zones and image stores are seen; a store is closed and opened',
  async () => {
    await go('/ui/r/zones');
    await page.getByRole('row', { name: /3 \/ 3/ }).waitFor();
    for (const { id, enabled } of tour.cloud.cloud.imageStores.list())
      if (!enabled)
        await (await tour.cloud.openstack()).call('PATCH', `/unkai/v1/image-stores/${id}`, { enabled: true });
    await go('/ui/r/stores');
    await page.getByText('connected', { exact: true }).waitFor();
    await picture(page, 'stores');
    await page.getByRole('button', { name: 'Actions for default' }).click();
    await page.getByRole('menuitem', { name: 'Take no new images' }).click();
    await page.getByText('Done: Take no new images').waitFor();
    expect(tour.cloud.cloud.imageStores.list().map(({ enabled }) => enabled)).toEqual([false]);
    await page.getByRole('button', { name: 'Actions for default' }).click();
    await page.getByRole('menuitem', { name: 'Take new images' }).click();
    await expect.poll(() => tour.cloud.cloud.imageStores.list()[0]?.enabled).toBe(true);
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
    const client = await tour.cloud.openstack();
    const { faults } = await client.get('/unkai/v1/faults');
    for (const { id } of faults) await client.delete(`/unkai/v1/faults/${id}`);
    await go('/ui/r/faults');
    await page.getByRole('button', { name: 'Inject a fault' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Operation').fill('CreateNetwork');
    await form.getByLabel('Error code').selectOption('unavailable');
    await form.getByRole('button', { name: 'Inject a fault' }).click();
    await page.getByText('CreateNetwork').first().waitFor();
    await expect(client.post('/network/v2.0/networks', { network: { name: 'not now' } })).rejects.toThrow();
    await picture(page, 'faults');
    expect(await seriousProblems(page)).toEqual([]);
  },
  limit,
);

test(
  'a host is taken into maintenance, and takes servers again',
  async () => {
    await openHosts();
    const state = async () => (await tour.cloud.cloud.hosts.list()).find(({ name }) => name === 'simulated-3')?.state;
    await go('/ui/r/hosts');
    await page.getByRole('button', { name: 'Actions for simulated-3' }).click();
    await page.getByRole('menuitem', { name: 'Begin maintenance' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Begin maintenance' }).click();
    await expect.poll(state).toBe('maintenance');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.getByRole('cell', { name: 'disabled', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Actions for simulated-3' }).click();
    await page.getByRole('menuitem', { name: 'Take new servers' }).click();
    await expect.poll(state).toBe('enabled');
  },
  limit,
);

test(
  'where a server can go is asked of the cloud, with why other hosts are refused',
  async () => {
    const client = await tour.cloud.openstack();
    await openHosts();
    const server = { name: fresh('moving'), imageRef: tinyLinuxId, flavorRef: '1', networks: 'none' };
    const version = { 'OpenStack-API-Version': 'compute 2.37' };
    const { id } = (await client.call('POST', '/compute/v2.1/servers', { server }, version)).server;
    await expect.poll(async () => (await client.get(`/compute/v2.1/servers/${id}`)).server.status).toBe('ACTIVE');
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
    await expect.poll(host).toBe(target);
  },
  limit,
);

test(
  'a host tells what it has, what of it is taken, and by whom; its servers are moved from there',
  async () => {
    await openHosts();
    const client = await tour.cloud.openstack();
    const server = { name: fresh('guest'), imageRef: tinyLinuxId, flavorRef: '1', networks: 'none' };
    const version = { 'OpenStack-API-Version': 'compute 2.37' };
    const { id } = (await client.call('POST', '/compute/v2.1/servers', { server }, version)).server;
    const shown = async () => (await client.get(`/compute/v2.1/servers/${id}`)).server;
    await expect.poll(async () => (await shown()).status).toBe('ACTIVE');
    const host = (await shown())['OS-EXT-SRV-ATTR:host'] as string;
    await go('/ui/r/hosts');
    await page.getByRole('link', { name: host, exact: true }).click();
    await page.getByRole('heading', { name: host, level: 1, exact: true }).waitFor();
    await page.getByRole('meter', { name: 'MEMORY_MB' }).waitFor();
    await page.getByRole('link', { name: server.name, exact: true }).waitFor();
    await picture(page, 'host');
    expect(await seriousProblems(page)).toEqual([]);
    await page.getByRole('button', { name: `Migrate: ${server.name}`, exact: true }).click();
    const form = page.getByRole('dialog');
    await form.getByRole('radio', { disabled: false }).first().check();
    await form.getByRole('button', { name: 'Migrate' }).click();
    await expect.poll(async () => (await shown())['OS-EXT-SRV-ATTR:host']).not.toBe(host);
  },
  limit,
);

test(
  "a project's quotas are changed, in the service that counts them; what is too much is said while one chooses",
  async () => {
    const client = await tour.cloud.openstack();
    const name = fresh('small-team');
    const member = await tour.cloud.member(name);
    const { projects } = await client.get(`/identity/v3/projects?name=${name}`);
    const id = projects[0].id as string;
    await go('/ui/quotas');
    await page.getByRole('combobox', { name: 'Project' }).selectOption(id);
    for (const [quota, limit] of [
      ['Servers', '3'],
      ['vCPUs', '1'],
      ['Networks', '7'],
      ['Volumes', '2'],
    ]) {
      await page.getByRole('button', { name: `Change the quota: ${quota}`, exact: true }).click();
      const form = page.getByRole('dialog');
      await form.getByLabel('Limit').fill(limit!);
      await form.getByRole('button', { name: 'Save' }).click();
      await form.waitFor({ state: 'hidden' });
    }
    await page.getByRole('meter', { name: 'Volumes' }).waitFor();
    expect(await seriousProblems(page)).toEqual([]);
    const compute = await member.get(`/compute/v2.1/os-quota-sets/${id}`);
    expect(compute.quota_set).toMatchObject({ instances: 3, cores: 1 });
    expect((await member.get(`/network/v2.0/quotas/${id}`)).quota).toMatchObject({ network: 7 });
    expect((await member.get(`/volume/v3/${id}/os-quota-sets/${id}`)).quota_set).toMatchObject({ volumes: 2 });

    const theirs = await tour.open();
    await tour.signIn(theirs, name, name);
    await theirs.goto(`${tour.cloud.origin}/ui/servers/new`);
    await theirs.getByText(/^The cloud would take it/).waitFor();
    await theirs.getByLabel('Count').fill('2');
    await theirs.getByText(/Quota exceeded for cores/).waitFor();
    await theirs.context().close();
  },
  limit,
);

test(
  'an image is shared with a project, which takes it',
  async () => {
    const client = await tour.cloud.openstack();
    const name = fresh('receiver');
    await tour.cloud.member(name);
    const { projects } = await client.get(`/identity/v3/projects?name=${name}`);
    const about = { name: fresh('gift'), disk_format: 'raw', container_format: 'bare' };
    const { id } = await client.post('/image/v2/images', about);
    await go(`/ui/images/${id}`);
    await page.getByRole('button', { name: 'Share' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Project id').fill(projects[0].id);
    await form.getByRole('button', { name: 'Share' }).click();
    await page.getByText('pending', { exact: true }).waitFor();
    expect(await seriousProblems(page)).toEqual([]);

    const theirs = await tour.open();
    await tour.signIn(theirs, name, name);
    await theirs.goto(`${tour.cloud.origin}/ui/images`);
    await theirs.getByText(`shares the image ${about.name} with this one`).waitFor();
    expect(await theirs.getByRole('link', { name: about.name, exact: true }).count()).toBe(0);
    await theirs.getByRole('button', { name: 'Accept' }).click();
    await theirs.getByRole('link', { name: about.name, exact: true }).waitFor();
    await theirs.context().close();

    await page.reload();
    await page.getByText('accepted', { exact: true }).waitFor();
    await page.getByRole('button', { name: /^Stop sharing/ }).click();
    await page.getByText('Shared with nobody yet.').waitFor();
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
