import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { membersOf } from './assignments.ts';
import { extraText, extraWith } from './extra.ts';
import { conflictOn, missing } from './failures.ts';
import { defaultDomainId, type Group, groupOf, type Options, type User, userOf } from './model.ts';
import type { Revocations } from './revocations.ts';
import { asActive } from './security-compliance.ts';
import { isManager, listedDomain, mayReadDomain, requireAdmin, requireManager, type Subject } from './subject.ts';

/** Users who get roles together. */
export class Groups {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
  }

  async list(subject: Subject, filters: { name?: string; domainId?: string } = {}): Promise<Group[]> {
    return this.all({ ...filters, domainId: listedDomain(subject, filters.domainId, 'list_groups') });
  }

  /** Every group, for names in views; asks for no permission. */
  async all(filters: { name?: string; domainId?: string } = {}): Promise<Group[]> {
    const rows = await this.#core.db.read
      .selectFrom('groups')
      .selectAll()
      .$if(filters.name !== undefined, (query) => query.where('name', '=', filters.name!))
      .$if(filters.domainId !== undefined, (query) => query.where('domain_id', '=', filters.domainId!))
      .orderBy('name')
      .orderBy('id')
      .execute();
    return rows.map(groupOf);
  }

  async get(subject: Subject, id: string): Promise<Group> {
    const row = await this.#core.db.read.selectFrom('groups').selectAll().where('id', '=', id).executeTakeFirst();
    if (!mayReadDomain(subject, row?.domain_id)) requireAdmin(subject, 'get_group');
    if (!row) throw missing('group', id);
    return groupOf(row);
  }

  async create(
    subject: Subject,
    wanted: { name: string; domainId?: string; description?: string; extra?: Options },
  ): Promise<Group> {
    requireManager(subject, wanted.domainId ?? defaultDomainId, 'create_group');
    const row = {
      id: newId(this.#core.env),
      domain_id: wanted.domainId ?? defaultDomainId,
      name: wanted.name,
      description: wanted.description ?? '',
      extra: extraText(wanted.extra ?? {}),
    };
    await this.#core.db
      .write(async (tx) => {
        const domain = await tx.selectFrom('domains').select('id').where('id', '=', row.domain_id).executeTakeFirst();
        if (!domain) throw missing('domain', row.domain_id);
        await tx.insertInto('groups').values(row).execute();
      })
      .catch(conflictOn('group', `Duplicate entry found with name ${wanted.name}.`));
    return groupOf(row);
  }

  async update(
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string; extra?: Options },
  ): Promise<Group> {
    requireManager(subject, await this.#domainOf('groups', id), 'update_group');
    const { name, description } = changes;
    const change = this.#core.db.write(async (tx) => {
      const extra = await extraWith(tx, 'groups', id, changes.extra);
      const row = await tx
        .updateTable('groups')
        .set((e) => ({ name: name ?? e.ref('name'), description, extra }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw missing('group', id);
      return groupOf(row);
    });
    return change.catch(conflictOn('group', `Duplicate entry found with name ${name}.`));
  }

  /** Its members lose what roles they had by it, and their tokens. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireManager(subject, await this.#domainOf('groups', id), 'delete_group');
    await this.#core.db.write(async (tx) => {
      for (const userId of await membersOf(tx, id)) await this.#revocations.revoke(tx, 'user', userId);
      await tx.deleteFrom('group_members').where('group_id', '=', id).execute();
      await tx.deleteFrom('role_assignments').where('actor_id', '=', id).execute();
      const { numDeletedRows } = await tx.deleteFrom('groups').where('id', '=', id).executeTakeFirst();
      if (numDeletedRows === 0n) throw missing('group', id);
    });
  }

  async members(subject: Subject, id: string): Promise<User[]> {
    await this.get(subject, id);
    const rows = await this.#core.db.read
      .selectFrom('users')
      .innerJoin('group_members', 'group_members.user_id', 'users.id')
      .selectAll('users')
      .where('group_id', '=', id)
      .orderBy('users.name')
      .execute();
    const { env, settings } = this.#core;
    return rows.map((row) => asActive(settings.securityCompliance, userOf(row), env.now()));
  }

  /** The groups of a user: one's own, or as an administrator anyone's. */
  async of(subject: Subject, userId: string): Promise<Group[]> {
    if (subject.userId !== userId && !mayReadDomain(subject, await this.#domainOf('users', userId))) {
      requireAdmin(subject, 'list_groups_for_user');
    }
    const { read } = this.#core.db;
    const user = await read.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst();
    if (!user) throw missing('user', userId);
    const rows = await read
      .selectFrom('groups')
      .innerJoin('group_members', 'group_members.group_id', 'groups.id')
      .selectAll('groups')
      .where('user_id', '=', userId)
      .orderBy('groups.name')
      .execute();
    return rows.map(groupOf);
  }

  async add(subject: Subject, id: string, userId: string): Promise<void> {
    await this.#requireManagerOfBoth(subject, id, userId, 'add_user_to_group');
    await this.get(subject, id);
    await this.#core.db.write(async (tx) => {
      const user = await tx.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst();
      if (!user) throw missing('user', userId);
      await tx
        .insertInto('group_members')
        .values({ group_id: id, user_id: userId })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  /** Throws `not_found` where the user is not of the group. */
  async check(subject: Subject, id: string, userId: string): Promise<void> {
    const domains = [await this.#domainOf('groups', id), await this.#domainOf('users', userId)];
    const mayRead = subject.userId === userId || domains.every((domainId) => mayReadDomain(subject, domainId));
    if (!mayRead) requireAdmin(subject, 'check_user_in_group');
    if (!(await membersOf(this.#core.db.read, id)).includes(userId)) throw noMember(id, userId);
  }

  /** The user loses what roles they had by the group, and their tokens. */
  async remove(subject: Subject, id: string, userId: string): Promise<void> {
    await this.#requireManagerOfBoth(subject, id, userId, 'remove_user_from_group');
    await this.#core.db.write(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('group_members')
        .where('group_id', '=', id)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw noMember(id, userId);
      await this.#revocations.revoke(tx, 'user', userId);
    });
  }

  async #domainOf(table: 'groups' | 'users', id: string): Promise<string | undefined> {
    const query = this.#core.db.read.selectFrom(table).select('domain_id').where('id', '=', id);
    return (await query.executeTakeFirst())?.domain_id;
  }

  /** Managers bring together what is of their domain: a group of it and a user of it. */
  async #requireManagerOfBoth(subject: Subject, groupId: string, userId: string, action: string): Promise<void> {
    const domains = [await this.#domainOf('groups', groupId), await this.#domainOf('users', userId)];
    if (!domains.every((domainId) => isManager(subject, domainId))) requireAdmin(subject, action);
  }
}

function noMember(id: string, userId: string): CloudError {
  return new CloudError('not_found', `User '${userId}' not found in group '${id}'.`, { resource: 'user' });
}
