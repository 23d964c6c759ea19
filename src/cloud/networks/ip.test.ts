import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eui64, formatIp, hostsOf, inRange, leaveOut, macOfLinkLocal, parseCidr, parseIp, sizeOf } from './ip.ts';

const v4 = fc.record({ version: fc.constant(4 as const), value: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }) });
const v6 = fc.record({ version: fc.constant(6 as const), value: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }) });

describe('addresses of both families', () => {
  test('text and number are the same thing', () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(ip);
      }),
    );
  });

  test('a CIDR holds the address it was made of', () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), fc.integer({ min: 0, max: 128 }), (ip, length) => {
        const prefix = ip.version === 4 ? length % 33 : length;
        const cidr = parseCidr(`${formatIp(ip)}/${prefix}`)!;
        expect(inRange(cidr, ip)).toBe(true);
        expect(parseCidr(cidr.text)).toMatchObject({ first: cidr.first, last: cidr.last, text: cidr.text });
      }),
    );
  });

  test('hosts of IPv6 are all but the address of every router', () => {
    const cidr = parseCidr('fd00::/64')!;
    expect(formatIp({ version: 6, value: hostsOf(cidr).first })).toBe('fd00::1');
    expect(formatIp({ version: 6, value: hostsOf(cidr).last })).toBe('fd00::ffff:ffff:ffff:ffff');
    expect(sizeOf(leaveOut(hostsOf(cidr), parseIp('fd00::9')))).toBe(2n ** 64n - 2n);
  });

  test('an address made of a MAC address', () => {
    expect(eui64(parseCidr('fe80::/64')!, 'fa:16:3e:11:22:33')).toBe('fe80::f816:3eff:fe11:2233');
    expect(macOfLinkLocal('fe80::f816:3eff:fe11:2233')).toBe('fa:16:3e:11:22:33');
    expect(macOfLinkLocal('fd00::f816:3eff:fe11:2233')).toBeUndefined();
  });
});
