import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCloud } from '../support/cloud.ts';
import { cacheDir } from '../support/paths.ts';
import { clientEnvironment, runClient } from './run-client.ts';

/**
 * A user's story with Gophercloud, unmodified. It needs Go and its module, which takes a minute to build, so it runs when it
 * is asked for.
 */
const isWanted = process.env['UNKAI_TEST_GOPHERCLOUD'] !== undefined;
if (!isWanted) console.log('Gophercloud is not tested: UNKAI_TEST_GOPHERCLOUD=1 does, with go');

describe.skipIf(!isWanted)('gophercloud', () => {
  const program = join(cacheDir, 'gophercloud-story');
  let cloud: TestCloud;

  beforeAll(async () => {
    const options = { cwd: join(import.meta.dirname, 'gophercloud'), maxBuffer: 64 * 2 ** 20 };
    await promisify(execFile)('go', ['build', '-o', program, '.'], options);
    cloud = await TestCloud.start();
  }, 900_000);

  afterAll(() => cloud?.close());

  it('makes a server with everything around it, looks at it, and takes it away again', async () => {
    const admin = await cloud.openstack();
    const { networks } = await admin.get('/network/v2.0/networks?router:external=true');
    const env = {
      ...clientEnvironment(cloud.origin),
      OS_DOMAIN_NAME: 'Default',
      FLAVOR_ID: '42',
      PUBLIC_NETWORK_ID: networks[0].id,
    };
    const { code, stdout, stderr } = await runClient(program, [], env);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain('all of it');
  }, 300_000);
});
