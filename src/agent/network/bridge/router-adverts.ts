import type { DesiredNetwork, DesiredRouter } from '../../contract.ts';
import type { DnsmasqFiles } from './dnsmasq-files.ts';
import { routerInterface } from './names.ts';

/** Seconds between advertisements that nobody asked for, and for how long a router is believed. */
const interval = 60;
const lifetime = 1800;

const words = { slaac: 'ra-only', 'dhcpv6-stateless': 'ra-stateless', 'dhcpv6-stateful': 'static' } as const;

/** Whether guests are told of the router. */
export function advertises({ interfaces, adminStateUp }: DesiredRouter): boolean {
  return adminStateUp && interfaces.some((one) => (one.advertises?.length ?? 0) > 0);
}

/**
 * The files by which dnsmasq tells guests of a router and of the prefixes on its links. It hands out no addresses there:
 * the network's own service does, and what guests ask the router for never reaches it.
 */
export function advertFiles(
  { interfaces }: DesiredRouter,
  networks: ReadonlyMap<string, DesiredNetwork>,
  folder: string,
): DnsmasqFiles {
  const configuration = ['port=0', 'bind-interfaces', 'except-interface=lo', `pid-file=${folder}/pid`, 'enable-ra'];
  configuration.push('leasefile-ro', 'quiet-dhcp6', 'quiet-ra');
  for (const { portId, networkId, advertises: prefixes = [] } of interfaces) {
    if (prefixes.length === 0) continue;
    const device = routerInterface(portId);
    const mtu = networks.get(networkId)?.mtu ?? 1500;
    configuration.push(`interface=${device}`, `ra-param=${device},mtu:${mtu},${interval},${lifetime}`);
    prefixes.forEach(({ cidr, mode, dnsNameservers }, index) => {
      const [address, length] = cidr.split('/');
      const tag = `${device}-${index}`;
      configuration.push(`dhcp-range=set:${tag},${address},${words[mode]},${length}`);
      const servers = dnsNameservers.map((one) => `[${one}]`);
      if (servers.length > 0) configuration.push(`dhcp-option=tag:${tag},option6:dns-server,${servers.join(',')}`);
    });
  }
  return { 'dnsmasq.conf': configuration.map((line) => `${line}\n`).join(''), leases: '', options: '', names: '' };
}
