import type { Tx } from '../../database/database.ts';
import type { AccountPoliciesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { claimGroup } from './account-groups.ts';
import { claimUser } from './account-users.ts';
import { actionPattern, type EffectiveStatement, type PolicyStatement } from './policy-statements.ts';
import type { SessionChanges } from './session-changes.ts';
import { projectOf, type Subject } from './subject.ts';

export interface NewAccountPolicy {
  id?: string;
  name: string;
  description?: string;
  statements: readonly PolicyStatement[];
}

/** What users of accounts may do. */
export class AccountPolicies {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #sessionChanges: SessionChanges;
  readonly #ofUser;

  constructor(core: Pick<CloudCore, 'db' | 'env'>, sessionChanges: SessionChanges) {
    this.#core = core;
    this.#sessionChanges = sessionChanges;
    type Found = Pick<AccountPoliciesTable, 'id' | 'name' | 'statements'>;
    this.#ofUser = core.db.prepare<{ userId: string }, Found>((q, p) =>
      q
        .selectFrom('account_policies')
        .select(['id', 'name', 'statements'])
        .where((e) =>
          e.or([
            e('id', 'in', e.selectFrom('account_user_policies').select('policy_id').where('user_id', '=', p.userId)),
            e(
              'id',
              'in',
              e
                .selectFrom('account_group_policies as a')
                .innerJoin('account_group_members as m', 'm.group_id', 'a.group_id')
                .select('a.policy_id')
                .where('m.user_id', '=', p.userId),
            ),
          ]),
        ),
    );
  }

  /** The statements that reach a user, by the user's own policies and those of the groups. */
  async statementsOf(userId: string): Promise<EffectiveStatement[]> {
    const rows = await this.#ofUser.all({ userId });
    return rows.flatMap(({ id, name, statements }) =>
      (JSON.parse(statements) as PolicyStatement[]).map((one) => ({ ...one, policy: { id, name } })),
    );
  }

  /** For the subject's own account. Throws `invalid` for actions that are no patterns of names. */
  async create(subject: Subject, wanted: NewAccountPolicy): Promise<{ id: string }> {
    for (const action of wanted.statements.flatMap(({ actions }) => actions)) {
      if (actionPattern.test(action)) continue;
      throw new CloudError(
        'invalid',
        `invalid action[${action}], it must be the name of an API, or a pattern of names`,
      );
    }
    const now = this.#core.env.now();
    const row: AccountPoliciesTable = {
      id: wanted.id ?? newId(this.#core.env),
      project_id: projectOf(subject),
      name: wanted.name,
      description: wanted.description ?? null,
      statements: JSON.stringify(wanted.statements),
      created_at: now,
      updated_at: now,
    };
    await this.#core.db.write((tx) => tx.insertInto('account_policies').values(row).execute());
    return { id: row.id };
  }

  /** Whoever had it loses what it allowed at once. Throws `not_found`. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const { project_id: projectId } = await claimPolicy(tx, subject, id);
      await this.#sessionChanges.mark(tx, { projectId });
      await tx.deleteFrom('account_policies').where('id', '=', id).execute();
    });
  }

  /** Gives policies to a user: all of them, or none where one is not there. Giving again changes nothing. */
  async attachToUser(subject: Subject, userId: string, policyIds: readonly string[]): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const user = await claimUser(tx, subject, userId);
      await this.#sessionChanges.mark(tx, { userId });
      for (const policy_id of policyIds) {
        await claimPolicy(tx, subject, policy_id, user.project_id);
        await tx
          .insertInto('account_user_policies')
          .values({ user_id: userId, policy_id })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
    });
  }

  /** Takes policies from a user; those that the user has not are taken already. */
  async detachFromUser(subject: Subject, userId: string, policyIds: readonly string[]): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await claimUser(tx, subject, userId);
      await this.#sessionChanges.mark(tx, { userId });
      await tx
        .deleteFrom('account_user_policies')
        .where('user_id', '=', userId)
        .where('policy_id', 'in', [...policyIds, ''])
        .execute();
    });
  }

  async attachToGroup(subject: Subject, groupId: string, policyId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const group = await claimGroup(tx, subject, groupId);
      await this.#sessionChanges.mark(tx, { projectId: group.project_id });
      await claimPolicy(tx, subject, policyId, group.project_id);
      await tx
        .insertInto('account_group_policies')
        .values({ group_id: groupId, policy_id: policyId })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  async detachFromGroup(subject: Subject, groupId: string, policyId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const group = await claimGroup(tx, subject, groupId);
      await this.#sessionChanges.mark(tx, { projectId: group.project_id });
      await tx
        .deleteFrom('account_group_policies')
        .where('group_id', '=', groupId)
        .where('policy_id', '=', policyId)
        .execute();
    });
  }
}

/** The policy, if the subject may have to do with it, and it is of the account. Throws `not_found`. */
async function claimPolicy(tx: Tx, subject: Subject, id: string, projectId?: string): Promise<AccountPoliciesTable> {
  const row = await tx.selectFrom('account_policies').selectAll().where('id', '=', id).executeTakeFirst();
  const isTheirs = row && (subject.isAdmin || row.project_id === subject.projectId);
  if (!row || !isTheirs || (projectId !== undefined && row.project_id !== projectId)) {
    throw notFound('account_policy', id);
  }
  return row;
}
