import type { DesiredBalancer } from './balancer-contract.ts';
import type { FileContent } from './file-content.ts';

/**
 * How the networks of a host shall be: all of it, every time, as plain JSON that the control plane computes from its
 * rows. A host makes itself so; a message that is lost costs nothing, since the next one says everything again.
 * Ids are 32 hex digits, addresses are in canonical form (RFC 5952 for IPv6).
 */
export interface DesiredNetworks {
  /** The networks that guests or routers of this host are on. */
  networks: DesiredNetwork[];
  /** The ports of guests that this host serves. */
  ports: DesiredPort[];
  /** The groups of those ports. */
  securityGroups: DesiredSecurityGroup[];
  routers: DesiredRouter[];
}

/** What a host has to do where nobody needs a network. */
export const noNetworks: DesiredNetworks = { networks: [], ports: [], securityGroups: [], routers: [] };

export interface DesiredNetwork {
  networkId: string;
  /** Bytes. */
  mtu: number;
  /** Floating IPs are on it, and through it routers reach what is outside. Nothing is served on it. */
  external: boolean;
  /** The port through which DHCP, names and metadata are served on the network. Absent where nobody asks for them. */
  service?: { portId: string; macAddress: string };
  subnets: DesiredSubnet[];
  /** What names on the network end with. */
  domain: string;
  /** Every address on the network whose owner is known, on whatever host. */
  hosts: DesiredAddress[];
  /** Where else the network is. Absent where it is on this host alone. */
  tunnel?: DesiredTunnel;
  /** Another host connects this external network to what is around. */
  connectedElsewhere?: true;
}

/** A network on several hosts: frames for guests of the others travel in UDP (VXLAN, RFC 7348). */
export interface DesiredTunnel {
  /** The network's number on the wire (VNI), 1 to 2^24 - 1. */
  number: number;
  /** The other hosts that the network is on, and the MAC addresses that are known to be there. */
  peers: Array<TunnelEndpoint & { macAddresses: string[] }>;
}

/** Where a host takes frames from other ones. */
export interface TunnelEndpoint {
  /** IPv4 */
  address: string;
  /** UDP */
  port: number;
}

export interface DesiredAddress {
  portId: string;
  macAddress: string;
  address: string;
  hostname: string;
  /** What DHCP tells this port alone: names that dnsmasq knows, or numbers. */
  options?: Array<{ name: string; value: string }>;
}

/** How guests get their IPv6 addresses (RFC 4862, RFC 8415). */
export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless';

export interface DesiredSubnet {
  subnetId: string;
  cidr: string;
  gateway?: string;
  /** Absent where addresses are not handed out. `address` is that of the server itself. */
  dhcp?: { address: string; dnsNameservers: string[]; routes: DesiredRoute[] };
  /** Absent in IPv4, and where somebody else looks after addresses. */
  ipv6Mode?: Ipv6Mode;
}

export interface DesiredRoute {
  destination: string;
  nexthop: string;
}

export interface DesiredPort {
  portId: string;
  networkId: string;
  macAddress: string;
  addresses: string[];
  /** The seats of the hosts that have its guest, or are getting it; 0 where absent. */
  seats?: number[];
  /** Off: the port carries nothing. */
  adminStateUp: boolean;
  /** Off: nothing is filtered, neither what the guest claims to be nor whom it talks to. */
  portSecurity: boolean;
  /** What the guest may claim to be besides its own. */
  allowedPairs: Array<{ macAddress: string; cidr: string }>;
  securityGroupIds: string[];
  /** Replies are not known as such: they need rules of their own. */
  stateless?: true;
  /** Bits per second that the guest may send and receive, where they are limited. */
  bandwidth?: { egress?: number; ingress?: number };
  /** What the IP packets that the guest sends are marked with (the six bits of RFC 2474). Absent: as the guest does. */
  dscp?: number;
}

/** A port without a group takes nothing in and sends nothing. */
export interface DesiredSecurityGroup {
  groupId: string;
  /** Addresses of all its ports, by network: addresses of different networks may be the same. */
  members: Array<{ networkId: string; addresses: string[] }>;
  /** What is allowed; all else is not. */
  rules: DesiredRule[];
}

export interface DesiredRule {
  direction: 'ingress' | 'egress';
  /** Both families when absent. */
  family?: 4 | 6;
  /** An IP protocol by its number (RFC 5237); any when absent. */
  protocol?: number;
  /** Ports of TCP, UDP, SCTP and their like. */
  ports?: { first: number; last: number };
  icmp?: { type: number; code?: number };
  remote?: { cidr: string } | { groupId: string };
}

export interface DesiredRouter {
  routerId: string;
  /** Off: it forwards nothing. */
  adminStateUp: boolean;
  interfaces: DesiredInterface[];
  gateway?: {
    portId: string;
    networkId: string;
    macAddress: string;
    addresses: PrefixedAddress[];
    nexthop?: string;
    nexthop6?: string;
    /** Whether what leaves through the gateway takes the gateway's address. */
    enableSnat: boolean;
  };
  /** Floating IPs and the addresses they stand for. */
  floatingIps: Array<{ address: string; fixedAddress: string }>;
  /** Ports of other floating IPs, and what they stand for: as many ports, or one for all. */
  forwardings?: DesiredForwarding[];
  /** Load balancers with addresses of the gateway's network, beside the gateway's own. */
  balancers?: DesiredBalancer[];
  routes: DesiredRoute[];
}

export interface DesiredForwarding {
  address: string;
  protocol: 'tcp' | 'udp';
  ports: { first: number; last: number };
  fixedAddress: string;
  fixedPorts: { first: number; last: number };
}

export interface DesiredInterface {
  portId: string;
  networkId: string;
  macAddress: string;
  addresses: PrefixedAddress[];
  /** What guests are told by router advertisements (RFC 4861). */
  advertises?: Array<{ cidr: string; mode: Ipv6Mode; dnsNameservers: string[] }>;
}

export interface PrefixedAddress {
  address: string;
  /** Length of the subnet's prefix. */
  prefix: number;
}

/** What a host can do about networks. */
export interface HostNetworking {
  /**
   * `bridge`: networks that are really there. `user`: each guest has a network of its own (QEMU's user mode), and
   * reaches what its host reaches. `simulated`: nothing is there.
   */
  driver: 'bridge' | 'user' | 'simulated';
  /** Why it is not `bridge`. */
  reason?: string;
  /**
   * Hosts whose networks are the same ones, as those of one machine: they are told of all their guests together, through
   * any of them. `seat` is the host's number among them.
   */
  shared?: { id: string; seat: number };
  /** How other hosts send it frames of networks that they have in common; `mtu` is the largest of such a network, bytes. */
  tunnel?: TunnelEndpoint & { mtu: number };
  /** Why its routers can't have load balancers; absent where they can. */
  balancerObstacle?: string;
  /** An IPv4 network that nobody uses around this host, which it would connect itself to as an external network. */
  externalNetwork?: { cidr: string; gateway: string };
}

/** A guest asks 169.254.169.254, or fe80::a9fe:a9fe. Who it is follows from where it asks from, which it can't make up. */
export interface MetadataRequest {
  networkId: string;
  /** The guest's address on that network. */
  address: string;
  method: string;
  /** With the query, if any. */
  path: string;
  /** What a POST brought. */
  body?: string;
}

export interface MetadataAnswer {
  status: number;
  contentType: string;
  body: FileContent;
}

export type MetadataResponder = (request: MetadataRequest) => Promise<MetadataAnswer>;
