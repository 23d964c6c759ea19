import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { KeyedLock } from '../../../env/keyed-lock.ts';
import { writeFileAtomically } from '../../atomic-file.ts';
import {
  AgentError,
  type DesiredNetworks,
  type GuestNic,
  type HostNetworking,
  type MetadataResponder,
} from '../../contract.ts';
import { toAgentError } from '../../errors.ts';
import type { AgentLog } from '../../log.ts';
import { MetadataServers } from '../../metadata/metadata-servers.ts';
import { noNetworks } from '../../network-contract.ts';
import type { Netdev, NetworkDriver } from '../network-driver.ts';
import { BandwidthLimits } from './bandwidth.ts';
import { cablingOf, hasIpv6, metadataAddress, metadataAddress6, serviceInterface } from './cabling.ts';
import { entering, NetworkCommands } from './commands.ts';
import { connectionTable, connectionTableName } from './connection-rules.ts';
import { DnsmasqProcesses } from './dnsmasq.ts';
import { Fabric } from './fabric.ts';
import { balancerObstacle, HaproxyProcesses } from './haproxy.ts';
import { freeNetwork, HostLinks } from './host-link.ts';
import { bridgeName, NetworkNames, tapName } from './names.ts';
import { portTable, portTableName } from './port-rules.ts';
import { tunnelObstacle } from './probe.ts';
import { advertises } from './router-adverts.ts';
import { routerTable, routerTable6, routerTableName } from './router-rules.ts';
import { routerRoutes, serviceRoutes } from './routing.ts';
import { TunnelPeers, type TunnelSettings, tunnelOverhead } from './tunnels.ts';

/** Where a host keeps the external network that it once chose for itself. */
const networkFile = 'network.json';

/** So long what was made is taken to be there still, microseconds: less than the time between two rounds of nothing new. */
const trustMicros = 20_000_000;

/**
 * Opens the networks of the host in this folder: finds whatever an earlier agent left, and changes nothing yet.
 *
 * @param tunnel where other hosts send frames of common networks; no port means one that is free of other hosts of
 *   this machine
 */
export async function openBridgeDriver(
  env: Env,
  log: AgentLog,
  directory: string,
  tunnel?: Omit<TunnelSettings, 'port'> & { port?: number },
): Promise<NetworkDriver> {
  const obstacle = tunnel && (await tunnelObstacle(env));
  if (obstacle !== undefined) throw new AgentError('unsupported', `this machine can't have VXLAN: ${obstacle}`);
  const commands = new NetworkCommands(env);
  const names = new NetworkNames(directory);
  const hostLinks = new HostLinks(names, commands);
  const externalNetwork = await chooseExternalNetwork(directory, names, hostLinks);
  const endpoint = tunnel && { ...tunnel, port: tunnel.port ?? names.tunnelPort };
  const noBalancers = await balancerObstacle(commands);
  const networking: HostNetworking = {
    driver: 'bridge',
    ...(noBalancers === undefined ? {} : { balancerObstacle: noBalancers }),
    // Hosts whose folders have the same name may be on different machines.
    shared: { id: endpoint ? `${names.fabric}@${endpoint.address}:${endpoint.port}` : names.fabric, seat: 0 },
    externalNetwork,
    ...(endpoint ? { tunnel: await tunnelFacts(endpoint, commands) } : {}),
  };
  return new BridgeDriver({
    env,
    log,
    names,
    commands,
    hostLinks,
    endpoint,
    networking,
  });
}

/** What a frame takes in the tunnel is less than the device of the address lets through. */
async function tunnelFacts({ address, port, namespace }: TunnelSettings, commands: NetworkCommands) {
  const links = await commands.links(namespace);
  const link = links.find(({ addr_info = [] }) => addr_info.some(({ local }) => local === address));
  if (!link) throw new AgentError('unsupported', `no device of this host has the address ${address} for its tunnels`);
  return { address, port, mtu: link.mtu - tunnelOverhead };
}

async function chooseExternalNetwork(directory: string, names: NetworkNames, hostLinks: HostLinks) {
  const path = join(directory, networkFile);
  const known = await readFile(path, 'utf8').catch(() => undefined);
  if (known !== undefined) return JSON.parse(known) as NonNullable<HostNetworking['externalNetwork']>;
  const chosen = freeNetwork(names.fabric.slice('unkai-'.length), await hostLinks.takenRanges());
  if (chosen) await writeFileAtomically(path, JSON.stringify(chosen));
  return chosen;
}

function seatedNetworking(networking: HostNetworking, seat: number): HostNetworking {
  return networking.shared ? { ...networking, shared: { ...networking.shared, seat } } : networking;
}

interface Parts {
  env: Env;
  log: AgentLog;
  names: NetworkNames;
  commands: NetworkCommands;
  hostLinks: HostLinks;
  endpoint: TunnelSettings | undefined;
  networking: HostNetworking;
}

