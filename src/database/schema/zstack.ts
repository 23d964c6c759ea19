/** What only the words of ZStack need. */
import type { Flag, Json, Micros } from './columns.ts';

export interface DiskOfferingsTable {
  id: string;
  name: string;
  description: string | null;
  /** Bytes. */
  disk_size: number;
  sort_key: number;
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

export interface L2NetworksTable {
  id: string;
  zone_id: string;
  name: string;
  description: string | null;
  type: 'L2NoVlanNetwork' | 'L2VlanNetwork';
  physical_interface: string;
  v_switch_type: string;
  vlan: number | null;
  created_at: Micros;
  updated_at: Micros;
}

export interface L2NetworkClustersTable {
  l2_network_id: string;
  cluster_id: string;
}

/** What is known of a network beyond what every dialect knows of it. A network made otherwise has no such row. */
export interface L3NetworkFactsTable {
  network_id: string;
  l2_network_id: string | null;
  category: string | null;
  dns_domain: string | null;
  system: Flag;
  /** `{provider uuid: [service types]}` */
  services: Json;
}

export interface VipNamesTable {
  floating_ip_id: string;
  name: string;
}

/** A floating IP that stands for one address inside, as opposed to one that is only kept. */
export interface EipsTable {
  floating_ip_id: string;
  id: string;
  name: string;
  description: string | null;
  created_at: Micros;
  updated_at: Micros;
}

/** A rule for several ranges at once is several rules: `set_id` is what they are known by together. */
export interface SecurityGroupRuleSetsTable {
  rule_id: string;
  set_id: string;
  priority: number;
  /** How many rules there are of the set, unless some were deleted one by one. */
  members: number;
  /** The ports and addresses of all of them, as they were written. */
  ports: string | null;
  addresses: string | null;
}

export interface SecurityGroupNetworksTable {
  security_group_id: string;
  network_id: string;
}

/** The user who is an account, where the account's project and this user were given different names. */
export interface AccountOwnersTable {
  project_id: string;
  user_id: string;
}

/** Requests are signed with the secret itself, so no digest of it would do. */
export interface AccessKeysTable {
  id: string;
  project_id: string;
  user_id: string;
  description: string | null;
  access_key_id: string;
  secret: string;
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

/** A request that is kept for as long as its owner wants, with the answer of the job that did it. */
export interface LongJobsTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  job_name: string;
  job_data: Json;
  job_id: string;
  target_resource_id: string | null;
  /** Whether its owner said what it is about: that stays when it is run again. */
  is_target_named: Flag;
  state: string;
  job_result: Json | null;
  created_at: Micros;
  updated_at: Micros;
  finished_at: Micros | null;
}

/** ZStack's port forwarding rules: those that an interface has are the engine's port forwardings, too. */
export interface PortForwardingRulesTable {
  id: string;
  project_id: string;
  floating_ip_id: string;
  name: string;
  description: string | null;
  /** 'tcp' or 'udp' */
  protocol: string;
  external_port: number;
  external_port_end: number;
  internal_port: number;
  internal_port_end: number;
  /** Null while no interface has it. */
  forwarding_id: string | null;
  created_at: Micros;
  updated_at: Micros;
}

/** Users whom an account made for itself: Keystone's users that have no role by that, and may do what policies say. */
export interface AccountUsersTable {
  user_id: string;
  project_id: string;
  /** Unique within the account; Keystone's name of the user has the account's before it. */
  name: string;
  description: string | null;
  created_at: Micros;
  updated_at: Micros;
}

export interface AccountGroupsTable {
  id: string;
  project_id: string;
  name: string;
  description: string | null;
  created_at: Micros;
  updated_at: Micros;
}

export interface AccountGroupMembersTable {
  user_id: string;
  group_id: string;
}

export interface AccountPoliciesTable extends AccountGroupsTable {
  /** A list of statements, as the identity service has them. */
  statements: Json;
}

export interface AccountUserPoliciesTable {
  user_id: string;
  policy_id: string;
}

export interface AccountGroupPoliciesTable {
  group_id: string;
  policy_id: string;
}
