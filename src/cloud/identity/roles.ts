import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { conflictOn, missing } from './failures.ts';
import { builtInRoles, type Role, roleOf } from './model.ts';
import type { Revocations } from './revocations.ts';
import { requireAdmin, type Subject } from './subject.ts';

/** The roles that may be given. The four built-in ones can't be changed; others mean nothing to the cloud's own rules. */
export class Roles {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
  }

  async list(filters: { name?: string } = {}): Promise<Role[]> {
    const rows = await this.#core.db.read
      .selectFrom('roles')
      .selectAll()
      .$if(filters.name !== undefined, (query) => query.where('name', '=', filters.name!))
      .orderBy('name')
      .execute();
    return rows.map(roleOf);
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<Role> {
    const row = await this.#core.db.read.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw missing('role', id);
    return roleOf(row);
  }

  async create(subject: Subject, wanted: { name: string; description?: string }): Promise<Role> {
    requireAdmin(subject, 'create_role');
    const role = { id: newId(this.#core.env), name: wanted.name, description: wanted.description ?? '' };
    await this.#core.db
      .write((tx) => tx.insertInto('roles').values(role).execute())
      .catch(conflictOn('role', sameName(wanted.name)));
    return role;
  }

  async update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<Role> {
    requireAdmin(subject, 'update_role');
    const { name, description } = changes;
    const change = this.#core.db.write(async (tx) => {
      await changeable(tx, id, 'modify');
      const row = await tx
        .updateTable('roles')
        .set((eb) => ({ name: name ?? eb.ref('name'), description }))
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
      const holders = await tx.deleteFrom('role_assignments').where('role_id', '=', id).returning('user_id').execute();
      for (const userId of new Set(holders.map((holder) => holder.user_id))) {
        await this.#revocations.revoke(tx, 'user', userId);
      }
      await tx.deleteFrom('roles').where('id', '=', id).execute();
    });
  }
}

function sameName(name: string): string {
  return `Duplicate entry found with name ${name}.`;
}

async function changeable(tx: Tx, id: string, verb: 'modify' | 'delete'): Promise<void> {
  const row = await tx.selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw missing('role', id);
  if (isBuiltIn(row.name)) {
    throw new CloudError('forbidden', `Unable to ${verb} immutable role resource: ${id}. The cloud needs it.`, {
      resource: 'role',
      id,
    });
  }
}

/** Whether the cloud's own rules name the role. */
export function isBuiltIn(roleName: string): boolean {
  return (builtInRoles as readonly string[]).includes(roleName);
}

/** The names with those that they imply: admin implies manager, manager member, member reader. Strongest first. */
export function withImplied(names: readonly string[]): string[] {
  const strongest = builtInRoles.findIndex((name) => names.includes(name));
  const implied = strongest < 0 ? [] : builtInRoles.slice(strongest);
  return [...implied, ...names.filter((name) => !isBuiltIn(name)).sort()];
}
