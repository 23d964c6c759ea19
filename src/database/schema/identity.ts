/** Who there is, and what each project may have. */
import type { Flag, Micros } from './columns.ts';

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
