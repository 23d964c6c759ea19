import type { DesiredNetwork, TunnelEndpoint } from '../../contract.ts';
import type { ForwardingEntry, Link, NetworkCommands } from './commands.ts';
import { bridgeName, type NetworkNames, tunnelName } from './names.ts';
import { anyOf, drop, field, is, isNot, meta, Table, withoutTable } from './nft.ts';

/** The host's own end of all its tunnels. */
export interface TunnelSettings extends TunnelEndpoint {
  /** The namespace that has the address; the machine's own if absent. */
  namespace?: string;
}

/** A network's device to other hosts: a port of its bridge whose frames travel in UDP (VXLAN, RFC 7348). */
export interface Tunnel {
  name: string;
  bridge: string;
  mtu: number;
  number: number;
  endpoint: TunnelSettings;
  peers: ReadonlyArray<TunnelEndpoint & { macAddresses: string[] }>;
}

/** What VXLAN adds to a packet of a guest in IPv4, with the guest's Ethernet header, bytes. */
export const tunnelOverhead = 50;

export function tunnelOf({ networkId, mtu, tunnel }: DesiredNetwork, endpoint: TunnelSettings): Tunnel | undefined {
  if (!tunnel || tunnel.peers.length === 0) return undefined;
  const { number, peers } = tunnel;
  return { name: tunnelName(networkId), bridge: bridgeName(networkId), mtu, number, endpoint, peers };
}

/** What a device was made with, which can't be changed: it is kept as the device's alias. */
export const originOf = ({ number, endpoint: { address, port } }: Tunnel): string => `${number}@${address}:${port}`;

/** Whether the device must be made anew. */
export const isStale = (tunnel: Tunnel, present: Link | undefined): boolean =>
  present !== undefined && present.ifalias !== originOf(tunnel);

/** Makes the device, where its address is, and puts it into the fabric: its frames go on leaving from there. */
export function tunnelLine(tunnel: Tunnel, fabric: string): string {
  const { name, number, endpoint } = tunnel;
  const to = `local ${endpoint.address} dstport ${endpoint.port}`;
  return `link add ${name} netns ${fabric} type vxlan id ${number} ${to} nolearning`;
}

/** Where frames for everybody, and for those of whom nothing is known, go. */
const everybody = '00:00:00:00:00:00';

/**
 * Says to which host frames go: nothing is learnt from what arrives, the cloud knows where everybody is. And who may send
 * such frames: other hosts alone, and of this machine the kernel alone.
 */
export class TunnelPeers {
  readonly #names: NetworkNames;
  readonly #commands: NetworkCommands;
  /** By device. */
  readonly #entries = new Map<string, ReadonlySet<string>>();
  #rules = '';

  constructor(names: NetworkNames, commands: NetworkCommands) {
    this.#names = names;
    this.#commands = commands;
  }

  /** Looks at everything anew the next time. */
  forget(): void {
    this.#entries.clear();
    this.#rules = '';
  }

  /** The devices exist. */
  async apply(tunnels: readonly Tunnel[]): Promise<void> {
    const names = new Set(tunnels.map(({ name }) => name));
    for (const name of this.#entries.keys()) if (!names.has(name)) this.#entries.delete(name);
    await Promise.all(tunnels.map((tunnel) => this.#applyEntries(tunnel)));
  }

  async #applyEntries(tunnel: Tunnel): Promise<void> {
    const { name, endpoint, peers } = tunnel;
    const wanted = new Set(
      peers.flatMap(({ address, port, macAddresses }) =>
        [everybody, ...macAddresses].map((mac) => `${mac} dev ${name} dst ${address} port ${port}`),
      ),
    );
    const present = this.#entries.get(name) ?? (await this.#present(name, endpoint));
    const missing = [...wanted].filter((entry) => !present.has(entry));
    const unwanted = [...present].filter((entry) => !wanted.has(entry));
    // A guest that moved is replaced before its old place is forgotten: an address of one guest has one place.
    const moved = new Set(missing.map(macOf).filter((mac) => mac !== everybody));
    await this.#commands.bridge(this.#names.fabric, [
      ...missing.map((entry) => `fdb ${macOf(entry) === everybody ? 'append' : 'replace'} ${entry} self permanent`),
      ...unwanted.filter((entry) => !moved.has(macOf(entry))).map((entry) => `fdb del ${entry} self`),
    ]);
    this.#entries.set(name, wanted);
  }

  async #present(name: string, { port: own }: TunnelSettings): Promise<ReadonlySet<string>> {
    const found = await this.#commands.forwardingEntries(this.#names.fabric, name);
    const isRemote = (entry: ForwardingEntry): entry is ForwardingEntry & { dst: string } => entry.dst !== undefined;
    return new Set(
      found.filter(isRemote).map(({ mac, dst, port = own }) => `${mac} dev ${name} dst ${dst} port ${port}`),
    );
  }

  /** Comes before the devices. */
  async protect({ namespace, port }: TunnelSettings, tunnels: readonly Tunnel[]): Promise<void> {
    const peers = tunnels.flatMap((tunnel) => tunnel.peers);
    const table = this.#names.tunnelTable;
    const commands = peers.length === 0 ? withoutTable('inet', table) : peerTable(table, port, peers).commands;
    const text = JSON.stringify(commands);
    if (text === this.#rules) return;
    await this.#commands.nft(namespace, commands);
    this.#rules = text;
  }
}

function peerTable(name: string, port: number, peers: readonly TunnelEndpoint[]): Table {
  const table = new Table('inet', name);
  const addresses = anyOf([...new Set(peers.map(({ address }) => address))].sort());
  const ports = anyOf([...new Set(peers.map((peer) => peer.port))].sort());
  const udp = is(meta('l4proto'), 17);
  table.chain('input', { type: 'filter', hook: 'input', prio: -10, policy: 'accept' });
  table.rule('input', udp, is(field('udp', 'dport'), port), isNot(field('ip', 'saddr'), addresses), drop);
  table.chain('output', { type: 'filter', hook: 'output', prio: -10, policy: 'accept' });
  const toPeer = [udp, is(field('ip', 'daddr'), addresses), is(field('udp', 'dport'), ports)];
  // What the kernel sends has no sender among its users.
  table.rule('output', ...toPeer, isNot(meta('skuid'), 0), drop);
  return table;
}

function macOf(entry: string): string {
  return entry.slice(0, everybody.length);
}
