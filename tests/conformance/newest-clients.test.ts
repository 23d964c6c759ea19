import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCloud } from '../support/cloud.ts';
import { pythonEnvironment } from './python-environment.ts';
import { clientEnvironment, clientOutput, runClient } from './run-client.ts';

/**
 * The newest `openstack` command and openstacksdk, which ask for the highest microversions that there are, where Debian's
 * older ones ask for 2.1. They come from PyPI, so this runs when it is asked for.
 */
const isWanted = process.env['UNKAI_TEST_NEWEST_CLIENTS'] !== undefined;
if (!isWanted) console.log('The newest OpenStack clients are not tested: UNKAI_TEST_NEWEST_CLIENTS=1 does, from PyPI');

/** `UNKAI_TEST_NEWEST_CLIENTS=fresh` gets both anew. */
const isFresh = process.env['UNKAI_TEST_NEWEST_CLIENTS'] === 'fresh';
const packages = ['python-openstackclient', 'openstacksdk'];

describe.skipIf(!isWanted)('the newest OpenStack clients', { timeout: 600_000 }, () => {
  let cloud: TestCloud;
  let folder: string;
  let env: Record<string, string>;

  const openstack = (words: string) => clientOutput(join(folder, 'bin/openstack'), words.split(' '), env);
  const json = async (words: string) => JSON.parse(await openstack(`${words} -f json`));

  beforeAll(async () => {
    folder = await pythonEnvironment('openstack-clients', packages, isFresh);
    cloud = await TestCloud.start();
    env = clientEnvironment(cloud.origin);
  }, 900_000);

  afterAll(() => cloud?.close());

  it('see services, hosts and quotas', async () => {
    expect((await json('catalog list')).map(({ Type }: { Type: string }) => Type)).toContain('block-storage');
    expect(await json('hypervisor list')).not.toEqual([]);
    await openstack('hypervisor show simulated');
    expect(await json('compute service list')).not.toEqual([]);
    for (const words of [
      'quota show',
      'limits show --absolute',
      'availability zone list',
      'extension list --network',
    ]) {
      expect(await json(words), words).not.toEqual([]);
    }
  });

  it('upload an image, and boot a server from it', async () => {
    const file = join(cloud.dataDir, 'disk.raw');
    await writeFile(file, Buffer.alloc(2 ** 20, 7));
    expect(await json(`image create --file ${file} --disk-format raw tiny`)).toMatchObject({ name: 'tiny' });
    await openstack('network create web');
    await openstack('subnet create --network web --subnet-range 10.7.0.0/24 web4');
    await openstack('keypair create laptop');
    const wanted = '--image tiny --flavor m1.nano --network web --key-name laptop --property role=web --tag blue';
    const server = await json(`server create ${wanted} --wait one`);
    expect(server).toMatchObject({ status: 'ACTIVE', name: 'one' });
    const [listed] = await json('server list');
    expect(listed).toMatchObject({ Name: 'one', Status: 'ACTIVE', Image: 'tiny', Flavor: 'm1.nano' });
    expect(await json('server list --tags blue')).toHaveLength(1);
  });

  it('change the server, and read what happened', async () => {
    await openstack('server set --description first one');
    await openstack('server rebuild --image tiny --wait one');
    await openstack('server resize --flavor m1.micro --wait one');
    await openstack('server resize confirm one');
    await openstack('server lock --reason pause one');
    await openstack('server unlock one');
    await openstack('server migration list');
    const events = await json('server event list one');
    expect(events.map((event: Record<string, string>) => event['Action'])).toEqual(
      expect.arrayContaining(['create', 'rebuild', 'resize', 'confirmResize']),
    );
    const shown = await json(`server event show one ${events.at(-1)['Request ID']}`);
    expect(JSON.stringify(shown.events)).toContain('compute__do_build_and_run_instance');
  });

  it('attach a volume, find it on the server, and make a snapshot of it', async () => {
    await openstack('volume create --size 1 data');
    await expect.poll(async () => (await json('volume show data')).status).toBe('available');
    await openstack('server add volume one data');
    await expect.poll(async () => (await json('volume show data')).status).toBe('in-use');
    expect(await json('server volume list one')).toHaveLength(1);
    await openstack('server remove volume one data');
    await expect.poll(async () => (await json('volume show data')).status).toBe('available');
    await openstack('volume snapshot create --volume data data-snapshot');
  });

  it('reach it from outside', async () => {
    await openstack('router create out');
    await openstack('router set --external-gateway public out');
    await openstack('router add subnet out web4');
    const { floating_ip_address: address } = await json('floating ip create public');
    await openstack(`server add floating ip one ${address}`);
    expect(JSON.stringify((await json('server show one')).addresses)).toContain(address);
    await openstack(`server remove floating ip one ${address}`);
  });

  it('delete it, and say what is not there', async () => {
    await openstack('server delete --wait one');
    const { code, stderr } = await runClient(join(folder, 'bin/openstack'), ['server', 'show', 'one'], env);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/No Server found for one/);
  });

  it("run the SDK's story", async () => {
    const story = join(import.meta.dirname, 'openstacksdk-story.py');
    const { code, stdout, stderr } = await runClient(join(folder, 'bin/python'), [story], env);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain('all of it');
  });
});
