/**
 * The tables, as Kysely sees them. Ids are 32 hex digits, times are microseconds since the epoch (UTC), sizes are bytes
 * unless a name says otherwise, flags are 0 or 1, and `…Json` types are JSON text: one form for both databases.
 */
export interface Schema {
  settings: SettingsTable;
  domains: DomainsTable;
  projects: ProjectsTable;
  users: UsersTable;
  roles: RolesTable;
  role_assignments: RoleAssignmentsTable;
  token_revocations: TokenRevocationsTable;
  sessions: SessionsTable;
  keypairs: KeypairsTable;
  quotas: QuotasTable;
  zones: ZonesTable;
  clusters: ClustersTable;
  hosts: HostsTable;
  allocations: AllocationsTable;
  flavors: FlavorsTable;
  image_stores: ImageStoresTable;
  image_store_zones: ImageStoreZonesTable;
  images: ImagesTable;
  image_tags: ImageTagsTable;
  image_replicas: ImageReplicasTable;
  cached_images: CachedImagesTable;
  servers: ServersTable;
  server_tags: ServerTagsTable;
  volumes: VolumesTable;
  disks: DisksTable;
  networks: NetworksTable;
  subnets: SubnetsTable;
  ports: PortsTable;
  port_addresses: PortAddressesTable;
  security_groups: SecurityGroupsTable;
  security_group_rules: SecurityGroupRulesTable;
  port_security_groups: PortSecurityGroupsTable;
  actions: ActionsTable;
  action_steps: ActionStepsTable;
  action_events: ActionEventsTable;
  jobs: JobsTable;
  resource_tags: ResourceTagsTable;
}

export type Flag = 0 | 1;
/** JSON text. */
export type Json = string;
/** Microseconds since the epoch. */
export type Micros = number;

/** Facts of the cloud itself, by key. */
export interface SettingsTable {
  key: string;
  value: string;
}

export interface DomainsTable {
  id: string;
  name: string;
  description: string;
  enabled: Flag;
}

