import { ConstraintViolation, type Queryable, type Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import type { AddressAllocation } from './address-allocation.ts';
import { adminOnly, invalidInput, revisionMismatch, subnetInUse } from './failures.ts';
import { parseCidr, rangesOverlap } from './ip.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import { type AllocationPool, flag, type HostRoute, type Ipv6Mode, type Subnet, subnetOf } from './model.ts';
import { servicePortOwner } from './network-registry.ts';
import { owned, ownerOfNew, visibleNetwork, visibleSubnet } from './ownership.ts';
import { PortAddressing } from './port-addressing.ts';
import {
  checkGateway,
  checkHostRoutes,
  checkIpv6Modes,
  checkNameservers,
  makesOwnAddresses,
  poolRanges,
  subnetCidr,
  subnetGateway,
  subnetPools,
} from './subnet-plan.ts';
import type { SubnetPools } from './subnet-pools.ts';
import { forgetTags } from './tags.ts';

export type SubnetField =
  | 'id'
  | 'projectId'
  | 'networkId'
  | 'name'
  | 'description'
  | 'ipVersion'
  | 'cidr'
  | 'gatewayIp'
  | 'enableDhcp'
  | 'ipv6AddressMode'
  | 'ipv6RaMode'
  | 'subnetPoolId'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

export interface NewSubnet {
  /** The client's own id, 32 hex digits. */
  id?: string;
  projectId?: string;
  networkId: string;
  name?: string;
  description?: string;
  ipVersion: number;
  /** Undefined for one of a pool. */
  cidr?: string;
  /** A pool's id; null for none, undefined for none where there is a CIDR, else for the default one. */
  subnetPoolId?: string | null;
  useDefaultPool?: boolean;
  /** Length of the prefix that a pool is asked for; the pool's usual one where nothing is said. */
  prefixLength?: number;
  ipv6AddressMode?: Ipv6Mode | null;
  ipv6RaMode?: Ipv6Mode | null;
  serviceTypes?: readonly string[];
  /** Undefined for the first address, null for none. */
  gatewayIp?: string | null;
  enableDhcp?: boolean;
  allocationPools?: readonly AllocationPool[];
  dnsNameservers?: readonly string[];
  hostRoutes?: readonly HostRoute[];
}

export type SubnetChanges = Partial<
  Pick<
    NewSubnet,
    | 'name'
    | 'description'
    | 'gatewayIp'
    | 'enableDhcp'
    | 'allocationPools'
    | 'dnsNameservers'
    | 'hostRoutes'
    | 'serviceTypes'
  >
>;

const listing = new Listing<SubnetField>('subnets');

export class Subnets {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;
  readonly #addresses: AddressAllocation;
  readonly #addressing: PortAddressing;
  readonly #pools: SubnetPools;

  constructor(core: CloudCore, quotas: Quotas, addresses: AddressAllocation, pools: SubnetPools) {
    this.#core = core;
    this.#quotas = quotas;
    this.#addresses = addresses;
    this.#addressing = new PortAddressing(addresses);
    this.#pools = pools;
  }

  async list(subject: Subject, request: ListRequest<SubnetField> = {}): Promise<Subnet[]> {
    const db = this.#core.db.read;
    const query = db.selectFrom('subnets').selectAll('subnets').where(visibleSubnet(subject));
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(rows.map(subnetOf), request);
  }

  async get(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<Subnet> {
    const query = db.selectFrom('subnets').selectAll('subnets').where('id', '=', id).where(visibleSubnet(subject));
    const row = await query.executeTakeFirst();
    if (!row) throw notFound('subnet', id);
    return subnetOf(row);
  }

  /** Makes all of them or none. */
  create(subject: Subject, subnets: readonly NewSubnet[]): Promise<Subnet[]> {
    return this.#core.db.write(async (tx) => {
      const made: Subnet[] = [];
      for (const subnet of subnets) made.push(await this.createIn(tx, subject, subnet));
      return made;
    });
  }

  async createIn(tx: Tx, subject: Subject, input: NewSubnet): Promise<Subnet> {
    const projectId = ownerOfNew(subject, input.projectId);
    const enableDhcp = input.enableDhcp ?? true;
    await this.#claimNetwork(tx, subject, input.networkId);
    const { cidr: text, poolId } = await this.#pools.cidrFor(tx, subject, projectId, input);
    const cidr = subnetCidr(text, input.ipVersion, enableDhcp);
    const modes = { addressMode: input.ipv6AddressMode ?? null, raMode: input.ipv6RaMode ?? null };
    checkIpv6Modes(modes, cidr, enableDhcp);
    await this.#refuseOverlap(tx, input.networkId, cidr.text);
    await this.#quotas.check(tx, projectId, { subnets: 1 });
    const gatewayIp = subnetGateway(cidr, input.gatewayIp);
    const now = this.#core.env.now();
    const row = await tx
      .insertInto('subnets')
      .values({
        id: input.id ?? newId(this.#core.env),
        network_id: input.networkId,
        project_id: projectId,
        name: input.name ?? '',
        description: input.description ?? '',
        ip_version: cidr.version,
        cidr: cidr.text,
        gateway_ip: gatewayIp,
        enable_dhcp: flag(enableDhcp),
        allocation_pools: JSON.stringify(subnetPools(cidr, gatewayIp, input.allocationPools)),
        dns_nameservers: JSON.stringify(checkNameservers(input.dnsNameservers ?? [], cidr.version)),
        host_routes: JSON.stringify(checkHostRoutes(input.hostRoutes ?? [], cidr.version)),
        service_types: JSON.stringify(input.serviceTypes ?? []),
        ipv6_address_mode: modes.addressMode,
        ipv6_ra_mode: modes.raMode,
        subnet_pool_id: poolId,
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const subnet = subnetOf(row);
    if (makesOwnAddresses(subnet.ipv6AddressMode)) await this.#addressGuests(tx, subnet);
    await this.#addressGateways(tx, subnet);
    return subnet;
  }

  /** Routers that were led to the network before it had any subnet get an address of its first one. */
  async #addressGateways(tx: Tx, { networkId }: Subnet): Promise<void> {
    const ports = await tx
      .selectFrom('ports')
      .innerJoin('routers', 'routers.gateway_port_id', 'ports.id')
      .leftJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
      .select(['ports.id', 'ports.network_id as networkId', 'mac_address as macAddress', 'device_owner as deviceOwner'])
      .where('ports.network_id', '=', networkId)
      .where('port_addresses.port_id', 'is', null)
      .execute();
    for (const port of ports) await this.#addressing.assign(tx, port, undefined);
  }

  /** Guests that are on the network already will make themselves addresses of the new subnet. */
  async #addressGuests(tx: Tx, subnet: Subnet): Promise<void> {
    const ports = await tx
      .selectFrom('ports')
      .select(['id', 'network_id as networkId', 'mac_address as macAddress', 'device_owner as deviceOwner'])
      .where('network_id', '=', subnet.networkId)
      .where('device_owner', 'not like', 'network:%')
      .execute();
    for (const port of ports) await this.#addressing.assignOwn(tx, port, subnet);
  }

  update(subject: Subject, id: string, changes: SubnetChanges, expectedRevision?: number): Promise<Subnet> {
    return this.#core.db.write(async (tx) => {
      const subnet = await this.#claim(tx, subject, id);
      if (expectedRevision !== undefined && subnet.revision - 1 !== expectedRevision) {
        throw revisionMismatch(expectedRevision);
      }
      const { gatewayIp, allocationPools } = await this.#changedPlan(tx, subnet, changes);
      const { dnsNameservers, hostRoutes, enableDhcp } = changes;
      const row = await tx
        .updateTable('subnets')
        .set({
          name: changes.name,
          description: changes.description,
          enable_dhcp: enableDhcp === undefined ? undefined : flag(enableDhcp),
          gateway_ip: gatewayIp,
          allocation_pools: JSON.stringify(allocationPools),
          dns_nameservers: dnsNameservers && JSON.stringify(checkNameservers(dnsNameservers, subnet.ipVersion)),
          host_routes: hostRoutes && JSON.stringify(checkHostRoutes(hostRoutes, subnet.ipVersion)),
          service_types: changes.serviceTypes && JSON.stringify(changes.serviceTypes),
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      tx.onCommit(() => this.#addresses.forget(id));
      return subnetOf(row);
    });
  }

  /** Throws `conflict` (`subnet_in_use`) while a port has an address of it. */
  async delete(subject: Subject, id: string): Promise<void> {
    try {
      await this.#core.db.write((tx) => this.#deleteIn(tx, subject, id));
    } catch (error) {
      // A port got an address between the check and the end of the transaction.
      if (error instanceof ConstraintViolation && error.kind === 'foreign_key') throw subnetInUse(id);
      throw error;
    }
  }

  async #deleteIn(tx: Tx, subject: Subject, id: string): Promise<void> {
    const subnet = await this.#claim(tx, subject, id);
    // The port through which the cloud serves addresses does not stand in the way.
    const ofService = tx.selectFrom('ports').select('id').where('device_owner', '=', servicePortOwner);
    await tx.deleteFrom('port_addresses').where('subnet_id', '=', id).where('port_id', 'in', ofService).execute();
    if (makesOwnAddresses(subnet.ipv6AddressMode)) await this.#forgetGuests(tx, id);
    const used = await tx.selectFrom('port_addresses').select('port_id').where('subnet_id', '=', id).limit(1).execute();
    if (used.length > 0) throw subnetInUse(id);
    await tx.deleteFrom('subnets').where('id', '=', id).execute();
    await forgetTags(tx, [id]);
    await this.#touchNetwork(tx, subnet.networkId);
    tx.onCommit(() => this.#addresses.forget(id));
  }

  /** Addresses that guests made themselves are nobody's any more, once no router tells of their prefix. */
  async #forgetGuests(tx: Tx, id: string): Promise<void> {
    const ofRouters = tx.selectFrom('ports').select('id').where('device_owner', 'like', 'network:%');
    await tx.deleteFrom('port_addresses').where('subnet_id', '=', id).where('port_id', 'not in', ofRouters).execute();
  }

  /** Counts the subnet's revision up, which also keeps others from changing it until this transaction ends. */
  async #claim(tx: Tx, subject: Subject, id: string): Promise<Subnet> {
    const row = await tx
      .updateTable('subnets')
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: this.#core.env.now() }))
      .where('id', '=', id)
      .where(owned(subject, 'subnets'))
      .returningAll()
      .executeTakeFirst();
    if (!row) throw notFound('subnet', id);
    return subnetOf(row);
  }

  /** A subnet is made by the owner of its network. Two at once would not see each other's CIDR, so they take turns. */
  async #claimNetwork(tx: Tx, subject: Subject, networkId: string): Promise<void> {
    const network = await tx
      .selectFrom('networks')
      .select('project_id')
      .where('id', '=', networkId)
      .where(visibleNetwork(subject))
      .executeTakeFirst();
    if (!network) throw notFound('network', networkId);
    if (network.project_id !== subject.projectId && !subject.isAdmin) {
      throw adminOnly('add a subnet to a network of another project');
    }
    await this.#touchNetwork(tx, networkId);
  }

  async #touchNetwork(tx: Tx, networkId: string): Promise<void> {
    await tx
      .updateTable('networks')
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: this.#core.env.now() }))
      .where('id', '=', networkId)
      .execute();
  }

  async #refuseOverlap(tx: Tx, networkId: string, cidr: string): Promise<void> {
    const others = await tx.selectFrom('subnets').select(['id', 'cidr']).where('network_id', '=', networkId).execute();
    const wanted = parseCidr(cidr)!;
    const other = others.find((row) => rangesOverlap(parseCidr(row.cidr)!, wanted));
    if (!other) return;
    const message = `Requested subnet with cidr: ${cidr} for network: ${networkId} overlaps with another subnet (ID: ${other.id}, CIDR: ${other.cidr}).`;
    throw invalidInput(message, 'cidr');
  }

  async #changedPlan(tx: Tx, subnet: Subnet, changes: SubnetChanges) {
    const cidr = parseCidr(subnet.cidr)!;
    if (changes.enableDhcp) subnetCidr(subnet.cidr, subnet.ipVersion, true);
    if (changes.enableDhcp === false) {
      checkIpv6Modes({ addressMode: subnet.ipv6AddressMode, raMode: subnet.ipv6RaMode }, cidr, false);
    }
    const gatewayIp = changes.gatewayIp === undefined ? subnet.gatewayIp : subnetGateway(cidr, changes.gatewayIp);
    const allocationPools = changes.allocationPools
      ? subnetPools(cidr, gatewayIp, changes.allocationPools)
      : subnet.allocationPools;
    checkGateway(gatewayIp, poolRanges(allocationPools));
    if (gatewayIp !== null && gatewayIp !== subnet.gatewayIp) await this.#refuseTakenGateway(tx, subnet, gatewayIp);
    return { gatewayIp, allocationPools };
  }

  async #refuseTakenGateway(tx: Tx, subnet: Subnet, gatewayIp: string): Promise<void> {
    const port = await tx
      .selectFrom('port_addresses')
      .select('port_id')
      .where('subnet_id', '=', subnet.id)
      .where('ip_address', '=', gatewayIp)
      .executeTakeFirst();
    if (!port) return;
    const message = `Current gateway ip ${gatewayIp} already in use by port ${port.port_id}. Unable to update.`;
    throw new CloudError('conflict', message, { resource: 'port', id: port.port_id, reason: 'gateway_ip_in_use' });
  }
}
