import { isIP } from 'node:net';
import { CloudError } from '../errors.ts';
import { invalidInput } from './failures.ts';
import {
  type Cidr,
  canonicalIp,
  formatIp,
  hostsOf,
  type IpRange,
  inRange,
  leaveOut,
  linkLocal,
  parseCidr,
  parseIp,
  rangesOverlap,
  specialUseOf,
} from './ip.ts';
import type { AllocationPool, HostRoute, Ipv6Mode } from './model.ts';

/** What makes a subnet's plan sound, in Neutron's words. Nothing here needs a database. */

/** Longest lists, as Neutron has them by default. */
const maxNameservers = 5;
const maxHostRoutes = 20;

/** Reads the CIDR of a new subnet: that of any of its addresses is its own (`10.1.2.3/16` is `10.1.0.0/16`), as Neutron reads it. */
export function subnetCidr(text: string, version: number, enableDhcp: boolean): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw invalidInput(`'${text}' is not a valid IP subnet`, 'cidr');
  if (cidr.version !== version) throw invalidInput(`cidr '${text}' does not match the ip_version '${version}'`, 'cidr');
  if (cidr.prefix === 0) throw invalidInput('0 is not allowed as CIDR prefix length', 'cidr');
  const use = specialUseOf(cidr);
  if (use) throw invalidInput(`a ${use} IP subnet can't be used for ports`, 'cidr');
  if (enableDhcp && cidr.prefix > (version === 4 ? 30 : 126)) {
    throw invalidInput('Subnet has a prefix length that is incompatible with DHCP service enabled', 'cidr');
  }
  return cidr;
}

export interface Ipv6Modes {
  addressMode: Ipv6Mode | null;
  raMode: Ipv6Mode | null;
}

/** Throws `invalid` when the modes don't fit each other, the family, or what makes them so. */
export function checkIpv6Modes({ addressMode, raMode }: Ipv6Modes, cidr: Cidr, enableDhcp: boolean): void {
  if (addressMode === null && raMode === null) return;
  const which = addressMode === null ? 'ipv6_ra_mode' : 'ipv6_address_mode';
  if (cidr.version === 4) throw invalidInput(`${which} is not valid when ip_version is 4`, which);
  if (!enableDhcp) {
    throw invalidInput('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False.', which);
  }
  if (addressMode !== null && raMode !== null && addressMode !== raMode) {
    const message = `ipv6_ra_mode set to '${raMode}' with ipv6_address_mode set to '${addressMode}' is not valid. If both attributes are set, they must be the same value`;
    throw invalidInput(message, 'ipv6_ra_mode');
  }
  if (makesOwnAddresses(addressMode ?? raMode) && cidr.prefix !== 64) {
    const message = `Invalid CIDR ${cidr.text} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`;
    throw invalidInput(message, 'cidr');
  }
}

/** Whether guests make up their addresses of their MAC addresses (RFC 4862). */
export function makesOwnAddresses(mode: Ipv6Mode | null): boolean {
  return mode === 'slaac' || mode === 'dhcpv6-stateless';
}

/**
 * The gateway of a subnet: `undefined` asks for the first address, null for none. It lies inside the subnet; in IPv6 it
 * may also be an address that only the link knows.
 */
export function subnetGateway(cidr: Cidr, asked: string | null | undefined): string | null {
  if (asked === null) return null;
  const hosts = hostsOf(cidr);
  if (asked === undefined) return formatIp({ version: cidr.version, value: hosts.first });
  const address = parseIp(asked);
  if (!address) throw invalidInput(`'${asked}' is not a valid IP address`, 'gateway_ip');
  if (!inRange(hosts, address) && !inRange(linkLocal, address)) {
    throw invalidInput('Gateway is not valid on subnet', 'gateway_ip');
  }
  return formatIp(address);
}

/** Whether a port may be given the address: it is one of the subnet's host addresses. */
export function isHostAddress(subnet: { cidr: string }, address: string): boolean {
  const cidr = parseCidr(subnet.cidr);
  const ip = parseIp(address);
  return cidr !== undefined && ip !== undefined && inRange(hostsOf(cidr), ip);
}

