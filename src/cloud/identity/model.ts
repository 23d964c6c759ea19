import type { Selectable } from 'kysely';
import type {
  DomainsTable,
  ProjectsTable,
  RoleAssignmentsTable,
  RolesTable,
  UsersTable,
} from '../../database/schema.ts';

/** A name space of users and projects. */
export interface Domain {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
}

/** What owns resources (Keystone's project, ZStack's account). */
export interface Project {
  id: string;
  domainId: string;
  /** The project it is part of. Undefined directly under its domain. */
  parentId: string | undefined;
  name: string;
  description: string;
  enabled: boolean;
  /** Microseconds since the epoch, as all times. */
  createdAt: number;
  updatedAt: number;
}

export interface User {
  id: string;
  domainId: string;
  name: string;
  email: string | undefined;
  description: string;
  enabled: boolean;
  /** What a token is scoped to when its user does not say. */
  defaultProjectId: string | undefined;
  createdAt: number;
  updatedAt: number;
}

export interface Role {
  id: string;
  name: string;
  description: string;
}

/** Where a role counts. */
export type AssignmentTarget =
  | { kind: 'project'; id: string }
  | { kind: 'domain'; id: string }
  /** The cloud itself; there is one. */
  | { kind: 'system' };

export interface Assignment {
  userId: string;
  roleId: string;
  target: AssignmentTarget;
}

/** The domain that is there from the start. */
export const defaultDomainId = 'default';

/** Id of the first project and of its user: ZStack clients know it as the administrator's account. */
export const adminAccountId = '36c27e8ff05c4780bf6d2fa65700f22e';

/** The roles that the cloud's rules name. Each one implies all that stand after it. */
export const builtInRoles = ['admin', 'manager', 'member', 'reader'] as const;

/** Their ids, the same in every cloud, so that several processes may make them at the same time. */
export const builtInRoleIds: Record<(typeof builtInRoles)[number], string> = {
  admin: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0001',
  manager: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0002',
  member: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0003',
  reader: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0004',
};

/** The target's id as the database has it. */
export function targetId(target: AssignmentTarget): string {
  return target.kind === 'system' ? 'all' : target.id;
}

export function domainOf(row: Selectable<DomainsTable>): Domain {
  return { id: row.id, name: row.name, description: row.description, enabled: row.enabled === 1 };
}

export function projectOfRow(row: Selectable<ProjectsTable>): Project {
  return {
    id: row.id,
    domainId: row.domain_id,
    parentId: row.parent_id ?? undefined,
    name: row.name,
    description: row.description,
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function userOf(row: Selectable<UsersTable>): User {
  return {
    id: row.id,
    domainId: row.domain_id,
    name: row.name,
    email: row.email ?? undefined,
    description: row.description,
    enabled: row.enabled === 1,
    defaultProjectId: row.default_project_id ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function roleOf(row: Selectable<RolesTable>): Role {
  return { id: row.id, name: row.name, description: row.description };
}

export function assignmentOf(row: Selectable<RoleAssignmentsTable>): Assignment {
  const target: AssignmentTarget =
    row.target_kind === 'system' ? { kind: 'system' } : { kind: row.target_kind, id: row.target_id };
  return { userId: row.user_id, roleId: row.role_id, target };
}
