import type { Selectable } from 'kysely';
import type { Tx } from '../../database/database.ts';
import type { UsersTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { followUser } from './account-names.ts';
import { extraText, extraWith } from './extra.ts';
import { conflictOn, missing, notAuthenticated } from './failures.ts';
import { FormerPasswords } from './former-passwords.ts';
import { adminAccountId, defaultDomainId, type Options, type User, userOf } from './model.ts';
import type { Passwords } from './passwords.ts';
import { areEnough } from './required-methods.ts';
import type { Revocations } from './revocations.ts';
import {
  asActive,
  isNewDay,
  passwordExpiry,
  refuseExpiredPassword,
  refuseWeakPassword,
  refuseYoungPassword,
  type SecurityCompliance,
} from './security-compliance.ts';
import type { SessionChanges } from './session-changes.ts';
import { listedDomain, mayReadDomain, requireAdmin, requireManager, type Subject } from './subject.ts';

export interface UserFilters {
  name?: string;
  domainId?: string;
  enabled?: boolean;
  /** Of whom the password expires then; users whose password never does fit none but `neq`. */
  passwordExpiresAt?: { operator: '<' | '<=' | '>' | '>=' | '=' | '!='; time: number };
}

export interface NewUser {
  /** Chosen by the engine unless given. */
  id?: string;
  name: string;
  domainId?: string;
  /** Lower-case hex SHA-512 of the password. Without one the user can't sign in. */
  passwordSha512?: string;
  email?: string;
  description?: string;
  enabled?: boolean;
  defaultProjectId?: string;
  options?: Options;
  extra?: Options;
}

/** Undefined leaves a member as it is; null takes the value away. */
export interface UserChanges {
  name?: string;
  passwordSha512?: string;
  email?: string | null;
  description?: string;
  enabled?: boolean;
  defaultProjectId?: string | null;
  options?: Options;
  /** Over what there is. */
  extra?: Options;
}

/** Those who sign in. */
export class Users {
  readonly #core: CloudCore;
  readonly #passwords: Passwords;
  readonly #revocations: Revocations;
  readonly #sessionChanges: SessionChanges;
  readonly #formerPasswords: FormerPasswords;

  constructor(core: CloudCore, passwords: Passwords, revocations: Revocations, sessionChanges: SessionChanges) {
    this.#core = core;
    this.#passwords = passwords;
    this.#revocations = revocations;
    this.#sessionChanges = sessionChanges;
    this.#formerPasswords = new FormerPasswords(core, passwords);
  }

  async list(subject: Subject, filters: UserFilters = {}): Promise<User[]> {
    const domainId = listedDomain(subject, filters.domainId, 'list_users');
    const rows = await this.#core.db.read
      .selectFrom('users')
      .selectAll()
      .$if(filters.name !== undefined, (query) => query.where('name', '=', filters.name!))
      .$if(domainId !== undefined, (query) => query.where('domain_id', '=', domainId!))
      .$if(filters.enabled === true, (query) => query.where('enabled', '=', 1))
      .$if(filters.passwordExpiresAt !== undefined, (query) =>
        query.where('password_expires_at', filters.passwordExpiresAt!.operator, filters.passwordExpiresAt!.time),
      )
      .orderBy('name')
      .orderBy('id')
      .execute();
    const { enabled } = filters;
    return rows.map((row) => this.#userOf(row)).filter((user) => enabled === undefined || user.enabled === enabled);
  }

  /** Throws `not_found`, and `forbidden` for those who are neither the user nor may look at their domain. */
  async get(subject: Subject, id: string): Promise<User> {
    const found = await this.find(id);
    if (subject.userId !== id && !mayReadDomain(subject, found?.user.domainId)) requireAdmin(subject, 'get_user');
    if (!found) throw missing('user', id);
    return found.user;
  }

  async find(id: string): Promise<{ user: User; passwordHash: string | undefined } | undefined> {
    const row = await this.#core.db.read.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
    return row && { user: this.#userOf(row), passwordHash: row.password_hash ?? undefined };
  }

  async findByName(name: string, domainId: string) {
    const row = await this.#core.db.read
      .selectFrom('users')
      .selectAll()
      .where('name', '=', name)
      .where('domain_id', '=', domainId)
      .executeTakeFirst();
    return row && { user: this.#userOf(row), passwordHash: row.password_hash ?? undefined };
  }

  async create(subject: Subject, wanted: NewUser): Promise<User> {
    requireManager(subject, wanted.domainId ?? defaultDomainId, 'create_user');
    const hash = await this.hashOf(wanted.passwordSha512);
    return this.#core.db
      .write((tx) => this.createIn(tx, wanted, hash))
      .catch(conflictOn('user', sameName(wanted.name, wanted.domainId ?? defaultDomainId)));
  }

  /** Creates a user as part of a larger change; asks for no permission. */
  async createIn(tx: Tx, wanted: NewUser, passwordHash: string | undefined): Promise<User> {
    const now = this.#core.env.now();
    const row = await tx
      .insertInto('users')
      .values({
        id: wanted.id ?? newId(this.#core.env),
        domain_id: wanted.domainId ?? defaultDomainId,
        name: wanted.name,
        email: wanted.email ?? null,
        description: wanted.description ?? '',
        enabled: wanted.enabled === false ? 0 : 1,
        default_project_id: wanted.defaultProjectId ?? null,
        password_hash: passwordHash ?? null,
        options: JSON.stringify(withOptions({}, wanted.options)),
        extra: extraText(wanted.extra ?? {}),
        failed_logins: null,
        last_failed_at: null,
        password_changed_at: passwordHash === undefined ? null : now,
        password_expires_at: passwordHash === undefined ? null : this.#expiry(wanted.id, wanted.options ?? {}, false),
        last_active_at: null,
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return this.#userOf(row);
  }

  hashOf(passwordSha512: string | undefined): Promise<string> | undefined {
    return passwordSha512 === undefined ? undefined : this.#passwords.hash(passwordSha512);
  }

  /** A new password, or disabling, ends every token of the user. */
  async update(subject: Subject, id: string, changes: UserChanges): Promise<User> {
    requireManager(subject, (await this.find(id))?.user.domainId, 'update_user');
    const hash = await this.hashOf(changes.passwordSha512);
    return this.#core.db
      .write((tx) => this.changeIn(tx, id, changes, hash))
      .catch(conflictOn('user', sameName(changes.name ?? '')));
  }

  /** Changes a password for whoever knows the old one. */
  async changePassword(id: string, oldSha512: string, newSha512: string): Promise<void> {
    const found = await this.find(id);
    const isRight = await this.verifyPassword(oldSha512, found?.passwordHash);
    const isLet = await this.settle(found?.user, isRight ? 'partial' : 'wrong');
    if (!found?.user.enabled || !isLet) throw notAuthenticated();
    if (found.user.options['lock_password'] === true) {
      throw new CloudError('forbidden', 'The password is locked: an administrator has to change it.');
    }
    if (newSha512 === oldSha512) {
      throw new CloudError('invalid', 'The new password must not be the old one.', { field: 'password' });
    }
    refuseYoungPassword(this.#rules, found.user, this.#core.env.now());
    await this.#formerPasswords.refuseRepeated(id, newSha512, found.passwordHash);
    const hash = await this.#passwords.hash(newSha512);
    await this.#core.db.write((tx) => this.changeIn(tx, id, { passwordSha512: newSha512 }, hash, true));
  }

  /** The user's assignments and key pairs go along; what they made belongs to projects and stays. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireManager(subject, (await this.find(id))?.user.domainId, 'delete_user');
    if (id === adminAccountId) throw new CloudError('forbidden', "The cloud's first administrator stays.");
    await this.#core.db.write((tx) => this.deleteIn(tx, id));
  }

  /** Deletes a user as part of a larger change; asks for no permission. */
  async deleteIn(tx: Tx, id: string): Promise<void> {
    await tx.deleteFrom('role_assignments').where('actor_id', '=', id).execute();
    await tx.deleteFrom('group_members').where('user_id', '=', id).execute();
    await tx.deleteFrom('application_credentials').where('user_id', '=', id).execute();
    await tx.deleteFrom('access_rules').where('user_id', '=', id).execute();
    await tx.deleteFrom('access_keys').where('user_id', '=', id).execute();
    await tx.deleteFrom('credentials').where('user_id', '=', id).execute();
    await tx.deleteFrom('oauth_request_tokens').where('user_id', '=', id).execute();
    await tx.deleteFrom('oauth_access_tokens').where('user_id', '=', id).execute();
    await tx
      .updateTable('trusts')
      .set({ deleted_at: this.#core.env.now() })
      .where((e) => e.or([e('trustor_id', '=', id), e('trustee_id', '=', id)]))
      .execute();
    await tx.deleteFrom('keypairs').where('user_id', '=', id).execute();
    const { numDeletedRows } = await tx.deleteFrom('users').where('id', '=', id).executeTakeFirst();
    if (numDeletedRows === 0n) throw missing('user', id);
    await this.#revocations.revoke(tx, 'user', id);
  }

  /**
   * Changes a user as part of a larger change; asks for no permission.
   * @param isOwn whether the password is one that the user has chosen
   */
  async changeIn(tx: Tx, id: string, changes: UserChanges, hash: string | undefined, isOwn = false): Promise<User> {
    const { name, email, description, enabled, defaultProjectId, options, extra } = changes;
    const now = this.#core.env.now();
    const before = options !== undefined || hash !== undefined ? await this.#optionsOf(tx, id) : {};
    const set = options && withOptions(before, options);
    if (hash !== undefined) await this.#formerPasswords.keep(tx, id);
    if (name !== undefined) {
      await followUser(tx, { id, name, now });
      await this.#sessionChanges.mark(tx, { userId: id });
    }
    const row = await tx
      .updateTable('users')
      .set({
        name,
        email,
        description,
        enabled: enabled === undefined ? undefined : enabled ? 1 : 0,
        default_project_id: defaultProjectId,
        password_hash: hash,
        ...(hash === undefined
          ? {}
          : { password_changed_at: now, password_expires_at: this.#expiry(id, set ?? before, isOwn) }),
        // Who is enabled again starts anew.
        ...(hash === undefined && enabled !== true ? {} : { failed_logins: null, last_failed_at: null }),
        ...(enabled === true ? { last_active_at: now } : {}),
        options: set === undefined ? undefined : JSON.stringify(set),
        extra: await extraWith(tx, 'users', id, extra),
        updated_at: now,
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw missing('user', id);
    if (hash !== undefined || enabled === false) await this.#revocations.revoke(tx, 'user', id);
    return this.#userOf(row);
  }

  /**
   * Whether the password is the user's and all that is asked of them, and they are not locked out after too many wrong
   * ones. Takes as long for users that are not there. Throws `unauthenticated` where the password has expired.
   */
  async signIn(found: { user: User; passwordHash: string | undefined } | undefined, sha512: string): Promise<boolean> {
    const isRight = await this.verifyPassword(sha512, found?.passwordHash);
    const isEnough = found !== undefined && areEnough(['password'], found.user.options);
    const attempt = !isRight ? 'wrong' : isEnough ? 'right' : 'partial';
    const isLet = (await this.settle(found?.user, attempt)) && isEnough;
    if (isLet) this.refuseExpired(found.user);
    return isLet;
  }

  /** Throws `unauthenticated` where the user's password has expired, in words by which clients ask for a new one. */
  refuseExpired(user: User): void {
    refuseExpiredPassword(user, this.#core.env.now());
  }

  /** To be told whenever somebody has signed in. */
  async cameIn(user: User): Promise<void> {
    const now = this.#core.env.now();
    if (this.#rules.disableUserAccountDaysInactive === 0 || !isNewDay(user, now)) return;
    await this.#core.db.write((tx) =>
      tx.updateTable('users').set({ last_active_at: now }).where('id', '=', user.id).execute(),
    );
  }

  /**
   * Counts an attempt to sign in: whether its proofs were right, and the user is not locked out after too many wrong ones.
   * What was right as far as it went (`partial`) takes no wrong one back: with a stolen password nobody tries passcodes
   * for ever.
   */
  async settle(user: User | undefined, attempt: 'right' | 'partial' | 'wrong'): Promise<boolean> {
    const isRight = attempt !== 'wrong';
    const { lockoutFailureAttempts: most, lockoutDuration } = this.#rules;
    if (!user || most === 0 || user.options['ignore_lockout_failure_attempts'] === true) return isRight;
    const now = this.#core.env.now();
    return await this.#core.db.write(async (tx) => {
      const query = tx.selectFrom('users').select(['failed_logins', 'last_failed_at']).where('id', '=', user.id);
      const row = await query.forUpdate().executeTakeFirst();
      const failed = row?.failed_logins ?? 0;
      const isOver = (row?.last_failed_at ?? 0) + lockoutDuration * 1_000_000 <= now;
      if (failed >= most && !isOver) return false;
      if (isRight && (failed === 0 || attempt === 'partial')) return true;
      const failed_logins = isRight ? null : isOver && failed >= most ? 1 : failed + 1;
      await tx
        .updateTable('users')
        .set({ failed_logins, last_failed_at: isRight ? null : now })
        .where('id', '=', user.id)
        .execute();
      return isRight;
    });
  }

  async #optionsOf(tx: Tx, id: string): Promise<Options> {
    const query = tx.selectFrom('users').select('options').where('id', '=', id);
    const row = await query.forUpdate().executeTakeFirst();
    return row ? (JSON.parse(row.options) as Options) : {};
  }

  /** Refuses a password that is not as the cloud's operator wants them. */
  requireStrong(password: string | null | undefined): void {
    refuseWeakPassword(this.#rules, password);
  }

  get #rules(): SecurityCompliance {
    return this.#core.settings.securityCompliance;
  }

  #userOf(row: Selectable<UsersTable>): User {
    return asActive(this.#rules, userOf(row), this.#core.env.now());
  }

  /** The cloud's first administrator has a password that an operator chose when the cloud was made: it is their own. */
  #expiry(id: string | undefined, options: Options, isOwn: boolean): number | null {
    return passwordExpiry(this.#rules, { now: this.#core.env.now(), options, isOwn: isOwn || id === adminAccountId });
  }

  /** Whether the password is the user's; takes as long for users that are not there. */
  verifyPassword(passwordSha512: string, hash: string | undefined): Promise<boolean> {
    return this.#passwords.verify(passwordSha512, hash);
  }
}

/** The options with the changes; null takes one away. */
function withOptions(options: Options, changes: Options = {}): Options {
  return Object.fromEntries(Object.entries({ ...options, ...changes }).filter(([, value]) => value !== null));
}

function sameName(name: string, domainId?: string): string {
  const where = domainId === undefined ? "in the user's domain" : `at domain ID ${domainId}`;
  return `Duplicate entry found with name ${name} ${where}.`;
}
