import type { Tx } from '../../database/database.ts';
import type { AccountGroupsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';
import { claimUser } from './account-users.ts';
import type { SessionChanges } from './session-changes.ts';
import { projectOf, type Subject } from './subject.ts';

/** Users of one account who have policies together. Keystone's groups are others: these say nothing of roles. */
export class AccountGroups {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #sessionChanges: SessionChanges;

  constructor(core: Pick<CloudCore, 'db' | 'env'>, sessionChanges: SessionChanges) {
    this.#core = core;
    this.#sessionChanges = sessionChanges;
  }

  /** For the subject's own account. */
  async create(subject: Subject, wanted: { id?: string; name: string; description?: string }): Promise<{ id: string }> {
    const now = this.#core.env.now();
    const row: AccountGroupsTable = {
      id: wanted.id ?? newId(this.#core.env),
      project_id: projectOf(subject),
      name: wanted.name,
      description: wanted.description ?? null,
      created_at: now,
      updated_at: now,
    };
    await this.#core.db.write((tx) => tx.insertInto('account_groups').values(row).execute());
    return { id: row.id };
  }

  /** Throws `not_found`. */
  async update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    const { name, description } = changes;
    await this.#core.db.write(async (tx) => {
      await claimGroup(tx, subject, id);
      const updated_at = this.#core.env.now();
      await tx.updateTable('account_groups').set({ name, description, updated_at }).where('id', '=', id).execute();
    });
  }

  /** Its members lose what its policies allowed at once. Throws `not_found`. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const { project_id: projectId } = await claimGroup(tx, subject, id);
      await this.#sessionChanges.mark(tx, { projectId });
      await tx.deleteFrom('account_groups').where('id', '=', id).execute();
    });
  }

  /** The user must be of the same account. Throws `not_found`. */
  async add(subject: Subject, id: string, userId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const group = await claimGroup(tx, subject, id);
      await claimUser(tx, subject, userId, group.project_id);
      await this.#sessionChanges.mark(tx, { userId });
      await tx
        .insertInto('account_group_members')
        .values({ group_id: id, user_id: userId })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  /** One who is not in the group has left it already. */
  async remove(subject: Subject, id: string, userId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await claimGroup(tx, subject, id);
      await this.#sessionChanges.mark(tx, { userId });
      await tx.deleteFrom('account_group_members').where('group_id', '=', id).where('user_id', '=', userId).execute();
    });
  }
}

/** The group, if the subject may have to do with it. Throws `not_found`. */
export async function claimGroup(tx: Tx, subject: Subject, id: string): Promise<AccountGroupsTable> {
  const row = await tx.selectFrom('account_groups').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || !(subject.isAdmin || row.project_id === subject.projectId)) throw notFound('account_group', id);
  return row;
}
