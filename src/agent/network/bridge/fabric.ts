import type { AgentLog } from '../../log.ts';
import type { Bridge, Cable, CableEnd, Cabling, Tap } from './cabling.ts';
import type { Link, NetworkCommands } from './commands.ts';
import type { NetworkNames } from './names.ts';

/** Frames of bridges pass the firewall that knows connections; nothing here has an address, so nothing is routed. */
const fabricSettings = [
  'net.bridge.bridge-nf-call-iptables=1',
  'net.bridge.bridge-nf-call-ip6tables=0',
  'net.bridge.bridge-nf-call-arptables=0',
  'net.ipv4.ip_forward=0',
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv6.conf.default.disable_ipv6=1',
];
/** Routers forward, and don't tell guests of shorter ways: filters would not let them go those. */
const routerSettings = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.send_redirects=0',
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv6.conf.default.disable_ipv6=1',
];
const serviceSettings = [
  'net.ipv4.ip_forward=0',
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv6.conf.default.disable_ipv6=1',
];

/**
 * The namespaces and devices of a host's networks. Bridges, taps and the guests' own processes are in one namespace,
 * the fabric, apart from the machine's own network and its firewall. What there is, is looked up each time.
 */
export class Fabric {
  readonly #names: NetworkNames;
  readonly #commands: NetworkCommands;
  readonly #log: AgentLog;
  /** Taps of guests that are being started or run: no request that is older than them takes them away. */
  readonly #held = new Set<string>();

  constructor(names: NetworkNames, commands: NetworkCommands, log: AgentLog) {
    this.#names = names;
    this.#commands = commands;
    this.#log = log;
  }

