import type {
  DefaultVolumeTypesTable,
  QosSpecsTable,
  VolumeAttachmentsTable,
  VolumeBackupsTable,
  VolumeMessagesTable,
  VolumeSharesTable,
  VolumeSnapshotsTable,
  VolumeTransfersTable,
  VolumeTypeProjectsTable,
  VolumeTypesTable,
} from './schema/block-storage.ts';
import type { BootOrdersTable, CdromsTable } from './schema/cdroms.ts';
import type {
  AggregateHostsTable,
  AggregatesTable,
  AllocationsTable,
  ClustersTable,
  ControlPlanesTable,
  FarHostLinesTable,
  FarHostsTable,
  FlavorProjectsTable,
  FlavorsTable,
  HostNotesTable,
  HostsTable,
  RemovedHostsTable,
  ResourceSettingsTable,
  ZonesTable,
} from './schema/hosts.ts';
import type {
  AccessRulesTable,
  ApplicationCredentialsTable,
  CatalogEndpointsTable,
  CatalogRegionsTable,
  CatalogServicesTable,
  CredentialsTable,
  DomainOptionsTable,
  DomainsTable,
  EndpointGroupsTable,
  FormerPasswordsTable,
  GroupMembersTable,
  GroupsTable,
  ImpliedRolesTable,
  KeypairsTable,
  LimitsTable,
  OauthAccessTokensTable,
  OauthConsumersTable,
  OauthNoncesTable,
  OauthRequestTokensTable,
  PoliciesTable,
  PolicyAssociationsTable,
  ProjectEndpointGroupsTable,
  ProjectEndpointsTable,
  ProjectsTable,
  QuotasTable,
  RegisteredLimitsTable,
  RoleAssignmentsTable,
  RolesTable,
  SessionsTable,
  SettingsTable,
  TokenRevocationsTable,
  TrustsTable,
  UsersTable,
  ZoneQuotasTable,
} from './schema/identity.ts';
import type {
  CachedImagesTable,
  ImageExportsTable,
  ImageMembersTable,
  ImageReplicasTable,
  ImageStoreLoginsTable,
  ImageStoresTable,
  ImageStoreZonesTable,
  ImagesTable,
  ImageTagsTable,
  ImageUploadsTable,
  MetadefNamespacesTable,
} from './schema/images.ts';
import type {
  ActionEventsTable,
  ActionStepsTable,
  ActionsTable,
  JobBriefResultsTable,
  JobsTable,
  ResourceTagsTable,
  TagPatternsTable,
} from './schema/journal.ts';
import type {
  CertificatesTable,
  LoadBalancerListenerPoolsTable,
  LoadBalancerListenersTable,
  LoadBalancerMembersTable,
  LoadBalancerPoolsTable,
  LoadBalancersTable,
} from './schema/load-balancers.ts';
import type {
  AddressGroupsTable,
  AddressScopesTable,
  DefaultSecurityGroupRulesTable,
  NetworkResourceTagsTable,
  PortForwardingsTable,
  QosBandwidthRulesTable,
  QosDscpRulesTable,
  QosPoliciesTable,
  RbacPoliciesTable,
  ReservedIpRangesTable,
  SubnetPoolsTable,
} from './schema/network-extras.ts';
import type {
  FloatingIpsTable,
  NetworkSegmentsTable,
  NetworksTable,
  PortAddressesTable,
  PortSecurityGroupsTable,
  PortsTable,
  RoutersTable,
  SecurityGroupRulesTable,
  SecurityGroupsTable,
  SubnetsTable,
} from './schema/networks.ts';
import type {
  ScheduleFiringsTable,
  ScheduleGroupJobsTable,
  ScheduleGroupLinksTable,
  ScheduleGroupsTable,
  ScheduleJobsTable,
  ScheduleLinksTable,
  ScheduleTriggersTable,
} from './schema/schedules.ts';
import type {
  ConsolePasswordsTable,
  ConsoleTokensTable,
  DisksTable,
  GuestPasswordsTable,
  ServerGroupMembersTable,
  ServerGroupsTable,
  ServersTable,
  ServerTagsTable,
  SnapshotGroupMembersTable,
  SnapshotGroupsTable,
  UnbuiltServersTable,
  VolumesTable,
} from './schema/servers.ts';
import type {
  PrimaryStorageClustersView,
  PrimaryStoragesView,
  StorageClustersTable,
  StorageHostsTable,
  StoragesTable,
} from './schema/storages.ts';
import type {
  VolumeGroupMembersTable,
  VolumeGroupSnapshotMembersTable,
  VolumeGroupSnapshotsTable,
  VolumeGroupsTable,
  VolumeGroupTypesTable,
} from './schema/volume-groups.ts';
import type {
  AccessKeysTable,
  AccountGroupMembersTable,
  AccountGroupPoliciesTable,
  AccountGroupsTable,
  AccountOwnersTable,
  AccountPoliciesTable,
  AccountUserPoliciesTable,
  AccountUsersTable,
  DiskOfferingsTable,
  EipsTable,
  L2NetworkClustersTable,
  L2NetworksTable,
  L3NetworkFactsTable,
  LongJobsTable,
  PortForwardingRulesTable,
  SecurityGroupNetworksTable,
  SecurityGroupRuleSetsTable,
  VipNamesTable,
} from './schema/zstack.ts';

