import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DesiredNetworks, Ipv6Mode } from '../../contract.ts';
import { NetworkBench, obstacle, patience, portOf, twoNetworks, web } from './network-bench.fixture.ts';

const client = '/sbin/dhclient';
const missing = obstacle ?? (existsSync(client) ? undefined : `there is no ${client} (Debian's isc-dhcp-client)`);
if (missing !== undefined) console.warn(`DHCPv6 is not tested with a client: ${missing}`);

/** Keeps what the client was told. */
const script = `#!/bin/sh
case $reason in PREINIT6) exit 0;; esac
echo "$reason $new_ip6_address $new_dhcp6_name_servers" >>"$(dirname "$0")/told"
`;

describe.skipIf(missing !== undefined)('DHCPv6', () => {
  let bench: NetworkBench;
  let desired: DesiredNetworks;
  let folder: string;

  beforeEach(async () => {
    bench = await NetworkBench.open();
    desired = twoNetworks();
    folder = await mkdtemp(join(tmpdir(), 'unkai-dhcpv6-'));
    await writeFile(join(folder, 'script'), script, { mode: 0o755 });
  });
  afterEach(async () => {
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => ''));
    if (pid > 0) process.kill(pid);
    await bench.close();
    await rm(folder, { recursive: true, force: true });
    expect(await bench.driver.inventory()).toEqual([]);
  });

  const guestOn = async (ipv6Mode: Ipv6Mode): Promise<string> => {
    desired.networks[0]!.subnets.push({
      subnetId: '60'.repeat(16),
      cidr: 'fd00::/64',
      gateway: 'fd00::1',
      dhcp: { address: 'fd00::2', dnsNameservers: ['fd00::53'], routes: [] },
      ipv6Mode,
    });
    const port = portOf(11, web, '10.9.0.11');
    desired.ports = [{ ...port, addresses: ['10.9.0.11', 'fd00::1234'] }];
    const { portId, macAddress } = port;
    desired.networks[0]!.hosts = [{ portId, macAddress, address: 'fd00::1234', hostname: 'one' }];
    await bench.driver.apply(desired);
    return await bench.plug(port);
  };
  /** What the client has been told, as soon as it was: an interface has its link-local address only after a moment. */
  const told = async (guest: string, ...options: string[]): Promise<string> => {
    const files = ['-lf', join(folder, 'leases'), '-pf', join(folder, 'pid'), '-sf', join(folder, 'script')];
    const words = ['timeout', '10', client, '-6', '-1', '-D', 'LL', ...options, ...files, 'eth0'];
    let answer = '';
    const ask = async () => {
      await bench.shOutside(['nsenter', `--net=/run/netns/${guest}`, '--', ...words]);
      answer = await readFile(join(folder, 'told'), 'utf8').catch(() => '');
      return answer;
    };
    await expect.poll(ask, { timeout: patience, interval: 200 }).not.toBe('');
    return answer;
  };

  test('gives a guest the address of its port', async () => {
    expect(await told(await guestOn('dhcpv6-stateful'))).toMatch(/^BOUND6 fd00::1234 fd00::53$/m);
  });

  test('tells a guest that makes its address itself everything else', async () => {
    expect(await told(await guestOn('dhcpv6-stateless'), '-S')).toMatch(/^\w+6 {2}fd00::53$/m);
  });
});
