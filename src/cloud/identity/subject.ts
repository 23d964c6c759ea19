import { CloudError } from '../errors.ts';
import type { EffectiveStatement } from './policy-statements.ts';
import type { TokenVia } from './token-codec.ts';

/** Who asks, as far as the engine needs to know: made from a token or a session once per request, never from a database. */
export interface Subject {
  userId: string;
  userName: string;
  /** The project the request is for. Absent for tokens that are scoped to a domain, the system or nothing. */
  projectId?: string;
  projectName?: string;
  domainId: string;
  /** Role names on the scope of the token. */
  roles: readonly string[];
  /** Has the role `admin`. */
  isAdmin: boolean;
  /** The token is for the cloud as a whole. */
  isSystem?: boolean;
  /** How the token came about, where that limits what it is good for. */
  via?: TokenVia;
  /**
   * What policies say that a user of an account may do, of what the account itself may. Absent for everybody else. Only
   * sessions and access keys come with it; the dialect that has these asks it before each operation.
   */
  statements?: readonly EffectiveStatement[];
  /** `req-` and a dashed UUID; the same that the response's headers carry. */
  requestId: string;
}

/** The subject's project; refuses subjects without one. */
export function projectOf(subject: Subject): string {
  if (subject.projectId) return subject.projectId;
  throw new CloudError('forbidden', 'This needs a token that is scoped to a project.');
}

/** Whether the subject may see and use things of the project. */
export function ownsOrAdmin(subject: Pick<Subject, 'projectId' | 'isAdmin'>, projectId: string): boolean {
  return subject.isAdmin || subject.projectId === projectId;
}

/** Refuses subjects that don't have the role admin. */
export function requireAdmin(subject: Subject, action: string): void {
  if (subject.isAdmin) return;
  throw new CloudError('forbidden', `Policy doesn't allow ${action} to be performed.`, { reason: action });
}

/** Whether the subject may look at all of the identity service: administrators, and readers of the system. */
export function mayReadIdentity(subject: Subject): boolean {
  return subject.isAdmin || (subject.isSystem === true && subject.roles.includes('reader'));
}

/** Whether the token is for a domain: one for nothing at all has no roles. */
export function isOfDomain(subject: Subject): boolean {
  return subject.projectId === undefined && subject.isSystem !== true && subject.roles.length > 0;
}

/** Whether the token is for just that domain, with the role. One that is not known is nobody's. */
function hasRoleIn(subject: Subject, domainId: string | undefined, role: 'reader' | 'manager'): boolean {
  return domainId !== undefined && isOfDomain(subject) && subject.domainId === domainId && subject.roles.includes(role);
}

/** Whether the subject may look at what is in a domain: who may look at all, and readers by a token for that domain. */
export function mayReadDomain(subject: Subject, domainId: string | undefined): boolean {
  return mayReadIdentity(subject) || hasRoleIn(subject, domainId, 'reader');
}

/** The domain of which a list is to tell; undefined for all. Refuses who may not look at it. */
export function listedDomain(subject: Subject, wanted: string | undefined, action: string): string | undefined {
  if (mayReadIdentity(subject)) return wanted;
  const domainId = wanted ?? subject.domainId;
  if (!mayReadDomain(subject, domainId)) requireAdmin(subject, action);
  return domainId;
}

/** Whether the subject manages the domain by a token for it; what managers may do, administrators may as well. */
export function isManager(subject: Subject, domainId: string | undefined): boolean {
  return hasRoleIn(subject, domainId, 'manager');
}

/** Refuses whoever is neither an administrator nor the domain's manager. */
export function requireManager(subject: Subject, domainId: string | undefined, action: string): void {
  if (!isManager(subject, domainId)) requireAdmin(subject, action);
}

/** Where things are made that are said to be in no domain: undefined for the default one, unless the token is for another. */
export function homeOf(subject: Subject): string | undefined {
  return isOfDomain(subject) ? subject.domainId : undefined;
}

/** The cloud's operator at the machine itself, as on the command line and at the first start. */
export function operator(requestId = 'req-00000000-0000-0000-0000-000000000000'): Subject {
  return {
    userId: '36c27e8ff05c4780bf6d2fa65700f22e',
    userName: 'admin',
    projectId: '36c27e8ff05c4780bf6d2fa65700f22e',
    projectName: 'admin',
    domainId: 'default',
    roles: ['admin', 'manager', 'member', 'reader'],
    isAdmin: true,
    requestId,
  };
}

export type Allowed =
  /** No token needed. */
  | 'anyone'
  /** Any valid token. */
  | 'authenticated'
  /** As `admin`, and tokens for the system with the role reader: what only shows something of the whole cloud. */
  | 'systemReader'
  /** As `systemReader`, and tokens for a domain with the role reader: the engine shows them what is in that domain. */
  | 'domainReader'
  /** As `admin`, and tokens for a domain with the role manager: the engine lets them change what is in that domain. */
  | 'domainManager'
  /** Another service of the cloud, and administrators. */
  | 'service'
  /** A token scoped to a project, with the role reader, member or admin on it. */
  | 'reader'
  /** As `reader`, without those who have the role reader only. */
  | 'member'
  | 'admin';

const ranks: Record<string, number> = { reader: 1, member: 2, manager: 3, admin: 4 };

/** Whether the subject's roles suffice. Ownership of the things named in a request is checked where they are read. */
export function isAllowed(subject: Subject | undefined, allowed: Allowed): boolean {
  if (allowed === 'anyone') return true;
  if (!subject) return false;
  if (allowed === 'authenticated') return true;
  if (subject.isAdmin) return true;
  if (allowed === 'systemReader') return mayReadIdentity(subject);
  if (allowed === 'domainReader') return mayReadDomain(subject, subject.domainId);
  if (allowed === 'domainManager') return isManager(subject, subject.domainId);
  if (allowed === 'service') return subject.roles.includes('service');
  if (!subject.projectId) return false;
  const rank = Math.max(0, ...subject.roles.map((role) => ranks[role] ?? 0));
  return rank >= (ranks[allowed] ?? Number.POSITIVE_INFINITY);
}
