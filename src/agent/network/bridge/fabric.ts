import type { AgentLog } from '../../log.ts';
import type { Bridge, Cable, CableEnd, Cabling, Tap } from './cabling.ts';
import type { Link, NetworkCommands, Route } from './commands.ts';
import { isV6 } from './ipv6.ts';
import type { NetworkNames } from './names.ts';
import { routeLines, type WantedRoute } from './routing.ts';
import { isStale, originOf, type Tunnel, tunnelLine } from './tunnels.ts';

/** Frames of bridges pass the firewall that knows connections; nothing here has an address, so nothing is routed. */
const fabricSettings = [
  'net.bridge.bridge-nf-call-iptables=1',
  'net.bridge.bridge-nf-call-ip6tables=1',
  'net.bridge.bridge-nf-call-arptables=0',
  'net.ipv4.ip_forward=0',
  'net.ipv6.conf.all.disable_ipv6=1',
  'net.ipv6.conf.default.disable_ipv6=1',
];
/** Addresses are known to be nobody else's, so nobody needs to ask; and only the cloud says which there are. */
const quietIpv6 = ['all', 'default'].flatMap((which) => [
  `net.ipv6.conf.${which}.accept_ra=0`,
  `net.ipv6.conf.${which}.autoconf=0`,
  `net.ipv6.conf.${which}.accept_dad=0`,
]);
/**
 * Routers forward, and don't tell guests of shorter ways: filters would not let them go those. They tell everybody of
 * addresses that they have got, as a floating IP that was another router's.
 */
const routerSettings = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.conf.all.arp_notify=1',
  'net.ipv4.conf.default.arp_notify=1',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.send_redirects=0',
  'net.ipv6.conf.all.forwarding=1',
  ...quietIpv6,
];
const serviceSettings = ['net.ipv4.ip_forward=0', ...quietIpv6];

/** What there is, as it was when it was last looked at and has been changed from here since. */
interface Seen {
  namespaces: Set<string>;
  /** The devices of the fabric. */
  links: Map<string, Link>;
}

/**
 * The namespaces and devices of a host's networks. Bridges, taps and the guests' own processes are in one namespace,
 * the fabric, apart from the machine's own network and its firewall.
 *
 * Looking takes longer than changing, so what there is is remembered until `forget`: after a failure, and from time to
 * time, it is looked at anew.
 */
export class Fabric {
  readonly #names: NetworkNames;
  readonly #commands: NetworkCommands;
  readonly #log: AgentLog;
  /** Taps of guests that are being started or run: no request that is older than them takes them away. */
  readonly #held = new Set<string>();
  /** How the ends of cables and the routes in each namespace were last made. */
  readonly #settled = new Map<string, string>();
  #seen: Seen | undefined;

  constructor(names: NetworkNames, commands: NetworkCommands, log: AgentLog) {
    this.#names = names;
    this.#commands = commands;
    this.#log = log;
  }

