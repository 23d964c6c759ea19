import type {
  Flag,
  NetworksTable,
  PortsTable,
  SecurityGroupRulesTable,
  SecurityGroupsTable,
  SubnetsTable,
} from '../../database/schema.ts';

/** What every resource of this folder has. `revision` counts its changes from 0; times are microseconds. */
interface Common {
  id: string;
  projectId: string;
  description: string;
  createdAt: number;
  updatedAt: number;
  revision: number;
}

export interface Network extends Common {
  name: string;
  /** Every project may use it. */
  shared: boolean;
  external: boolean;
  isDefault: boolean;
  adminStateUp: boolean;
  status: string;
  /** Bytes. */
  mtu: number;
  /** Whether new ports on it are filtered where nothing else is said. */
  portSecurity: boolean;
  /** What names on it end with for those outside; empty where nothing was said. */
  dnsDomain: string;
  qosPolicyId: string | null;
  /** By which hosts tell it from others on the wire. */
  segmentationId: number | null;
  subnetIds: string[];
}

export interface AllocationPool {
  start: string;
  end: string;
}

export interface HostRoute {
  destination: string;
  nexthop: string;
}

/** How guests get their IPv6 addresses, and how routers tell them of it (RFC 4861, RFC 4862, RFC 8415). */
export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless';

export interface Subnet extends Common {
  networkId: string;
  name: string;
  ipVersion: number;
  cidr: string;
  gatewayIp: string | null;
  enableDhcp: boolean;
  /** Where addresses are taken from that nobody asks for by number; ascending, without the gateway. */
  allocationPools: AllocationPool[];
  dnsNameservers: string[];
  hostRoutes: HostRoute[];
  /** Owners of ports that may have addresses of it; all, where none is named. */
  serviceTypes: string[];
  ipv6AddressMode: Ipv6Mode | null;
  ipv6RaMode: Ipv6Mode | null;
  /** The pool that its addresses are of. */
  subnetPoolId: string | null;
}

export interface FixedIp {
  subnetId: string;
  ipAddress: string;
}

/** `DOWN`: no host serves it; `BUILD`: a host is about to; `ACTIVE`: its guest has it. */
export type PortStatus = 'DOWN' | 'BUILD' | 'ACTIVE';

export interface Port extends Common {
  networkId: string;
  name: string;
  macAddress: string;
  adminStateUp: boolean;
  status: PortStatus;
  /** What uses the port: a server's id, any text that a client set, or empty. */
  deviceId: string;
  deviceOwner: string;
  /** By what the guest of its server knows it. */
  deviceTag: string | null;
  hostId: string | null;
  hostName: string | null;
  /** Made along with the server that uses it, so it goes with the server. */
  madeForServer: boolean;
  fixedIps: FixedIp[];
  securityGroupIds: string[];
  /** Off: neither what the guest claims to be is filtered, nor whom it talks to. */
  portSecurity: boolean;
  /** What the guest may claim to be besides its own addresses. */
  allowedAddressPairs: AddressPair[];
  /** The name by which it is found on its network; empty for the server's, or one made of its address. */
  dnsName: string;
  dnsDomain: string;
  /** Where an administrator wants it served; empty where nobody said. */
  bindingHost: string;
  extraDhcpOptions: DhcpOption[];
  qosPolicyId: string | null;
  /** Bits per second that its guest may send and take beside what the policy says; null where it is not limited. */
  egressLimit: number | null;
  ingressLimit: number | null;
}

/** What DHCP tells one port beside what it tells everyone. */
export interface DhcpOption {
  /** A name that dnsmasq knows, or a number. */
  name: string;
  value: string;
  version: 4 | 6;
}

/** `ipAddress` is an address or a network in CIDR form. */
export interface AddressPair {
  macAddress: string;
  ipAddress: string;
}

export interface SecurityGroup extends Common {
  name: string;
  /** Off: replies are not known as such, and need rules of their own. */
  stateful: boolean;
  /** It lets everything through, and stays so: see `open-security-group.ts`. */
  isOpen: boolean;
  rules: SecurityGroupRule[];
}

export interface SecurityGroupRule extends Common {
  securityGroupId: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  /** A name or number; null for any. */
  protocol: string | null;
  /** Ports, or the ICMP type; null for any. */
  portRangeMin: number | null;
  /** Ports, or the ICMP code; null for any. */
  portRangeMax: number | null;
  /** As the client wrote it; null for any peer. */
  remoteIpPrefix: string | null;
  remoteGroupId: string | null;
  /** Peers by a set of addresses that has a name. */
  remoteAddressGroupId: string | null;
}

