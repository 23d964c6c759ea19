import { isIPv4 } from 'node:net';

/** IPv4 addresses as numbers from 0 to 2^32 - 1: everything about them that needs no database. */

/** Addresses from `first` to `last`, both included. */
export interface Ipv4Range {
  first: number;
  last: number;
}

export interface Ipv4Cidr extends Ipv4Range {
  prefix: number;
  /** In canonical form, without host bits. */
  text: string;
  /** Whether it was written in that form. */
  isCanonical: boolean;
}

/** The number of an address in dotted form, undefined when it is none (leading zeros count as none). */
export function parseIpv4(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

const cidrPattern = /^([\d.]+)\/(\d{1,2})$/;

/** Reads `address/prefix`; undefined when it is none. Host bits are allowed here and dropped. */
export function parseIpv4Cidr(text: string): Ipv4Cidr | undefined {
  const [, addressText = '', prefixText] = cidrPattern.exec(text) ?? [];
  const address = parseIpv4(addressText);
  const prefix = Number(prefixText);
  if (address === undefined || !(prefix <= 32)) return undefined;
  const size = 2 ** (32 - prefix);
  const first = address - (address % size);
  const canonical = `${formatIpv4(first)}/${prefix}`;
  return { first, last: first + size - 1, prefix, text: canonical, isCanonical: canonical === text };
}

export function contains(range: Ipv4Range, address: number): boolean {
  return address >= range.first && address <= range.last;
}

export function overlap(a: Ipv4Range, b: Ipv4Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The addresses a port or gateway may have: all but the network's own and the broadcast address (RFC 3021: /31 has neither). */
export function hostRange(cidr: Ipv4Cidr): Ipv4Range {
  if (cidr.prefix >= 31) return { first: cidr.first, last: cidr.last };
  return { first: cidr.first + 1, last: cidr.last - 1 };
}

/** What is left of the range without one address: none, one or two ranges. */
export function without(range: Ipv4Range, address: number | undefined): Ipv4Range[] {
  if (address === undefined || !contains(range, address)) return [range];
  return [
    { first: range.first, last: address - 1 },
    { first: address + 1, last: range.last },
  ].filter(({ first, last }) => first <= last);
}

/** How many addresses the ranges hold. They must not overlap. */
export function countAddresses(ranges: readonly Ipv4Range[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
