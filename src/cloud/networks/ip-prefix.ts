import { parseCidr } from './ip.ts';

/** An address prefix of either family, as security group rules name their peers. */
export interface IpPrefix {
  version: 4 | 6;
  /** Canonical form, without host bits (RFC 5952 for IPv6). */
  normalized: string;
}

/** Reads `address/prefix`, or an address for itself alone. Undefined when it is neither. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const alone = text.includes(':') ? 128 : 32;
  const cidr = parseCidr(text.includes('/') ? text : `${text}/${alone}`);
  return cidr && { version: cidr.version, normalized: cidr.text };
}
