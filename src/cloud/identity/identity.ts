import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { AccountGroups } from './account-groups.ts';
import { accountOwner } from './account-names.ts';
import { AccountPolicies } from './account-policies.ts';
import { AccountUsers } from './account-users.ts';
import { ApplicationCredentials } from './application-credentials.ts';
import { Assignments } from './assignments.ts';
import { Authentication } from './authentication.ts';
import { bootstrap } from './bootstrap.ts';
import { Catalog } from './catalog.ts';
import { Credentials } from './credentials.ts';
import { DomainOptions } from './domain-options.ts';
import { Domains } from './domains.ts';
import { conflictOn } from './failures.ts';
import { Groups } from './groups.ts';
import { Limits } from './limits.ts';
import { adminAccountId, builtInRoleIds, type Project, type User } from './model.ts';
import { Consumers } from './oauth1/consumers.ts';
import { Delegations } from './oauth1/delegations.ts';
import { Passwords } from './passwords.ts';
import { Policies } from './policies.ts';
import { Projects } from './projects.ts';
import { Receipts } from './receipts.ts';
import { Revocations } from './revocations.ts';
import { Roles } from './roles.ts';
import { SessionChanges } from './session-changes.ts';
import { Sessions } from './sessions.ts';
import { signingKey } from './signing-key.ts';
import { requireAdmin, type Subject } from './subject.ts';
import { Tokens } from './tokens.ts';
import { Trusts } from './trusts.ts';
import { Users } from './users.ts';

/** How often other control plane processes' revocations and sessions are read, milliseconds. */
const refreshInterval = 2000;
/** How often rows that have expired are deleted, milliseconds. */
const expireInterval = 3600_000;

export interface NewAccount {
  id?: string;
  name: string;
  /** Lower-case hex SHA-512 of the password. */
  passwordSha512: string;
  description?: string;
  /** `SystemAdmin` of ZStack: the role admin instead of member. */
  isAdmin?: boolean;
}

/** Who there is, what they may do, and how they prove it. */
export class Identity {
  readonly domains: Domains;
  readonly projects: Projects;
  readonly users: Users;
  readonly roles: Roles;
  readonly assignments: Assignments;
  readonly groups: Groups;
  readonly applicationCredentials: ApplicationCredentials;
  readonly trusts: Trusts;
  /** Programs whom users let act for them by OAuth 1.0, and what they let them do. */
  readonly consumers: Consumers;
  readonly delegations: Delegations;
  readonly credentials: Credentials;
  /** What administrators have added to the services of this cloud. */
  readonly catalog: Catalog;
  readonly policies: Policies;
  readonly limits: Limits;
  readonly domainOptions: DomainOptions;
  readonly tokens: Tokens;
  readonly receipts: Receipts;
  readonly sessions: Sessions;
  readonly authentication: Authentication;
  /** Users whom ZStack's accounts make for themselves, and what these may do. */
  readonly accountUsers: AccountUsers;
  readonly accountGroups: AccountGroups;
  readonly accountPolicies: AccountPolicies;
  readonly #core: CloudCore;
  readonly #passwords: Passwords;
  readonly #revocations: Revocations;
  readonly #sessionChanges = new SessionChanges();
  readonly #stops: Array<() => void> = [];

