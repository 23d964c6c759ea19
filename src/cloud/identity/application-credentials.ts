import type { Queryable, Tx } from '../../database/database.ts';
import type { AccessRulesTable, ApplicationCredentialsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Assignments } from './assignments.ts';
import { conflictOn, missing } from './failures.ts';
import { type Passwords, sha512Hex } from './passwords.ts';
import type { Revocations } from './revocations.ts';
import { mayReadIdentity, requireAdmin, type Subject } from './subject.ts';

/** One request that a program may make. */
export interface AccessRule {
  id: string;
  /** The service's type, as `compute`. */
  service: string;
  /** `*` and `{name}` stand for one part of the path, `**` for any number. */
  path: string;
  method: string;
}

/** With which a program signs in for a user, for one project and with some of the user's roles. */
export interface ApplicationCredential {
  id: string;
  userId: string;
  projectId: string;
  name: string;
  description: string | null;
  roleIds: string[];
  /** Absent where everything is allowed. */
  accessRules: AccessRule[] | undefined;
  /** It may make further credentials and trusts. */
  isUnrestricted: boolean;
  expiresAt: number | null;
}

export interface NewApplicationCredential {
  name: string;
  description?: string | null;
  /** Made up unless given. */
  secret?: string;
  /** All that the user has on the project unless given. */
  roles?: Array<{ id?: string; name?: string }>;
  accessRules?: Array<{ id?: string; service?: string; path?: string; method?: string }>;
  isUnrestricted?: boolean;
  /** Microseconds. */
  expiresAt?: number | null;
}

/** Rules travel in each token of the credential: together they may have this many characters. */
const maxRulesLength = 3000;

const ruleOf = ({ id, service, path, method }: AccessRulesTable): AccessRule => ({ id, service, path, method });

