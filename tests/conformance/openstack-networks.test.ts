import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCloud } from '../support/cloud.ts';
import { clientOutput } from './run-client.ts';

/** A tour of networks by the `openstack` command of the distribution, unmodified. */
describe('the openstack client and networks', { timeout: 240_000 }, () => {
  let cloud: TestCloud;
  let env: Record<string, string>;

  const openstack = (words: string) => clientOutput('openstack', words.split(' '), env);
  const json = async (words: string) => JSON.parse(await openstack(`${words} -f json`));

  beforeAll(async () => {
    cloud = await TestCloud.start({ hypervisor: 'simulated' });
    env = {
      OS_AUTH_URL: `${cloud.origin}/identity/v3`,
      OS_IDENTITY_API_VERSION: '3',
      OS_USERNAME: 'admin',
      OS_PASSWORD: 'test-password',
      OS_PROJECT_NAME: 'admin',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
    };
  });

  afterAll(async () => {
    await cloud?.close();
  });

  it('makes networks of both families, and a way out', async () => {
    expect(await json('network create --tag blue web')).toMatchObject({ status: 'ACTIVE', tags: ['blue'] });
    await openstack('subnet create --network web --subnet-range 10.7.0.0/24 web4');
    await openstack('subnet pool create --pool-prefix fd00:7::/48 --default-prefix-length 64 six');
    const modes = '--ipv6-ra-mode slaac --ipv6-address-mode slaac';
    const six = await json(`subnet create --network web --ip-version 6 --subnet-pool six ${modes} web6`);
    expect(six).toMatchObject({ cidr: 'fd00:7::/64', ipv6_ra_mode: 'slaac' });
    await openstack('router create out');
    await openstack('router set --external-gateway public out');
    await openstack('router add subnet out web4');
    await openstack('router add subnet out web6');
    expect(await json('network list --tags blue')).toMatchObject([{ Name: 'web' }]);
  });

  it('makes ports with groups, names, options and limits, and gives them floating IPs', async () => {
    await openstack('address group create --address 192.0.2.0/24 offices');
    await openstack('security group create web');
    await openstack('security group rule create --protocol tcp --dst-port 22 --remote-address-group offices web');
    await openstack('network qos policy create slow');
    await openstack('network qos rule create --type bandwidth-limit --max-kbps 1000 --egress slow');
    await openstack('network qos rule create --type dscp-marking --dscp-mark 46 slow');
    const marks = (await json('network qos rule list slow')).map((rule: Record<string, unknown>) => rule['DSCP mark']);
    expect(marks).toContain(46);
    const wanted = '--network web --security-group web --dns-name db --qos-policy slow';
    const port = await json(`port create ${wanted} db`);
    expect(port).toMatchObject({ dns_name: 'db', port_security_enabled: true });
    expect(port.fixed_ips).toHaveLength(2);
    expect(await json('floating ip create --port db public')).toMatchObject({ status: 'ACTIVE' });
  });

  it('shares a network, and shows what administrators see', async () => {
    const rule = '--target-project admin --action access_as_shared --type network';
    await openstack(`network rbac create ${rule} web`);
    expect(await json('network rbac list')).not.toEqual([]);
    expect((await json('network agent list'))[0]).toMatchObject({ Alive: true });
    expect(await json('availability zone list --network')).not.toEqual([]);
    expect(await json('ip availability list')).not.toEqual([]);
    await openstack('network auto allocated topology delete');
  });

  it('sets quotas in spite of what is used, and says by name that hosts are down', async () => {
    await openstack('quota set --force --networks 1 --cores 50 admin');
    const [{ Host: host }] = await json('compute service list');
    for (const state of ['down', 'up']) {
      await openstack(`--os-compute-api-version 2.11 compute service set --${state} ${host} nova-compute`);
      const [service] = await json('--os-compute-api-version 2.11 compute service list');
      expect(service.State).toBe(state);
    }
  });
});