  async namespaces(): Promise<string[]> {
    return (await this.#commands.namespaces()).filter((name) => this.#names.isOwnNamespace(name));
  }

  /** Makes the namespace that holds bridges and taps. */
  async ensure(): Promise<void> {
    if ((await this.namespaces()).includes(this.#names.fabric)) return;
    await this.#addNamespace(this.#names.fabric, fabricSettings);
  }

  /** Makes the devices so, removes those that are not in the cabling, and gives the ends of all cables. */
  async apply(cabling: Cabling): Promise<void> {
    const { fabric } = this.#names;
    const namespaces = await this.namespaces();
    for (const name of cabling.namespaces) {
      if (!namespaces.includes(name)) await this.#addNamespace(name, this.#settingsOf(name));
    }
    const present = new Map((await this.#commands.links(fabric)).map((link) => [link.ifname, link]));
    await this.#commands.ip(fabric, [
      ...cabling.bridges.flatMap((bridge) => bridgeLines(bridge, present.get(bridge.name))),
      ...cabling.taps.flatMap((tap) => tapLines(tap, present.get(tap.name))),
      ...cabling.cables.flatMap((cable) => cableLines(cable, present.get(cable.plug))),
    ]);
    for (const [namespace, cables] of Map.groupBy(cabling.cables, ({ end }) => end.namespace)) {
      await this.#settleEnds(namespace, cables);
    }
    await this.#remove(cabling, [...present.values()]);
    for (const name of namespaces) {
      if (name !== fabric && !cabling.namespaces.includes(name)) await this.removeNamespace(name);
    }
  }

  /** Makes one tap, at once, and keeps it until `release`. */
  async hold(taps: readonly Tap[]): Promise<void> {
    const present = new Map((await this.#commands.links(this.#names.fabric)).map((link) => [link.ifname, link]));
    const bridges = new Map(taps.map((tap) => [tap.bridge, { name: tap.bridge, mtu: tap.mtu }]));
    await this.#commands.ip(this.#names.fabric, [
      ...[...bridges.values()].flatMap((bridge) => (present.has(bridge.name) ? [] : bridgeLines(bridge, undefined))),
      ...taps.flatMap((tap) => tapLines(tap, present.get(tap.name))),
    ]);
    for (const { name } of taps) this.#held.add(name);
  }

  async release(taps: readonly string[]): Promise<void> {
    for (const name of taps) this.#held.delete(name);
    if (!(await this.namespaces()).includes(this.#names.fabric)) return;
    const present = new Set((await this.#commands.links(this.#names.fabric)).map(({ ifname }) => ifname));
    await this.#commands.ip(
      this.#names.fabric,
      taps.filter((name) => present.has(name)).map((name) => `link del ${name}`),
    );
  }

  /** Removes all of it, unless a guest still uses it. Gives false then. */
  async remove(): Promise<boolean> {
    const namespaces = await this.namespaces();
    const others = namespaces.filter((name) => name !== this.#names.fabric);
    if (others.length === namespaces.length) {
      for (const name of others) await this.removeNamespace(name);
      return true;
    }
    const links = await this.#commands.links(this.#names.fabric);
    const kept = links.filter((link) => isTap(link) && (this.#held.has(link.ifname) || isUsed(link)));
    // One by one: what is in a namespace goes only some time after the namespace, and its names may be wanted again.
    await this.#commands.ip(
      this.#names.fabric,
      links.filter((link) => link.ifname !== 'lo' && !kept.includes(link)).map(({ ifname }) => `link del ${ifname}`),
    );
    for (const name of others) await this.removeNamespace(name);
    if (kept.length > 0) return false;
    await this.removeNamespace(this.#names.fabric);
    return true;
  }

  async removeNamespace(name: string): Promise<void> {
    await this.#commands.ip(undefined, [`netns del ${name}`]);
  }

  async #addNamespace(name: string, settings: readonly string[]): Promise<void> {
    await this.#commands.ip(undefined, [`netns add ${name}`]);
    try {
      await this.#commands.ip(name, ['link set lo up']);
      await this.#commands.sysctl(name, settings);
    } catch (error) {
      // One that is only half set up must not be taken for a good one.
      await this.removeNamespace(name);
      throw error;
    }
  }

  #settingsOf(namespace: string): string[] {
    return namespace.startsWith(`${this.#names.fabric}-router-`) ? routerSettings : serviceSettings;
  }

  /** Gives the ends of the cables in one namespace their addresses. */
  async #settleEnds(namespace: string | undefined, cables: readonly Cable[]): Promise<void> {
    const links = new Map((await this.#commands.links(namespace)).map((link) => [link.ifname, link]));
    await this.#commands.ip(
      namespace,
      cables.flatMap(({ end, mtu }) => endLines(end, mtu, links.get(end.name))),
    );
  }

  async #remove(cabling: Cabling, present: readonly Link[]): Promise<void> {
    const wanted = new Set([...cabling.bridges, ...cabling.taps].map(({ name }) => name));
    for (const { plug } of cabling.cables) wanted.add(plug);
    const unwanted = present.filter(({ ifname }) => ifname !== 'lo' && !wanted.has(ifname));
    const kept = unwanted.filter((link) => isTap(link) && (this.#held.has(link.ifname) || isUsed(link)));
    if (kept.length > 0) {
      this.#log.debug({ devices: kept.map(({ ifname }) => ifname) }, 'guests still have devices that nobody wants');
    }
    // A tap that stays needs no bridge: whatever it sends is dropped.
    const doomed = unwanted.filter(
      (link) => !kept.includes(link) && !kept.some(({ master }) => master === link.ifname),
    );
    await this.#commands.ip(
      this.#names.fabric,
      doomed.map(({ ifname }) => `link del ${ifname}`),
    );
  }
}

function isTap({ ifname }: Link): boolean {
  return ifname.startsWith('tap');
}

/** Whether a process has the tap open. */
function isUsed({ flags }: Link): boolean {
  return flags.includes('LOWER_UP');
}

function bridgeLines({ name, mtu }: Bridge, present: Link | undefined): string[] {
  return [
    ...(present ? [] : [`link add ${name} type bridge forward_delay 0 mcast_snooping 0`]),
    ...(present?.mtu === mtu && present.flags.includes('UP') ? [] : [`link set ${name} mtu ${mtu} up`]),
  ];
}

function tapLines({ name, bridge, mtu }: Tap, present: Link | undefined): string[] {
  // QEMU passes checksums and segments on in the header that this option adds.
  return [...(present ? [] : [`tuntap add ${name} mode tap vnet_hdr`]), ...plugLines(name, bridge, mtu, present)];
}

function cableLines({ plug, bridge, mtu, end }: Cable, present: Link | undefined): string[] {
  const where = end.namespace ?? String(process.pid);
  return [
    ...(present ? [] : [`link add ${plug} type veth peer name ${end.name} netns ${where}`]),
    ...plugLines(plug, bridge, mtu, present),
  ];
}

function plugLines(name: string, bridge: string, mtu: number, present: Link | undefined): string[] {
  if (present?.master === bridge && present.mtu === mtu && present.flags.includes('UP')) return [];
  return [`link set ${name} master ${bridge} mtu ${mtu} up`];
}

function endLines(end: CableEnd, mtu: number, present: Link | undefined): string[] {
  const { name, macAddress, addresses } = end;
  const has = (present?.addr_info ?? []).filter(({ family }) => family === 'inet');
  const texts = has.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const sameMac = macAddress === undefined || present?.address === macAddress;
  const isUp = present?.flags.includes('UP') && present.mtu === mtu && sameMac;
  return [
    ...texts.filter((text) => !addresses.includes(text)).map((text) => `addr del ${text} dev ${name}`),
    ...(isUp ? [] : [`link set ${name} ${macAddress === undefined ? '' : `address ${macAddress} `}mtu ${mtu} up`]),
    ...addresses.filter((text) => !texts.includes(text)).map((text) => `addr add ${text} dev ${name}`),
  ];
}
