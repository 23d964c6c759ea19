import { sql } from 'kysely';
import type { GuestNic, Ipv6Mode } from '../../agent/contract.ts';
import type { Database, PreparedQuery } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { HostRoute } from './model.ts';
import { servicePortOwner } from './network-registry.ts';

/** An address of a server, as lists of servers show it. */
export interface ServerAddress {
  networkId: string;
  networkName: string;
  portId: string;
  macAddress: string;
  version: 4 | 6;
  address: string;
  /** A floating IP stands for the fixed address before it. */
  kind: 'fixed' | 'floating';
}

/** A client may have given the server a port by its device id alone: it comes first, as no database sorts nulls alike. */
const inPlace = sql`coalesce(ports.device_index, -1)`;

interface ServerIds {
  serverIds: readonly string[];
}

type AddressRow = Omit<ServerAddress, 'kind'> & { serverId: string; floating: string | null };

interface NicRow {
  port_id: string;
  network_id: string;
  mac_address: string;
  mtu: number;
  cidr: string;
  ipv6_mode: Ipv6Mode | null;
  gateway_ip: string | null;
  ip_address: string;
  dns_nameservers: string;
  host_routes: string;
  /** Where the subnet's metadata service is reached. */
  service_address: string | null;
}

/** The reads that listing and starting servers need: one statement each, for any number of servers. */
export class ServerPortReads {
  readonly #addresses: PreparedQuery<ServerIds, AddressRow>;
  readonly #groupNames: PreparedQuery<ServerIds, { serverId: string; name: string }>;
  readonly #portIds: PreparedQuery<{ serverId: string }, { id: string }>;
  readonly #portTags: PreparedQuery<{ serverId: string }, { id: string; device_tag: string | null }>;
  readonly #nics: PreparedQuery<{ serverId: string }, NicRow>;

