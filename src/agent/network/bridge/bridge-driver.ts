import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { KeyedLock } from '../../../env/keyed-lock.ts';
import { writeFileAtomically } from '../../atomic-file.ts';
import type { DesiredNetworks, GuestNic, HostNetworking, MetadataResponder } from '../../contract.ts';
import { toAgentError } from '../../errors.ts';
import type { AgentLog } from '../../log.ts';
import { MetadataServers } from '../../metadata/metadata-servers.ts';
import type { NetworkDriver } from '../network-driver.ts';
import { cablingOf, metadataAddress } from './cabling.ts';
import { entering, NetworkCommands } from './commands.ts';
import { connectionTable, connectionTableName } from './connection-rules.ts';
import { DnsmasqProcesses } from './dnsmasq.ts';
import { Fabric } from './fabric.ts';
import { freeNetwork, HostLinks } from './host-link.ts';
import { bridgeName, NetworkNames, tapName } from './names.ts';
import { portTable, portTableName } from './port-rules.ts';
import { routerTable, routerTableName } from './router-rules.ts';
import { routerRoutes, serviceRoutes, settleRoutes } from './routing.ts';

/** Where a host keeps the external network that it once chose for itself. */
export const networkFile = 'network.json';

/** Opens the networks of the host in this folder: finds whatever an earlier agent left, and changes nothing yet. */
export async function openBridgeDriver(env: Env, log: AgentLog, directory: string): Promise<NetworkDriver> {
  const commands = new NetworkCommands(env);
  const names = new NetworkNames(directory);
  const hostLinks = new HostLinks(names, commands);
  const externalNetwork = await chooseExternalNetwork(directory, names, hostLinks);
  return new BridgeDriver({ env, log, names, commands, hostLinks, networking: { driver: 'bridge', externalNetwork } });
}

async function chooseExternalNetwork(directory: string, names: NetworkNames, hostLinks: HostLinks) {
  const path = join(directory, networkFile);
  const known = await readFile(path, 'utf8').catch(() => undefined);
  if (known !== undefined) return JSON.parse(known) as NonNullable<HostNetworking['externalNetwork']>;
  const chosen = freeNetwork(names.fabric.slice('unkai-'.length), await hostLinks.takenRanges());
  if (chosen) await writeFileAtomically(path, JSON.stringify(chosen));
  return chosen;
}

interface Parts {
  env: Env;
  log: AgentLog;
  names: NetworkNames;
  commands: NetworkCommands;
  hostLinks: HostLinks;
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
  readonly #metadata: MetadataServers;
  readonly #lock = new KeyedLock();
  /** The rules as they were last put into each namespace, to spare doing the same again. */
  readonly #applied = new Map<string, string>();

  constructor(parts: Parts) {
    const { env, log, names, commands } = parts;
    this.#parts = parts;
    this.networking = parts.networking;
    this.#fabric = new Fabric(names, commands, log);
    this.#dnsmasq = new DnsmasqProcesses(env, names, commands);
    this.#metadata = new MetadataServers(metadataAddress, log);
  }

  netdev(nic: GuestNic, id: string): string {
    return `tap,id=${id},ifname=${tapName(nic.portId)},script=no,downscript=no,vhost=off`;
  }

