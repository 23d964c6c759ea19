import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  contains,
  countAddresses,
  formatIpv4,
  hostRange,
  overlap,
  parseIpv4,
  parseIpv4Cidr,
  without,
} from './addresses.ts';
import { canonicalIpv6 } from './ip.ts';
import { parseIpPrefix } from './ip-prefix.ts';

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('IPv4 addresses', () => {
  test('text and number are the same thing', () => {
    fc.assert(fc.property(address, (number) => parseIpv4(formatIpv4(number)) === number));
  });

  test.each(['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', '::1', ' 1.2.3.4'])('%j is none', (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });

  test('a CIDR holds the address it was made of, and 2^(32 - prefix) in all', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 32 }), (number, prefix) => {
        const cidr = parseIpv4Cidr(`${formatIpv4(number)}/${prefix}`)!;
        expect(contains(cidr, number)).toBe(true);
        expect(countAddresses([cidr])).toBe(2 ** (32 - prefix));
        expect(parseIpv4Cidr(cidr.text)).toMatchObject({ first: cidr.first, isCanonical: true });
      }),
    );
  });

  test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0/24', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/24/1'])(
    '%j is no CIDR',
    (text) => {
      expect(parseIpv4Cidr(text)).toBeUndefined();
    },
  );

  test('hosts are all but the first and last, and all of a /31 and /32', () => {
    expect(countAddresses([hostRange(parseIpv4Cidr('10.0.0.0/24')!)])).toBe(254);
    expect(countAddresses([hostRange(parseIpv4Cidr('10.0.0.0/31')!)])).toBe(2);
    expect(countAddresses([hostRange(parseIpv4Cidr('10.0.0.9/32')!)])).toBe(1);
  });

  test('taking an address out of a range leaves the others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 40 }),
        (a, b, gone) => {
          const range = { first: Math.min(a, b), last: Math.max(a, b) };
          const rest = without(range, gone);
          for (let n = 0; n <= 40; n += 1) {
            expect(rest.some((part) => contains(part, n))).toBe(contains(range, n) && n !== gone);
          }
        },
      ),
    );
  });

  test('two ranges overlap when an address is in both', () => {
    expect(overlap(parseIpv4Cidr('10.0.0.0/8')!, parseIpv4Cidr('10.9.0.0/16')!)).toBe(true);
    expect(overlap(parseIpv4Cidr('10.0.0.0/24')!, parseIpv4Cidr('10.0.1.0/24')!)).toBe(false);
  });
});

describe('prefixes of either family', () => {
  test.each([
    ['192.0.2.77/24', 4, '192.0.2.0/24'],
    ['192.0.2.77', 4, '192.0.2.77/32'],
    ['::/0', 6, '::/0'],
    ['2001:DB8:0:0:1::9/64', 6, '2001:db8::/64'],
    ['2001:db8::ffff/113', 6, '2001:db8::8000/113'],
    ['fe80::1', 6, 'fe80::1/128'],
  ] as const)('%s', (text, version, normalized) => {
    expect(parseIpPrefix(text)).toEqual({ version, normalized });
  });

  test.each(['', '10.0.0.0/33', '::/129', 'fe80::1%eth0/64', '10.0.0.0/24/8', 'x/8'])('%j is none', (text) => {
    expect(parseIpPrefix(text)).toBeUndefined();
  });

  test('IPv6 addresses have one form', () => {
    expect(canonicalIpv6('2001:0DB8:0000:0000:0000:0000:0000:0001')).toBe('2001:db8::1');
  });
});