export type * from './schema/block-storage.ts';
export type * from './schema/cdroms.ts';
export type * from './schema/columns.ts';
export type * from './schema/hosts.ts';
export type * from './schema/identity.ts';
export type * from './schema/images.ts';
export type * from './schema/journal.ts';
export type * from './schema/load-balancers.ts';
export type * from './schema/network-extras.ts';
export type * from './schema/networks.ts';
export type * from './schema/schedules.ts';
export type * from './schema/servers.ts';
export type * from './schema/storages.ts';
export type * from './schema/volume-groups.ts';
export type * from './schema/zstack.ts';

/**
 * The tables, as Kysely sees them. Ids are 32 hex digits, times are microseconds since the epoch (UTC), sizes are bytes
 * unless a name says otherwise, flags are 0 or 1, and `…Json` types are JSON text: one form for both databases.
 */
export interface Schema {
  settings: SettingsTable;
  resource_settings: ResourceSettingsTable;
  domains: DomainsTable;
  projects: ProjectsTable;
  users: UsersTable;
  roles: RolesTable;
  role_assignments: RoleAssignmentsTable;
  implied_roles: ImpliedRolesTable;
  groups: GroupsTable;
  group_members: GroupMembersTable;
  application_credentials: ApplicationCredentialsTable;
  access_rules: AccessRulesTable;
  trusts: TrustsTable;
  oauth_consumers: OauthConsumersTable;
  oauth_request_tokens: OauthRequestTokensTable;
  oauth_access_tokens: OauthAccessTokensTable;
  oauth_nonces: OauthNoncesTable;
  credentials: CredentialsTable;
  catalog_regions: CatalogRegionsTable;
  catalog_services: CatalogServicesTable;
  catalog_endpoints: CatalogEndpointsTable;
  endpoint_groups: EndpointGroupsTable;
  former_passwords: FormerPasswordsTable;
  policies: PoliciesTable;
  policy_associations: PolicyAssociationsTable;
  registered_limits: RegisteredLimitsTable;
  limits: LimitsTable;
  domain_options: DomainOptionsTable;
  project_endpoints: ProjectEndpointsTable;
  project_endpoint_groups: ProjectEndpointGroupsTable;
  token_revocations: TokenRevocationsTable;
  sessions: SessionsTable;
  keypairs: KeypairsTable;
  quotas: QuotasTable;
  zone_quotas: ZoneQuotasTable;
  zones: ZonesTable;
  clusters: ClustersTable;
  hosts: HostsTable;
  far_hosts: FarHostsTable;
  far_host_lines: FarHostLinesTable;
  host_notes: HostNotesTable;
  storages: StoragesTable;
  storage_clusters: StorageClustersTable;
  storage_hosts: StorageHostsTable;
  primary_storages: PrimaryStoragesView;
  primary_storage_clusters: PrimaryStorageClustersView;
  removed_hosts: RemovedHostsTable;
  control_planes: ControlPlanesTable;
  allocations: AllocationsTable;
  flavors: FlavorsTable;
  flavor_projects: FlavorProjectsTable;
  aggregates: AggregatesTable;
  aggregate_hosts: AggregateHostsTable;
  image_stores: ImageStoresTable;
  image_store_zones: ImageStoreZonesTable;
  image_store_logins: ImageStoreLoginsTable;
  images: ImagesTable;
  image_tags: ImageTagsTable;
  image_exports: ImageExportsTable;
  image_uploads: ImageUploadsTable;
  image_members: ImageMembersTable;
  metadef_namespaces: MetadefNamespacesTable;
  image_replicas: ImageReplicasTable;
  cached_images: CachedImagesTable;
  servers: ServersTable;
  unbuilt_servers: UnbuiltServersTable;
  guest_passwords: GuestPasswordsTable;
  console_passwords: ConsolePasswordsTable;
  snapshot_groups: SnapshotGroupsTable;
  snapshot_group_members: SnapshotGroupMembersTable;
  cdroms: CdromsTable;
  boot_orders: BootOrdersTable;
  server_tags: ServerTagsTable;
  console_tokens: ConsoleTokensTable;
  server_groups: ServerGroupsTable;
  server_group_members: ServerGroupMembersTable;
  volumes: VolumesTable;
  disks: DisksTable;
  volume_shares: VolumeSharesTable;
  volume_snapshots: VolumeSnapshotsTable;
  volume_types: VolumeTypesTable;
  volume_type_projects: VolumeTypeProjectsTable;
  default_volume_types: DefaultVolumeTypesTable;
  qos_specs: QosSpecsTable;
  volume_backups: VolumeBackupsTable;
  volume_transfers: VolumeTransfersTable;
  volume_attachments: VolumeAttachmentsTable;
  volume_messages: VolumeMessagesTable;
  volume_group_types: VolumeGroupTypesTable;
  volume_groups: VolumeGroupsTable;
  volume_group_members: VolumeGroupMembersTable;
  volume_group_snapshots: VolumeGroupSnapshotsTable;
  volume_group_snapshot_members: VolumeGroupSnapshotMembersTable;
  disk_offerings: DiskOfferingsTable;
  l2_networks: L2NetworksTable;
  l2_network_clusters: L2NetworkClustersTable;
  l3_network_facts: L3NetworkFactsTable;
  vip_names: VipNamesTable;
  eips: EipsTable;
  security_group_networks: SecurityGroupNetworksTable;
  security_group_rule_sets: SecurityGroupRuleSetsTable;
  access_keys: AccessKeysTable;
  account_owners: AccountOwnersTable;
  account_users: AccountUsersTable;
  account_groups: AccountGroupsTable;
  account_group_members: AccountGroupMembersTable;
  account_policies: AccountPoliciesTable;
  account_user_policies: AccountUserPoliciesTable;
  account_group_policies: AccountGroupPoliciesTable;
  long_jobs: LongJobsTable;
  networks: NetworksTable;
  network_segments: NetworkSegmentsTable;
  subnets: SubnetsTable;
  ports: PortsTable;
  port_addresses: PortAddressesTable;
  security_groups: SecurityGroupsTable;
  security_group_rules: SecurityGroupRulesTable;
  port_security_groups: PortSecurityGroupsTable;
  routers: RoutersTable;
  floating_ips: FloatingIpsTable;
  port_forwardings: PortForwardingsTable;
  port_forwarding_rules: PortForwardingRulesTable;
  load_balancers: LoadBalancersTable;
  load_balancer_listeners: LoadBalancerListenersTable;
  load_balancer_pools: LoadBalancerPoolsTable;
  load_balancer_listener_pools: LoadBalancerListenerPoolsTable;
  load_balancer_members: LoadBalancerMembersTable;
  certificates: CertificatesTable;
  default_security_group_rules: DefaultSecurityGroupRulesTable;
  network_resource_tags: NetworkResourceTagsTable;
  address_scopes: AddressScopesTable;
  subnet_pools: SubnetPoolsTable;
  rbac_policies: RbacPoliciesTable;
  reserved_ip_ranges: ReservedIpRangesTable;
  qos_policies: QosPoliciesTable;
  qos_bandwidth_rules: QosBandwidthRulesTable;
  qos_dscp_rules: QosDscpRulesTable;
  address_groups: AddressGroupsTable;
  actions: ActionsTable;
  action_steps: ActionStepsTable;
  action_events: ActionEventsTable;
  jobs: JobsTable;
  job_brief_results: JobBriefResultsTable;
  resource_tags: ResourceTagsTable;
  tag_patterns: TagPatternsTable;
  schedule_jobs: ScheduleJobsTable;
  schedule_triggers: ScheduleTriggersTable;
  schedule_links: ScheduleLinksTable;
  schedule_firings: ScheduleFiringsTable;
  schedule_groups: ScheduleGroupsTable;
  schedule_group_jobs: ScheduleGroupJobsTable;
  schedule_group_links: ScheduleGroupLinksTable;
}
