import type { DesiredAddress, DesiredNetwork, DesiredSubnet } from '../../contract.ts';
import { metadataAddress, serviceInterface } from './cabling.ts';
import { isV6 } from './ipv6.ts';

const leaseSeconds = 86_400;

/** The files by which dnsmasq serves a network, by name. Pure. */
export interface DnsmasqFiles {
  /** Changes only take effect when the program is started again; for the others a signal does. */
  'dnsmasq.conf': string;
  leases: string;
  options: string;
  names: string;
}

/**
 * DHCP for the ports that the cloud knows and nobody else, and the names of these ports. What guests call themselves is
 * not believed. Other names are asked of the machine's own name servers.
 */
export function dnsmasqFiles(network: DesiredNetwork, folder: string, resolvFile: string): DnsmasqFiles {
  const served = network.subnets.filter(({ dhcp, ipv6Mode }) => dhcp && ipv6Mode !== 'slaac');
  const { domain } = network;
  const configuration = [
    'bind-interfaces',
    `interface=${serviceInterface}`,
    'except-interface=lo',
    `pid-file=${folder}/pid`,
    `resolv-file=${resolvFile}`,
    'no-hosts',
    `addn-hosts=${folder}/names`,
    `domain=${domain}`,
    `local=/${domain}/`,
    'bogus-priv',
    'dhcp-authoritative',
    'dhcp-ignore-names',
    'leasefile-ro',
    'quiet-dhcp',
    `dhcp-hostsfile=${folder}/leases`,
    `dhcp-optsfile=${folder}/options`,
    ...served.map(({ subnetId, cidr }) => {
      const [address, length] = cidr.split('/');
      if (isV6(cidr)) return `dhcp-range=set:${tagOf(subnetId)},${address},static,${length},${leaseSeconds}`;
      return `dhcp-range=set:${tagOf(subnetId)},${address},static,${netmask(Number(length))},${leaseSeconds}`;
    }),
  ];
  const hosts = network.hosts.filter(({ hostname }) => isHostname(hostname));
  return {
    'dnsmasq.conf': lines(configuration),
    leases: lines(
      network.hosts.map((host) => {
        const { portId, macAddress, address, hostname } = host;
        const tag = host.options ? [`set:${portTag(portId)}`] : [];
        const own = isV6(address) ? `[${address}]` : address;
        return [macAddress, own, ...tag, ...(isHostname(hostname) ? [hostname] : [])].join(',');
      }),
    ),
    options: lines([
      ...served.flatMap((subnet) => (isV6(subnet.cidr) ? optionsOf6(subnet, network) : optionsOf(subnet, network))),
      ...network.hosts.flatMap(portOptions),
    ]),
    names: lines(hosts.map(({ address, hostname }) => `${address} ${hostname}.${domain} ${hostname}`)),
  };
}

function optionsOf({ subnetId, gateway, dhcp }: DesiredSubnet, { mtu }: DesiredNetwork): string[] {
  const { address, dnsNameservers, routes } = dhcp!;
  const option = (name: string, ...values: Array<string | number>) =>
    [`tag:${tagOf(subnetId)}`, name, ...values].join(',');
  const all = [
    ...routes.flatMap(({ destination, nexthop }) => [destination, nexthop]),
    `${metadataAddress}/32`,
    address,
    // A client that takes these routes ignores the router option (RFC 3442).
    ...(gateway ? ['0.0.0.0/0', gateway] : []),
  ];
  return [
    option('option:router', ...(gateway ? [gateway] : [])),
    option('option:classless-static-route', ...all),
    // Microsoft's number for the same.
    option('249', ...all),
    option('option:dns-server', ...(dnsNameservers.length > 0 ? dnsNameservers : [address])),
    option('option:mtu', mtu),
  ];
}

function optionsOf6({ subnetId, dhcp }: DesiredSubnet, { domain }: DesiredNetwork): string[] {
  const { address, dnsNameservers } = dhcp!;
  const servers = (dnsNameservers.length > 0 ? dnsNameservers : [address]).map((one) => `[${one}]`);
  return [
    [`tag:${tagOf(subnetId)}`, 'option6:dns-server', ...servers].join(','),
    [`tag:${tagOf(subnetId)}`, 'option6:domain-search', domain].join(','),
  ];
}

/** They come from users: nothing else may get into a file that is read line by line. */
function portOptions({ portId, address, options = [] }: DesiredAddress): string[] {
  const word = isV6(address) ? 'option6' : 'option';
  return options
    .filter(({ name, value }) => /^[A-Za-z0-9-]+$/.test(name) && !/\p{Cc}/u.test(value))
    .map(({ name, value }) => {
      // By the name of an option for either family dnsmasq means IPv4.
      const option = /^\d+$/.test(name) ? (isV6(address) ? `option6:${name}` : name) : `${word}:${name}`;
      return [`tag:${portTag(portId)}`, option, value].join(',');
    });
}

function portTag(portId: string): string {
  return `p${portId.slice(0, 16)}`;
}

function tagOf(subnetId: string): string {
  return `s${subnetId.slice(0, 16)}`;
}

/** Names come from users: nothing else may get into a file that is read line by line. */
function isHostname(text: string): boolean {
  return /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/.test(text);
}

function netmask(length: number): string {
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.');
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
