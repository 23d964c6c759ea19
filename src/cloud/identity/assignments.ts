import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { missing } from './failures.ts';
import { type Assignment, type AssignmentTarget, assignmentOf, type Role, roleOf, targetId } from './model.ts';
import type { Revocations } from './revocations.ts';
import { withImplied } from './roles.ts';
import { requireAdmin, type Subject } from './subject.ts';

export interface AssignmentFilters {
  userId?: string;
  roleId?: string;
  target?: AssignmentTarget;
}

/** Who has which role where. */
export class Assignments {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
  }

  /** What was assigned; with `effective` also what that implies. Users may see their own, administrators all. */
  async list(subject: Subject, filters: AssignmentFilters, effective = false): Promise<Assignment[]> {
    if (filters.userId !== subject.userId) requireAdmin(subject, 'list_role_assignments');
    const { userId, roleId, target } = filters;
    const rows = await this.#core.db.read
      .selectFrom('role_assignments')
      .selectAll()
      .$if(userId !== undefined, (query) => query.where('user_id', '=', userId!))
      .$if(roleId !== undefined && !effective, (query) => query.where('role_id', '=', roleId!))
      .$if(target !== undefined, (query) =>
        query.where('target_kind', '=', target!.kind).where('target_id', '=', targetId(target!)),
      )
      .orderBy('target_id')
      .orderBy('user_id')
      .orderBy('role_id')
      .execute();
    const assigned = rows.map(assignmentOf);
    if (!effective) return assigned;
    const all = await this.#expand(assigned);
    return roleId === undefined ? all : all.filter((assignment) => assignment.roleId === roleId);
  }

  /** The roles assigned to the user on the target, without implied ones. */
  async rolesOn(userId: string, target: AssignmentTarget): Promise<Role[]> {
    const rows = await this.#core.db.read
      .selectFrom('role_assignments')
      .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
      .selectAll('roles')
      .where('user_id', '=', userId)
      .where('target_kind', '=', target.kind)
      .where('target_id', '=', targetId(target))
      .orderBy('roles.name')
      .execute();
    return rows.map(roleOf);
  }

  /** Names of the roles that the user has on the target, implied ones too, strongest first. Empty for none. */
  async effectiveRoles(userId: string, target: AssignmentTarget): Promise<string[]> {
    return withImplied((await this.rolesOn(userId, target)).map(({ name }) => name));
  }

  /** The user must be there, so must role and target. Giving a role again changes nothing. */
  async grant(subject: Subject, assignment: Assignment): Promise<void> {
    requireAdmin(subject, 'create_grant');
    await this.#core.db.write((tx) => this.grantIn(tx, assignment));
  }

  /** Gives a role as part of a larger change; asks for no permission. */
  async grantIn(tx: Tx, { userId, roleId, target }: Assignment): Promise<void> {
    await requireParts(tx, { userId, roleId, target });
    await tx
      .insertInto('role_assignments')
      .values({ user_id: userId, role_id: roleId, target_kind: target.kind, target_id: targetId(target) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** Throws `not_found` where the user does not have the role there (by assignment, not by implication). */
  async check(subject: Subject, { userId, roleId, target }: Assignment): Promise<void> {
    requireAdmin(subject, 'check_grant');
    const held = await this.rolesOn(userId, target);
    if (!held.some(({ id }) => id === roleId)) throw noGrant({ userId, roleId, target });
  }

  /** Takes a role away, and with it the user's tokens: they may say the role. */
  async revoke(subject: Subject, { userId, roleId, target }: Assignment): Promise<void> {
    requireAdmin(subject, 'revoke_grant');
    await this.#core.db.write(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('role_assignments')
        .where('user_id', '=', userId)
        .where('role_id', '=', roleId)
        .where('target_kind', '=', target.kind)
        .where('target_id', '=', targetId(target))
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw noGrant({ userId, roleId, target });
      await this.#revocations.revoke(tx, 'user', userId);
    });
  }

  async #expand(assigned: Assignment[]): Promise<Assignment[]> {
    const rows = await this.#core.db.read.selectFrom('roles').select(['id', 'name']).execute();
    const idOf = new Map(rows.map(({ id, name }) => [name, id]));
    const nameOf = new Map(rows.map(({ id, name }) => [id, name]));
    const all = new Map<string, Assignment>();
    for (const assignment of assigned) {
      for (const name of withImplied([nameOf.get(assignment.roleId)!])) {
        const one = { ...assignment, roleId: idOf.get(name)! };
        all.set([one.userId, one.roleId, one.target.kind, targetId(one.target)].join(' '), one);
      }
    }
    return [...all.values()];
  }
}

async function requireParts(tx: Tx, { userId, roleId, target }: Assignment): Promise<void> {
  const user = await tx.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst();
  if (!user) throw missing('user', userId);
  const role = await tx.selectFrom('roles').select('id').where('id', '=', roleId).executeTakeFirst();
  if (!role) throw missing('role', roleId);
  if (target.kind === 'system') return;
  const table = target.kind === 'project' ? ('projects' as const) : ('domains' as const);
  const found = await tx.selectFrom(table).select('id').where('id', '=', target.id).executeTakeFirst();
  if (!found) throw missing(target.kind, target.id);
}

function noGrant({ userId, roleId, target }: Assignment): CloudError {
  return new CloudError(
    'not_found',
    `Could not find role assignment with role: ${roleId}, user or group: ${userId}, ` +
      `project, domain, or system: ${targetId(target)}.`,
    { resource: 'role assignment' },
  );
}
