import type { Selectable } from 'kysely';
import type {
  DomainsTable,
  GroupsTable,
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
  tags: string[];
  options: Options;
  /** Members that clients have set and that mean nothing here. So are those of projects and users. */
  extra: Options;
}

/** What Keystone calls resource options: name → value. */
export type Options = Record<string, unknown>;

/** What owns resources (Keystone's project, ZStack's account). */
export interface Project {
  id: string;
  domainId: string;
  /** The project it is part of. Undefined directly under its domain. */
  parentId: string | undefined;
  name: string;
  description: string;
  enabled: boolean;
  tags: string[];
  options: Options;
  extra: Options;
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
  options: Options;
  extra: Options;
  passwordChangedAt: number | undefined;
  passwordExpiresAt: number | undefined;
  /** When they signed in last, where the cloud keeps it. */
  lastActiveAt: number | undefined;
  createdAt: number;
  updatedAt: number;
}

export interface Role {
  id: string;
  name: string;
  description: string;
  /** The domain whose role it is; such a role is only good for what it implies. */
  domainId: string | undefined;
  options: Options;
  extra: Options;
}

/** Users who get roles together. */
export interface Group {
  id: string;
  domainId: string;
  name: string;
  description: string;
  extra: Options;
}

/** Where a role counts. */
export type AssignmentTarget =
  | { kind: 'project'; id: string }
  | { kind: 'domain'; id: string }
  /** The cloud itself; there is one. */
  | { kind: 'system' };

/** Either a user or a group has the role. */
export interface Assignment {
  userId?: string;
  groupId?: string;
  roleId: string;
  target: AssignmentTarget;
  /** It counts on the projects below the target, and not on the target itself. */
  isInherited?: boolean;
}

/** Who has the role. */
export function actorOf({ userId, groupId }: Pick<Assignment, 'userId' | 'groupId'>): {
  id: string;
  kind: 'user' | 'group';
} {
  return groupId === undefined ? { id: userId ?? '', kind: 'user' } : { id: groupId, kind: 'group' };
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

/** The role of OpenStack's services towards each other. It implies no other one, and no other one implies it. */
export const serviceRole = { id: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0005', name: 'service' } as const;

/** The target's id as the database has it. */
export function targetId(target: AssignmentTarget): string {
  return target.kind === 'system' ? 'all' : target.id;
}

export function domainOf(row: Selectable<DomainsTable>): Domain {
  const { id, name, description } = row;
  return {
    id,
    name,
    description,
    enabled: row.enabled === 1,
    tags: JSON.parse(row.tags) as string[],
    options: JSON.parse(row.options) as Options,
    extra: JSON.parse(row.extra) as Options,
  };
}

export function projectOfRow(row: Selectable<ProjectsTable>): Project {
  return {
    id: row.id,
    domainId: row.domain_id,
    parentId: row.parent_id ?? undefined,
    name: row.name,
    description: row.description,
    enabled: row.enabled === 1,
    tags: JSON.parse(row.tags) as string[],
    options: JSON.parse(row.options) as Options,
    extra: JSON.parse(row.extra) as Options,
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
    options: JSON.parse(row.options) as Options,
    extra: JSON.parse(row.extra) as Options,
    passwordChangedAt: row.password_changed_at ?? undefined,
    passwordExpiresAt: row.password_expires_at ?? undefined,
    lastActiveAt: row.last_active_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function roleOf(row: Selectable<RolesTable>): Role {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    domainId: row.domain_id === '' ? undefined : row.domain_id,
    options: JSON.parse(row.options) as Options,
    extra: JSON.parse(row.extra) as Options,
  };
}

export function groupOf({ id, domain_id, name, description, extra }: Selectable<GroupsTable>): Group {
  return { id, domainId: domain_id, name, description, extra: JSON.parse(extra) as Options };
}

export function assignmentOf(row: Selectable<RoleAssignmentsTable>): Assignment {
  const target: AssignmentTarget =
    row.target_kind === 'system' ? { kind: 'system' } : { kind: row.target_kind, id: row.target_id };
  const actor = row.actor_kind === 'user' ? { userId: row.actor_id } : { groupId: row.actor_id };
  return { ...actor, roleId: row.role_id, target, isInherited: row.inherited === 1 };
}