  async prepareGuest(nics: readonly GuestNic[]): Promise<string[]> {
    if (nics.length === 0) return [];
    const { names } = this.#parts;
    await this.#alone('the ports of a guest', async () => {
      await this.#fabric.ensure();
      await this.#requireRules();
      const taps = nics.map(({ portId, networkId, mtu }) => ({
        name: tapName(portId),
        bridge: bridgeName(networkId),
        mtu,
      }));
      await this.#fabric.hold(taps);
    });
    return entering(names.fabric);
  }

  async removePorts(portIds: readonly string[]): Promise<void> {
    if (portIds.length === 0) return;
    await this.#alone('the ports of a guest', () => this.#fabric.release(portIds.map(tapName)));
  }

  apply(desired: DesiredNetworks): Promise<void> {
    return this.#alone('the networks', () =>
      desired.networks.length > 0 ? this.#apply(desired) : this.#clear(desired),
    );
  }

  serveMetadata(responder: MetadataResponder): () => void {
    return this.#metadata.serve(responder);
  }

  async inventory(): Promise<string[]> {
    const { commands, names } = this.#parts;
    const [namespaces, links] = await Promise.all([this.#fabric.namespaces(), commands.links(undefined)]);
    return [...namespaces, ...links.map(({ ifname }) => ifname).filter((name) => names.isHostLink(name))].sort();
  }

  async close(): Promise<void> {
    this.#metadata.close();
  }

  async #apply(desired: DesiredNetworks): Promise<void> {
    const { names, commands, hostLinks } = this.#parts;
    const { networks, routers } = desired;
    await this.#fabric.ensure();
    await this.#applyRules(names.fabric, 'bridge', portTableName, [
      ...portTable(desired).commands,
      ...connectionTable(desired).commands,
    ]);
    const served = networks.filter(({ service }) => service);
    await this.#stopServices(served.map(({ networkId }) => networkId));
    const linked = await hostLinks.possible(networks);
    await this.#fabric.apply(cablingOf(names, desired, linked));
    for (const network of served) {
      await settleRoutes(commands, names.serviceNamespace(network.networkId), serviceRoutes(network));
      await this.#dnsmasq.ensure(network);
    }
    for (const router of routers) {
      const namespace = names.routerNamespace(router.routerId);
      await this.#applyRules(namespace, 'ip', routerTableName, routerTable(router).commands);
      await settleRoutes(commands, namespace, routerRoutes(router));
    }
    await hostLinks.apply(networks.filter(({ networkId }) => linked.has(networkId)));
    await this.#metadata.ensure(new Map(served.map(({ networkId }) => [networkId, names.serviceNamespace(networkId)])));
  }

  /** Nobody needs a network: nothing stays but what a guest that still lives holds, and that carries nothing. */
  async #clear(desired: DesiredNetworks): Promise<void> {
    const { names, hostLinks } = this.#parts;
    const namespaces = await this.#fabric.namespaces();
    await hostLinks.apply([]);
    await this.#stopServices([]);
    if (namespaces.includes(names.fabric)) {
      const rules = [...portTable(desired).commands, ...connectionTable(desired).commands];
      await this.#applyRules(names.fabric, 'bridge', portTableName, rules);
    }
    await this.#fabric.remove();
    this.#applied.clear();
  }

  async #stopServices(kept: readonly string[]): Promise<void> {
    this.#metadata.keepOnly(kept);
    await this.#dnsmasq.stopOthers(kept);
  }

  /** One transaction: packets meet the old rules or the new ones. */
  async #applyRules(namespace: string, family: string, table: string, commands: readonly object[]): Promise<void> {
    const text = JSON.stringify(commands);
    const isSame = this.#applied.get(namespace) === text;
    if (isSame && (await this.#parts.commands.hasTable(namespace, family, table).catch(() => false))) return;
    await this.#parts.commands.nft(namespace, commands);
    this.#applied.set(namespace, text);
  }

  /** A guest must not be plugged in where nothing is filtered. */
  async #requireRules(): Promise<void> {
    const { names, commands } = this.#parts;
    const tables = await Promise.all([
      commands.hasTable(names.fabric, 'bridge', portTableName),
      commands.hasTable(names.fabric, 'inet', connectionTableName),
    ]);
    if (tables.every(Boolean)) return;
    const none = { networks: [], ports: [], securityGroups: [], routers: [] };
    await commands.nft(names.fabric, [...portTable(none).commands, ...connectionTable(none).commands]);
  }

  #alone<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#lock.run('networks', async () => {
      try {
        return await work();
      } catch (error) {
        throw toAgentError(error, what);
      }
    });
  }
}