export function flag(value: boolean): Flag {
  return value ? 1 : 0;
}

function common(
  row: Pick<NetworksTable, 'id' | 'project_id' | 'description' | 'created_at' | 'updated_at' | 'revision'>,
) {
  return {
    id: row.id,
    projectId: row.project_id,
    description: row.description,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

export function networkOf(row: NetworksTable, subnetIds: string[]): Network {
  return {
    ...common(row),
    name: row.name,
    shared: row.shared === 1,
    external: row.external === 1,
    isDefault: row.is_default === 1,
    adminStateUp: row.admin_state_up === 1,
    status: row.status,
    mtu: row.mtu,
    portSecurity: row.port_security === 1,
    dnsDomain: row.dns_domain,
    qosPolicyId: row.qos_policy_id,
    segmentationId: row.segmentation_id,
    subnetIds,
  };
}

export function subnetOf(row: SubnetsTable): Subnet {
  return {
    ...common(row),
    networkId: row.network_id,
    name: row.name,
    ipVersion: row.ip_version,
    cidr: row.cidr,
    gatewayIp: row.gateway_ip,
    enableDhcp: row.enable_dhcp === 1,
    allocationPools: JSON.parse(row.allocation_pools) as AllocationPool[],
    dnsNameservers: JSON.parse(row.dns_nameservers) as string[],
    hostRoutes: JSON.parse(row.host_routes) as HostRoute[],
    serviceTypes: JSON.parse(row.service_types) as string[],
    ipv6AddressMode: row.ipv6_address_mode as Ipv6Mode | null,
    ipv6RaMode: row.ipv6_ra_mode as Ipv6Mode | null,
    subnetPoolId: row.subnet_pool_id,
  };
}

export function portOf(
  row: PortsTable & { host_name: string | null },
  fixedIps: FixedIp[],
  securityGroupIds: string[],
): Port {
  return {
    ...common(row),
    networkId: row.network_id,
    name: row.name,
    macAddress: row.mac_address,
    adminStateUp: row.admin_state_up === 1,
    status: row.status as PortStatus,
    deviceId: row.device_id,
    deviceOwner: row.device_owner,
    deviceTag: row.device_tag,
    hostId: row.host_id,
    hostName: row.host_name,
    madeForServer: row.made_for_server === 1,
    fixedIps,
    securityGroupIds,
    portSecurity: row.port_security === 1,
    allowedAddressPairs: JSON.parse(row.allowed_address_pairs) as AddressPair[],
    dnsName: row.dns_name,
    dnsDomain: row.dns_domain,
    bindingHost: row.binding_host,
    extraDhcpOptions: JSON.parse(row.extra_dhcp_opts) as DhcpOption[],
    qosPolicyId: row.qos_policy_id,
    egressLimit: row.egress_limit,
    ingressLimit: row.ingress_limit,
  };
}

export function securityGroupOf(row: SecurityGroupsTable, rules: SecurityGroupRule[]): SecurityGroup {
  return { ...common(row), name: row.name, stateful: row.stateful === 1, isOpen: row.open === 1, rules };
}

export function ruleOf(row: SecurityGroupRulesTable): SecurityGroupRule {
  return {
    ...common(row),
    securityGroupId: row.security_group_id,
    ...ruleContentOf(row),
  };
}

/** What a rule says: of a group, or of those that new groups begin with. */
export function ruleContentOf(row: RuleContentColumns) {
  return {
    description: row.description,
    direction: row.direction,
    ethertype: row.ethertype,
    protocol: row.protocol,
    portRangeMin: row.port_range_min,
    portRangeMax: row.port_range_max,
    remoteIpPrefix: row.remote_ip_prefix,
    remoteGroupId: row.remote_group_id,
    remoteAddressGroupId: row.remote_address_group_id,
  };
}

/** The columns in which a rule is kept, wherever that is. */
export type RuleContentColumns = Pick<
  SecurityGroupRulesTable,
  | 'description'
  | 'direction'
  | 'ethertype'
  | 'protocol'
  | 'port_range_min'
  | 'port_range_max'
  | 'remote_ip_prefix'
  | 'remote_group_id'
  | 'remote_address_group_id'
>;
