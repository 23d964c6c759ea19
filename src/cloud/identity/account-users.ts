import type { Queryable, Tx } from '../../database/database.ts';
import type { AccountUsersTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';
import { fullName, heldProject } from './account-names.ts';
import { conflictOn } from './failures.ts';
import { projectOf, type Subject } from './subject.ts';
import type { Users } from './users.ts';

export interface NewAccountUser {
  id?: string;
  name: string;
  description?: string;
  /** Lower-case hex SHA-512 of the password. */
  passwordSha512: string;
}

/**
 * Users whom accounts make for themselves. Each is a user of the domain too, called `account/user` there, with the same
 * password and without any role: what they may do in the account is what policies say, and only to the dialect that knows
 * of these. Disabled, or deleted, there, they can't sign in here either.
 */
export class AccountUsers {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #users: Users;
  readonly #byId;

  constructor(core: Pick<CloudCore, 'db' | 'env'>, users: Users) {
    this.#core = core;
    this.#users = users;
    this.#byId = core.db.prepare<{ userId: string }, AccountUsersTable>((q, p) =>
      q.selectFrom('account_users').selectAll().where('user_id', '=', p.userId),
    );
  }

  /** Which account made the user; undefined for users whom none made. */
  async accountOf(userId: string): Promise<string | undefined> {
    return (await this.#byId.first({ userId }))?.project_id;
  }

  /** The id of an account's user, by the name within the account. */
  async findByName(projectId: string, name: string): Promise<string | undefined> {
    const row = await this.#core.db.read
      .selectFrom('account_users')
      .select('user_id')
      .where('project_id', '=', projectId)
      .where('name', '=', name)
      .executeTakeFirst();
    return row?.user_id;
  }

  /** For the subject's own account. Throws `duplicate` for a name that is taken. */
  async create(subject: Subject, wanted: NewAccountUser): Promise<{ id: string }> {
    const projectId = projectOf(subject);
    const { id, name, description } = wanted;
    const hash = await this.#users.hashOf(wanted.passwordSha512);
    const created = this.#core.db.write(async (tx) => {
      const { name: account, domain_id: domainId } = await this.#held(tx, projectId);
      const full = fullName(account, name);
      const user = await this.#users.createIn(
        tx,
        { id, name: full, domainId, description, defaultProjectId: projectId },
        hash,
      );
      await tx
        .insertInto('account_users')
        .values({
          user_id: user.id,
          project_id: projectId,
          name,
          description: description ?? null,
          created_at: user.createdAt,
          updated_at: user.updatedAt,
        })
        .execute();
      return { id: user.id };
    });
    return created.catch(conflictOn('user', `Duplicate entry found with name ${name} in the account.`));
  }

  /** A new password ends the user's sessions. Throws `not_found`, `duplicate`. */
  async update(
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string; passwordSha512?: string },
  ): Promise<void> {
    const { name, description, passwordSha512 } = changes;
    const hash = await this.#users.hashOf(passwordSha512);
    const change = this.#core.db.write(async (tx) => {
      const row = await claimUser(tx, subject, id);
      const full = name === undefined ? undefined : fullName((await this.#held(tx, row.project_id)).name, name);
      const { updatedAt } = await this.#users.changeIn(tx, id, { name: full, description, passwordSha512 }, hash);
      await tx
        .updateTable('account_users')
        .set({ description, updated_at: updatedAt })
        .where('user_id', '=', id)
        .execute();
    });
    return change.catch(conflictOn('user', `Duplicate entry found with name ${name} in the account.`));
  }

  /** Ends the user's sessions and access keys. Throws `not_found`. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await claimUser(tx, subject, id);
      await this.#users.deleteIn(tx, id);
    });
  }

  /** Deletes all users of an account, as part of deleting the account itself. */
  async deleteAllIn(tx: Tx, projectId: string): Promise<void> {
    const rows = await tx.selectFrom('account_users').select('user_id').where('project_id', '=', projectId).execute();
    for (const { user_id } of rows) await this.#users.deleteIn(tx, user_id);
  }

  async #held(tx: Tx, projectId: string) {
    const project = await heldProject(tx, projectId);
    if (!project) throw notFound('project', projectId);
    return project;
  }
}

/** The user, if the subject may have to do with it, and it is of the account. Throws `not_found`. */
export async function claimUser(
  tx: Queryable,
  subject: Subject,
  id: string,
  projectId?: string,
): Promise<AccountUsersTable> {
  const row = await tx.selectFrom('account_users').selectAll().where('user_id', '=', id).executeTakeFirst();
  const isTheirs = row && (subject.isAdmin || row.project_id === subject.projectId);
  if (!row || !isTheirs || (projectId !== undefined && row.project_id !== projectId)) {
    throw notFound('account_user', id);
  }
  return row;
}
