import { sql } from 'kysely';
import type { DesiredInterface, DesiredRouter, Ipv6Mode, PrefixedAddress } from '../../../agent/contract.ts';
import type { Database } from '../../../database/database.ts';
import { oneOf } from '../../../database/expressions.ts';
import { statement } from '../../../database/statement.ts';
import type { HostRoute } from '../model.ts';

interface RouterAddressRow {
  routerId: string;
  owner: string;
  portId: string;
  networkId: string;
  macAddress: string;
  address: string;
  cidr: string;
  gatewayIp: string | null;
  raMode: Ipv6Mode | null;
  dnsNameservers: string;
}

/** The routers that are on one of the networks, whole, with every network that they are on. */
export async function desiredRouters(db: Database, networkIds: readonly string[]): Promise<DesiredRouter[]> {
  if (networkIds.length === 0) return [];
  const found = await routersOn.all(db.read, { networkIds });
  if (found.length === 0) return [];
  const routerIds = found.map(({ id }) => id);
  const addresses = Map.groupBy(await addressesOf.all(db.read, { routerIds }), (row) => row.routerId);
  const floating = await floatingIpsOf.all(db.read, { routerIds });
  const forwarded = Map.groupBy(await forwardingsOf.all(db.read, { routerIds }), ({ routerId }) => routerId);
  return found.map((router): DesiredRouter => {
    const own = addresses.get(router.id) ?? [];
    const byPort = [...Map.groupBy(own, (row) => row.portId).values()];
    const gateway = byPort.find(([row]) => row!.owner === 'network:router_gateway');
    return {
      routerId: router.id,
      adminStateUp: router.admin_state_up === 1,
      interfaces: byPort.filter(([row]) => row!.owner === 'network:router_interface').map(interfaceOf),
      ...(gateway
        ? { gateway: { ...portOf(gateway), ...nexthopOf(gateway), enableSnat: router.enable_snat === 1 } }
        : {}),
      floatingIps: floating
        .filter((row) => row.router_id === router.id && row.fixed_ip_address !== null)
        .map((row) => ({ address: row.ip_address, fixedAddress: row.fixed_ip_address! })),
      ...forwardingsIn(forwarded.get(router.id)),
      routes: JSON.parse(router.routes) as HostRoute[],
    };
  });
}

const routersOn = statement((q, p: { networkIds: readonly string[] }, kind) =>
  q
    .selectFrom('ports')
    .innerJoin('routers', 'routers.id', 'ports.device_id')
    .selectAll('routers')
    .distinct()
    .where('ports.device_owner', '=', 'network:router_interface')
    .where(oneOf({ kind }, sql.ref('ports.network_id'), p.networkIds))
    .orderBy('routers.id'),
);

const floatingIpsOf = statement((q, p: { routerIds: readonly string[] }, kind) =>
  q
    .selectFrom('floating_ips')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('router_id'), p.routerIds))
    .orderBy('ip_address'),
);

interface ForwardingRow {
  routerId: string;
  address: string;
  protocol: 'tcp' | 'udp';
  first: number;
  last: number;
  fixedAddress: string;
  fixedFirst: number;
  fixedLast: number;
}

const forwardingsOf = statement<{ routerIds: readonly string[] }, ForwardingRow>((q, p, kind) =>
  q
    .selectFrom('port_forwardings')
    .innerJoin('floating_ips', 'floating_ips.id', 'port_forwardings.floating_ip_id')
    .select([
      sql<string>`floating_ips.router_id`.as('routerId'),
      'floating_ips.ip_address as address',
      sql<'tcp' | 'udp'>`port_forwardings.protocol`.as('protocol'),
      'port_forwardings.external_port as first',
      'port_forwardings.external_port_end as last',
      'port_forwardings.internal_address as fixedAddress',
      'port_forwardings.internal_port as fixedFirst',
      'port_forwardings.internal_port_end as fixedLast',
    ])
    .where(oneOf({ kind }, sql.ref('floating_ips.router_id'), p.routerIds))
    .orderBy('port_forwardings.id'),
);

function forwardingsIn(rows: readonly ForwardingRow[] = []): Pick<DesiredRouter, 'forwardings'> {
  if (rows.length === 0) return {};
  const forwardings = rows.map(({ address, protocol, first, last, fixedAddress, fixedFirst, fixedLast }) => ({
    ...{ address, protocol, ports: { first, last } },
    ...{ fixedAddress, fixedPorts: { first: fixedFirst, last: fixedLast } },
  }));
  return { forwardings };
}

const addressesOf = statement<{ routerIds: readonly string[] }, RouterAddressRow>((q, p, kind) =>
  q
    .selectFrom('ports')
    .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
    .innerJoin('subnets', 'subnets.id', 'port_addresses.subnet_id')
    .select([
      'ports.device_id as routerId',
      'ports.device_owner as owner',
      'ports.id as portId',
      'ports.network_id as networkId',
      'ports.mac_address as macAddress',
      'port_addresses.ip_address as address',
      'subnets.cidr',
      'subnets.gateway_ip as gatewayIp',
      sql<Ipv6Mode | null>`subnets.ipv6_ra_mode`.as('raMode'),
      'subnets.dns_nameservers as dnsNameservers',
    ])
    .where(oneOf({ kind }, sql.ref('ports.device_id'), p.routerIds))
    .where('ports.device_owner', 'in', ['network:router_interface', 'network:router_gateway'])
    .orderBy('ports.created_at')
    .orderBy('ports.id')
    .orderBy('port_addresses.ip_address'),
);

function portOf(rows: readonly RouterAddressRow[]) {
  const { portId, networkId, macAddress } = rows[0]!;
  const addresses = rows.map(({ address, cidr }): PrefixedAddress => ({ address, prefix: Number(cidr.split('/')[1]) }));
  return { portId, networkId, macAddress, addresses };
}

function interfaceOf(rows: readonly RouterAddressRow[]): DesiredInterface {
  const advertises = rows.flatMap(({ cidr, raMode, dnsNameservers }) =>
    raMode === null ? [] : [{ cidr, mode: raMode, dnsNameservers: JSON.parse(dnsNameservers) as string[] }],
  );
  return { ...portOf(rows), ...(advertises.length > 0 ? { advertises } : {}) };
}

function nexthopOf(rows: readonly RouterAddressRow[]): { nexthop?: string; nexthop6?: string } {
  const gateways = rows.flatMap(({ gatewayIp }) => gatewayIp ?? []);
  const nexthop = gateways.find((gateway) => !gateway.includes(':'));
  const nexthop6 = gateways.find((gateway) => gateway.includes(':'));
  return { ...(nexthop ? { nexthop } : {}), ...(nexthop6 ? { nexthop6 } : {}) };
}
