/** Networks and the ports of servers on them. */
import type { Flag, Json, Micros } from './columns.ts';

export interface NetworksTable {
  id: string;
  project_id: string;
  name: string;
  description: string;
  shared: Flag;
  external: Flag;
  is_default: Flag;
  admin_state_up: Flag;
  status: string;
  mtu: number;
  /** Whether new ports are filtered where nothing else is said. */
  port_security: Flag;
  dns_domain: string;
  qos_policy_id: string | null;
  /** By which hosts tell it from other networks on the wire (VXLAN), 1 to 2^24 - 1. */
  segmentation_id: number | null;
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

/** What administrators call the one segment that a network is. */
export interface NetworkSegmentsTable {
  network_id: string;
  name: string | null;
  description: string;
  updated_at: Micros;
  revision: number;
}

export interface SubnetsTable {
  id: string;
  network_id: string;
  project_id: string;
  name: string;
  description: string;
  ip_version: number;
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: Flag;
  /** `[{start, end}]` */
  allocation_pools: Json;
  dns_nameservers: Json;
  host_routes: Json;
  service_types: Json;
  ipv6_address_mode: string | null;
  ipv6_ra_mode: string | null;
  subnet_pool_id: string | null;
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

export interface PortsTable {
  id: string;
  network_id: string;
  project_id: string;
  name: string;
  description: string;
  mac_address: string;
  admin_state_up: Flag;
  status: string;
  device_id: string;
  device_owner: string;
  host_id: string | null;
  /** Made for the server, so it goes with the server. */
  made_for_server: Flag;
  /** Its place among the interfaces of its server. */
  device_index: number | null;
  /** By what the guest knows the interface, as its user said when it was attached. */
  device_tag: string | null;
  /** Whether it is filtered what the port's guest claims to be, and whom it talks to. */
  port_security: Flag;
  /** `[{macAddress, ipAddress}]`, addresses or networks. */
  allowed_address_pairs: Json;
  dns_name: string;
  dns_domain: string;
  /** Where an administrator wants it served; a server's host is what counts. */
  binding_host: string;
  /** `[{name, value, version}]` */
  extra_dhcp_opts: Json;
  qos_policy_id: string | null;
  /** Bits per second that its guest may send and take beside what the policy says; null where it is not limited. */
  egress_limit: number | null;
  ingress_limit: number | null;
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

export interface PortAddressesTable {
  port_id: string;
  subnet_id: string;
  network_id: string;
  ip_address: string;
  id: string | null;
  created_at: Micros | null;
}

export interface SecurityGroupsTable {
  id: string;
  project_id: string;
  name: string;
  description: string;
  stateful: Flag;
  /** Off: its rules let nothing through. */
  enabled: Flag;
  /** It lets everything through, and stays so: one for each project that has servers of an API without groups. */
  open: Flag;
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

export interface SecurityGroupRulesTable {
  id: string;
  security_group_id: string;
  project_id: string;
  description: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
  remote_address_group_id: string | null;
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

export interface PortSecurityGroupsTable {
  port_id: string;
  security_group_id: string;
}

/** A router's interfaces and its gateway are ports whose device it is. */
export interface RoutersTable {
  id: string;
  project_id: string;
  name: string;
  description: string;
  admin_state_up: Flag;
  status: string;
  gateway_port_id: string | null;
  enable_snat: Flag;
  /** `[{destination, nexthop}]` */
  routes: Json;
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

export interface FloatingIpsTable {
  id: string;
  project_id: string;
  description: string;
  /** The external network, and the port on it that holds the address. */
  network_id: string;
  ip_address: string;
  floating_port_id: string;
  /** What it stands for; null while it is free. */
  port_id: string | null;
  fixed_ip_address: string | null;
  router_id: string | null;
  dns_name: string;
  dns_domain: string;
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}
