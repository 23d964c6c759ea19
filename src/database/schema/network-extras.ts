/** What networks have beside them: pools of addresses, sharing, limits, names of sets of addresses. */
import type { Flag, Json, Micros } from './columns.ts';

interface Revised {
  created_at: Micros;
  updated_at: Micros;
  revision: number;
}

interface Named extends Revised {
  id: string;
  project_id: string;
  name: string;
  description: string;
}

/** Words that users put on networks and all that hangs on them. */
export interface NetworkResourceTagsTable {
  resource_id: string;
  tag: string;
}

export interface AddressScopesTable extends Named {
  ip_version: number;
  shared: Flag;
}

export interface SubnetPoolsTable extends Named {
  ip_version: number;
  /** CIDRs. */
  prefixes: Json;
  min_prefixlen: number;
  max_prefixlen: number;
  default_prefixlen: number;
  /** How much of the pool one project may have: addresses (IPv4), or networks of 64 bits (IPv6). */
  default_quota: number | null;
  address_scope_id: string | null;
  shared: Flag;
  is_default: Flag;
}

/** Who may use a resource of another project. */
export interface RbacPoliciesTable extends Revised {
  id: string;
  project_id: string;
  object_type: string;
  object_id: string;
  action: string;
  /** A project, or `*` for all. */
  target_project: string;
}

export interface QosPoliciesTable extends Named {
  shared: Flag;
  is_default: Flag;
}

/** Rates are thousands of bits per second, bursts thousands of bits. */
export interface QosBandwidthRulesTable {
  id: string;
  policy_id: string;
  direction: 'ingress' | 'egress';
  max_kbps: number;
  /** 0 where nothing was said. */
  max_burst_kbps: number;
  created_at: Micros;
}

/** What packets are marked with that ports send (RFC 2474). */
export interface QosDscpRulesTable {
  id: string;
  policy_id: string;
  mark: number;
  created_at: Micros;
}

export interface AddressGroupsTable extends Named {
  /** CIDRs. */
  addresses: Json;
}

/** Ports of a floating IP that stand for as many ports of a guest. */
export interface PortForwardingsTable extends Revised {
  id: string;
  project_id: string;
  description: string;
  floating_ip_id: string;
  internal_port_id: string;
  internal_address: string;
  protocol: string;
  /** The first and the last of each. */
  external_port: number;
  external_port_end: number;
  internal_port: number;
  internal_port_end: number;
}

/** What new security groups have rules of. */
export interface DefaultSecurityGroupRulesTable extends Revised {
  id: string;
  description: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  /** A group, or `PARENT` for the new one itself. */
  remote_group_id: string | null;
  remote_address_group_id: string | null;
  used_in_default_sg: Flag;
  used_in_non_default_sg: Flag;
}

/** Addresses of a network, from the first to the last, that are given to nothing. */
export interface ReservedIpRangesTable {
  id: string;
  network_id: string;
  ip_version: number;
  /** Both in canonical form. */
  start_ip: string;
  end_ip: string;
  created_at: Micros;
}