export interface ProjectsTable {
  id: string;
  domain_id: string;
  parent_id: string | null;
  name: string;
  description: string;
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

export interface UsersTable {
  id: string;
  domain_id: string;
  name: string;
  email: string | null;
  description: string;
  enabled: Flag;
  default_project_id: string | null;
  /** argon2id (PHC string) of the lower-case hex SHA-512 of the password. */
  password_hash: string | null;
  created_at: Micros;
  updated_at: Micros;
}

export interface RolesTable {
  id: string;
  name: string;
  description: string;
}

export interface RoleAssignmentsTable {
  user_id: string;
  role_id: string;
  target_kind: 'project' | 'domain' | 'system';
  /** The project's or domain's id; `all` for the system. */
  target_id: string;
}

/** Tokens issued up to `issued_before` to the target are no longer good. Rows outlive the longest token, then go. */
export interface TokenRevocationsTable {
  id: string;
  kind: 'token' | 'user' | 'project' | 'domain';
  /** The token's audit id, or the user's, project's or domain's id. */
  target: string;
  issued_before: Micros;
  expires_at: Micros;
}

/** Logins of the ZStack dialect, whose session ids say nothing by themselves. */
export interface SessionsTable {
  id: string;
  user_id: string;
  project_id: string;
  created_at: Micros;
  expires_at: Micros;
}

export interface KeypairsTable {
  user_id: string;
  name: string;
  id: string;
  type: 'ssh' | 'x509';
  public_key: string;
  fingerprint: string;
  created_at: Micros;
}

export interface QuotasTable {
  project_id: string;
  resource: string;
  /** -1 for no limit. */
  hard_limit: number;
}

export interface ZonesTable {
  id: string;
  name: string;
  description: string | null;
  is_default: Flag;
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

export interface ClustersTable {
  id: string;
  zone_id: string;
  name: string;
  description: string | null;
  enabled: Flag;
  hypervisor_type: string;
  architecture: string;
  created_at: Micros;
  updated_at: Micros;
}

export interface HostsTable {
  id: string;
  name: string;
  zone_id: string;
  cluster_id: string;
  state: 'enabled' | 'disabled' | 'maintenance';
  status: 'connecting' | 'connected' | 'disconnected';
  management_address: string;
  hypervisor_type: string;
  hypervisor_version: number;
  accelerator: string;
  architecture: string;
  vcpus: number;
  memory_mb: number;
  disk_gb: number;
  reserved_memory_mb: number;
  /** How much more than it has may be given away. */
  cpu_ratio: number;
  memory_ratio: number;
  disk_ratio: number;
  created_at: Micros;
  updated_at: Micros;
}

/** What a server holds of a host. While a resize waits for its confirmation the server holds both sizes. */
export interface AllocationsTable {
  server_id: string;
  purpose: 'current' | 'previous';
  host_id: string;
  vcpus: number;
  memory_mb: number;
  disk_gb: number;
}

export interface FlavorsTable {
  /** Free text, as OpenStack's clients know it. */
  id: string;
  /** 32 hex digits, as ZStack's clients know it. */
  uuid: string;
  name: string;
  description: string | null;
  vcpus: number;
  memory_mb: number;
  disk_gb: number;
  ephemeral_gb: number;
  swap_mb: number;
  rxtx_factor: number;
  is_public: Flag;
  enabled: Flag;
  extra_specs: Json;
  created_at: Micros;
  updated_at: Micros;
}

export interface ImageStoresTable {
  id: string;
  name: string;
  description: string | null;
  kind: 'directory';
  url: string;
  enabled: Flag;
  status: 'connecting' | 'connected' | 'disconnected';
  is_default: Flag;
  created_at: Micros;
  updated_at: Micros;
}

export interface ImageStoreZonesTable {
  store_id: string;
  zone_id: string;
}

export type ImageStatus =
  | 'queued'
  | 'saving'
  | 'importing'
  | 'active'
  | 'deactivated'
  | 'error'
  | 'deleted'
  | 'expunged';

export interface ImagesTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  /** `deleted` keeps the bytes until `expunge_at`; `expunged` is a row without bytes, so that the id is never used again. */
  status: ImageStatus;
  visibility: 'public' | 'community' | 'shared' | 'private';
  disk_format: string | null;
  container_format: string | null;
  size: number | null;
  virtual_size: number | null;
  /** md5, lower-case hex. */
  checksum: string | null;
  /** sha512, lower-case hex. */
  hash_value: string | null;
  min_disk_gb: number;
  min_memory_mb: number;
  protected: Flag;
  hidden: Flag;
  media_type: 'root' | 'data' | 'iso';
  platform: string | null;
  guest_os: string | null;
  is_system: Flag;
  source_url: string | null;
  /** Custom properties: name → text. */
  properties: Json;
  /** The first reason why the image is in error, or why its last upload was refused. */
  last_error: string | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
  expunge_at: Micros | null;
}

export interface ImageTagsTable {
  image_id: string;
  tag: string;
}

export interface ImageReplicasTable {
  image_id: string;
  store_id: string;
  state: 'pending' | 'copying' | 'active' | 'error' | 'deleted';
  install_path: string | null;
  size: number | null;
  export_url: string | null;
  export_checksum: string | null;
  progress: number;
  attempts: number;
  last_error: string | null;
  created_at: Micros;
  updated_at: Micros;
}

/** Images that a host keeps for copy-on-write disks. */
export interface CachedImagesTable {
  host_id: string;
  image_id: string;
  size: number;
  last_used_at: Micros;
}

export type VmState =
  | 'building'
  | 'active'
  | 'paused'
  | 'suspended'
  | 'stopped'
  | 'rescued'
  | 'resized'
  | 'soft-delete'
  | 'deleted'
  | 'error'
  | 'shelved'
  | 'shelved_offloaded';

export interface ServersTable {
  id: string;
  /** Counts up, for the guest's instance name. */
  number: number;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  hostname: string;
  vm_state: VmState;
  task_state: string | null;
  /** Nova's numbers: 0 none, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
  power_state: number;
  progress: number;
  host_id: string | null;
  zone_id: string;
  /** Null when the server boots from a volume. */
  image_id: string | null;
  flavor_id: string;
  /** The flavor as it was when the server got it (`FlavorFacts`). */
  flavor: Json;
  /** While resized: the flavor before, and the disk it can go back to. */
  previous: Json | null;
  root_volume_id: string | null;
  key_name: string | null;
  public_key: string | null;
  /** What the user set: name → text. */
  metadata: Json;
  /** Image properties that configure the guest, as they were when the server was built. */
  hardware: Json;
  user_data: string | null;
  has_config_drive: Flag;
  disk_config: 'AUTO' | 'MANUAL';
  access_ipv4: string;
  access_ipv6: string;
  locked: Flag;
  reservation_id: string;
  launch_index: number;
  /** `ServerFault`: the first cause of what went wrong. */
  fault: Json | null;
  created_at: Micros;
  updated_at: Micros;
  launched_at: Micros | null;
  terminated_at: Micros | null;
  deleted_at: Micros | null;
}

export interface ServerTagsTable {
  server_id: string;
  tag: string;
}

export interface VolumesTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  kind: 'root' | 'data';
  /** `server`: part of a server, lives and dies with it. `volume`: a block storage volume of its own. */
  origin: 'server' | 'volume';
  status: string;
  size: number;
  actual_size: number | null;
  host_id: string | null;
  zone_id: string;
  /** The disk that holds the volume's data now. */
  disk_id: string | null;
  install_path: string | null;
  /** The image the volume was made from. */
  image_id: string | null;
  server_id: string | null;
  /** The server it was last attached to. */
  last_server_id: string | null;
  device: string | null;
  device_index: number | null;
  bootable: Flag;
  delete_on_termination: Flag;
  volume_type: string;
  enabled: Flag;
  metadata: Json;
  image_metadata: Json;
  last_error: string | null;
  attached_at: Micros | null;
  detached_at: Micros | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
}