/** Checks the pools asked for, or makes those of all addresses but the gateway. Ascending. */
export function subnetPools(
  cidr: Cidr,
  gateway: string | null,
  asked: readonly AllocationPool[] | undefined,
): AllocationPool[] {
  if (!asked) return leaveOut(hostsOf(cidr), gateway === null ? undefined : parseIp(gateway)).map(poolOf);
  const ranges = asked.map((pool) => poolRange(pool, cidr)).sort((a, b) => Number(a.first - b.first));
  ranges.forEach((range, index) => {
    const next = ranges[index + 1];
    if (next && rangesOverlap(range, next)) {
      const message = `Found overlapping allocation pools: ${text(range)} ${text(next)} for subnet ${cidr.text}.`;
      throw new CloudError('conflict', message, { reason: 'overlapping_allocation_pools' });
    }
  });
  checkGateway(gateway, ranges);
  return ranges.map(poolOf);
}

/** Addresses that the allocation may take: the pools as numbers. */
export function poolRanges(pools: readonly AllocationPool[]): IpRange[] {
  return pools.map(({ start, end }) => {
    const { version, value: first } = parseIp(start)!;
    return { version, first, last: parseIp(end)!.value };
  });
}

/** The gateway must stay out of the pools, or a port would get its address. */
export function checkGateway(gateway: string | null, pools: readonly IpRange[]): void {
  const hit = gateway === null ? undefined : pools.find((pool) => inRange(pool, parseIp(gateway)!));
  if (!hit) return;
  throw new CloudError('conflict', `Gateway ip ${gateway} conflicts with allocation pool ${text(hit)}.`, {
    reason: 'gateway_conflict_with_allocation_pools',
  });
}

export function checkNameservers(nameservers: readonly string[], version: number): string[] {
  if (nameservers.length > maxNameservers) {
    throw invalidInput(`a subnet has at most ${maxNameservers} DNS nameservers`, 'dns_nameservers');
  }
  for (const address of nameservers) {
    if (isIP(address) === 0) throw invalidInput(`'${address}' is not a valid nameserver`, 'dns_nameservers');
    if (isIP(address) !== version) {
      throw invalidInput(`dns_nameserver '${address}' does not match the ip_version '${version}'`, 'dns_nameservers');
    }
  }
  const canonical = nameservers.map((address) => canonicalIp(address) ?? address);
  if (new Set(canonical).size < nameservers.length) {
    throw invalidInput('a DNS nameserver is given twice', 'dns_nameservers');
  }
  return [...canonical];
}

export function checkHostRoutes(routes: readonly HostRoute[], version: number): HostRoute[] {
  if (routes.length > maxHostRoutes) {
    throw invalidInput(`a subnet has at most ${maxHostRoutes} host routes`, 'host_routes');
  }
  return routes.map(({ destination, nexthop }) => {
    const cidr = parseCidr(destination);
    if (!cidr) throw invalidInput(`'${destination}' is not a valid IP subnet`, 'host_routes');
    const hop = parseIp(nexthop);
    if (!hop) throw invalidInput(`'${nexthop}' is not a valid IP address`, 'host_routes');
    for (const one of [cidr, hop]) {
      if (one.version === version) continue;
      throw invalidInput(`a host route does not match the ip_version '${version}'`, 'host_routes');
    }
    return { destination, nexthop };
  });
}

function poolRange({ start, end }: AllocationPool, cidr: Cidr): IpRange {
  const first = parseIp(start);
  const last = parseIp(end);
  if (!first || !last || first.version !== cidr.version || last.version !== cidr.version || last.value < first.value) {
    throw new CloudError('invalid', `The allocation pool ${start}-${end} is not valid.`, {
      reason: 'invalid_allocation_pool',
    });
  }
  const hosts = hostsOf(cidr);
  if (!inRange(hosts, first) || !inRange(hosts, last)) {
    throw new CloudError('invalid', `The allocation pool ${start}-${end} spans beyond the subnet cidr ${cidr.text}.`, {
      reason: 'out_of_bounds_allocation_pool',
    });
  }
  return { version: cidr.version, first: first.value, last: last.value };
}

function poolOf({ version, first, last }: IpRange): AllocationPool {
  return { start: formatIp({ version, value: first }), end: formatIp({ version, value: last }) };
}

function text(range: IpRange): string {
  const { start, end } = poolOf(range);
  return `${start}-${end}`;
}
