import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTinyLinux } from '../../guest/tinylinux.ts';
import { TestCloud } from '../support/cloud.ts';
import { cacheDir } from '../support/paths.ts';
import { clientOutput, runClient } from './run-client.ts';

/** The `openstack` command of the distribution, unmodified, against real guests: a user's first hour. */
describe('the openstack client', () => {
  let cloud: TestCloud;
  let env: Record<string, string>;
  let imageFile: string;

  const openstack = (...args: string[]) => clientOutput('openstack', args, env);
  const json = async (...args: string[]) => JSON.parse(await openstack(...args, '-f', 'json'));
  const status = async () => (await json('server', 'show', 'one')).status as string;

  beforeAll(async () => {
    cloud = await TestCloud.start({ hypervisor: 'qemu', settings: { shutdownGrace: 20 } });
    imageFile = (await buildTinyLinux({ cacheDir })).path;
    env = {
      OS_AUTH_URL: `${cloud.origin}/identity/v3`,
      OS_IDENTITY_API_VERSION: '3',
      OS_USERNAME: 'admin',
      OS_PASSWORD: 'test-password',
      OS_PROJECT_NAME: 'admin',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
      OS_REGION_NAME: 'RegionOne',
    };
  });

  afterAll(async () => {
    await cloud?.close();
  });

  it('signs in', async () => {
    const token = await json('token', 'issue');
    expect(token.id).toBeTruthy();
    const bad = await runClient('openstack', ['token', 'issue'], { ...env, OS_PASSWORD: 'wrong' });
    expect(bad.code).not.toBe(0);
    expect(bad.stderr).toContain('The request you have made requires authentication.');
  });

  it('uploads an image', async () => {
    const image = await json('image', 'create', '--file', imageFile, '--disk-format', 'qcow2', '--public', 'tiny');
    expect(image.status).toMatch(/queued|active/);
    expect((await json('image', 'show', 'tiny')).status).toBe('active');
  });

  it('boots a real guest from it, and reads its console', async () => {
    const server = await json('server', 'create', '--image', 'tiny', '--flavor', 'm1.nano', '--wait', 'one');
    expect(server.status).toBe('ACTIVE');
    await expect
      .poll(() => openstack('console', 'log', 'show', 'one'), { timeout: 60_000, interval: 1000 })
      .toContain('TinyLinux ready: one');
  });

  it('rebuilds it and reads what happened', async () => {
    await openstack('server', 'rebuild', '--image', 'tiny', '--wait', 'one');
    expect(await status()).toBe('ACTIVE');
    const events = await json('server', 'event', 'list', 'one');
    expect(events.map((event: Record<string, string>) => event['Action'])).toEqual(['rebuild', 'create']);
    const shown = await json('server', 'event', 'show', 'one', events[0]['Request ID']);
    const spans = typeof shown.events === 'string' ? shown.events : JSON.stringify(shown.events);
    expect(spans).toContain('compute_rebuild_instance');
    expect(spans).toContain('Success');
  });

  const waitForStatus = (wanted: string) => expect.poll(status, { timeout: 60_000, interval: 500 }).toBe(wanted);

  it('stops and starts it', async () => {
    await openstack('server', 'stop', 'one');
    await waitForStatus('SHUTOFF');
    await openstack('server', 'start', 'one');
    await waitForStatus('ACTIVE');
  });

  it('resizes it and confirms', async () => {
    await openstack('server', 'resize', '--flavor', 'm1.micro', '--wait', 'one');
    expect(await status()).toBe('VERIFY_RESIZE');
    await openstack('server', 'resize', 'confirm', 'one');
    await waitForStatus('ACTIVE');
    expect((await json('server', 'show', 'one')).flavor).toContain('m1.micro');
  });

  it('shelves and unshelves it', async () => {
    await openstack('server', 'shelve', 'one');
    await waitForStatus('SHELVED_OFFLOADED');
    await openstack('server', 'unshelve', 'one');
    await waitForStatus('ACTIVE');
  });

  it('deletes it', async () => {
    await openstack('server', 'delete', '--wait', 'one');
    expect(await json('server', 'list')).toEqual([]);
    const { agent } = cloud.agents[0]!;
    const left = await agent.inventory();
    expect(left).toMatchObject({ disks: [], guests: [], strayFiles: [] });
  });
});
