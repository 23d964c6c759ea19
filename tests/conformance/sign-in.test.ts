import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCloud } from '../support/cloud.ts';
import { clientEnvironment, clientOutput } from './run-client.ts';

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY';

/** Users who have to sign in by several methods, with the clients of the distribution, unmodified. */
describe('the clients and several methods of signing in', { timeout: 240_000 }, () => {
  let cloud: TestCloud;
  let env: Record<string, string>;
  const openstack = (words: string) => clientOutput('openstack', words.split(' '), env);

  beforeAll(async () => {
    cloud = await TestCloud.start({ hypervisor: 'simulated' });
    env = clientEnvironment(cloud.origin);
  });

  afterAll(() => cloud?.close());

  it('ask for what is missing, and give it', async () => {
    await openstack('user create --password secret hanako');
    await openstack('role add --user hanako --project admin member');
    await openstack(`credential create --type totp hanako ${secret}`);
    await openstack('user set --enable-multi-factor-auth --multi-factor-auth-rule password,totp hanako');
    const story = join(import.meta.dirname, 'sign-in-story.py');
    const told = await clientOutput('/usr/bin/python3', [story], { ...env, SECRET: secret });
    expect(told.trim().split('\n')).toEqual([
      "missing: [['password', 'totp']]",
      "step by step: ['member', 'reader']",
      "at once: ['member', 'reader']",
    ]);
  });
});
