import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCloud } from '../support/cloud.ts';
import { clientEnvironment, clientOutput, runClient } from './run-client.ts';

/** The `openstack` command of the distribution, unmodified: a user lets a program act for them. */
describe('the openstack client, by OAuth 1.0', () => {
  let cloud: TestCloud;
  let env: Record<string, string>;

  const openstack = (...args: string[]) => clientOutput('openstack', args, env);
  const json = async (...args: string[]) => JSON.parse(await openstack(...args, '-f', 'json'));

  beforeAll(async () => {
    cloud = await TestCloud.start();
    env = clientEnvironment(cloud.origin);
  });

  afterAll(() => cloud?.close());

  it('registers a consumer, authorizes it, and signs in as it', async () => {
    const consumer = await json('consumer', 'create', '--description', 'backups');
    await openstack('consumer', 'set', '--description', 'reports', consumer.id);
    expect((await json('consumer', 'show', consumer.id)).description).toBe('reports');
    expect(await json('consumer', 'list')).toMatchObject([{ ID: consumer.id }]);
    const of = ['--consumer-key', consumer.id, '--consumer-secret', consumer.secret];
    const request = await json('request', 'token', 'create', ...of, '--project', 'admin');
    const { oauth_verifier } = await json(
      ...['request', 'token', 'authorize', '--request-key', request.id, '--role', 'reader'],
    );
    const access = await json(
      ...['access', 'token', 'create', ...of, '--request-key', request.id, '--request-secret', request.secret],
      ...['--verifier', oauth_verifier],
    );
    const asProgram = (...args: string[]) =>
      runClient('openstack', args, {
        OS_AUTH_URL: env['OS_AUTH_URL']!,
        OS_IDENTITY_API_VERSION: '3',
        OS_AUTH_TYPE: 'v3oauth1',
        OS_CONSUMER_KEY: consumer.id,
        OS_CONSUMER_SECRET: consumer.secret,
        OS_ACCESS_KEY: access.id,
        OS_ACCESS_SECRET: access.secret,
      });
    expect(await asProgram('network', 'list')).toMatchObject({ code: 0 });
    // The role reader makes nothing.
    expect((await asProgram('network', 'create', 'mine')).stderr).toContain('403');
    await openstack('consumer', 'delete', consumer.id);
    expect((await asProgram('network', 'list')).stderr).toContain('401');
  });
});
