import { createHash } from 'node:crypto';
import type { DesiredRouter, HostNetworking, TunnelEndpoint } from '../../../agent/contract.ts';

/** Hosts that share their networks, by their seats, and how those elsewhere reach them. */
export interface NetworkSite {
  id: string;
  hosts: Array<{ hostId: string; seat: number }>;
  /** Absent where networks end with the site. */
  tunnel?: TunnelEndpoint;
  /** The largest MTU that its tunnels let through, bytes. */
  tunnelMtu?: number;
  /** The range of the external network that it offers. */
  externalCidr?: string;
}

/** A site among those that it has networks in common with. */
export interface JoinedSites {
  own: NetworkSite;
  /** Those elsewhere. */
  others: readonly NetworkSite[];
  /** Networks that are kept on any of them without a guest. */
  kept: readonly string[];
}

/** The sites of these hosts. */
export function sitesOf(hosts: ReadonlyArray<{ hostId: string; networking: HostNetworking }>): NetworkSite[] {
  const bySite = Map.groupBy(hosts, ({ hostId, networking }) => networking.shared?.id ?? hostId);
  return [...bySite].map(([id, members]) => {
    const { tunnel, externalNetwork } = members[0]!.networking;
    return {
      id,
      hosts: members
        .map(({ hostId, networking }) => ({ hostId, seat: networking.shared?.seat ?? 0 }))
        .sort((a, b) => a.seat - b.seat),
      ...(tunnel ? { tunnel: { address: tunnel.address, port: tunnel.port }, tunnelMtu: tunnel.mtu } : {}),
      ...(externalNetwork ? { externalCidr: externalNetwork.cidr } : {}),
    };
  });
}

/**
 * On which of the sites a router is. It follows from ids, so that nothing needs to be remembered: routers of an external
 * network are together on the site that offers its range, else on the one that its id picks; others are spread.
 *
 * @param cidrsOf the ranges of the external network
 */
export function siteOfRouter(
  { routerId, gateway }: DesiredRouter,
  sites: readonly NetworkSite[],
  cidrsOf: (networkId: string) => readonly string[],
): NetworkSite {
  if (!gateway) return picked(routerId, sites);
  const cidrs = cidrsOf(gateway.networkId);
  const offering = sites.filter(({ externalCidr }) => externalCidr !== undefined && cidrs.includes(externalCidr));
  return picked(gateway.networkId, offering.length > 0 ? offering : sites);
}

/** A site that comes or goes moves only what it gets or had (rendezvous hashing). */
function picked(key: string, sites: readonly NetworkSite[]): NetworkSite {
  const weight = ({ id }: NetworkSite) => createHash('sha256').update(`${key} ${id}`).digest('hex');
  return sites.map((site) => ({ site, weight: weight(site) })).sort((a, b) => (a.weight < b.weight ? 1 : -1))[0]!.site;
}