  constructor(db: Database) {
    this.#addresses = db.prepare((kysely, { serverIds }) =>
      kysely
        .selectFrom('ports')
        .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
        .innerJoin('subnets', 'subnets.id', 'port_addresses.subnet_id')
        .innerJoin('networks', 'networks.id', 'ports.network_id')
        .leftJoin('floating_ips', (join) =>
          join
            .onRef('floating_ips.port_id', '=', 'ports.id')
            .onRef('floating_ips.fixed_ip_address', '=', 'port_addresses.ip_address'),
        )
        .select([
          'ports.device_id as serverId',
          'floating_ips.ip_address as floating',
          'networks.id as networkId',
          'networks.name as networkName',
          'ports.id as portId',
          'ports.mac_address as macAddress',
          sql<4 | 6>`subnets.ip_version`.as('version'),
          'port_addresses.ip_address as address',
        ])
        .where(oneOf(db, sql.ref('ports.device_id'), serverIds))
        .orderBy(inPlace)
        .orderBy('ports.created_at')
        .orderBy('ports.id'),
    );
    this.#groupNames = db.prepare((kysely, { serverIds }) =>
      kysely
        .selectFrom('ports')
        .innerJoin('port_security_groups', 'port_security_groups.port_id', 'ports.id')
        .innerJoin('security_groups', 'security_groups.id', 'port_security_groups.security_group_id')
        .select(['ports.device_id as serverId', 'security_groups.name as name'])
        .distinct()
        .where(oneOf(db, sql.ref('ports.device_id'), serverIds))
        .orderBy('security_groups.name'),
    );
    this.#portIds = db.prepare((kysely, { serverId }) =>
      kysely.selectFrom('ports').select('id').where('device_id', '=', serverId),
    );
    this.#portTags = db.prepare((kysely, { serverId }) =>
      kysely
        .selectFrom('ports')
        .select(['id', 'device_tag'])
        .where('device_id', '=', serverId)
        .where('device_tag', 'is not', null),
    );
    this.#nics = db.prepare((kysely, { serverId }) =>
      kysely
        .selectFrom('ports')
        .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
        .innerJoin('subnets', 'subnets.id', 'port_addresses.subnet_id')
        .innerJoin('networks', 'networks.id', 'ports.network_id')
        .select([
          'ports.id as port_id',
          'ports.network_id',
          'ports.mac_address',
          'networks.mtu',
          'subnets.cidr',
          sql<Ipv6Mode | null>`subnets.ipv6_address_mode`.as('ipv6_mode'),
          'subnets.gateway_ip',
          'subnets.dns_nameservers',
          'subnets.host_routes',
          sql<string | null>`(select service_addresses.ip_address from port_addresses as service_addresses
            inner join ports as service on service.id = service_addresses.port_id
            where service_addresses.subnet_id = subnets.id and service.device_owner = ${sql.lit(servicePortOwner)}
            limit 1)`.as('service_address'),
          'port_addresses.ip_address',
        ])
        .where('ports.device_id', '=', serverId)
        .orderBy(inPlace)
        .orderBy('ports.created_at')
        .orderBy('ports.id'),
    );
  }

  /** Addresses by server, in the order of the servers' ports. Servers without any are not in the map. */
  async addressesOf(serverIds: readonly string[]): Promise<Map<string, ServerAddress[]>> {
    const rows = await this.#addresses.all({ serverIds });
    const byServer = new Map<string, ServerAddress[]>();
    for (const { serverId, floating, ...address } of rows) {
      const known = byServer.get(serverId) ?? [];
      byServer.set(serverId, known);
      // Two external networks may each have a floating IP for it: then the fixed address comes twice.
      const isNew = !known.some((one) => one.portId === address.portId && one.address === address.address);
      if (isNew) known.push({ ...address, kind: 'fixed' });
      if (floating !== null) known.push({ ...address, address: floating, kind: 'floating' });
    }
    return byServer;
  }

  /** Names of the security groups of each server's ports, in alphabetical order, each once. */
  async securityGroupsOf(serverIds: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await this.#groupNames.all({ serverIds });
    const byServer = Map.groupBy(rows, (row) => row.serverId);
    return new Map([...byServer].map(([serverId, groups]) => [serverId, groups.map(({ name }) => name)]));
  }

  async portIdsOf(serverId: string): Promise<string[]> {
    return (await this.#portIds.all({ serverId })).map(({ id }) => id);
  }

  async deviceTagsOf(serverId: string): Promise<Map<string, string>> {
    const rows = await this.#portTags.all({ serverId });
    return new Map(rows.map(({ id, device_tag }) => [id, device_tag!]));
  }

  async nicsOf(serverId: string, model: GuestNic['model']): Promise<GuestNic[]> {
    const rows = await this.#nics.all({ serverId });
    // A port with several addresses is one interface; its host serves the first of IPv4.
    const byPort = [...Map.groupBy(rows, (row) => row.port_id).values()];
    return byPort.flatMap((own) => {
      const [first] = own;
      if (!first) return [];
      const row = own.find(({ cidr }) => !cidr.includes(':'));
      const subnets6 = own.filter(({ cidr }) => cidr.includes(':')).map(subnet6Of);
      return {
        portId: first.port_id,
        networkId: first.network_id,
        macAddress: first.mac_address,
        model,
        mtu: first.mtu,
        ...(row ? { subnet: { ...subnetOf(row), routes: routesOf(row) } } : {}),
        ...(subnets6.length > 0 ? { subnets6 } : {}),
      };
    });
  }
}

function subnetOf(row: NicRow) {
  return {
    cidr: row.cidr,
    gateway: row.gateway_ip ?? undefined,
    address: row.ip_address,
    dnsNameservers: JSON.parse(row.dns_nameservers) as string[],
  };
}

function subnet6Of(row: NicRow): NonNullable<GuestNic['subnets6']>[number] {
  const routes = JSON.parse(row.host_routes) as HostRoute[];
  return { ...subnetOf(row), routes, ...(row.ipv6_mode === null ? {} : { mode: row.ipv6_mode }) };
}

function routesOf({ host_routes, service_address }: NicRow): HostRoute[] {
  const routes = JSON.parse(host_routes) as HostRoute[];
  return service_address === null ? routes : [...routes, { destination: metadataNetwork, nexthop: service_address }];
}

/** Where guests find their metadata, as a route says it. */
const metadataNetwork = '169.254.169.254/32';