  async namespaces(): Promise<string[]> {
    return (await this.#commands.namespaces()).filter((name) => this.#names.isOwnNamespace(name));
  }

  /** Looks at everything anew before the next change. */
  forget(): void {
    this.#seen = undefined;
    this.#settled.clear();
  }

  /** Whether there is the namespace that holds bridges and taps. */
  async exists(): Promise<boolean> {
    return (await this.#look()).namespaces.has(this.#names.fabric);
  }

  /** Makes namespaces; the fabric's own, if no others are named. */
  async ensureNamespaces(names: readonly string[] = [this.#names.fabric]): Promise<string[]> {
    const { namespaces } = await this.#look();
    const missing = names.filter((name) => !namespaces.has(name));
    await this.#commands.ip(
      undefined,
      missing.map((name) => `netns add ${name}`),
    );
    await Promise.all(missing.map((name) => this.#setUp(name)));
    for (const name of missing) namespaces.add(name);
    return missing;
  }

  /** Makes the devices so, and removes those that are not in the cabling. Its namespaces exist; `fresh` ones are new. */
  async apply(
    cabling: Cabling,
    routes: ReadonlyMap<string, readonly WantedRoute[]>,
    fresh: readonly string[],
  ): Promise<void> {
    const { fabric } = this.#names;
    const { links } = await this.#look();
    const newPlugs = new Set(cabling.cables.filter(({ plug }) => !links.has(plug)).map(({ plug }) => plug));
    await this.#ensureTunnels(cabling.tunnels);
    await this.#commands.ip(fabric, [
      ...cabling.bridges.flatMap((bridge) => bridgeLines(bridge, links.get(bridge.name))),
      ...cabling.taps.flatMap((tap) => tapLines(tap, links.get(tap.name))),
      ...cabling.tunnels.flatMap(({ name, bridge, mtu }) => plugLines(name, bridge, mtu, links.get(name))),
      ...cabling.limiters
        .filter((name) => !links.has(name))
        .flatMap((name) => [`link add ${name} type ifb`, `link set ${name} up`]),
      ...cabling.cables.flatMap((cable) => cableLines(cable, links.get(cable.plug))),
    ]);
    for (const { name, mtu } of cabling.bridges) note(links, name, mtu);
    for (const { name, mtu, bridge } of cabling.taps) note(links, name, mtu, bridge);
    for (const { name, mtu, bridge } of cabling.tunnels) note(links, name, mtu, bridge);
    for (const name of cabling.limiters) note(links, name, 1500);
    for (const { plug, mtu, bridge } of cabling.cables) note(links, plug, mtu, bridge);
    const byNamespace = [...Map.groupBy(cabling.cables, ({ end }) => end.namespace)];
    await Promise.all(
      byNamespace.map(([namespace, cables]) => {
        const wanted = (namespace && routes.get(namespace)) || [];
        const isNew =
          namespace === undefined ? cables.every(({ plug }) => newPlugs.has(plug)) : fresh.includes(namespace);
        return this.#settle(namespace, cables, wanted, isNew);
      }),
    );
    await this.#removeOthers(cabling);
  }

  /** A tunnel's number and endpoint can't be changed: one that has others is made anew. */
  async #ensureTunnels(tunnels: readonly Tunnel[]): Promise<void> {
    const { fabric } = this.#names;
    const { links } = await this.#look();
    await this.#delete(tunnels.filter((tunnel) => isStale(tunnel, links.get(tunnel.name))).map(({ name }) => name));
    const missing = tunnels.filter(({ name }) => !links.has(name));
    for (const [namespace, some] of Map.groupBy(missing, ({ endpoint }) => endpoint.namespace)) {
      await this.#commands.ip(
        namespace,
        some.map((tunnel) => tunnelLine(tunnel, fabric)),
      );
    }
    await this.#commands.ip(
      fabric,
      missing.map((tunnel) => `link set ${tunnel.name} alias ${originOf(tunnel)}`),
    );
    for (const tunnel of missing) {
      const link = { ifname: tunnel.name, address: '', mtu: 0, flags: [], ifalias: originOf(tunnel) };
      links.set(tunnel.name, link);
    }
  }

  /** Makes taps, at once, and keeps them until `release`. The fabric exists. */
  async hold(taps: readonly Tap[]): Promise<void> {
    const { links } = await this.#look();
    const bridges = new Map(taps.map((tap) => [tap.bridge, { name: tap.bridge, mtu: tap.mtu }]));
    const missing = [...bridges.values()].filter(({ name }) => !links.has(name));
    await this.#commands.ip(this.#names.fabric, [
      ...missing.flatMap((bridge) => bridgeLines(bridge, undefined)),
      ...taps.flatMap((tap) => tapLines(tap, links.get(tap.name))),
    ]);
    for (const { name, mtu } of missing) note(links, name, mtu);
    for (const { name, mtu, bridge } of taps) {
      note(links, name, mtu, bridge);
      this.#held.add(name);
    }
  }

  async release(taps: readonly string[]): Promise<void> {
    for (const name of taps) this.#held.delete(name);
    if (!(await this.exists())) return;
    const { links } = await this.#look();
    await this.#delete(taps.filter((name) => links.has(name)));
  }

  /** Removes all of it, unless a guest still uses it. Gives false then. */
  async remove(): Promise<boolean> {
    this.forget();
    const { fabric } = this.#names;
    const { namespaces, links } = await this.#look();
    const kept = [...links.values()].filter((link) => this.#isKept(link)).map(({ ifname }) => ifname);
    // One by one: what is in a namespace goes only some time after the namespace, and its names may be wanted again.
    await this.#delete([...links.keys()].filter((name) => name !== 'lo' && !kept.includes(name)));
    for (const name of namespaces) if (name !== fabric || kept.length === 0) await this.#removeNamespace(name);
    this.forget();
    return kept.length === 0;
  }

  async #look(): Promise<Seen> {
    if (this.#seen) return this.#seen;
    const namespaces = new Set(await this.namespaces());
    const links = namespaces.has(this.#names.fabric) ? await this.#commands.links(this.#names.fabric) : [];
    this.#seen = { namespaces, links: new Map(links.map((link) => [link.ifname, link])) };
    return this.#seen;
  }

  async #setUp(name: string): Promise<void> {
    const { fabric } = this.#names;
    const isRouter = name.startsWith(`${fabric}-router-`);
    const settings = name === fabric ? fabricSettings : isRouter ? routerSettings : serviceSettings;
    try {
      await Promise.all([this.#commands.ip(name, ['link set lo up']), this.#commands.sysctl(name, settings)]);
    } catch (error) {
      // One that is only half set up must not be taken for a good one.
      await this.#removeNamespace(name);
      throw error;
    }
  }

  /** Gives the ends of the cables in one namespace their addresses, and the namespace its routes. */
  async #settle(
    namespace: string | undefined,
    cables: readonly Cable[],
    routes: readonly WantedRoute[],
    isNew: boolean,
  ): Promise<void> {
    const key = namespace ?? '';
    const text = JSON.stringify([cables, routes]);
    if (!isNew && this.#settled.get(key) === text) return;
    this.#settled.delete(key);
    const links = isNew ? [] : await this.#commands.links(namespace);
    const present = new Map(links.map((link) => [link.ifname, link]));
    const known = isNew || namespace === undefined ? [] : await this.#staticRoutes(namespace);
    await this.#commands.ip(namespace, [
      ...cables.flatMap(({ end, mtu }) => endLines(end, mtu, present.get(end.name))),
      ...routeLines(routes, known),
    ]);
    this.#settled.set(key, text);
  }

  async #staticRoutes(namespace: string): Promise<Route[]> {
    const [v4, v6] = await Promise.all([
      this.#commands.routes(namespace, 'proto', 'static'),
      this.#commands.routes6(namespace, 'proto', 'static'),
    ]);
    return [...v4, ...v6];
  }

  async #removeOthers(cabling: Cabling): Promise<void> {
    const seen = await this.#look();
    const wanted = new Set([
      'lo',
      ...cabling.limiters,
      ...[...cabling.bridges, ...cabling.taps, ...cabling.tunnels].map(({ name }) => name),
    ]);
    for (const { plug } of cabling.cables) wanted.add(plug);
    const unwanted = [...seen.links.keys()].filter((name) => !wanted.has(name));
    if (unwanted.length > 0) {
      // Whether a guest has a tap open changes by itself.
      const now = (await this.#commands.links(this.#names.fabric)).filter(({ ifname }) => unwanted.includes(ifname));
      const kept = now.filter((link) => this.#isKept(link));
      if (kept.length > 0) {
        this.#log.debug({ devices: kept.map(({ ifname }) => ifname) }, 'guests still have devices that nobody wants');
      }
      // The bridge of a tap that stays, stays too; whatever the tap's guest sends is dropped.
      const keptNames = new Set(kept.flatMap(({ ifname, master }) => [ifname, master ?? '']));
      await this.#delete(now.map(({ ifname }) => ifname).filter((name) => !keptNames.has(name)));
    }
    for (const name of [...seen.namespaces]) {
      if (name !== this.#names.fabric && !cabling.namespaces.includes(name)) await this.#removeNamespace(name);
    }
  }

  #isKept(link: Link): boolean {
    return isTap(link) && (this.#held.has(link.ifname) || isUsed(link));
  }

  async #delete(devices: readonly string[]): Promise<void> {
    await this.#commands.ip(
      this.#names.fabric,
      devices.map((name) => `link del ${name}`),
    );
    for (const name of devices) this.#seen?.links.delete(name);
  }

  async #removeNamespace(name: string): Promise<void> {
    await this.#commands.ip(undefined, [`netns del ${name}`]);
    this.#seen?.namespaces.delete(name);
    this.#settled.delete(name);
  }
}

