import { isIP, isIPv6 } from 'node:net';
import { parseIpv4Cidr } from './addresses.ts';

/** An address prefix of either family, as security group rules name their peers. */
export interface IpPrefix {
  version: 4 | 6;
  /** Canonical form, without host bits (RFC 5952 for IPv6). */
  normalized: string;
}

/** Reads `address/prefix`, or an address for itself alone. Undefined when it is neither. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [address = '', prefixText, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0 || address.includes('%')) return undefined;
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return undefined;
  if (version === 4) {
    const cidr = parseIpv4Cidr(`${address}/${prefixText ?? 32}`);
    return cidr && { version: 4, normalized: cidr.text };
  }
  const prefix = Number(prefixText ?? 128);
  if (prefix > 128) return undefined;
  return { version: 6, normalized: `${maskIpv6(address, prefix)}/${prefix}` };
}

/** The shortest form of an IPv6 address (RFC 5952): the URL parser writes it so. */
export function canonicalIpv6(address: string): string | undefined {
  if (!isIPv6(address) || address.includes('%')) return undefined;
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function maskIpv6(address: string, prefix: number): string {
  const groups = groupsOf(canonicalIpv6(address)!);
  const masked = groups.map((group, index) => {
    const keep = Math.min(16, Math.max(0, prefix - index * 16));
    return group & (0xffff << (16 - keep)) & 0xffff;
  });
  return canonicalIpv6(masked.map((group) => group.toString(16)).join(':'))!;
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
