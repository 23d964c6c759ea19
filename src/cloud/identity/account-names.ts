import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { CloudError } from '../errors.ts';

/** Keystone's names are no longer. */
const maxNameLength = 255;

interface Renamed {
  id: string;
  name: string;
  now: number;
}

interface Place {
  id: string;
  name: string;
  domainId: string;
}

const ownerOf = statement<Place, { id: string }>((q, p) =>
  q
    .selectFrom('users')
    .select('id')
    .where('id', '=', (e) =>
      e.fn.coalesce(
        e.selectFrom('account_owners').select('user_id').where('project_id', '=', p.id),
        e
          .selectFrom('users as u')
          .select('u.id')
          .where('u.name', '=', p.name)
          .where('u.domain_id', '=', p.domainId)
          // Who has no role in the project has its name by chance: who asks for the account must not reach them.
          .where((f) =>
            f.exists(
              f
                .selectFrom('role_assignments as r')
                .select('r.role_id')
                .where('r.target_kind', '=', 'project')
                .where('r.target_id', '=', p.id)
                .where('r.inherited', '=', 0)
                .where((g) =>
                  g.or([
                    g('r.actor_id', '=', g.ref('u.id')),
                    g(
                      'r.actor_id',
                      'in',
                      g.selectFrom('group_members as m').select('m.group_id').whereRef('m.user_id', '=', 'u.id'),
                    ),
                  ]),
                ),
            ),
          ),
      ),
    ),
);

/**
 * The user who is the project's account: the one of its name who has a role in it, or who was that before one of them was
 * renamed.
 */
export async function accountOwner(db: Queryable, { id, name, domainId }: Place): Promise<string | undefined> {
  return (await ownerOf.first(db, { id, name, domainId }))?.id;
}

/** What a user of an account is called in the domain. Throws `invalid` for names that are too long together. */
export function fullName(account: string, name: string): string {
  const full = `${account}/${name}`;
  if (full.length <= maxNameLength) return full;
  const words = `The names of account and user have ${maxNameLength - 1} characters at most together.`;
  throw new CloudError('invalid', words, { field: 'name' });
}

/** A project whose name nobody changes until the transaction ends: users are called by it. */
export async function heldProject(tx: Tx, id: string) {
  const query = tx.selectFrom('projects').select(['name', 'domain_id']).where('id', '=', id);
  return await query.forUpdate().executeTakeFirst();
}

/**
 * Before a project gets another name: whoever is its account stays that, and the users whom the account made for itself
 * are called by the new name.
 */
export async function followProject(tx: Tx, { id, name, now }: Renamed): Promise<void> {
  const before = await heldProject(tx, id);
  if (!before || before.name === name) return;
  const namesake = tx
    .selectFrom('users')
    .select('id')
    .where('name', '=', before.name)
    .where('domain_id', '=', before.domain_id);
  const user = await namesake.executeTakeFirst();
  if (user) await keepOwner(tx, { projectId: id, userId: user.id });
  const own = await tx.selectFrom('account_users').select('name').where('project_id', '=', id).execute();
  for (const one of own) fullName(name, one.name);
  if (own.length === 0) return;
  const called = sql<string>`(select ${name} || '/' || a.name from account_users as a where a.user_id = users.id)`;
  await tx
    .updateTable('users')
    .set({ name: called, updated_at: now })
    .where('id', 'in', (e) => e.selectFrom('account_users').select('user_id').where('project_id', '=', id))
    .execute();
}

/**
 * Before a user gets another name: an account's own user stays that. A user whom an account made keeps the account's name
 * in front; throws `invalid` for a name without it.
 */
export async function followUser(tx: Tx, { id, name, now }: Renamed): Promise<void> {
  const before = await tx.selectFrom('users').select(['name', 'domain_id']).where('id', '=', id).executeTakeFirst();
  if (!before || before.name === name) return;
  const project = await tx
    .selectFrom('projects')
    .select('id')
    .where('name', '=', before.name)
    .where('domain_id', '=', before.domain_id)
    .executeTakeFirst();
  if (project) await keepOwner(tx, { projectId: project.id, userId: id });
  const own = await tx.selectFrom('account_users').select('project_id').where('user_id', '=', id).executeTakeFirst();
  const account = own && (await heldProject(tx, own.project_id));
  if (!account) return;
  const rest = name.startsWith(`${account.name}/`) ? name.slice(account.name.length + 1) : '';
  if (rest === '') {
    const words = `A user of an account has the name of the account in front: ${account.name}/…`;
    throw new CloudError('invalid', words, { field: 'name' });
  }
  await tx.updateTable('account_users').set({ name: rest, updated_at: now }).where('user_id', '=', id).execute();
}

/** Whoever has a role in the project of their name is the account; others are namesakes by chance. */
async function keepOwner(tx: Tx, { projectId, userId }: { projectId: string; userId: string }): Promise<void> {
  const role = await tx
    .selectFrom('role_assignments')
    .select('role_id')
    .where('actor_id', '=', userId)
    .where('target_kind', '=', 'project')
    .where('target_id', '=', projectId)
    .executeTakeFirst();
  if (!role) return;
  await tx
    .insertInto('account_owners')
    .values({ project_id: projectId, user_id: userId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
