import { createHash } from 'node:crypto';

/**
 * The names of everything that one host's networks are made of on the machine. They follow from the folder of the host
 * and from ids, so that several hosts on one machine don't meet, and whatever an earlier agent left is found again.
 * Linux takes 15 characters for a device. Devices inside of namespaces need no prefix.
 */
export class NetworkNames {
  readonly #hash: string;
  /** What all namespaces begin with, and the name of the one in which the bridges and taps are. */
  readonly fabric: string;

  constructor(hostFolder: string) {
    this.#hash = createHash('sha256').update(hostFolder).digest('hex').slice(0, 8);
    this.fabric = `unkai-${this.#hash}`;
  }

  /** The namespace in which a network's DHCP, names and metadata are served. */
  serviceNamespace(networkId: string): string {
    return `${this.fabric}-net-${short(networkId)}`;
  }

  routerNamespace(routerId: string): string {
    return `${this.fabric}-router-${short(routerId)}`;
  }

  /** Whether the namespace is one of this host's. */
  isOwnNamespace(name: string): boolean {
    return name === this.fabric || name.startsWith(`${this.fabric}-`);
  }

  /** This machine's own end of its cable to an external network. */
  hostLink(networkId: string): string {
    return `${this.#hostLinkPrefix}${networkId.slice(0, 6)}`;
  }

  isHostLink(device: string): boolean {
    return device.startsWith(this.#hostLinkPrefix) && device.length === this.#hostLinkPrefix.length + 6;
  }

  /** The table of nftables in the machine's own namespace. */
  get hostTable(): string {
    return `unkai_${this.#hash}`;
  }

  /** The table of nftables that says who may send frames of networks, beside the endpoint of the tunnels. */
  get tunnelTable(): string {
    return `${this.hostTable}_tunnels`;
  }

  /** A UDP port for tunnels of hosts that are on one machine: each needs its own there. */
  get tunnelPort(): number {
    return 10_000 + (Number.parseInt(this.#hash, 16) % 20_000);
  }

  /** Files of programs that serve networks. They are worth nothing after the machine was started anew. */
  get runFolder(): string {
    return `/run/${this.fabric}`;
  }

  /** The same of programs that serve load balancers. */
  get balancerFolder(): string {
    return `/run/${this.fabric}-balancers`;
  }

  get #hostLinkPrefix(): string {
    return `uk${this.#hash.slice(0, 7)}`;
  }
}

export const bridgeName = (networkId: string): string => `br-${short(networkId)}`;
/**
 * The name is also told to guests, in their network_data.json. Hosts that share their networks each have a tap of their
 * own for a port: that of seat 0 has no letter.
 */
export const tapName = (portId: string, seat = 0): string => `tap${short(portId)}${seatLetter(seat)}`;
/** The taps of a port on all hosts that need one. */
export const tapNames = ({ portId, seats = [0] }: { portId: string; seats?: readonly number[] }): string[] =>
  seats.map((seat) => tapName(portId, seat));
/** The fabric's end of the cable of a service, router or host port. */
export const plugName = (portId: string): string => `pl-${short(portId)}`;
/** The fabric's end of a network's tunnel to other hosts. */
export const tunnelName = (networkId: string): string => `vx-${short(networkId)}`;
/** Inside of a router's namespace. */
export const routerInterface = (portId: string): string => `qr-${short(portId)}`;
export const routerGateway = (portId: string): string => `qg-${short(portId)}`;
export const namespacePath = (name: string): string => `/run/netns/${name}`;

/** A device's name has room for one character. */
function seatLetter(seat: number): string {
  return seat === 0 ? '' : (seat + 9).toString(36);
}

function short(id: string): string {
  return id.slice(0, 11);
}