/**
 * Networks that are really there: a bridge for each, a tap for each port, dnsmasq in a namespace of the network, a
 * namespace with NAT for each router, and nftables for what may pass. Rules always come before the devices that they are
 * for; a guest for which there are none carries nothing.
 */
class BridgeDriver implements NetworkDriver {
  readonly networking: HostNetworking;
  readonly largestMtu = 65_535;
  readonly #parts: Parts;
  readonly #fabric: Fabric;
  readonly #dnsmasq: DnsmasqProcesses;
  readonly #haproxy: HaproxyProcesses;
  readonly #metadata: MetadataServers;
  readonly #bandwidth: BandwidthLimits;
  readonly #peers: TunnelPeers;
  /** Whether there may be limits; an earlier agent may have left some. */
  #wasLimited = true;
  readonly #lock = new KeyedLock();
  /** The rules as they were last put into each namespace, to spare doing the same again. */
  readonly #applied = new Map<string, string>();
  #last: { text: string; verifiedAt: number } | undefined;

  constructor(parts: Parts) {
    const { env, log, names, commands } = parts;
    this.#parts = parts;
    this.networking = parts.networking;
    this.#fabric = new Fabric(names, commands, log);
    this.#bandwidth = new BandwidthLimits(commands);
    this.#peers = new TunnelPeers(names, commands);
    this.#dnsmasq = new DnsmasqProcesses(env, names, commands);
    this.#haproxy = new HaproxyProcesses(parts);
    this.#metadata = new MetadataServers(log);
  }

  netdev(nic: GuestNic): Netdev {
    return this.#netdev(nic, 0);
  }

  prepareGuest(nics: readonly GuestNic[]): Promise<string[]> {
    return this.#prepareGuest(nics, 0);
  }

  forSeat(seat: number): NetworkDriver {
    return {
      networking: seatedNetworking(this.networking, seat),
      largestMtu: this.largestMtu,
      netdev: (nic) => this.#netdev(nic, seat),
      prepareGuest: (nics) => this.#prepareGuest(nics, seat),
      removePorts: (portIds) => this.#removePorts(portIds, seat),
      apply: (desired) => this.apply(desired),
      serveMetadata: (responder) => this.serveMetadata(responder),
      inventory: async () => [],
      close: async () => {},
    };
  }

