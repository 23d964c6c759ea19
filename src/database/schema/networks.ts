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
  created_at: Micros;
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
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

export interface PortAddressesTable {
  port_id: string;
  subnet_id: string;
  network_id: string;
  ip_address: string;
}

export interface SecurityGroupsTable {
  id: string;
  project_id: string;
  name: string;
  description: string;
  stateful: Flag;
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
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

export interface PortSecurityGroupsTable {
  port_id: string;
  security_group_id: string;
}