/** Remembers a device as it has just been made. */
function note(links: Map<string, Link>, ifname: string, mtu: number, master?: string): void {
  const before = links.get(ifname);
  const flags = before?.flags.includes('UP') ? before.flags : ['UP'];
  links.set(ifname, { ...before, ifname, address: before?.address ?? '', mtu, flags, ...(master ? { master } : {}) });
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
  // What the kernel makes itself on every link is no concern of the cloud.
  const has = (present?.addr_info ?? []).filter(
    ({ family, scope, local, prefixlen }) =>
      family === 'inet' || scope !== 'link' || addresses.includes(`${local}/${prefixlen}`),
  );
  const texts = has.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  const missing = addresses.filter((text) => !texts.includes(text));
  const sameMac = macAddress === undefined || present?.address === macAddress;
  const isUp = present?.flags.includes('UP') && present.mtu === mtu && sameMac;
  return [
    ...texts.filter((text) => !addresses.includes(text)).map((text) => `addr del ${text} dev ${name}`),
    ...(isUp ? [] : [`link set ${name} ${macAddress === undefined ? '' : `address ${macAddress} `}mtu ${mtu} up`]),
    ...missing.map((text) => `addr add ${text} dev ${name}${isV6(text) ? ' nodad' : ''}`),
    // Setting the same MAC address again makes a router announce its addresses (`arp_notify`).
    ...(present && missing.length > 0 && macAddress !== undefined ? [`link set ${name} address ${macAddress}`] : []),
  ];
}
