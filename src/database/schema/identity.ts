/** Who there is, and what each project may have. */
import type { Flag, Json, Micros } from './columns.ts';

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
  tags: Json;
  options: Json;
  /** Members that clients have set and that mean nothing here: Keystone keeps them. So are the others' of this name. */
  extra: Json;
}

export interface ProjectsTable {
  id: string;
  domain_id: string;
  parent_id: string | null;
  name: string;
  description: string;
  enabled: Flag;
  tags: Json;
  options: Json;
  extra: Json;
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
  options: Json;
  extra: Json;
  /** Wrong passwords since the last right one, and when the last of them was. */
  failed_logins: number | null;
  last_failed_at: Micros | null;
  password_changed_at: Micros | null;
  password_expires_at: Micros | null;
  /** When they signed in last, to the day; kept where somebody asks. */
  last_active_at: Micros | null;
  created_at: Micros;
  updated_at: Micros;
}

/** Passwords that users had before, as far back as nobody may use them again. */
export interface FormerPasswordsTable {
  user_id: string;
  replaced_at: Micros;
  password_hash: string;
}

export interface RolesTable {
  id: string;
  name: string;
  description: string;
  /** Empty for a role of the whole cloud. One of a domain is only good for what it implies. */
  domain_id: string;
  options: Json;
  extra: Json;
}

/** Who has the one role has the other too. */
export interface ImpliedRolesTable {
  prior_id: string;
  implied_id: string;
}

export interface RoleAssignmentsTable {
  actor_id: string;
  actor_kind: 'user' | 'group';
  role_id: string;
  target_kind: 'project' | 'domain' | 'system';
  /** The project's or domain's id; `all` for the system. */
  target_id: string;
  /** It counts on the projects below the target, and not on the target itself. */
  inherited: Flag;
}

export interface GroupsTable {
  id: string;
  domain_id: string;
  name: string;
  description: string;
  extra: Json;
}

export interface GroupMembersTable {
  group_id: string;
  user_id: string;
}

/** With which a program signs in for a user, for one project and with some of the user's roles. */
export interface ApplicationCredentialsTable {
  id: string;
  user_id: string;
  project_id: string;
  name: string;
  description: string | null;
  /** argon2id (PHC string) of the lower-case hex SHA-512 of the secret. */
  secret_hash: string;
  /** Ids of roles. */
  roles: Json;
  /** Ids of access rules; null where everything is allowed. */
  access_rules: Json | null;
  unrestricted: Flag;
  expires_at: Micros | null;
  created_at: Micros;
}

/** One request that a program may make. */
export interface AccessRulesTable {
  id: string;
  user_id: string;
  service: string;
  path: string;
  method: string;
}

/** Lets one user act for another, on a project and with some of their roles. */
export interface TrustsTable {
  id: string;
  trustor_id: string;
  trustee_id: string;
  project_id: string | null;
  /** Ids of roles. */
  roles: Json;
  impersonation: Flag;
  allow_redelegation: Flag;
  redelegation_count: number;
  redelegated_from_id: string | null;
  remaining_uses: number | null;
  expires_at: Micros | null;
  created_at: Micros;
  deleted_at: Micros | null;
}

/** Programs that users may let act for them by OAuth 1.0. */
export interface OauthConsumersTable {
  id: string;
  secret: string;
  description: string | null;
  created_at: Micros;
}

/** What a program asks for; what a user has let it do once there is a user. */
export interface OauthRequestTokensTable {
  id: string;
  secret: string;
  consumer_id: string;
  project_id: string;
  user_id: string | null;
  /** Ids of roles. */
  roles: Json | null;
  verifier: string | null;
  expires_at: Micros;
}

/** By which a program signs in for a user. */
export interface OauthAccessTokensTable {
  id: string;
  secret: string;
  consumer_id: string;
  project_id: string;
  user_id: string;
  /** Ids of roles. */
  roles: Json;
  created_at: Micros;
  expires_at: Micros;
}

/** Signed requests that have come. */
export interface OauthNoncesTable {
  /** SHA-256 of whose it was, its timestamp and its nonce. */
  id: string;
  expires_at: Micros;
}

/** Secrets that other programs keep here; keys for EC2-like APIs among them. */
export interface CredentialsTable {
  id: string;
  user_id: string;
  project_id: string | null;
  type: string;
  blob: string;
  /** Of a `totp` one: the step of time whose passcode was used last. */
  used_step: number | null;
}

/** Services, endpoints and regions that administrators have added to those of this cloud. */
export interface CatalogRegionsTable {
  id: string;
  description: string;
  parent_id: string | null;
  extra: Json;
}

export interface CatalogServicesTable {
  id: string;
  type: string;
  name: string;
  description: string;
  enabled: Flag;
  extra: Json;
}

export interface CatalogEndpointsTable {
  id: string;
  service_id: string;
  interface: 'public' | 'internal' | 'admin';
  url: string;
  region_id: string | null;
  name: string | null;
  enabled: Flag;
  extra: Json;
}

export interface EndpointGroupsTable {
  id: string;
  name: string;
  description: string | null;
  /** `service_id`, `region_id`, `interface` → value. */
  filters: Json;
}

/** What a service may let whom do, in its own words. */
export interface PoliciesTable {
  id: string;
  type: string;
  blob: string;
  extra: Json;
}

/** What has which policy: an endpoint, a service, or a service in a region. */
export interface PolicyAssociationsTable {
  /** All of the others in one text. */
  target: string;
  policy_id: string;
  endpoint_id: string | null;
  service_id: string | null;
  region_id: string | null;
}

/** What every project may have of something that a service counts, unless a limit says otherwise. */
export interface RegisteredLimitsTable {
  id: string;
  service_id: string;
  region_id: string | null;
  resource_name: string;
  /** -1 for no limit. */
  default_limit: number;
  description: string | null;
}

/** What one project, or one domain, may have of it instead. */
export interface LimitsTable {
  id: string;
  registered_limit_id: string;
  /** One of the two is null. */
  project_id: string | null;
  domain_id: string | null;
  /** -1 for no limit. */
  resource_limit: number;
  description: string | null;
}

/** What a domain is configured to be, option by option. */
export interface DomainOptionsTable {
  domain_id: string;
  option_group: string;
  name: string;
  value: Json;
}

export interface ProjectEndpointsTable {
  project_id: string;
  endpoint_id: string;
}

export interface ProjectEndpointGroupsTable {
  project_id: string;
  group_id: string;
}

/** Tokens issued up to `issued_before` to the target are no longer good. Rows outlive the longest token, then go. */
export interface TokenRevocationsTable {
  id: string;
  kind: 'token' | 'user' | 'project' | 'domain' | 'credential' | 'grant';
  /**
   * The token's audit id, or the user's, project's, domain's, application credential's or trust's id;
   * `<user>/<project, domain or system>/<id>` for what the user was given there.
   */
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
  /** Counts the changes of what it says of its user. */
  revision: number;
}

export interface KeypairsTable {
  user_id: string;
  name: string;
  id: string;
  type: 'ssh' | 'x509';
  public_key: string;
  fingerprint: string;
  /** For servers of this zone only; of any where it is null. */
  zone_id: string | null;
  created_at: Micros;
  description: string | null;
  /** Null for one that was never changed. */
  updated_at: Micros | null;
}

/** What a project may have in one availability zone. */
export interface ZoneQuotasTable {
  project_id: string;
  zone_id: string;
  resource: string;
  /** -1 for no limit. */
  hard_limit: number;
}

export interface QuotasTable {
  project_id: string;
  resource: string;
  /** -1 for no limit. */
  hard_limit: number;
}