  #netdev(nic: GuestNic, seat: number): Netdev {
    return { type: 'tap', ifname: tapName(nic.portId, seat), script: 'no', downscript: 'no', vhost: false };
  }

  async #prepareGuest(nics: readonly GuestNic[], seat: number): Promise<string[]> {
    if (nics.length === 0) return [];
    await this.#alone('the ports of a guest', async () => {
      await this.#fabric.ensureNamespaces();
      await this.#requireRules();
      const tapOf = ({ portId, networkId, mtu }: GuestNic) => ({
        name: tapName(portId, seat),
        bridge: bridgeName(networkId),
        mtu,
      });
      await this.#fabric.hold(nics.map(tapOf));
    });
    return entering(this.#parts.names.fabric);
  }

  removePorts(portIds: readonly string[]): Promise<void> {
    return this.#removePorts(portIds, 0);
  }

  async #removePorts(portIds: readonly string[], seat: number): Promise<void> {
    if (portIds.length === 0) return;
    await this.#alone('the ports of a guest', () => this.#fabric.release(portIds.map((id) => tapName(id, seat))));
  }

  apply(desired: DesiredNetworks): Promise<void> {
    return this.#alone('the networks', async () => {
      const text = JSON.stringify(desired);
      const verify = this.#last === undefined || this.#parts.env.now() > this.#last.verifiedAt + trustMicros;
      if (!verify && this.#last?.text === text) return;
      const verifiedAt = verify ? this.#parts.env.now() : this.#last!.verifiedAt;
      if (verify) this.#forget();
      const isDone = desired.networks.length > 0 ? await this.#apply(desired, verify) : await this.#clear(desired);
      this.#last = isDone ? { text, verifiedAt } : undefined;
    });
  }

  serveMetadata(responder: MetadataResponder): () => void {
    return this.#metadata.serve(responder);
  }

  async inventory(): Promise<string[]> {
    const { commands, names } = this.#parts;
    const [namespaces, links, balanced] = await Promise.all([
      this.#fabric.namespaces(),
      commands.links(undefined),
      this.#haproxy.inventory(),
    ]);
    const ownLinks = links.map(({ ifname }) => ifname).filter((name) => names.isHostLink(name));
    return [...namespaces, ...ownLinks, ...balanced.map((routerId) => `balancers of ${routerId}`)].sort();
  }

  async close(): Promise<void> {
    await this.#metadata.close();
  }

  async #apply(desired: DesiredNetworks, verify: boolean): Promise<true> {
    const { names, hostLinks, endpoint } = this.#parts;
    const { networks, routers } = desired;
    await this.#fabric.ensureNamespaces();
    const rules = [...portTable(desired).commands, ...connectionTable(desired).commands];
    const [linked] = await Promise.all([
      hostLinks.possible(networks, verify),
      this.#applyRules(names.fabric, 'bridge', portTableName, rules, verify),
    ]);
    const served = networks.filter(({ service }) => service);
    const byId = new Map(networks.map((network) => [network.networkId, network]));
    const telling = routers.filter(advertises);
    await this.#dnsmasq.stopOthers([
      ...served.map(({ networkId }) => networkId),
      ...telling.map(({ routerId }) => routerId),
    ]);
    const cabling = cablingOf(names, desired, linked, endpoint);
    if (endpoint) await this.#peers.protect(endpoint, cabling.tunnels);
    const fresh = await this.#fabric.ensureNamespaces(cabling.namespaces);
    await Promise.all(
      routers.map((router) => {
        const namespace = names.routerNamespace(router.routerId);
        const commands = [...routerTable(router).commands, ...routerTable6(router).commands];
        return this.#applyRules(namespace, 'ip', routerTableName, commands, verify);
      }),
    );
    const routes = new Map([
      ...served.map((network) => [names.serviceNamespace(network.networkId), serviceRoutes(network)] as const),
      ...routers.map((router) => [names.routerNamespace(router.routerId), routerRoutes(router)] as const),
    ]);
    await this.#fabric.apply(cabling, routes, fresh);
    await this.#peers.apply(cabling.tunnels);
    if (verify) this.#bandwidth.forget();
    const isLimited = desired.ports.some(({ bandwidth }) => bandwidth);
    if (isLimited || this.#wasLimited) await this.#bandwidth.apply(names.fabric, desired.ports, verify);
    this.#wasLimited = isLimited;
    await Promise.all([
      hostLinks.apply(
        networks.filter(({ networkId }) => linked.has(networkId)),
        verify,
      ),
      ...served.map((network) => this.#dnsmasq.ensure(network)),
      ...telling.map((router) => this.#dnsmasq.ensureAdverts(router, byId)),
    ]);
    await this.#haproxy.apply(routers);
    // Nobody waits for it: a guest that has just been started asks much later.
    this.#metadata.ensure(
      new Map(
        served.map((network) => [
          network.networkId,
          {
            namespace: names.serviceNamespace(network.networkId),
            addresses: [metadataAddress, ...(hasIpv6(network) ? [`${metadataAddress6}%${serviceInterface}`] : [])],
          },
        ]),
      ),
      fresh,
    );
    return true;
  }

  /**
   * Nobody needs a network: nothing stays but what a guest that still lives holds, and that carries nothing. Gives false
   * when something had to stay.
   */
  async #clear(desired: DesiredNetworks): Promise<boolean> {
    const { names, hostLinks, endpoint } = this.#parts;
    await hostLinks.apply([], true);
    if (endpoint) await this.#peers.protect(endpoint, []);
    this.#metadata.ensure(new Map(), []);
    await this.#dnsmasq.stopOthers([]);
    await this.#haproxy.apply([]);
    if (await this.#fabric.exists()) {
      const rules = [...portTable(desired).commands, ...connectionTable(desired).commands];
      await this.#applyRules(names.fabric, 'bridge', portTableName, rules, true);
    }
    const isGone = await this.#fabric.remove();
    this.#applied.clear();
    return isGone;
  }

  /** One transaction: packets meet the old rules or the new ones. */
  async #applyRules(
    namespace: string,
    family: string,
    table: string,
    commands: readonly object[],
    verify: boolean,
  ): Promise<void> {
    const text = JSON.stringify(commands);
    const isSame = this.#applied.get(namespace) === text;
    if (isSame && !verify) return;
    if (isSame && (await this.#parts.commands.hasTable(namespace, family, table).catch(() => false))) return;
    await this.#parts.commands.nft(namespace, commands);
    this.#applied.set(namespace, text);
  }

  /** A guest must not be plugged in where nothing is filtered. */
  async #requireRules(): Promise<void> {
    const { names, commands } = this.#parts;
    if (this.#applied.has(names.fabric)) return;
    const tables = await Promise.all([
      commands.hasTable(names.fabric, 'bridge', portTableName),
      commands.hasTable(names.fabric, 'inet', connectionTableName),
    ]);
    if (tables.every(Boolean)) return;
    await commands.nft(names.fabric, [...portTable(noNetworks).commands, ...connectionTable(noNetworks).commands]);
  }

  #forget(): void {
    this.#fabric.forget();
    this.#peers.forget();
  }

  #alone<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#lock.run('networks', async () => {
      try {
        return await work();
      } catch (error) {
        // What was done of it is not known: everything is looked at anew.
        this.#forget();
        this.#applied.clear();
        this.#last = undefined;
        throw toAgentError(error, what);
      }
    });
  }
}
