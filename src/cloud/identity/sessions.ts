import type { SessionsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { accountOwner } from './account-names.ts';
import type { AccountPolicies } from './account-policies.ts';
import type { AccountUsers } from './account-users.ts';
import type { Assignments } from './assignments.ts';
import { notAuthenticated } from './failures.ts';
import { defaultDomainId, type Project, type User } from './model.ts';
import type { Projects } from './projects.ts';
import type { RevocationKind, Revocations } from './revocations.ts';
import type { SessionChanges, SessionsOf } from './session-changes.ts';
import type { Subject } from './subject.ts';
import type { Users } from './users.ts';

/** Live sessions that one user may have. ZStack's own limit. */
const maxSessionsPerUser = 500;

/** A login whose id says nothing by itself (ZStack's way). Its end is fixed: using it does not prolong it. */
export interface Session {
  id: string;
  userId: string;
  projectId: string;
  /** It is the account's own: its user is the account (see `accountOwner`). */
  isAccount: boolean;
  /** Microseconds since the epoch. */
  createdAt: number;
  expiresAt: number;
}

type Known = Omit<Subject, 'requestId'>;

interface Live extends Session {
  /** Who asks by it; undefined where that is to be read anew. */
  subject: Known | undefined;
  /** The domain of its project. */
  domainId: string;
  /** That of the row when the subject was read. */
  revision: number;
}

/** What sessions need to know of the identity part. */
interface Parts {
  projects: Projects;
  users: Users;
  assignments: Assignments;
  accountUsers: AccountUsers;
  accountPolicies: AccountPolicies;
}

type Found = Awaited<ReturnType<Users['find']>>;

/** Sessions live in memory, and in the database for restarts and other control plane processes. */
export class Sessions {
  readonly #core: CloudCore;
  readonly #known: Parts;
  readonly #live = new Map<string, Live>();
  /** Counts what was ended or changed: what was read before is not kept after it. */
  #changes = 0;

  constructor(core: CloudCore, known: Parts, revocations: Revocations, changes: SessionChanges) {
    this.#core = core;
    this.#known = known;
    revocations.onRevoked((kind, target) => this.#forget(kind, target));
    changes.onChanged((whose) => this.#readAnew(whose));
  }

  /**
   * Logs in as an account: its project and the user who is that account, mostly the one of the same name.
   * @param sha512 lower-case hex SHA-512 of the password
   * Throws `unauthenticated` (reason `wrong_credentials`), and `conflict` (reason `too_many_sessions`).
   */
  async openSession(accountName: string, sha512: string): Promise<Session> {
    const project = await this.#known.projects.findByName(accountName, defaultDomainId);
    const owner = project && (await accountOwner(this.#core.db.read, project));
    return this.#open(project, owner === undefined ? undefined : await this.#known.users.find(owner), sha512);
  }

  /**
   * Logs in as another user of an account: one that it made for itself, or any user who has a role in its project. Throws
   * as `openSession`.
   */
  async openUserSession(account: { id: string } | { name: string }, userName: string, sha512: string) {
    const { projects, users, accountUsers } = this.#known;
    const project =
      'id' in account ? await projects.find(account.id) : await projects.findByName(account.name, defaultDomainId);
    const ownId = project && (await accountUsers.findByName(project.id, userName));
    const found = ownId
      ? await users.find(ownId)
      : await users.findByName(userName, project?.domainId ?? defaultDomainId);
    return this.#open(project, found, sha512);
  }

  /** Who asks. Undefined for a session that is unknown, has expired or was closed. A look-up in memory, but for the first. */
  sessionSubject(id: string, requestId: string): Subject | undefined | Promise<Subject | undefined> {
    const live = this.#live.get(id);
    if (live && live.expiresAt <= this.#core.env.now()) return undefined;
    if (live?.subject) return { ...live.subject, requestId };
    // Unknown: only where another process may have opened it; a process alone knows all there are.
    if (!live && this.#core.db.kind === 'sqlite') return undefined;
    return this.#load(id).then((subject) => subject && { ...subject, requestId });
  }

  async isValid(id: string): Promise<boolean> {
    return (await this.sessionSubject(id, '')) !== undefined;
  }

  /**
   * Moves the session's end to `duration` seconds from now.
   * Throws `unauthenticated` (reason `session_expired`).
   */
  async renew(id: string, duration: number): Promise<Session> {
    if (!(await this.isValid(id))) throw notAuthenticated('session_expired');
    const expiresAt = this.#core.env.now() + duration * 1_000_000;
    const row = await this.#core.db.write((tx) =>
      tx.updateTable('sessions').set({ expires_at: expiresAt }).where('id', '=', id).returningAll().executeTakeFirst(),
    );
    if (!row) throw notAuthenticated('session_expired');
    const live = this.#live.get(id);
    if (live) live.expiresAt = expiresAt;
    return sessionOf(row, await this.#isAccount(row.user_id, row.project_id));
  }

  /** Logs out. A session that is not there is closed already. */
  async close(id: string): Promise<void> {
    this.#live.delete(id);
    await this.#core.db.write((tx) => tx.deleteFrom('sessions').where('id', '=', id).execute());
  }

  /** Makes memory as the database: after a start, and every two seconds beside other processes. */
  async refresh(): Promise<void> {
    const rows = await this.#core.db.read
      .selectFrom('sessions')
      .select(['id', 'expires_at', 'revision'])
      .where('expires_at', '>', this.#core.env.now())
      .execute();
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const [id, live] of this.#live) {
      const row = byId.get(id);
      if (row === undefined) this.#live.delete(id);
      else live.expiresAt = row.expires_at;
      if (row !== undefined && row.revision !== live.revision) live.subject = undefined;
    }
    for (const id of byId.keys()) if (!this.#live.has(id)) await this.#load(id);
  }

  /** Deletes what has expired. */
  async expire(): Promise<void> {
    const now = this.#core.env.now();
    for (const [id, live] of this.#live) if (live.expiresAt <= now) this.#live.delete(id);
    await this.#core.db.write((tx) => tx.deleteFrom('sessions').where('expires_at', '<=', now).execute());
  }

  async #open(project: Project | undefined, found: Found, sha512: string): Promise<Session> {
    const isRight = await this.#known.users.signIn(found, sha512);
    const subject = found && isRight && (await this.#subjectOf(found.user, project));
    if (!found || !project || !subject) throw notAuthenticated();
    await this.#known.users.cameIn(found.user);
    const createdAt = this.#core.env.now();
    const expiresAt = createdAt + this.#core.settings.sessionLifetime * 1_000_000;
    const id = newId(this.#core.env);
    const isAccount = (await accountOwner(this.#core.db.read, project)) === found.user.id;
    const session: Session = { id, userId: found.user.id, projectId: project.id, isAccount, createdAt, expiresAt };
    await this.#core.db.write(async (tx) => {
      const { live } = await tx
        .selectFrom('sessions')
        .select((eb) => eb.fn.countAll<number>().as('live'))
        .where('user_id', '=', session.userId)
        .where('expires_at', '>', createdAt)
        .executeTakeFirstOrThrow();
      if (live >= maxSessionsPerUser) throw tooManySessions();
      await tx
        .insertInto('sessions')
        .values({
          id,
          user_id: session.userId,
          project_id: session.projectId,
          created_at: createdAt,
          expires_at: expiresAt,
          revision: 0,
        })
        .execute();
    });
    // What was read may have changed or ended since, and there was no row yet that would have told of it.
    this.#live.set(id, { ...session, domainId: subject.domainId, revision: 0, subject: undefined });
    return session;
  }

  async #load(id: string): Promise<Known | undefined> {
    const changes = this.#changes;
    const row = await this.#core.db.read
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', id)
      .where('expires_at', '>', this.#core.env.now())
      .executeTakeFirst();
    const user = row && (await this.#known.users.find(row.user_id))?.user;
    const project = row && (await this.#known.projects.find(row.project_id));
    const subject = user && (await this.#subjectOf(user, project));
    if (!row || !subject) return undefined;
    const isAccount = await this.#isAccount(row.user_id, row.project_id);
    // What ended or changed while it was read may have been missed.
    if (changes !== this.#changes) return await this.#load(id);
    this.#live.set(id, { ...sessionOf(row, isAccount), domainId: subject.domainId, revision: row.revision, subject });
    return subject;
  }

  /** Who a user is in a project, without a session: for signed requests. Undefined for those who may not sign in. */
  async subjectFor(userId: string, projectId: string): Promise<Known | undefined> {
    const { users, projects } = this.#known;
    const [found, project] = await Promise.all([users.find(userId), projects.find(projectId)]);
    return found && (await this.#subjectOf(found.user, project));
  }

  async #isAccount(userId: string, projectId: string): Promise<boolean> {
    const project = await this.#known.projects.find(projectId);
    return project !== undefined && (await accountOwner(this.#core.db.read, project)) === userId;
  }

  /** Undefined for those who may not come in. */
  async #subjectOf(user: User, project: Project | undefined): Promise<Known | undefined> {
    if (!user.enabled || !project?.enabled) return undefined;
    const { users, assignments, accountUsers, accountPolicies } = this.#known;
    const isOfAccount = (await accountUsers.accountOf(user.id)) === project.id;
    // A user of an account has what the account has, as far as policies say so.
    const owner = isOfAccount ? await accountOwner(this.#core.db.read, project) : undefined;
    const actor = !isOfAccount ? user : owner === undefined ? undefined : (await users.find(owner))?.user;
    if (!actor?.enabled) return undefined;
    const roles = await assignments.effectiveRoles(actor.id, { kind: 'project', id: project.id });
    if (roles.length === 0) return undefined;
    return {
      ...(isOfAccount && { statements: await accountPolicies.statementsOf(user.id) }),
      userId: user.id,
      userName: user.name,
      projectId: project.id,
      projectName: project.name,
      domainId: project.domainId,
      roles,
      isAdmin: roles.includes('admin'),
    };
  }

  /** What ends tokens ends sessions too; their rows went with the revocation. */
  #forget(kind: RevocationKind, target: string): void {
    if (kind === 'token' || kind === 'credential') return;
    this.#changes += 1;
    for (const [id, live] of this.#live) {
      const { userId, projectId, domainId } = live;
      // A user of an account has what the account has, which may be what was ended.
      if (live.subject?.statements) live.subject = undefined;
      const isMeant =
        kind === 'grant'
          ? target === `${userId}/project/${projectId}`
          : kind === 'user'
            ? userId === target
            : kind === 'project'
              ? projectId === target
              : domainId === target;
      if (isMeant) this.#live.delete(id);
    }
  }

  #readAnew(whose: SessionsOf): void {
    this.#changes += 1;
    for (const live of this.#live.values()) {
      const isMeant = 'userId' in whose ? live.userId === whose.userId : live.projectId === whose.projectId;
      if (isMeant) live.subject = undefined;
    }
  }
}

function sessionOf(row: SessionsTable, isAccount: boolean): Session {
  return {
    id: row.id,
    userId: row.user_id,
    projectId: row.project_id,
    isAccount,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

function tooManySessions(): CloudError {
  return new CloudError(
    'conflict',
    `Login sessions hit limit of max allowed concurrent login sessions, max allowed: ${maxSessionsPerUser}.`,
    { reason: 'too_many_sessions' },
  );
}
