import { isIPv6 } from 'node:net';

/** What the rules of a host need to know of IPv6 addresses. */

export const isV6 = (text: string): boolean => text.includes(':');

/** The address that a device makes itself on every link of its MAC address (RFC 4291, appendix A). */
export function linkLocalOf(macAddress: string): string {
  const [first = 0, ...rest] = macAddress.split(':').map((part) => Number.parseInt(part, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const groups = [0, 2, 4, 6].map((index) => ((bytes[index]! << 8) | bytes[index + 1]!).toString(16));
  return canonical(`fe80::${groups.join(':')}`);
}

/** The 32 hex digits of an address, for what nftables has no name for. */
export function digitsOf(address: string): string {
  const [head = '', tail] = canonical(address).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => group.padStart(4, '0')));
  const before = groups(head);
  if (tail === undefined) return before.join('');
  const after = groups(tail);
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0000'), ...after].join('');
}

function canonical(address: string): string {
  if (!isIPv6(address)) throw new TypeError(`'${address}' is no IPv6 address`);
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
