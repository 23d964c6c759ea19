import type { TokenDocument } from '../../../cloud/identity/authentication.ts';
import type { Assignment, Domain, Group, Project, Role, User } from '../../../cloud/identity/model.ts';
import type { Receipt } from '../../../cloud/identity/receipts.ts';
import { isBuiltIn } from '../../../cloud/identity/roles.ts';
import { isoMicros, isoMicrosZ } from '../common/time.ts';
import type { CatalogService } from './catalog.ts';

/** Where links start: `<origin>/identity/v3`. */
type Base = string;

export function domainView(base: Base, domain: Domain) {
  const { id, name, description, enabled, tags, options, extra } = domain;
  return { ...extra, id, name, description, enabled, tags, options, links: { self: `${base}/domains/${id}` } };
}

export function projectView(base: Base, project: Project) {
  return {
    ...project.extra,
    id: project.id,
    name: project.name,
    domain_id: project.domainId,
    description: project.description,
    enabled: project.enabled,
    // Keystone counts the domain as the parent of its topmost projects.
    parent_id: project.parentId ?? project.domainId,
    is_domain: false,
    tags: project.tags,
    options: project.options,
    links: { self: `${base}/projects/${project.id}` },
  };
}

/** A domain in the words of projects: Keystone counts it as the topmost one. */
export function domainAsProjectView(base: Base, domain: Domain) {
  const links = { self: `${base}/projects/${domain.id}` };
  return { ...domainView(base, domain), domain_id: null, parent_id: null, is_domain: true, links };
}

export function userView(base: Base, user: User) {
  return {
    ...user.extra,
    id: user.id,
    name: user.name,
    domain_id: user.domainId,
    enabled: user.enabled,
    email: user.email,
    description: user.description === '' ? undefined : user.description,
    default_project_id: user.defaultProjectId,
    password_expires_at: passwordExpiry(user.passwordExpiresAt),
    options: user.options,
    links: { self: `${base}/users/${user.id}` },
  };
}

/** As Keystone writes it, without a zone. */
function passwordExpiry(at: number | undefined): string | null {
  return at === undefined ? null : isoMicros(at);
}

export function roleView(base: Base, role: Role) {
  return {
    ...role.extra,
    id: role.id,
    name: role.name,
    domain_id: role.domainId ?? null,
    description: role.description === '' ? null : role.description,
    options: isBuiltIn(role.name) ? { immutable: true } : role.options,
    links: { self: `${base}/roles/${role.id}` },
  };
}

/** Names of what assignments speak of, by id; empty where they were not asked for. */
export interface Names {
  users: Map<string, User>;
  groups: Map<string, Group>;
  projects: Map<string, Project>;
  domains: Map<string, Domain>;
  roles: Map<string, Role>;
}

export function groupView(base: Base, { id, domainId, name, description, extra }: Group) {
  return { ...extra, id, domain_id: domainId, name, description, links: { self: `${base}/groups/${id}` } };
}

export function assignmentView(base: Base, assignment: Assignment, names: Names | undefined) {
  const { userId, groupId, roleId, target, isInherited } = assignment;
  const place = target.kind === 'system' ? 'system' : `${target.kind}s/${target.id}`;
  const domain = (id: string | undefined) =>
    id === undefined ? undefined : { id, name: names?.domains.get(id)?.name };
  const actor = groupId === undefined ? `users/${userId}` : `groups/${groupId}`;
  const path = isInherited
    ? `OS-INHERIT/${place}/${actor}/roles/${roleId}/inherited_to_projects`
    : `${place}/${actor}/roles/${roleId}`;
  return {
    links: { assignment: `${base}/${path}` },
    role: { id: roleId, name: names?.roles.get(roleId)?.name },
    ...(groupId === undefined ? { user: named(names?.users.get(userId!), userId!) } : {}),
    ...(groupId === undefined ? {} : { group: named(names?.groups.get(groupId), groupId) }),
    scope: { ...scopeView(), ...(isInherited ? { 'OS-INHERIT:inherited_to': 'projects' } : {}) },
  };

  function named(one: { name: string; domainId: string } | undefined, id: string) {
    return { id, name: one?.name, domain: domain(one?.domainId) };
  }

  function scopeView() {
    if (target.kind === 'system') return { system: { all: true } };
    if (target.kind === 'domain') return { domain: domain(target.id) };
    const project = names?.projects.get(target.id);
    return { project: { id: target.id, name: project?.name, domain: domain(project?.domainId) } };
  }
}

export function tokenView(document: TokenDocument, catalog: CatalogService[] | undefined) {
  const { claims, user, project, domain, roles, applicationCredential: credential, trust, oauth1 } = document;
  const { scope } = claims;
  const isScoped = scope.kind !== 'unscoped';
  return {
    methods: claims.methods,
    user: {
      id: user.id,
      name: user.name,
      domain: idAndName(user.domain),
      password_expires_at: passwordExpiry(user.passwordExpiresAt),
    },
    audit_ids: claims.auditIds,
    expires_at: isoMicrosZ(claims.expiresAt),
    issued_at: isoMicrosZ(claims.issuedAt),
    project: project && { ...project, domain: idAndName(project.domain) },
    is_domain: project ? false : undefined,
    domain: domain && idAndName(domain),
    system: scope.kind === 'system' ? { all: true } : undefined,
    roles: isScoped ? roles : undefined,
    catalog: isScoped ? catalog : undefined,
    'OS-TRUST:trust': trust && {
      id: trust.id,
      impersonation: trust.isImpersonation,
      trustor_user: { id: trust.trustorId },
      trustee_user: { id: trust.trusteeId },
    },
    'OS-OAUTH1': oauth1 && { access_token_id: oauth1.id, consumer_id: oauth1.consumerId },
    application_credential: credential && {
      id: credential.id,
      name: credential.name,
      restricted: !credential.isUnrestricted,
      access_rules: credential.accessRules?.map(({ id, service, path, method }) => ({ id, service, path, method })),
    },
  };
}

export function receiptView({ user, methods, required, issuedAt, expiresAt }: Receipt) {
  return {
    receipt: {
      methods,
      user: { ...user, domain: idAndName(user.domain) },
      issued_at: isoMicrosZ(issuedAt),
      expires_at: isoMicrosZ(expiresAt),
    },
    required_auth_methods: required,
  };
}

function idAndName({ id, name }: { id: string; name: string }) {
  return { id, name };
}