  /** Use `openIdentity`. */
  constructor(core: CloudCore, key: Buffer) {
    this.#core = core;
    this.#passwords = new Passwords(core.env);
    this.#revocations = new Revocations(core);
    this.domains = new Domains(core, this.#revocations);
    const sessionChanges = this.#sessionChanges;
    this.users = new Users(core, this.#passwords, this.#revocations, sessionChanges);
    this.roles = new Roles(core, this.#revocations);
    this.assignments = new Assignments(core, this.#revocations);
    this.projects = new Projects(core, this.assignments, this.#revocations, sessionChanges);
    this.groups = new Groups(core, this.#revocations);
    this.applicationCredentials = new ApplicationCredentials(
      core,
      this.#passwords,
      this.assignments,
      this.#revocations,
    );
    this.trusts = new Trusts(core, this.assignments, this.#revocations);
    this.consumers = new Consumers(core, this.#revocations);
    this.delegations = new Delegations(core, this.assignments, this.#revocations);
    this.credentials = new Credentials(core);
    this.catalog = new Catalog(core);
    this.policies = new Policies(core);
    this.limits = new Limits(core);
    this.domainOptions = new DomainOptions(core);
    this.tokens = new Tokens(core, key, this.#revocations);
    this.receipts = new Receipts(core, key, this.#revocations);
    this.accountUsers = new AccountUsers(core, this.users);
    this.accountGroups = new AccountGroups(core, sessionChanges);
    this.accountPolicies = new AccountPolicies(core, sessionChanges);
    this.sessions = new Sessions(core, this, this.#revocations, sessionChanges);
    this.authentication = new Authentication(this);
  }

  /** Called once this process has learnt that who somebody is, or what they may do, was changed or ended. */
  onSubjectsChanged(listener: () => void): void {
    this.#sessionChanges.onChanged(listener);
    this.#revocations.onRevoked((kind) => {
      if (kind !== 'token') listener();
    });
  }

  /** The region's name, which catalogs tell. */
  get region(): string {
    return this.#core.settings.region;
  }

  /** Who asks, by a token. In memory. Throws `unauthenticated` for one that is forged, expired or revoked. */
  subjectOf(token: string, requestId: string): Subject {
    return this.tokens.subjectOf(token, requestId);
  }

  /**
   * A token by which the cloud itself looks at something in another region for a user: it has the role reader only.
   * Throws `forbidden` where the user may not come in any more, or has nothing to do with the project.
   */
  async readerToken(userId: string, projectId: string): Promise<string> {
    const [user, project] = [(await this.users.find(userId))?.user, await this.projects.find(projectId)];
    const home = user && (await this.domains.find(user.domainId));
    const domain = project && (await this.domains.find(project.domainId));
    const isIn = user?.enabled && home?.enabled && project?.enabled && domain?.enabled;
    const target = { kind: 'project', id: projectId } as const;
    if (!isIn || (await this.assignments.effectiveRoles(userId, target)).length === 0) {
      throw new CloudError('forbidden', 'The user may not act for the project any more.');
    }
    const scope = { ...target, name: project.name, domainId: domain.id };
    const who = { userId, userName: user.name, userDomainId: user.domainId };
    return this.tokens.issue({ ...who, scope, roles: ['reader'], methods: ['token'] }).token;
  }

  /** Ends one token. */
  async revokeToken(auditId: string): Promise<void> {
    await this.#core.db.write((tx) => this.#revocations.revoke(tx, 'token', auditId));
  }

  /** Makes what every cloud begins with. Safe on each start; the password is used only at the first. */
  bootstrap(options: { adminPassword: string }): Promise<void> {
    const { projects, users, assignments } = this;
    return bootstrap({ core: this.#core, passwords: this.#passwords, projects, users, assignments }, options);
  }

  /**
   * Creates a project and, in it, a user of the same name: what ZStack calls an account.
   * Throws `duplicate` where a project or user has the name.
   */
  async createAccount(subject: Subject, account: NewAccount): Promise<{ project: Project; user: User }> {
    requireAdmin(subject, 'create_account');
    const hash = await this.#passwords.hash(account.passwordSha512);
    const { id, name, description } = account;
    return this.#core.db
      .write(async (tx) => {
        const project = await this.projects.createIn(tx, { id, name, description });
        const user = await this.users.createIn(tx, { name, description, defaultProjectId: project.id }, hash);
        const target = { kind: 'project', id: project.id } as const;
        await this.assignments.grantIn(tx, {
          userId: user.id,
          roleId: builtInRoleIds[account.isAdmin ? 'admin' : 'member'],
          target,
        });
        return { project, user };
      })
      .catch(conflictOn('project', `Duplicate entry found with name ${name}.`));
  }

  /**
   * Renames an account: its project, its user and, with its name in front, the users whom it made; or changes its
   * description or password. All of it, or nothing. Throws `not_found`, and `duplicate` for a name that is taken.
   */
  async updateAccount(
    subject: Subject,
    id: string,
    changes: Partial<Omit<NewAccount, 'id' | 'isAdmin'>>,
  ): Promise<void> {
    requireAdmin(subject, 'update_account');
    const { name, description, passwordSha512 } = changes;
    const hash = await this.users.hashOf(passwordSha512);
    await this.#core.db
      .write(async (tx) => {
        const owner = await this.ownerOf(id, tx);
        if (owner === undefined) throw notFound('account', id);
        await this.users.changeIn(tx, owner, { name, passwordSha512 }, hash);
        await this.projects.changeIn(tx, id, { name, description });
      })
      .catch(conflictOn('project', `Duplicate entry found with name ${name}.`));
  }

  /** Ends an account and its users; what it owned stays. One that is not there is deleted already. */
  async deleteAccount(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_account');
    if (id === adminAccountId) throw new CloudError('forbidden', 'The account of the cloud itself stays.');
    await this.#core.db.write(async (tx) => {
      const owner = await this.ownerOf(id, tx);
      const project = await tx.selectFrom('projects').select('id').where('id', '=', id).executeTakeFirst();
      if (!project) return;
      await this.accountUsers.deleteAllIn(tx, id);
      await this.projects.deleteIn(tx, id);
      if (owner !== undefined) await this.users.deleteIn(tx, owner);
    });
  }

  /** The id of the user who is a project's account; undefined where there is none. */
  async ownerOf(projectId: string, tx?: Tx): Promise<string | undefined> {
    const db = tx ?? this.#core.db.read;
    const row = await db.selectFrom('projects').selectAll().where('id', '=', projectId).executeTakeFirst();
    return row && (await accountOwner(db, { id: projectId, name: row.name, domainId: row.domain_id }));
  }

  /** Keeps up with what other processes revoke and open, and deletes what has expired. A second call changes nothing. */
  start(): void {
    if (this.#stops.length > 0) return;
    if (this.#core.db.kind === 'postgres') {
      this.#every(refreshInterval, () => this.refresh(), 'revoked tokens could not be read');
    }
    const expire = () => Promise.all([this.#revocations.expire(), this.sessions.expire(), this.delegations.expire()]);
    this.#every(expireInterval, expire, 'expired sessions could not be deleted');
  }

  /** Stops what `start` began. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Reads what other processes, or this one before its restart, revoked and opened. */
  async refresh(): Promise<void> {
    await this.#revocations.refresh();
    await this.sessions.refresh();
  }

  #every(interval: number, work: () => Promise<unknown>, failure: string): void {
    const run = () => void work().catch((error) => this.#core.log.warn({ err: error }, failure));
    this.#stops.push(this.#core.env.every(interval, run));
  }
}

/** Opens the identity part of a cloud: reads or makes the key, learns of revocations and sessions. `start` goes on. */
export async function openIdentity(core: CloudCore): Promise<Identity> {
  const identity = new Identity(core, await signingKey(core));
  await identity.refresh();
  return identity;
}
