import { AgentError, type NicSubnet } from '../../contract.ts';

/** How one NIC's user-mode network (slirp) is set up; addresses in dotted form. */
export interface UserNetwork {
  net: string;
  host: string;
  dhcpStart: string;
  dns: string;
  /** No gateway: the guest reaches nothing, and its DHCP answer names neither a router nor a name server. */
  restricted: boolean;
}

/** slirp hands out 16 addresses and wants 4 bits of host for them. */
const longestPrefix = 28;

/**
 * The user-mode network whose DHCP server gives the guest exactly its port's address.
 *
 * slirp insists on a host address inside the network, and on host, DHCP and DNS addresses that differ. A name server
 * outside the network is reached through slirp's NAT, so the subnet's first one is announced as it is; where there is
 * none that can be announced, a free address is taken, at which slirp forwards to the host's own resolver. A network
 * smaller than /28 is widened to it: every guest has a network of its own, so nobody else is in the rest of it.
 */
export function userNetwork(subnet: NicSubnet): UserNetwork {
  const [base, prefixText] = subnet.cidr.split('/');
  const prefix = Math.min(Number(prefixText), longestPrefix);
  if (!Number.isInteger(prefix) || prefix < 1)
    throw new AgentError('unsupported', `${subnet.cidr} is not an IPv4 network`);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(parseIpv4(base ?? '') / size) * size;
  const contains = (address: number) => address > first && address < first + size - 1;

  const guest = parseIpv4(subnet.address);
  if (!contains(guest)) throw new AgentError('unsupported', `${subnet.address} is not in ${subnet.cidr}`);
  const taken = new Set([guest]);
  const free = () => {
    let candidate = first + 1;
    while (taken.has(candidate)) candidate++;
    taken.add(candidate);
    return candidate;
  };

  const restricted = subnet.gateway === undefined;
  const gateway = subnet.gateway === undefined ? free() : parseIpv4(subnet.gateway);
  if (!contains(gateway) || gateway === guest) {
    throw new AgentError('unsupported', `user networking can't have the gateway ${subnet.gateway} in ${subnet.cidr}`);
  }
  taken.add(gateway);
  const nameserver = subnet.dnsNameservers
    .filter(isIpv4)
    .map(parseIpv4)
    .find((address) => !taken.has(address));
  const dns = nameserver === undefined || restricted ? free() : nameserver;
  return {
    net: `${formatIpv4(first)}/${prefix}`,
    host: formatIpv4(gateway),
    dhcpStart: formatIpv4(guest),
    dns: formatIpv4(dns),
    restricted,
  };
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);
}

function parseIpv4(text: string): number {
  if (!isIpv4(text)) throw new AgentError('unsupported', `${JSON.stringify(text)} is not an IPv4 address`);
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
