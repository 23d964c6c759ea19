import { sql } from 'kysely';
import type { DesiredAddress, DesiredNetwork, DesiredNetworks, DesiredPort } from '../../../agent/contract.ts';
import type { Database } from '../../../database/database.ts';
import { oneOf } from '../../../database/expressions.ts';
import type { NetworksTable } from '../../../database/schema.ts';
import { statement } from '../../../database/statement.ts';
import { defaultHostname, networkDomain } from '../hostnames.ts';
import { type DhcpOption, type Port, type Subnet, subnetOf } from '../model.ts';
import { servicePortOwner } from '../network-registry.ts';
import { loadPorts, selectPorts } from '../port-rows.ts';
import { canonical, desiredGroups } from './desired-groups.ts';
import { type PortQos, qosOf } from './desired-qos.ts';
import { desiredRouters } from './desired-routers.ts';
import { surroundingsOf } from './desired-tunnels.ts';
import type { JoinedSites } from './sites.ts';

/**
 * How the networks of a host, or of several that share them, shall be, by the rows as they are now: the networks of the
 * guests that run there, the routers that these are behind, and what those lead to. Without guests there are none.
 *
 * @param kept networks that shall be there without a guest, as long as there are such networks
 * @param joined where hosts elsewhere have the same networks
 */
export async function desiredNetworks(
  db: Database,
  hosts: readonly { hostId: string; seat: number }[],
  kept: readonly string[] = [],
  joined?: JoinedSites,
): Promise<DesiredNetworks> {
  const hostIds = hosts.map(({ hostId }) => hostId);
  const ports = await loadPorts(db.read, await (joined ? portsComingTo : portsOn).all(db.read, { hostIds }));
  const own = [...new Set([...ports.map(({ networkId }) => networkId), ...kept])];
  const surroundings = joined && (await surroundingsOf(db, joined));
  const routers = surroundings?.routers ?? (await desiredRouters(db, own));
  const all = new Set(own);
  for (const { interfaces, gateway } of routers) {
    for (const { networkId } of interfaces) all.add(networkId);
    if (gateway) all.add(gateway.networkId);
  }
  const seats = hosts.length > 1 ? await seatsByServer(db, hosts) : undefined;
  const qos = await qosOf(db, ports);
  const stateless = await statelessGroups(db);
  const groupIds = [...new Set(ports.flatMap((port) => port.securityGroupIds))];
  const networks = await networksOf(db, [...all].sort(), new Set(own));
  return {
    networks: surroundings
      ? networks.map((network) => ({ ...network, ...surroundings.joining(network.networkId) }))
      : networks,
    ports: ports.map((port) => ({ ...desiredPort(port, qos, stateless), ...seatsOf(port, seats) })),
    securityGroups: await desiredGroups(db, groupIds, own),
    routers,
  };
}

const portsOn = statement((q, p: { hostIds: string[] }, kind) =>
  selectPorts(q)
    .where(oneOf({ kind }, sql.ref('ports.host_id'), p.hostIds))
    .where('ports.device_id', '<>', '')
    .orderBy('ports.id'),
);

/** Also those of guests that are on their way: what they are plugged into is there, and filtered, before they are. */
const portsComingTo = statement((q, p: { hostIds: string[] }, kind) =>
  selectPorts(q)
    .where((eb) =>
      eb.or([
        oneOf({ kind }, sql.ref('ports.host_id'), p.hostIds),
        eb(
          'ports.device_id',
          'in',
          q
            .selectFrom('allocations')
            .select('server_id')
            .where(oneOf({ kind }, sql.ref('host_id'), p.hostIds)),
        ),
      ]),
    )
    .where('ports.device_id', '<>', '')
    .orderBy('ports.id'),
);

/** On which of the hosts each server has its place: on two while it moves from one to the other. */
async function seatsByServer(
  db: Database,
  hosts: readonly { hostId: string; seat: number }[],
): Promise<Map<string, Set<number>>> {
  const seatOf = new Map(hosts.map(({ hostId, seat }) => [hostId, seat]));
  const held = await db.read
    .selectFrom('allocations')
    .select(['server_id', 'host_id'])
    .where('host_id', 'in', [...seatOf.keys()])
    .execute();
  const bound = await db.read
    .selectFrom('ports')
    .select(['device_id as server_id', 'host_id'])
    .where('host_id', 'in', [...seatOf.keys()])
    .execute();
  const seats = new Map<string, Set<number>>();
  for (const { server_id, host_id } of [...held, ...bound]) {
    const seat = seatOf.get(host_id ?? '');
    if (seat !== undefined) seats.set(server_id, (seats.get(server_id) ?? new Set()).add(seat));
  }
  return seats;
}

function seatsOf({ deviceId }: Port, seats: ReadonlyMap<string, Set<number>> | undefined): Pick<DesiredPort, 'seats'> {
  const own = seats?.get(deviceId);
  return own ? { seats: [...own].sort((a, b) => a - b) } : {};
}

