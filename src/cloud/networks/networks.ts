import type { GuestNic } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { adminAccountId } from '../identity/model.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { AddressAllocation } from './address-allocation.ts';
import { ensureDefaultNetwork } from './default-network.ts';
import type { Port, PortStatus } from './model.ts';
import { NetworkRegistry } from './network-registry.ts';
import { PortAddressing } from './port-addressing.ts';
import { Ports } from './ports.ts';
import { SecurityGroupRules } from './security-group-rules.ts';
import { SecurityGroups } from './security-groups.ts';
import type { ServerAddress } from './server-port-reads.ts';
import { type InterfaceRequest, type PlugRequest, ServerPorts } from './server-ports.ts';
import { Subnets } from './subnets.ts';

/** Networks and all that hangs on them. Each resource has its service; what servers need of them is here. */
export class Networks {
  readonly networks: NetworkRegistry;
  readonly subnets: Subnets;
  readonly ports: Ports;
  readonly securityGroups: SecurityGroups;
  readonly securityGroupRules: SecurityGroupRules;
  readonly #core: CloudCore;
  readonly #serverPorts: ServerPorts;

  constructor(core: CloudCore, quotas: Quotas) {
    const addresses = new AddressAllocation(core.db);
    this.#core = core;
    this.networks = new NetworkRegistry(core, quotas);
    this.subnets = new Subnets(core, quotas, addresses);
    this.securityGroups = new SecurityGroups(core, quotas);
    this.securityGroupRules = new SecurityGroupRules(core, quotas, this.securityGroups);
    this.ports = new Ports(core, quotas, new PortAddressing(addresses), this.securityGroups);
    this.#serverPorts = new ServerPorts(core, this.networks, this.ports);
  }

  /** Makes the default network, once in the cloud's life. */
  bootstrap(tx: Tx): Promise<void> {
    return ensureDefaultNetwork(this.#core, tx, this, adminAccountId);
  }

  /** Gives a new server its ports, in the order asked for; see `ServerPorts.plug` for its refusals. */
  plugServer(tx: Tx, request: PlugRequest): Promise<Port[]> {
    return this.#serverPorts.plug(tx, request);
  }

  /** Takes all ports from a server: those made for it go, the others become free. */
  unplugServer(tx: Tx, serverId: string): Promise<void> {
    return this.#serverPorts.unplug(tx, serverId);
  }

  /** Gives a server that exists one more port. */
  async plugPort(tx: Tx, request: Omit<PlugRequest, 'requested'>, wanted: InterfaceRequest): Promise<Port> {
    const [port] = await this.#serverPorts.plug(tx, { ...request, requested: [wanted] });
    return port!;
  }

  /** Takes one port from a server. Gives false when the server does not have it. */
  unplugPort(tx: Tx, serverId: string, portId: string): Promise<boolean> {
    return this.#serverPorts.unplugOne(tx, serverId, portId);
  }

  /** Says where a server's ports are served, and whether they are. */
  bindPorts(tx: Tx, serverId: string, hostId: string | null, status: PortStatus): Promise<void> {
    return this.#serverPorts.bind(tx, serverId, hostId, status);
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