/** Credentials of applications, and the rules of what they may ask for. They are their user's own business. */
export class ApplicationCredentials {
  readonly #core: CloudCore;
  readonly #passwords: Passwords;
  readonly #assignments: Assignments;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, passwords: Passwords, assignments: Assignments, revocations: Revocations) {
    this.#core = core;
    this.#passwords = passwords;
    this.#assignments = assignments;
    this.#revocations = revocations;
  }

  async list(subject: Subject, userId: string, filters: { name?: string } = {}): Promise<ApplicationCredential[]> {
    requireReader(subject, userId, 'list_application_credentials');
    const { read } = this.#core.db;
    const rows = await read
      .selectFrom('application_credentials')
      .selectAll()
      .where('user_id', '=', userId)
      .$if(filters.name !== undefined, (query) => query.where('name', '=', filters.name!))
      .orderBy('name')
      .execute();
    return await Promise.all(rows.map((row) => this.#credentialOf(read, row)));
  }

  async get(subject: Subject, userId: string, id: string): Promise<ApplicationCredential> {
    requireReader(subject, userId, 'get_application_credential');
    const found = await this.find(id);
    if (found?.userId !== userId) throw missing('application credential', id);
    return found;
  }

  async find(id: string): Promise<ApplicationCredential | undefined> {
    const { read } = this.#core.db;
    const row = await read.selectFrom('application_credentials').selectAll().where('id', '=', id).executeTakeFirst();
    return row && (await this.#credentialOf(read, row));
  }

  /** The one that the reference names, if the secret is its own. Takes as long for one that is not there. */
  async prove(
    reference: { id?: string; name?: string; userId?: string },
    secret: string,
  ): Promise<ApplicationCredential | undefined> {
    const { read } = this.#core.db;
    const query = read.selectFrom('application_credentials').selectAll();
    const row = await (reference.id === undefined
      ? query.where('name', '=', reference.name ?? '').where('user_id', '=', reference.userId ?? '')
      : query.where('id', '=', reference.id)
    ).executeTakeFirst();
    const isRight = await this.#passwords.verify(sha512Hex(secret), row?.secret_hash);
    if (!row || !isRight) return undefined;
    if (row.expires_at !== null && row.expires_at <= this.#core.env.now()) return undefined;
    return await this.#credentialOf(read, row);
  }

  /** For oneself, on the project of one's token. The secret is told once, here. */
  async create(
    subject: Subject,
    userId: string,
    wanted: NewApplicationCredential,
  ): Promise<{ credential: ApplicationCredential; secret: string }> {
    requireSelf(subject, userId, 'create_application_credential');
    const projectId = subject.projectId;
    if (!projectId) throw new CloudError('invalid', 'An application credential needs a token for a project.');
    const { env, db } = this.#core;
    if (wanted.expiresAt && wanted.expiresAt <= env.now()) {
      throw new CloudError('invalid', 'The expiry of the application credential is in the past.', {
        field: 'expires_at',
      });
    }
    const roleIds = await this.#rolesOf(userId, projectId, wanted.roles);
    const secret = wanted.secret ?? env.randomBytes(64).toString('base64url');
    const secretHash = await this.#passwords.hash(sha512Hex(secret));
    const row = await db
      .write(async (tx) => {
        const rules = wanted.accessRules && (await this.#ensureRules(tx, userId, wanted.accessRules));
        const made: ApplicationCredentialsTable = {
          id: newId(env),
          user_id: userId,
          project_id: projectId,
          name: wanted.name,
          description: wanted.description ?? null,
          secret_hash: secretHash,
          roles: JSON.stringify(roleIds),
          access_rules: rules ? JSON.stringify(rules.map(({ id }) => id)) : null,
          unrestricted: wanted.isUnrestricted ? 1 : 0,
          expires_at: wanted.expiresAt ?? null,
          created_at: env.now(),
        };
        await tx.insertInto('application_credentials').values(made).execute();
        return made;
      })
      .catch(conflictOn('application credential', `Duplicate entry found with name ${wanted.name}.`));
    return { credential: await this.#credentialOf(db.read, row), secret };
  }

  /** Ends its tokens too. */
  async delete(subject: Subject, userId: string, id: string): Promise<void> {
    if (!subject.isAdmin) requireSelf(subject, userId, 'delete_application_credential');
    if ((await this.find(id))?.userId !== userId) throw missing('application credential', id);
    await this.#core.db.write(async (tx) => {
      await tx.deleteFrom('application_credentials').where('id', '=', id).execute();
      await this.#revocations.revoke(tx, 'credential', id);
    });
  }

  async rules(subject: Subject, userId: string, filters: Partial<AccessRule> = {}): Promise<AccessRule[]> {
    requireReader(subject, userId, 'list_access_rules');
    const rows = await this.#core.db.read
      .selectFrom('access_rules')
      .selectAll()
      .where('user_id', '=', userId)
      .execute();
    const wanted = Object.entries(filters).filter(([, value]) => value !== undefined);
    return rows.map(ruleOf).filter((rule) => wanted.every(([key, value]) => rule[key as keyof AccessRule] === value));
  }

  async rule(subject: Subject, userId: string, id: string): Promise<AccessRule> {
    const found = (await this.rules(subject, userId)).find((rule) => rule.id === id);
    if (!found) throw missing('access rule', id);
    return found;
  }

  /** Refused while a credential has it. */
  async deleteRule(subject: Subject, userId: string, id: string): Promise<void> {
    await this.rule(subject, userId, id);
    await this.#core.db.write(async (tx) => {
      const users = await tx
        .selectFrom('application_credentials')
        .select('access_rules')
        .where('user_id', '=', userId)
        .where('access_rules', 'is not', null)
        .execute();
      if (users.some(({ access_rules }) => (JSON.parse(access_rules!) as string[]).includes(id))) {
        throw new CloudError('forbidden', `Access rule ${id} is used by an application credential.`);
      }
      await tx.deleteFrom('access_rules').where('id', '=', id).execute();
    });
  }

  /** The user's roles on the project that are asked for, or all of them; implied ones are among them. */
  async #rolesOf(userId: string, projectId: string, wanted: NewApplicationCredential['roles']): Promise<string[]> {
    const has = await this.#assignments.effectiveRoleIds(userId, { kind: 'project', id: projectId });
    const roles = await this.#core.db.read
      .selectFrom('roles')
      .select(['id', 'name'])
      .where('domain_id', '=', '')
      .orderBy('name')
      .execute();
    if (wanted === undefined) return roles.filter(({ id }) => has.has(id)).map(({ id }) => id);
    return wanted.map((one) => {
      const role = roles.find(({ id, name }) => id === one.id || (one.id === undefined && name === one.name));
      if (role && has.has(role.id)) return role.id;
      throw new CloudError('invalid', 'Invalid application credential: the user has no such role on the project.', {
        field: 'roles',
      });
    });
  }

  async #ensureRules(
    tx: Tx,
    userId: string,
    wanted: NonNullable<NewApplicationCredential['accessRules']>,
  ): Promise<AccessRule[]> {
    const known = await tx.selectFrom('access_rules').selectAll().where('user_id', '=', userId).execute();
    const rules: AccessRule[] = [];
    for (const { id, service, path, method } of wanted) {
      const same = known.find((rule) =>
        id === undefined ? rule.service === service && rule.path === path && rule.method === method : rule.id === id,
      );
      if (same) rules.push(ruleOf(same));
      else if (id !== undefined) throw missing('access rule', id);
      else if (service === undefined || path === undefined || method === undefined) {
        throw new CloudError('invalid', 'An access rule needs a service, a path and a method.', {
          field: 'access_rules',
        });
      } else {
        const row = { id: newId(this.#core.env), user_id: userId, service, path, method };
        await tx.insertInto('access_rules').values(row).execute();
        rules.push(ruleOf(row));
      }
    }
    if (JSON.stringify(rules.map((rule) => [rule.service, rule.method, rule.path])).length > maxRulesLength) {
      throw new CloudError('invalid', 'These are too many access rules for one credential.', { field: 'access_rules' });
    }
    return rules;
  }

  async #credentialOf(db: Queryable, row: ApplicationCredentialsTable): Promise<ApplicationCredential> {
    const ruleIds = row.access_rules === null ? undefined : (JSON.parse(row.access_rules) as string[]);
    const rules =
      ruleIds === undefined || ruleIds.length === 0
        ? []
        : await db.selectFrom('access_rules').selectAll().where('id', 'in', ruleIds).execute();
    const byId = new Map(rules.map((rule) => [rule.id, ruleOf(rule)]));
    return {
      id: row.id,
      userId: row.user_id,
      projectId: row.project_id,
      name: row.name,
      description: row.description,
      roleIds: JSON.parse(row.roles) as string[],
      // In the order in which they were said.
      accessRules: ruleIds?.flatMap((id) => byId.get(id) ?? []),
      isUnrestricted: row.unrestricted === 1,
      expiresAt: row.expires_at,
    };
  }
}

function requireReader(subject: Subject, userId: string, action: string): void {
  if (subject.userId !== userId && !mayReadIdentity(subject)) requireAdmin(subject, action);
}

/** Whether it has a token that was delegated, and may not be used to get others. */
export function isRestricted({ via }: Pick<Subject, 'via'>): boolean {
  return via !== undefined && (via.kind !== 'application_credential' || !via.isUnrestricted);
}

/** Credentials are made by their user only, and not with a credential that may not. */
export function requireSelf(subject: Subject, userId: string, action: string): void {
  if (subject.userId === userId && !isRestricted(subject)) return;
  throw new CloudError('forbidden', `Policy doesn't allow ${action} to be performed.`, { reason: action });
}
