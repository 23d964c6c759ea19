import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

function awk(script: string, input: string) {
  const path = `${import.meta.dirname}/rootfs/lib/tinylinux/${script}`;
  const { stdout, status } = spawnSync('busybox', ['awk', '-f', path], { input, encoding: 'utf8' });
  return { lines: stdout.split('\n').slice(0, -1), status };
}

describe('json.awk', () => {
  test('flattens a document to one line per value', () => {
    const document = { a: [1, true, { b: null }], 'odd key.1': 'x "y" z\n', empty: {}, none: [], unicode: '雲海\t\\' };
    const lines = ['a.0\t1', 'a.1\ttrue', 'a.2.b\tnull', 'odd key.1\tx "y" z\\n', 'unicode\t雲海\\t\\\\'];
    expect(awk('json.awk', JSON.stringify(document))).toEqual({ lines, status: 0 });
    expect(awk('json.awk', JSON.stringify(document, null, 2))).toEqual({ lines, status: 0 });
    expect(awk('json.awk', '{"a":"\\u96f2\\u00e9\\u0041\\/"}').lines).toEqual(['a\t雲éA/']);
  });

  test.each(['{"a"', '{"a":}', '[1 2]', '{a:1}', '"open', ''])('ends with an error on %j', (text) => {
    expect(awk('json.awk', text).status).toBe(1);
  });
});

describe('network.awk', () => {
  const plan = (document: unknown) =>
    awk('network.awk', `${awk('json.awk', JSON.stringify(document)).lines.join('\n')}\n`).lines;

  test('prints links, addresses, routes and name servers of several networks', () => {
    const links = [
      { id: 'tap1', ethernet_mac_address: 'FA:16:3E:00:00:01', mtu: 1450 },
      { id: 'tap2', ethernet_mac_address: 'fa:16:3e:00:00:02', mtu: null },
    ];
    const gateway = { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' };
    const host = { network: '169.254.169.254', netmask: '255.255.255.255', gateway: '10.0.0.2' };
    const networks = [
      { link: 'tap1', type: 'ipv4', ip_address: '10.0.0.7', netmask: '255.255.252.0', routes: [gateway, host] },
      { link: 'tap1', type: 'ipv6', ip_address: 'fd00::7', netmask: 'ffff:ffff:ffff:fe00::', routes: [] },
      { link: 'tap2', type: 'ipv4_dhcp', services: [{ type: 'dns', address: '10.0.0.3' }] },
    ];
    const services = [
      { type: 'dns', address: '10.0.0.3' },
      { type: 'ntp', address: '10.0.0.9' },
    ];
    expect(plan({ links, networks, services })).toEqual([
      'link fa:16:3e:00:00:01 1450',
      'link fa:16:3e:00:00:02 1500',
      'address fa:16:3e:00:00:01 10.0.0.7/22',
      'route fa:16:3e:00:00:01 0.0.0.0/0 10.0.0.1',
      'route fa:16:3e:00:00:01 169.254.169.254/32 10.0.0.2',
      'address fa:16:3e:00:00:01 fd00::7/55',
      'dhcp fa:16:3e:00:00:02',
      'dns 10.0.0.3',
    ]);
  });

  test('has nothing to do for a server without networks', () => {
    expect(plan({ links: [], networks: [], services: [] })).toEqual([]);
  });
});
