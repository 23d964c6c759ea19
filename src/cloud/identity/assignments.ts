import type { Queryable, Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { missing } from './failures.ts';
import {
  type Assignment,
  type AssignmentTarget,
  actorOf,
  assignmentOf,
  builtInRoleIds,
  builtInRoles,
  type Role,
  roleOf,
  targetId,
} from './model.ts';
import { grantOn, type Revocations } from './revocations.ts';
import { readImplications, withImplied } from './role-inference.ts';
import { isManager, mayReadDomain, mayReadIdentity, requireAdmin, type Subject } from './subject.ts';

export interface AssignmentFilters {
  userId?: string;
  groupId?: string;
  roleId?: string;
  target?: AssignmentTarget;
  /** Only those that are inherited. */
  isInherited?: boolean;
}

/** The roles that a domain's manager may give and take. */
export const managedRoleIds: readonly string[] = [builtInRoleIds.manager, builtInRoleIds.member, builtInRoleIds.reader];

/** Who has which role where. */
export class Assignments {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
  }

  /**
   * What was assigned. With `effective` what that comes to: to users instead of groups, on projects instead of what they
   * inherit from, with implied roles. Users may see their own, readers of a domain what is given there, administrators all.
   */
  async list(subject: Subject, filters: AssignmentFilters, effective = false): Promise<Assignment[]> {
    if (filters.userId !== subject.userId || filters.groupId !== undefined) {
      if (!mayReadDomain(subject, subject.domainId)) requireAdmin(subject, 'list_role_assignments');
      if (!mayReadIdentity(subject)) return await this.#listIn(subject.domainId, filters, effective);
    }
    return await this.#list(filters, effective);
  }

  /** What was given on a domain and on the projects there. */
  async #listIn(domainId: string, filters: AssignmentFilters, effective: boolean): Promise<Assignment[]> {
    const query = this.#core.db.read.selectFrom('projects').select('id').where('domain_id', '=', domainId);
    const projects = new Set((await query.execute()).map(({ id }) => id));
    return (await this.#list(filters, effective)).filter(({ target }) => {
      if (target.kind === 'project') return projects.has(target.id);
      return target.kind === 'domain' && target.id === domainId;
    });
  }

  async #list(filters: AssignmentFilters, effective: boolean): Promise<Assignment[]> {
    const rows = await this.#core.db.read
      .selectFrom('role_assignments')
      .selectAll()
      .orderBy('target_id')
      .orderBy('actor_id')
      .orderBy('role_id')
      .execute();
    const assigned = rows.map(assignmentOf);
    const all = effective ? await this.#expand(assigned) : assigned;
    const { userId, groupId, roleId, target, isInherited } = filters;
    return all.filter(
      (one) =>
        (userId === undefined || one.userId === userId) &&
        (groupId === undefined || one.groupId === groupId) &&
        (roleId === undefined || one.roleId === roleId) &&
        (isInherited === undefined || (one.isInherited ?? false) === isInherited) &&
        (target === undefined || (one.target.kind === target.kind && targetId(one.target) === targetId(target))),
    );
  }

  /** The roles assigned to the user or group on the target, without implied ones. */
  async rolesOn(
    actor: string | Pick<Assignment, 'userId' | 'groupId'>,
    target: AssignmentTarget,
    options: { isInherited?: boolean } = {},
  ): Promise<Role[]> {
    const { id } = typeof actor === 'string' ? { id: actor } : actorOf(actor);
    const rows = await this.#core.db.read
      .selectFrom('role_assignments')
      .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
      .selectAll('roles')
      .where('actor_id', '=', id)
      .where('target_kind', '=', target.kind)
      .where('target_id', '=', targetId(target))
      .where('inherited', '=', options.isInherited ? 1 : 0)
      .orderBy('roles.name')
      .execute();
    return rows.map(roleOf);
  }

  /**
   * Names of the roles that the user has on the target: their own and those of their groups, inherited and implied ones
   * too, the built-in ones first and strongest first. Empty for none.
   */
  async effectiveRoles(userId: string, target: AssignmentTarget): Promise<string[]> {
    const ids = await this.effectiveRoleIds(userId, target);
    if (ids.size === 0) return [];
    const rows = await this.#core.db.read
      .selectFrom('roles')
      .select(['id', 'name'])
      .where('domain_id', '=', '')
      .execute();
    return inOrder(rows.filter(({ id }) => ids.has(id)).map(({ name }) => name));
  }

  /** The same, as ids; roles of domains are among them. */
  async effectiveRoleIds(userId: string, target: AssignmentTarget): Promise<Set<string>> {
    const { read } = this.#core.db;
    const above = target.kind === 'project' ? await ancestors(read, target.id) : [];
    const rows = await read
      .selectFrom('role_assignments')
      .select(['role_id', 'target_kind', 'target_id', 'inherited'])
      .where((e) =>
        e.or([
          e('actor_id', '=', userId),
          e('actor_id', 'in', e.selectFrom('group_members').select('group_id').where('user_id', '=', userId)),
        ]),
      )
      .where('target_id', 'in', [targetId(target), ...above.map(({ id }) => id)])
      .execute();
    const counts = rows.filter((row) =>
      row.inherited === 1
        ? above.some(({ kind, id }) => row.target_kind === kind && row.target_id === id)
        : row.target_kind === target.kind && row.target_id === targetId(target),
    );
    if (counts.length === 0) return new Set();
    return withImplied(
      counts.map(({ role_id }) => role_id),
      await readImplications(read),
    );
  }

  /** The projects, or domains, on which the user has a role by whatever way. */
  async targetsOf(userId: string, kind: 'project' | 'domain'): Promise<string[]> {
    const assigned = await this.list(this.#self(userId), { userId }, true);
    return [...new Set(assigned.flatMap(({ target }) => (target.kind === kind ? [target.id] : [])))];
  }

  /** The user or group must be there, so must role and target. Giving a role again changes nothing. */
  async grant(subject: Subject, assignment: Assignment): Promise<void> {
    await this.#requireManager(subject, assignment, 'create_grant');
    await this.#core.db.write((tx) => this.grantIn(tx, assignment));
  }

  /** Gives a role as part of a larger change; asks for no permission. */
  async grantIn(tx: Tx, assignment: Assignment): Promise<void> {
    await requireParts(tx, assignment);
    const { id, kind } = actorOf(assignment);
    const { roleId, target, isInherited } = assignment;
    await tx
      .insertInto('role_assignments')
      .values({
        actor_id: id,
        actor_kind: kind,
        role_id: roleId,
        target_kind: target.kind,
        target_id: targetId(target),
        inherited: isInherited ? 1 : 0,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** Throws `not_found` where the role was not given there (by assignment, not by implication). */
  async check(subject: Subject, assignment: Assignment): Promise<void> {
    if (!mayReadDomain(subject, await this.#domainOf(assignment))) requireAdmin(subject, 'check_grant');
    const { target, roleId, isInherited } = assignment;
    const held = await this.rolesOn(assignment, target, { isInherited });
    if (!held.some(({ id }) => id === roleId)) throw noGrant(assignment);
  }

  /** Takes a role away, and with it the tokens for the target of whoever had it: they may say the role. */
  async revoke(subject: Subject, assignment: Assignment): Promise<void> {
    await this.#requireManager(subject, assignment, 'revoke_grant');
    const { id, kind } = actorOf(assignment);
    const { roleId, target, isInherited } = assignment;
    await this.#core.db.write(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('role_assignments')
        .where('actor_id', '=', id)
        .where('role_id', '=', roleId)
        .where('target_kind', '=', target.kind)
        .where('target_id', '=', targetId(target))
        .where('inherited', '=', isInherited ? 1 : 0)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw noGrant(assignment);
      const users = kind === 'user' ? [id] : await membersOf(tx, id);
      for (const userId of users) {
        if (isInherited) await this.#revocations.revoke(tx, 'user', userId);
        else await this.#revocations.revoke(tx, 'grant', grantOn(userId, target));
      }
    });
  }

  /** Refuses to tell what was given to an actor on a target to whoever may not look at the domain of both. */
  async requireReader(subject: Subject, grant: Pick<Assignment, 'userId' | 'groupId' | 'target'>): Promise<void> {
    if (!mayReadDomain(subject, await this.#domainOf(grant))) requireAdmin(subject, 'list_grants');
  }

  /** The domain that both the actor and the target are of; undefined where they are not of the same. */
  async #domainOf(grant: Pick<Assignment, 'userId' | 'groupId' | 'target'>): Promise<string | undefined> {
    const { read } = this.#core.db;
    const { target } = grant;
    if (target.kind === 'system') return undefined;
    const { id, kind } = actorOf(grant);
    const actors = read
      .selectFrom(kind === 'user' ? 'users' : 'groups')
      .select('domain_id')
      .where('id', '=', id);
    const actor = await actors.executeTakeFirst();
    if (target.kind === 'domain') return actor?.domain_id === target.id ? target.id : undefined;
    const projects = read.selectFrom('projects').select('domain_id').where('id', '=', target.id);
    const project = await projects.executeTakeFirst();
    return actor !== undefined && actor.domain_id === project?.domain_id ? actor.domain_id : undefined;
  }

  /** A domain's manager gives and takes roles within it, and none that is more than their own. */
  async #requireManager(subject: Subject, assignment: Assignment, action: string): Promise<void> {
    const isManaged = managedRoleIds.includes(assignment.roleId);
    if (!isManaged || !isManager(subject, await this.#domainOf(assignment))) requireAdmin(subject, action);
  }

  /** Those who may ask for their own, for what the engine itself wants to know. */
  #self(userId: string): Subject {
    return { userId, userName: '', domainId: '', roles: [], isAdmin: false, requestId: '' };
  }

  async #expand(assigned: Assignment[]): Promise<Assignment[]> {
    const { read } = this.#core.db;
    const implications = await readImplications(read);
    const members = await read.selectFrom('group_members').selectAll().execute();
    const projects = await read.selectFrom('projects').select(['id', 'domain_id', 'parent_id']).execute();
    const domainRoles = await read.selectFrom('roles').select('id').where('domain_id', '!=', '').execute();
    const hidden = new Set(domainRoles.map(({ id }) => id));
    const parents = new Map(projects.map(({ id, domain_id, parent_id }) => [id, parent_id ?? domain_id]));
    const isBelow = (id: string, above: string) => {
      for (let at = parents.get(id); at !== undefined; at = parents.get(at)) if (at === above) return true;
      return false;
    };
    const all = new Map<string, Assignment>();
    for (const { userId, groupId, roleId, target, isInherited } of assigned) {
      const users =
        groupId === undefined ? [userId!] : members.flatMap((m) => (m.group_id === groupId ? [m.user_id] : []));
      const targets: AssignmentTarget[] =
        isInherited && target.kind !== 'system'
          ? projects.filter(({ id }) => isBelow(id, target.id)).map(({ id }) => ({ kind: 'project', id }))
          : [target];
      for (const user of users) {
        for (const role of withImplied([roleId], implications)) {
          if (hidden.has(role)) continue;
          for (const one of targets) {
            all.set([user, role, one.kind, targetId(one)].join(' '), { userId: user, roleId: role, target: one });
          }
        }
      }
    }
    return [...all.values()];
  }
}

/** The built-in roles first, the strongest of them at the head. */
export function inOrder(names: string[]): string[] {
  const builtIn = builtInRoles.filter((name) => names.includes(name));
  return [...builtIn, ...names.filter((name) => !(builtInRoles as readonly string[]).includes(name)).sort()];
}

/** What a project can inherit from: the projects above it, and its domain. */
async function ancestors(db: Queryable, projectId: string): Promise<Array<{ kind: 'project' | 'domain'; id: string }>> {
  const above: Array<{ kind: 'project' | 'domain'; id: string }> = [];
  let at: string | null = projectId;
  while (at !== null) {
    const row: { parent_id: string | null; domain_id: string } | undefined = await db
      .selectFrom('projects')
      .select(['parent_id', 'domain_id'])
      .where('id', '=', at)
      .executeTakeFirst();
    if (!row) return above;
    at = row.parent_id;
    above.push(at === null ? { kind: 'domain', id: row.domain_id } : { kind: 'project', id: at });
  }
  return above;
}

export async function membersOf(db: Queryable, groupId: string): Promise<string[]> {
  const rows = await db.selectFrom('group_members').select('user_id').where('group_id', '=', groupId).execute();
  return rows.map(({ user_id }) => user_id);
}

async function requireParts(tx: Tx, { userId, groupId, roleId, target }: Assignment): Promise<void> {
  if (groupId === undefined) {
    const user = await tx.selectFrom('users').select('id').where('id', '=', userId!).executeTakeFirst();
    if (!user) throw missing('user', userId!);
  } else {
    const group = await tx.selectFrom('groups').select('id').where('id', '=', groupId).executeTakeFirst();
    if (!group) throw missing('group', groupId);
  }
  const role = await tx.selectFrom('roles').select(['id', 'domain_id']).where('id', '=', roleId).executeTakeFirst();
  if (!role) throw missing('role', roleId);
  if (target.kind === 'system') return;
  const found =
    target.kind === 'project'
      ? await tx.selectFrom('projects').select('domain_id').where('id', '=', target.id).executeTakeFirst()
      : await tx.selectFrom('domains').select('id as domain_id').where('id', '=', target.id).executeTakeFirst();
  if (!found) throw missing(target.kind, target.id);
  // On a domain such a role may be given wherever it is from, as in Keystone: it is only good for what it implies.
  if (target.kind === 'project' && role.domain_id !== '' && role.domain_id !== found.domain_id) {
    throw new CloudError('forbidden', 'A role of a domain can only be given on projects of that domain.', {
      resource: 'role',
    });
  }
}

function noGrant(assignment: Assignment): CloudError {
  const { roleId, target } = assignment;
  return new CloudError(
    'not_found',
    `Could not find role assignment with role: ${roleId}, user or group: ${actorOf(assignment).id}, ` +
      `project, domain, or system: ${targetId(target)}.`,
    { resource: 'role assignment' },
  );
}