function desiredPort(port: Port, qos: ReadonlyMap<string, PortQos>, stateless: ReadonlySet<string>): DesiredPort {
  return {
    portId: port.id,
    networkId: port.networkId,
    macAddress: port.macAddress,
    addresses: port.fixedIps.map(({ ipAddress }) => ipAddress),
    adminStateUp: port.adminStateUp,
    portSecurity: port.portSecurity,
    allowedPairs: port.allowedAddressPairs.map(({ macAddress, ipAddress }) => ({
      macAddress,
      cidr: canonical(ipAddress),
    })),
    securityGroupIds: port.securityGroupIds,
    ...(port.securityGroupIds.some((id) => stateless.has(id)) ? { stateless: true as const } : {}),
    ...qos.get(port.id),
  };
}

/** Groups whose rules know no replies: there are few, if any. */
async function statelessGroups(db: Database): Promise<Set<string>> {
  return new Set((await statelessOnes.all(db.read, {})).map(({ id }) => id));
}

const statelessOnes = statement((q) => q.selectFrom('security_groups').select('id').where('stateful', '=', 0));

async function networksOf(
  db: Database,
  ids: readonly string[],
  served: ReadonlySet<string>,
): Promise<DesiredNetwork[]> {
  if (ids.length === 0) return [];
  const networks = await networksWithIds.all(db.read, { ids });
  const subnetRows = await subnetsOn.all(db.read, { ids });
  const subnets = Map.groupBy(subnetRows.map(subnetOf), (subnet) => subnet.networkId);
  const addresses = Map.groupBy(await addressesOn(db, [...served]), (row) => row.networkId);
  return networks.map((network) =>
    desiredNetwork(network, subnets.get(network.id) ?? [], addresses.get(network.id) ?? []),
  );
}

const networksWithIds = statement((q, p: { ids: readonly string[] }, kind) =>
  q
    .selectFrom('networks')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('id'), p.ids))
    .orderBy('id'),
);
const subnetsOn = statement((q, p: { ids: readonly string[] }, kind) =>
  q
    .selectFrom('subnets')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('network_id'), p.ids))
    .orderBy('created_at')
    .orderBy('id'),
);

interface AddressRow {
  networkId: string;
  subnetId: string;
  portId: string;
  owner: string;
  portName: string;
  macAddress: string;
  address: string;
  hostname: string | null;
  dnsName: string;
  dhcpOptions: string;
}

async function addressesOn(db: Database, networkIds: readonly string[]): Promise<AddressRow[]> {
  return networkIds.length === 0 ? [] : await addressesOnNetworks.all(db.read, { networkIds });
}

const addressesOnNetworks = statement<{ networkIds: readonly string[] }, AddressRow>((q, p, kind) =>
  q
    .selectFrom('ports')
    .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
    .leftJoin('servers', 'servers.id', 'ports.device_id')
    .select([
      'ports.network_id as networkId',
      'port_addresses.subnet_id as subnetId',
      'ports.id as portId',
      'ports.device_owner as owner',
      'ports.name as portName',
      'ports.mac_address as macAddress',
      'port_addresses.ip_address as address',
      'servers.hostname as hostname',
      'ports.dns_name as dnsName',
      'ports.extra_dhcp_opts as dhcpOptions',
    ])
    .where(oneOf({ kind }, sql.ref('ports.network_id'), p.networkIds))
    .orderBy('ports.created_at')
    .orderBy('ports.id')
    .orderBy('port_addresses.ip_address'),
);

function desiredNetwork(
  network: NetworksTable,
  subnets: readonly Subnet[],
  addresses: readonly AddressRow[],
): DesiredNetwork {
  const service = addresses.filter(({ owner }) => owner === servicePortOwner);
  const external = network.external === 1;
  const [first] = service;
  return {
    networkId: network.id,
    mtu: network.mtu,
    external,
    ...(first && !external ? { service: { portId: first.portId, macAddress: first.macAddress } } : {}),
    domain: networkDomain,
    subnets: subnets.map((subnet) => {
      const server = service.find(({ subnetId }) => subnetId === subnet.id);
      const { dnsNameservers, hostRoutes: routes } = subnet;
      return {
        subnetId: subnet.id,
        cidr: subnet.cidr,
        ...(subnet.gatewayIp === null ? {} : { gateway: subnet.gatewayIp }),
        ...(server && subnet.enableDhcp ? { dhcp: { address: server.address, dnsNameservers, routes } } : {}),
        ...(subnet.ipv6AddressMode === null ? {} : { ipv6Mode: subnet.ipv6AddressMode }),
      };
    }),
    hosts: addresses
      .filter(({ owner }) => !owner.startsWith('network:'))
      .map((row) => ({
        portId: row.portId,
        macAddress: row.macAddress,
        address: row.address,
        hostname: row.dnsName || (row.hostname ?? (row.portName || defaultHostname(row.address))),
        ...optionsOf(row),
      })),
  };
}

function optionsOf({ address, dhcpOptions }: AddressRow): Pick<DesiredAddress, 'options'> {
  const version = address.includes(':') ? 6 : 4;
  const options = (JSON.parse(dhcpOptions) as DhcpOption[]).filter((option) => option.version === version);
  return options.length === 0 ? {} : { options: options.map(({ name, value }) => ({ name, value })) };
}