/** Every disk file that may exist on a host, from before it is made until after it is gone. */
export interface DisksTable {
  id: string;
  host_id: string;
  volume_id: string;
  /** The cached image it is a layer over. */
  image_id: string | null;
  size: number;
  created_at: Micros;
  /** Since when no volume needs it: it goes as soon as the host lets it. */
  released_at: Micros | null;
}

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

export type ActionState = 'pending' | 'running' | 'unwinding' | 'succeeded' | 'failed' | 'parked';

/** One long operation. Its steps and events are below; all three are what users read as the operation's log. */
export interface ActionsTable {
  id: string;
  /** The registered action, as `server.rebuild`. */
  kind: string;
  /** The name its users know, as `rebuild`. */
  name: string;
  resource_type: string;
  resource_id: string;
  project_id: string;
  user_id: string;
  /** `req-` and a dashed UUID: the API request that asked for it. */
  request_id: string;
  state: ActionState;
  input: Json;
  /** 0 to 100, as far as a step tells. */
  progress: number;
  /** `ActionFailure`: the first cause. */
  error: Json | null;
  cancel_requested: Flag;
  /** The control plane process that walks it, until `lease_expires_at`. */
  lease_owner: string | null;
  lease_expires_at: Micros;
  created_at: Micros;
  updated_at: Micros;
  finished_at: Micros | null;
}

/** Steps that ended, in the order in which they ended. */
export interface ActionStepsTable {
  action_id: string;
  seq: number;
  /** The step's place in the action's definition, as `0.3`. */
  path: string;
  name: string;
  outcome: 'done' | 'failed' | 'undone' | 'undo_failed';
  /** What the step added to the action's state. */
  state: Json | null;
  /** What its undo needs. */
  undo: Json | null;
  error: Json | null;
  ended_at: Micros;
}

/** Spans of work that a user sees. A retried span has a row for each attempt. */
export interface ActionEventsTable {
  action_id: string;
  seq: number;
  path: string;
  name: string;
  host: string | null;
  started_at: Micros;
  finished_at: Micros | null;
  result: 'Success' | 'Error' | null;
  traceback: string | null;
}

/** A client's handle on a request whose work goes on (ZStack's api-jobs). */
export interface JobsTable {
  id: string;
  operation: string;
  user_id: string;
  project_id: string;
  action_id: string | null;
  /** The answer, once there is one: `{status, body}`. */
  result: Json | null;
  web_hook: string | null;
  created_at: Micros;
  finished_at: Micros | null;
}

/** ZStack's user and system tags. */
export interface ResourceTagsTable {
  id: string;
  kind: 'user' | 'system';
  /** The engine's name of the resource type, as `server`. */
  resource_type: string;
  resource_id: string;
  project_id: string;
  tag: string;
  inherent: Flag;
  created_at: Micros;
  updated_at: Micros;
}
