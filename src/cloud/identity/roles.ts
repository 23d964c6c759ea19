import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { inOrder } from './assignments.ts';
import { extraText, extraWith } from './extra.ts';
import { conflictOn, missing } from './failures.ts';
import { builtInRoles, type Options, type Role, roleOf } from './model.ts';
import type { Revocations } from './revocations.ts';
import { readImplications, withImplied } from './role-inference.ts';
import { requireAdmin, type Subject } from './subject.ts';

export interface RoleChanges {
  name?: string;
  description?: string;
  options?: Options;
  extra?: Options;
}

/** The roles that may be given. The four built-in ones can't be changed; others mean nothing to the cloud's own rules. */
export class Roles {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
  }

  /** The roles of the whole cloud, or those of one domain. */
  async list(filters: { name?: string; domainId?: string } = {}): Promise<Role[]> {
    const rows = await this.#core.db.read
      .selectFrom('roles')
      .selectAll()
      .where('domain_id', '=', filters.domainId ?? '')
      .$if(filters.name !== undefined, (query) => query.where('name', '=', filters.name!))
      .orderBy('name')
      .execute();
    return rows.map(roleOf);
  }

  /** Every role, those of domains too. */
  async all(): Promise<Role[]> {
    return (await this.#core.db.read.selectFrom('roles').selectAll().orderBy('name').execute()).map(roleOf);
  }

  /** The names of the roles and of those that they imply, without roles of domains; the built-in ones first. */
  async effectiveNames(roleIds: readonly string[]): Promise<string[]> {
    const ids = withImplied(roleIds, await readImplications(this.#core.db.read));
    return inOrder((await this.list()).filter(({ id }) => ids.has(id)).map(({ name }) => name));
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<Role> {
    const row = await this.#core.db.read.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw missing('role', id);
    return roleOf(row);
  }

  async create(
    subject: Subject,
    wanted: { name: string; description?: string; domainId?: string; options?: Options; extra?: Options },
  ): Promise<Role> {
    requireAdmin(subject, 'create_role');
    const row = {
      id: newId(this.#core.env),
      name: wanted.name,
      description: wanted.description ?? '',
      domain_id: wanted.domainId ?? '',
      options: JSON.stringify(wanted.options ?? {}),
      extra: extraText(wanted.extra ?? {}),
    };
    await this.#core.db
      .write(async (tx) => {
        if (wanted.domainId !== undefined) await requireDomain(tx, wanted.domainId);
        await tx.insertInto('roles').values(row).execute();
      })
      .catch(conflictOn('role', sameName(wanted.name)));
    return roleOf(row);
  }

  async update(subject: Subject, id: string, changes: RoleChanges): Promise<Role> {
    requireAdmin(subject, 'update_role');
    const { name, description, options } = changes;
    const change = this.#core.db.write(async (tx) => {
      const isUnlocked = Object.keys(changes).length === 1 && options?.['immutable'] === false;
      await changeable(tx, id, 'modify', isUnlocked);
      const extra = await extraWith(tx, 'roles', id, changes.extra);
      const row = await tx
        .updateTable('roles')
        .set((eb) => ({
          name: name ?? eb.ref('name'),
          description,
          options: options === undefined ? undefined : JSON.stringify(options),
          extra,
        }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      return roleOf(row);
    });
    return change.catch(conflictOn('role', sameName(name ?? '')));
  }

  /** Takes the role from everyone who had it; their tokens end. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_role');
    await this.#core.db.write(async (tx) => {
      await changeable(tx, id, 'delete');
      await this.#endTokens(tx, [id]);
      await tx.deleteFrom('role_assignments').where('role_id', '=', id).execute();
      await tx
        .deleteFrom('implied_roles')
        .where((e) => e.or([e('prior_id', '=', id), e('implied_id', '=', id)]))
        .execute();
      await tx.deleteFrom('roles').where('id', '=', id).execute();
    });
  }

  /** What each role implies directly: prior → implied. */
  async inferences(): Promise<Array<{ prior: Role; implied: Role[] }>> {
    const implications = await readImplications(this.#core.db.read);
    const roles = new Map((await this.all()).map((role) => [role.id, role]));
    return [...implications].flatMap(([priorId, implied]) => {
      const prior = roles.get(priorId);
      if (!prior) return [];
      const list = [...implied].flatMap((id) => roles.get(id) ?? []);
      return [{ prior, implied: list.sort((a, b) => (a.name < b.name ? -1 : 1)) }];
    });
  }

  /** Throws `not_found` where the one role does not imply the other directly. */
  async checkInference(priorId: string, impliedId: string): Promise<void> {
    const implied = (await readImplications(this.#core.db.read)).get(priorId);
    if (!implied?.has(impliedId)) {
      throw new CloudError('not_found', `${priorId} does not imply ${impliedId}.`, { resource: 'role' });
    }
  }

  /** From now on whoever has the one role has the other too. */
  async imply(subject: Subject, priorId: string, impliedId: string): Promise<void> {
    requireAdmin(subject, 'create_implied_role');
    await this.#core.db.write(async (tx) => {
      const prior = await requireRole(tx, priorId);
      const implied = await requireRole(tx, impliedId);
      if (implied.domain_id !== '' && prior.domain_id === '') {
        throw new CloudError(
          'forbidden',
          `Domain specific role ${impliedId} can not be implied by a role of the whole cloud.`,
        );
      }
      if (implied.name === 'admin') throw new CloudError('forbidden', 'The role admin can not be implied by another.');
      if (withImplied([impliedId], await readImplications(tx)).has(priorId)) {
        throw new CloudError('forbidden', 'A role can not imply itself, by whatever way.');
      }
      await tx
        .insertInto('implied_roles')
        .values({ prior_id: priorId, implied_id: impliedId })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  /** Ends that; tokens of those who have the prior role end with it. */
  async implyNoMore(subject: Subject, priorId: string, impliedId: string): Promise<void> {
    requireAdmin(subject, 'delete_implied_role');
    await this.checkInference(priorId, impliedId);
    await this.#core.db.write(async (tx) => {
      const prior = await requireRole(tx, priorId);
      const implied = await requireRole(tx, impliedId);
      if (isBuiltIn(prior.name) && isBuiltIn(implied.name)) {
        throw new CloudError('forbidden', "The cloud's own roles imply what they imply.");
      }
      await this.#endTokens(tx, [priorId]);
      await tx
        .deleteFrom('implied_roles')
        .where('prior_id', '=', priorId)
        .where('implied_id', '=', impliedId)
        .execute();
    });
  }

  async #endTokens(tx: Tx, roleIds: string[]): Promise<void> {
    const rows = await tx
      .selectFrom('role_assignments')
      .select(['actor_id', 'actor_kind'])
      .where('role_id', 'in', roleIds)
      .execute();
    const groups = rows.flatMap(({ actor_id, actor_kind }) => (actor_kind === 'group' ? [actor_id] : []));
    const members =
      groups.length === 0
        ? []
        : await tx.selectFrom('group_members').select('user_id').where('group_id', 'in', groups).execute();
    const users = new Set([
      ...rows.flatMap(({ actor_id, actor_kind }) => (actor_kind === 'user' ? [actor_id] : [])),
      ...members.map(({ user_id }) => user_id),
    ]);
    for (const userId of users) await this.#revocations.revoke(tx, 'user', userId);
  }
}

function sameName(name: string): string {
  return `Duplicate entry found with name ${name}.`;
}

async function requireRole(tx: Tx, id: string) {
  const row = await tx.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw missing('role', id);
  return row;
}

async function requireDomain(tx: Tx, id: string): Promise<void> {
  const row = await tx.selectFrom('domains').select('id').where('id', '=', id).executeTakeFirst();
  if (!row) throw missing('domain', id);
}

async function changeable(tx: Tx, id: string, verb: 'modify' | 'delete', isUnlocked = false): Promise<void> {
  const role = roleOf(await requireRole(tx, id));
  if (!isBuiltIn(role.name) && (role.options['immutable'] !== true || isUnlocked)) return;
  throw new CloudError('forbidden', `Unable to ${verb} immutable role resource: ${id}.`, { resource: 'role', id });
}

/** Whether the cloud's own rules name the role. */
export function isBuiltIn(roleName: string): boolean {
  return (builtInRoles as readonly string[]).includes(roleName);
}
