import { isIP, isIPv6 } from 'node:net';

/** IP addresses of both families as numbers: everything about them that needs no database. */

export type IpVersion = 4 | 6;

export interface Ip {
  version: IpVersion;
  value: bigint;
}

/** Addresses of one family from `first` to `last`, both included. */
export interface IpRange {
  version: IpVersion;
  first: bigint;
  last: bigint;
}

export interface Cidr extends IpRange {
  prefix: number;
  /** In canonical form, without host bits (RFC 5952 for IPv6). */
  text: string;
}

const bits = { 4: 32, 6: 128 } as const;

/** Undefined for what is no address, or has a zone. */
export function parseIp(text: string): Ip | undefined {
  if (isIP(text) === 4) {
    return { version: 4, value: BigInt(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)) };
  }
  const canonical = canonicalIpv6(text);
  if (canonical === undefined) return undefined;
  return { version: 6, value: groupsOf(canonical).reduce((sum, group) => (sum << 16n) | BigInt(group), 0n) };
}

export function formatIp({ version, value }: Ip): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - index * 16)) & 0xffffn);
  return canonicalIpv6(groups.map((group) => group.toString(16)).join(':'))!;
}

/** The shortest form of an IPv6 address (RFC 5952): the URL parser writes it so. */
export function canonicalIpv6(address: string): string | undefined {
  if (!isIPv6(address) || address.includes('%')) return undefined;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** An address in the one form in which it is kept; undefined for what is none. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip && formatIp(ip);
}

/** Reads `address/prefix`; undefined when it is none. Host bits are allowed here and dropped. */
export function parseCidr(text: string): Cidr | undefined {
  const [addressText = '', prefixText = '', ...more] = text.split('/');
  const ip = parseIp(addressText);
  if (!ip || more.length > 0 || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const { version, value } = ip;
  const prefix = Number(prefixText);
  if (prefix > bits[version]) return undefined;
  const size = 1n << BigInt(bits[version] - prefix);
  const first = value - (value % size);
  const canonical = `${formatIp({ version, value: first })}/${prefix}`;
  return { version, first, last: first + size - 1n, prefix, text: canonical };
}

export function inRange(range: IpRange, { version, value }: Ip): boolean {
  return version === range.version && value >= range.first && value <= range.last;
}

export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return a.version === b.version && a.first <= b.last && b.first <= a.last;
}

export function isWithin(inner: IpRange, outer: IpRange): boolean {
  return inner.version === outer.version && inner.first >= outer.first && inner.last <= outer.last;
}

/**
 * The addresses that a port or gateway may have. In IPv4 all but the network's own and the broadcast address (RFC 3021:
 * a /31 has neither), in IPv6 all but that of every router on the subnet (RFC 4291, 2.6.1; RFC 6164: not in a /127).
 */
export function hostsOf({ version, first, last, prefix }: Cidr): IpRange {
  if (prefix >= bits[version] - 1) return { version, first, last };
  return { version, first: first + 1n, last: version === 4 ? last - 1n : last };
}

/** What is left of the range without one address: none, one or two ranges. */
export function leaveOut(range: IpRange, ip: Ip | undefined): IpRange[] {
  if (!ip || !inRange(range, ip)) return [range];
  const { version } = range;
  return [
    { version, first: range.first, last: ip.value - 1n },
    { version, first: ip.value + 1n, last: range.last },
  ].filter(({ first, last }) => first <= last);
}

/** What is left of ranges without others. */
export function leaveOutRanges(ranges: readonly IpRange[], others: readonly IpRange[]): IpRange[] {
  let left = [...ranges];
  for (const other of others) {
    left = left.flatMap((range) => {
      if (!rangesOverlap(range, other)) return [range];
      return [
        { ...range, last: other.first - 1n },
        { ...range, first: other.last + 1n },
      ].filter(({ first, last }) => first <= last);
    });
  }
  return left;
}

/** How many addresses the ranges hold. They must not overlap. */
export function sizeOf(ranges: readonly IpRange[]): bigint {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
}

/** The address that a device with this MAC address makes itself on a network of 64 bits (RFC 4291, appendix A). */
export function eui64(prefix: Cidr, macAddress: string): string {
  const [first = 0, ...rest] = macAddress.split(':').map((part) => Number.parseInt(part, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const id = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return formatIp({ version: 6, value: prefix.first + id });
}

/** The MAC address that an address of every link was made of; undefined for other addresses. */
export function macOfLinkLocal(address: string): string | undefined {
  const ip = parseIp(address);
  if (!ip || !inRange(linkLocal, ip)) return undefined;
  const bytes = Array.from({ length: 8 }, (_, index) => Number((ip.value >> BigInt(56 - index * 8)) & 255n));
  const [first = 0, ...rest] = bytes;
  if (rest[2] !== 0xff || rest[3] !== 0xfe) return undefined;
  const mac = [first ^ 2, ...rest.slice(0, 2), ...rest.slice(4)];
  return mac.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export const linkLocal = parseCidr('fe80::/64')!;

const special: Record<'multicast' | 'loopback', readonly Cidr[]> = {
  multicast: ['224.0.0.0/4', 'ff00::/8'].map((text) => parseCidr(text)!),
  loopback: ['127.0.0.0/8', '::1/128'].map((text) => parseCidr(text)!),
};

/** `multicast` (RFC 5771, RFC 4291) and `loopback` addresses can't be given to guests. */
export function specialUseOf(range: IpRange): 'multicast' | 'loopback' | undefined {
  if (special.multicast.some((other) => rangesOverlap(range, other))) return 'multicast';
  return special.loopback.some((other) => rangesOverlap(range, other)) ? 'loopback' : undefined;
}

/** The eight numbers of a canonical address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const numbers = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const before = numbers(head);
  if (tail === undefined) return before;
  const after = numbers(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
