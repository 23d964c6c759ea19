import { isIP } from 'node:net';
import { CloudError } from '../errors.ts';
import {
  contains,
  formatIpv4,
  hostRange,
  type Ipv4Cidr,
  type Ipv4Range,
  overlap,
  parseIpv4,
  parseIpv4Cidr,
  specialUse,
  without,
} from './addresses.ts';
import { invalidInput } from './failures.ts';
import type { AllocationPool, HostRoute } from './model.ts';

/** What makes a subnet's plan sound, in Neutron's words. Nothing here needs a database. */

/** Longest lists, as Neutron has them by default. */
const maxNameservers = 5;
const maxHostRoutes = 20;

/** Reads the CIDR of a new subnet. */
export function subnetCidr(text: string, enableDhcp: boolean): Ipv4Cidr {
  if (text.includes(':')) throw ipv6Refused();
  const cidr = parseIpv4Cidr(text);
  if (!cidr) throw invalidInput(`'${text}' is not a valid IP subnet`, 'cidr');
  if (!cidr.isCanonical) {
    throw invalidInput(`'${text}' isn't a recognized IP subnet cidr, '${cidr.text}' is recommended`, 'cidr');
  }
  if (cidr.prefix === 0) throw invalidInput('0 is not allowed as CIDR prefix length', 'cidr');
  const use = specialUse(cidr);
  if (use) throw invalidInput(`a ${use} IP subnet can't be used for ports`, 'cidr');
  if (enableDhcp && cidr.prefix > 30) {
    throw invalidInput('Subnet has a prefix length that is incompatible with DHCP service enabled', 'cidr');
  }
  return cidr;
}

/** IPv6 is not built yet, and is not pretended. */
export function ipv6Refused(): CloudError {
  return invalidInput('IPv6 subnets are not supported by this cloud yet; ip_version must be 4', 'ip_version');
}

/** The gateway of a subnet: `undefined` asks for the first address, null for none. It lies inside the subnet. */
export function subnetGateway(cidr: Ipv4Cidr, asked: string | null | undefined): string | null {
  if (asked === null) return null;
  const hosts = hostRange(cidr);
  if (asked === undefined) return formatIpv4(hosts.first);
  const address = parseIpv4(asked);
  if (address === undefined) throw invalidInput(`'${asked}' is not a valid IP address`, 'gateway_ip');
  if (!contains(hosts, address)) throw invalidInput('Gateway is not valid on subnet', 'gateway_ip');
  return asked;
}

/** Checks the pools asked for, or makes those of all addresses but the gateway. Ascending. */
export function subnetPools(
  cidr: Ipv4Cidr,
  gateway: string | null,
  asked: readonly AllocationPool[] | undefined,
): AllocationPool[] {
  const gatewayAddress = gateway === null ? undefined : parseIpv4(gateway);
  if (!asked) return without(hostRange(cidr), gatewayAddress).map(poolOf);
  const ranges = asked.map((pool) => poolRange(pool, cidr)).sort((a, b) => a.first - b.first);
  ranges.forEach((range, index) => {
    const next = ranges[index + 1];
    if (next && overlap(range, next)) {
      const message = `Found overlapping allocation pools: ${text(range)} ${text(next)} for subnet ${cidr.text}.`;
      throw new CloudError('conflict', message, { reason: 'overlapping_allocation_pools' });
    }
  });
  checkGateway(gateway, ranges);
  return ranges.map(poolOf);
}

/** Addresses that the allocation may take: the pools as numbers. */
export function poolRanges(pools: readonly AllocationPool[]): Ipv4Range[] {
  return pools.map(({ start, end }) => ({ first: parseIpv4(start)!, last: parseIpv4(end)! }));
}

/** The gateway must stay out of the pools, or a port would get its address. */
export function checkGateway(gateway: string | null, pools: readonly Ipv4Range[]): void {
  const hit = gateway === null ? undefined : pools.find((pool) => contains(pool, parseIpv4(gateway)!));
  if (!hit) return;
  throw new CloudError('conflict', `Gateway ip ${gateway} conflicts with allocation pool ${text(hit)}.`, {
    reason: 'gateway_conflict_with_allocation_pools',
  });
}

export function checkNameservers(nameservers: readonly string[]): string[] {
  if (nameservers.length > maxNameservers) {
    throw invalidInput(`a subnet has at most ${maxNameservers} DNS nameservers`, 'dns_nameservers');
  }
  for (const address of nameservers) {
    if (isIP(address) === 0) throw invalidInput(`'${address}' is not a valid nameserver`, 'dns_nameservers');
  }
  if (new Set(nameservers).size < nameservers.length) {
    throw invalidInput('a DNS nameserver is given twice', 'dns_nameservers');
  }
  return [...nameservers];
}

export function checkHostRoutes(routes: readonly HostRoute[]): HostRoute[] {
  if (routes.length > maxHostRoutes) {
    throw invalidInput(`a subnet has at most ${maxHostRoutes} host routes`, 'host_routes');
  }
  return routes.map(({ destination, nexthop }) => {
    if (!parseIpv4Cidr(destination)) throw invalidInput(`'${destination}' is not a valid IP subnet`, 'host_routes');
    if (parseIpv4(nexthop) === undefined) throw invalidInput(`'${nexthop}' is not a valid IP address`, 'host_routes');
    return { destination, nexthop };
  });
}

function poolRange({ start, end }: AllocationPool, cidr: Ipv4Cidr): Ipv4Range {
  const first = parseIpv4(start);
  const last = parseIpv4(end);
  if (first === undefined || last === undefined || last < first) {
    throw new CloudError('invalid', `The allocation pool ${start}-${end} is not valid.`, {
      reason: 'invalid_allocation_pool',
    });
  }
  const hosts = hostRange(cidr);
  if (!contains(hosts, first) || !contains(hosts, last)) {
    throw new CloudError('invalid', `The allocation pool ${start}-${end} spans beyond the subnet cidr ${cidr.text}.`, {
      reason: 'out_of_bounds_allocation_pool',
    });
  }
  return { first, last };
}

function poolOf({ first, last }: Ipv4Range): AllocationPool {
  return { start: formatIpv4(first), end: formatIpv4(last) };
}

function text({ first, last }: Ipv4Range): string {
  return `${formatIpv4(first)}-${formatIpv4(last)}`;
}
