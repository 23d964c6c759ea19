import type { GuestNic, HostNetworking } from '../../agent/contract.ts';
import type { Database, Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { adminAccountId } from '../identity/model.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { AddressAllocation } from './address-allocation.ts';
import { AddressGroups } from './address-groups.ts';
import { AddressScopes } from './address-scopes.ts';
import { type AddressUse, addressUseOf } from './address-use.ts';
import { DefaultGroupRules } from './default-group-rules.ts';
import { ensureDefaultNetwork } from './default-network.ts';
import { FloatingIps } from './floating-ips.ts';
import { bandwidthOf } from './host-networks/desired-qos.ts';
import type { FixedIp, Port, PortStatus } from './model.ts';
import { NetworkRegistry } from './network-registry.ts';
import { OpenGroups } from './open-groups.ts';
import { type FixedIpRequest, PortAddressing } from './port-addressing.ts';
import { PortForwardings } from './port-forwardings.ts';
import { movePort, movePortBack } from './port-moves.ts';
import { Ports } from './ports.ts';
import { ensurePublicNetwork } from './public-network.ts';
import { QosPolicies } from './qos-policies.ts';
import { RbacPolicies } from './rbac-policies.ts';
import { ReservedRanges } from './reserved-ranges.ts';
import { RouterInterfaces } from './router-interfaces.ts';
import { Routers } from './routers.ts';
import { SecurityGroupRules } from './security-group-rules.ts';
import { SecurityGroups } from './security-groups.ts';
import { Segments } from './segments.ts';
import type { ServerAddress } from './server-port-reads.ts';
import { type InterfaceRequest, type PlugRequest, ServerPorts } from './server-ports.ts';
import { SubnetPools } from './subnet-pools.ts';
import { Subnets } from './subnets.ts';
import { NetworkTags } from './tags.ts';

/** Networks and all that hangs on them. Each resource has its service; what servers need of them is here. */
export class Networks {
  readonly networks: NetworkRegistry;
  readonly routers: Routers;
  readonly routerInterfaces: RouterInterfaces;
  readonly floatingIps: FloatingIps;
  readonly portForwardings: PortForwardings;
  readonly subnets: Subnets;
  readonly reservedRanges: ReservedRanges;
  readonly subnetPools: SubnetPools;
  readonly addressScopes: AddressScopes;
  readonly addressGroups: AddressGroups;
  readonly qosPolicies: QosPolicies;
  readonly rbacPolicies: RbacPolicies;
  /** What administrators call the segments that networks are. */
  readonly segments: Segments;
  readonly tags: NetworkTags;
  readonly ports: Ports;
  readonly openGroups: OpenGroups;
  readonly securityGroups: SecurityGroups;
  readonly securityGroupRules: SecurityGroupRules;
  readonly defaultGroupRules: DefaultGroupRules;
  readonly #core: CloudCore;
  readonly #serverPorts: ServerPorts;
  readonly #addressing: PortAddressing;
  readonly #listeners = new Set<() => void>();

  constructor(wholeCore: CloudCore, quotas: Quotas) {
    const changed = () => this.#changed();
    const core = { ...wholeCore, db: withChangeNotice(wholeCore.db, changed) };
    const addresses = new AddressAllocation(core);
    this.#core = core;
    this.tags = new NetworkTags(core);
    this.addressScopes = new AddressScopes(core);
    this.addressGroups = new AddressGroups(core);
    this.qosPolicies = new QosPolicies(core);
    this.networks = new NetworkRegistry(core, quotas, this.qosPolicies);
    this.rbacPolicies = new RbacPolicies(core, quotas);
    this.segments = new Segments(core);
    this.subnetPools = new SubnetPools(core, quotas, this.addressScopes);
    this.subnets = new Subnets(core, quotas, addresses, this.subnetPools);
    this.reservedRanges = new ReservedRanges(core, addresses);
    this.securityGroups = new SecurityGroups(core, quotas);
    this.securityGroupRules = new SecurityGroupRules(core, quotas, this.securityGroups, this.addressGroups);
    this.defaultGroupRules = new DefaultGroupRules(core, this.securityGroups, this.addressGroups);
    this.#addressing = new PortAddressing(addresses);
    this.ports = new Ports(core, quotas, this.#addressing, this.securityGroups, this.qosPolicies);
    this.openGroups = new OpenGroups(core, this.ports, this.securityGroups);
    this.routers = new Routers(core, quotas, this.ports);
    this.routerInterfaces = new RouterInterfaces(core, this.routers, this.ports, this.subnets);
    this.floatingIps = new FloatingIps(core, quotas, this.ports);
    this.portForwardings = new PortForwardings(core, this.floatingIps, this.ports);
    this.#serverPorts = new ServerPorts(core, this.networks, this.ports);
  }

  /** How many addresses there are, and how many are used, of the networks that the subject may see. */
  async addressUse(subject: Subject): Promise<AddressUse[]> {
    const [networks, subnets] = await Promise.all([this.networks.list(subject), this.subnets.list(subject)]);
    return addressUseOf(this.#core.db.read, networks, subnets);
  }

  /** Calls `listener` after something of networks was changed by this process, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says that networks were changed in a transaction of somebody else's. */
  notifyChange(): void {
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * Makes the default network, once in the cloud's life; and once there is a host that offers an external network, that
   * one as `public` with a router to the default network.
   */
  async bootstrap(tx: Tx, external?: HostNetworking['externalNetwork']): Promise<void> {
    await ensureDefaultNetwork(this.#core, tx, this, adminAccountId);
    if (external) await ensurePublicNetwork(this.#core, tx, this, adminAccountId, external);
  }

  /** Gives a new server its ports, in the order asked for; see `ServerPorts.plug` for its refusals. */
  plugServer(tx: Tx, request: PlugRequest): Promise<Port[]> {
    tx.onCommit(() => this.#changed());
    return this.#serverPorts.plug(tx, request);
  }

  /** Takes all ports from a server: those made for it go, the others become free. */
  unplugServer(tx: Tx, serverId: string): Promise<void> {
    tx.onCommit(() => this.#changed());
    return this.#serverPorts.unplug(tx, serverId);
  }

  /** Gives a server that exists one more port. */
  async plugPort(tx: Tx, request: Omit<PlugRequest, 'requested'>, wanted: InterfaceRequest): Promise<Port> {
    tx.onCommit(() => this.#changed());
    const [port] = await this.#serverPorts.plug(tx, { ...request, requested: [wanted] });
    return port!;
  }

  /** Puts a port into another network, where it gets the addresses asked for, or any; see `movePort`. */
  movePort(tx: Tx, portId: string, to: { networkId: string; fixedIps?: FixedIpRequest[] }): Promise<FixedIp[]> {
    tx.onCommit(() => this.#changed());
    return movePort(this.#core, this.#addressing, tx, portId, to);
  }

  /** Puts it back into the network that it was moved from, as far as its addresses are free. */
  movePortBack(tx: Tx, portId: string, to: { networkId: string; addresses: readonly string[] }): Promise<void> {
    tx.onCommit(() => this.#changed());
    return movePortBack(this.#core, this.#addressing, tx, portId, to);
  }

  /** What is limited of a port in all, and what a policy says of it: bits per second. */
  bandwidthOf(port: Port) {
    return bandwidthOf(this.#core.db, port);
  }

  /** The ports of a server, whether or not its host can serve them. */
  portIdsOf(serverId: string): Promise<string[]> {
    return this.#serverPorts.reads.portIdsOf(serverId);
  }

  /** By what the guest of a server knows its interfaces, by port: of those that have a tag. */
  deviceTagsOf(serverId: string): Promise<Map<string, string>> {
    return this.#serverPorts.reads.deviceTagsOf(serverId);
  }

  /** Takes one port from a server. Gives false when the server does not have it. */
  unplugPort(tx: Tx, serverId: string, portId: string): Promise<boolean> {
    tx.onCommit(() => this.#changed());
    return this.#serverPorts.unplugOne(tx, serverId, portId);
  }

  /** Says where a server's ports are served, and whether they are. */
  bindPorts(tx: Tx, serverId: string, hostId: string | null, status: PortStatus): Promise<void> {
    tx.onCommit(() => this.#changed());
    return this.#serverPorts.bind(tx, serverId, hostId, status);
  }

  /** As `bindPorts`, of one port. */
  bindPort(tx: Tx, place: { serverId: string; portId: string; hostId?: string }, status: PortStatus): Promise<void> {
    tx.onCommit(() => this.#changed());
    return this.#serverPorts.bindOne(tx, place, status);
  }

  /** The server's interfaces as its host needs them. Ports without an address are left out: no host can serve them. */
  nicsOf(serverId: string, model: GuestNic['model'] = 'virtio'): Promise<GuestNic[]> {
    return this.#serverPorts.reads.nicsOf(serverId, model);
  }

  /** Addresses by server, in the order of the servers' ports. Servers without any are not in the map. */
  addressesOf(serverIds: readonly string[]): Promise<Map<string, ServerAddress[]>> {
    return this.#serverPorts.reads.addressesOf(serverIds);
  }

  /** Names of the security groups of each server's ports, in alphabetical order, each once. */
  securityGroupsOf(serverIds: readonly string[]): Promise<Map<string, string[]>> {
    return this.#serverPorts.reads.securityGroupsOf(serverIds);
  }
}

/** The database as the services of this folder have it: whatever they write is a change of networks. */
function withChangeNotice(db: Database, changed: () => void): Database {
  return {
    kind: db.kind,
    read: db.read,
    async write(work, options) {
      const result = await db.write(work, options);
      changed();
      return result;
    },
    prepare: (build) => db.prepare(build),
    versionOf: (tables) => db.versionOf(tables),
    close: () => db.close(),
  };
}
