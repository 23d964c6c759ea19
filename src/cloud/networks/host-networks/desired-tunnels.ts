import { sql } from 'kysely';
import type { DesiredNetwork, DesiredRouter, DesiredTunnel } from '../../../agent/contract.ts';
import type { Database } from '../../../database/database.ts';
import { oneOf } from '../../../database/expressions.ts';
import { statement } from '../../../database/statement.ts';
import { desiredRouters } from './desired-routers.ts';
import { type JoinedSites, type NetworkSite, siteOfRouter } from './sites.ts';

/** What a site has to know of the other ones. */
export interface Surroundings {
  /** The routers that are on this site. */
  routers: DesiredRouter[];
  /** For a network of this site: what joins it with the same network elsewhere. */
  joining(networkId: string): Pick<DesiredNetwork, 'tunnel' | 'connectedElsewhere'>;
}

interface GuestRow {
  networkId: string;
  hostId: string;
  macAddress: string;
}

/**
 * Where networks are besides on this site, by the guests and routers that are known of. A router is on one site, as long
 * as there is a guest on any of its networks anywhere.
 */
export async function surroundingsOf(db: Database, { own, others, kept }: JoinedSites): Promise<Surroundings> {
  const sites = [own, ...others];
  const siteOf = new Map(sites.flatMap((site) => site.hosts.map(({ hostId }) => [hostId, site] as const)));
  const guests = await guestsOn.all(db.read, { hostIds: [...siteOf.keys()] });
  const alive = [...new Set([...guests.map(({ networkId }) => networkId), ...kept])];
  const routers = await desiredRouters(db, alive);
  const gateways = [...new Set(routers.flatMap(({ gateway }) => gateway?.networkId ?? []))];
  const ranges = gateways.length === 0 ? [] : await rangesOf.all(db.read, { networkIds: gateways });
  const cidrsOf = (networkId: string) => ranges.filter((row) => row.networkId === networkId).map(({ cidr }) => cidr);
  const placed = routers.map((router) => ({ router, site: siteOfRouter(router, sites, cidrsOf) }));

  const places = new Map<string, Map<NetworkSite, Set<string>>>();
  const note = (networkId: string, site: NetworkSite, macAddress: string) => {
    if (site === own) return;
    const onNetwork = places.get(networkId) ?? new Map<NetworkSite, Set<string>>();
    places.set(networkId, onNetwork);
    onNetwork.set(site, (onNetwork.get(site) ?? new Set()).add(macAddress));
  };
  for (const { networkId, hostId, macAddress } of guests) note(networkId, siteOf.get(hostId)!, macAddress);
  for (const { router, site } of placed) {
    for (const { networkId, macAddress } of router.interfaces) note(networkId, site, macAddress);
    if (router.gateway) note(router.gateway.networkId, site, router.gateway.macAddress);
  }
  const numbers = await numbersOf.all(db.read, { networkIds: [...places.keys()] });
  const numberOf = new Map(numbers.map(({ id, segmentation_id }) => [id, segmentation_id]));
  const elsewhere = new Set(
    placed.flatMap(({ router, site }) => (site === own ? [] : (router.gateway?.networkId ?? []))),
  );
  return {
    routers: placed.filter(({ site }) => site === own).map(({ router }) => router),
    joining(networkId) {
      const tunnel = tunnelTo(places.get(networkId), numberOf.get(networkId));
      return {
        ...(tunnel ? { tunnel } : {}),
        ...(elsewhere.has(networkId) ? { connectedElsewhere: true as const } : {}),
      };
    },
  };
}

function tunnelTo(
  places: ReadonlyMap<NetworkSite, ReadonlySet<string>> | undefined,
  number: number | null | undefined,
): DesiredTunnel | undefined {
  if (!places || number === undefined || number === null) return undefined;
  const peers = [...places].flatMap(([{ tunnel }, macs]) =>
    tunnel ? [{ ...tunnel, macAddresses: [...macs].sort() }] : [],
  );
  const order = ({ address, port }: { address: string; port: number }) => `${address} ${port}`;
  return { number, peers: peers.sort((a, b) => (order(a) < order(b) ? -1 : 1)) };
}

const guestsOn = statement<{ hostIds: readonly string[] }, GuestRow>((q, p, kind) =>
  q
    .selectFrom('ports')
    .select(['network_id as networkId', sql<string>`ports.host_id`.as('hostId'), 'mac_address as macAddress'])
    .where(oneOf({ kind }, sql.ref('ports.host_id'), p.hostIds))
    .where('device_id', '<>', '')
    .orderBy('id'),
);

const rangesOf = statement((q, p: { networkIds: readonly string[] }, kind) =>
  q
    .selectFrom('subnets')
    .select(['network_id as networkId', 'cidr'])
    .where(oneOf({ kind }, sql.ref('network_id'), p.networkIds)),
);

const numbersOf = statement((q, p: { networkIds: readonly string[] }, kind) =>
  q
    .selectFrom('networks')
    .select(['id', 'segmentation_id'])
    .where(oneOf({ kind }, sql.ref('id'), p.networkIds)),
);
