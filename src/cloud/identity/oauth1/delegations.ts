import type { OauthAccessTokensTable, OauthRequestTokensTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import type { CloudCore } from '../../core.ts';
import { CloudError } from '../../errors.ts';
import { opened, sealed } from '../../secrets/kept-secrets.ts';
import type { Assignments } from '../assignments.ts';
import { missing } from '../failures.ts';
import type { Role } from '../model.ts';
import { roleOf } from '../model.ts';
import type { Revocations } from '../revocations.ts';
import { mayReadIdentity, requireAdmin, type Subject } from '../subject.ts';
import { newSecret } from './consumers.ts';
import { isSame, type SignedRequest } from './signature.ts';
import { invalidSignature, SignedRequests } from './signed-requests.ts';

/** What a user lets a program do for them: act on a project, with some of their roles. */
export interface AccessToken {
  id: string;
  consumerId: string;
  projectId: string;
  /** Who lets it. */
  userId: string;
  roleIds: string[];
  /** Microseconds. */
  expiresAt: number;
}

/** A key and its secret, as they are told once. */
export interface NewToken {
  id: string;
  secret: string;
  expiresAt: number;
}

/** How long a program has until a user has let it do what it asks for, microseconds. */
const requestLifetime = 8 * 3600 * 1_000_000;
/** How long it may do so, microseconds. */
const accessLifetime = 24 * 3600 * 1_000_000;

/** What verifiers are made of: people may have to copy them. 32 letters, so that each is as likely as the others. */
const verifierLetters = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

const accessTokenOf = (row: OauthAccessTokensTable): AccessToken => ({
  id: row.id,
  consumerId: row.consumer_id,
  projectId: row.project_id,
  userId: row.user_id,
  roleIds: JSON.parse(row.roles) as string[],
  expiresAt: row.expires_at,
});

/**
 * How users let programs act for them by OAuth 1.0: a program asks for a project (request token), a user says yes with some
 * of their roles and gets a verifier, and by it the program has an access token, with which it signs in.
 */
export class Delegations {
  readonly #core: CloudCore;
  readonly #assignments: Assignments;
  readonly #revocations: Revocations;
  readonly #requests: SignedRequests;

  constructor(core: CloudCore, assignments: Assignments, revocations: Revocations) {
    this.#core = core;
    this.#assignments = assignments;
    this.#revocations = revocations;
    this.#requests = new SignedRequests(core);
  }

  /** A program asks for a project. It is told by the verifier when a user has said yes, and nowhere else. */
  async ask(request: SignedRequest, projectId: string): Promise<NewToken> {
    const words = this.#requests.wordsOf(request);
    await this.#requests.prove(request, words, await this.#secretOf(words.consumerKey), '');
    if (words.callback !== 'oob') {
      throw new CloudError('invalid', 'The oauth_callback must be "oob": verifiers are handed over by people.', {
        field: 'oauth_callback',
      });
    }
    const { env, db } = this.#core;
    const row: OauthRequestTokensTable = {
      id: newId(env),
      secret: newSecret(this.#core),
      consumer_id: words.consumerKey,
      project_id: projectId,
      user_id: null,
      roles: null,
      verifier: null,
      expires_at: env.now() + requestLifetime,
    };
    await db.write(async (tx) => {
      const project = await tx.selectFrom('projects').select('id').where('id', '=', projectId).executeTakeFirst();
      if (!project) throw missing('project', projectId);
      const consumer = await tx
        .selectFrom('oauth_consumers')
        .select('id')
        .where('id', '=', row.consumer_id)
        .executeTakeFirst();
      if (!consumer) throw invalidSignature();
      const secret = sealed(this.#core, 'oauthRequestToken', row.id, row.secret);
      await tx
        .insertInto('oauth_request_tokens')
        .values({ ...row, secret })
        .execute();
    });
    return { id: row.id, secret: row.secret, expiresAt: row.expires_at };
  }

  /** Whoever asks says yes, with roles that they have on the project. The verifier is for the program. */
  async authorize(
    subject: Subject,
    id: string,
    wanted: ReadonlyArray<{ id?: string; name?: string }>,
  ): Promise<{ verifier: string }> {
    refuseDelegated(subject, 'authorize_request_token');
    const { env, db } = this.#core;
    const asked = await db.read.selectFrom('oauth_request_tokens').selectAll().where('id', '=', id).executeTakeFirst();
    const isTheirs = asked?.user_id === null || asked?.user_id === subject.userId;
    if (!asked || !isTheirs || asked.expires_at <= env.now()) throw missing('request token', id);
    const roles = await this.#rolesFor(subject.userId, asked.project_id, wanted);
    const verifier = [...env.randomBytes(8)].map((byte) => verifierLetters[byte % 32]).join('');
    await db.write(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('oauth_request_tokens')
        .set({ user_id: subject.userId, roles: JSON.stringify(roles), verifier })
        .where('id', '=', id)
        .where((e) => e.or([e('user_id', 'is', null), e('user_id', '=', subject.userId)]))
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw missing('request token', id);
    });
    return { verifier };
  }

  /** The program trades what it asked with, and the verifier, for an access token. It does so once. */
  async grant(request: SignedRequest): Promise<NewToken> {
    const words = this.#requests.wordsOf(request);
    const { env, db } = this.#core;
    const asked = await db.read
      .selectFrom('oauth_request_tokens')
      .selectAll()
      .where('id', '=', words.token)
      .where('consumer_id', '=', words.consumerKey)
      .executeTakeFirst();
    const secret = asked && opened(this.#core, 'oauthRequestToken', asked.id, asked.secret);
    await this.#requests.prove(request, words, await this.#secretOf(words.consumerKey), secret);
    const { verifier, user_id, roles } = asked!;
    const isAuthorized = verifier !== null && user_id !== null && roles !== null && isSame(verifier, words.verifier);
    if (!isAuthorized || asked!.expires_at <= env.now()) {
      throw new CloudError('unauthenticated', 'The request token is not authorized, or the verifier is not its own.', {
        reason: 'wrong_credentials',
      });
    }
    const row: OauthAccessTokensTable = {
      id: newId(env),
      secret: newSecret(this.#core),
      consumer_id: asked!.consumer_id,
      project_id: asked!.project_id,
      user_id,
      roles,
      created_at: env.now(),
      expires_at: env.now() + accessLifetime,
    };
    await db.write(async (tx) => {
      // Whoever was deleted meanwhile took it along; so did who traded it first.
      const { numDeletedRows } = await tx
        .deleteFrom('oauth_request_tokens')
        .where('id', '=', asked!.id)
        .where('verifier', '=', verifier)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw invalidSignature();
      const secret = sealed(this.#core, 'oauthAccessToken', row.id, row.secret);
      await tx
        .insertInto('oauth_access_tokens')
        .values({ ...row, secret })
        .execute();
    });
    return { id: row.id, secret: row.secret, expiresAt: row.expires_at };
  }

  /** The access token by which a program signs in. Throws `unauthenticated`. */
  async prove(request: SignedRequest): Promise<AccessToken> {
    const words = this.#requests.wordsOf(request);
    const row = await this.#core.db.read
      .selectFrom('oauth_access_tokens')
      .selectAll()
      .where('id', '=', words.token)
      .where('consumer_id', '=', words.consumerKey)
      .executeTakeFirst();
    const secret = row && opened(this.#core, 'oauthAccessToken', row.id, row.secret);
    await this.#requests.prove(request, words, await this.#secretOf(words.consumerKey), secret);
    if (row!.expires_at <= this.#core.env.now()) throw invalidSignature();
    return accessTokenOf(row!);
  }

  /** What a user lets programs do: their own, and anybody's for administrators. */
  async list(subject: Subject, userId: string): Promise<AccessToken[]> {
    refuseDelegated(subject, 'list_access_tokens');
    if (subject.userId !== userId && !mayReadIdentity(subject)) requireAdmin(subject, 'list_access_tokens');
    const rows = await this.#core.db.read
      .selectFrom('oauth_access_tokens')
      .selectAll()
      .where('user_id', '=', userId)
      .where('expires_at', '>', this.#core.env.now())
      .orderBy('created_at')
      .execute();
    return rows.map(accessTokenOf);
  }

  async get(subject: Subject, userId: string, id: string): Promise<AccessToken> {
    const found = (await this.list(subject, userId)).find((one) => one.id === id);
    if (!found) throw missing('access token', id);
    return found;
  }

  async rolesOf({ roleIds }: AccessToken): Promise<Role[]> {
    const rows = await this.#core.db.read.selectFrom('roles').selectAll().where('id', 'in', roleIds).execute();
    return rows.map(roleOf);
  }

  /** Takes it back, and ends the tokens that came of it. */
  async revoke(subject: Subject, userId: string, id: string): Promise<void> {
    refuseDelegated(subject, 'delete_access_token');
    if (subject.userId !== userId) requireAdmin(subject, 'delete_access_token');
    await this.#core.db.write(async (tx) => {
      const { numDeletedRows } = await tx
        .deleteFrom('oauth_access_tokens')
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      if (numDeletedRows === 0n) throw missing('access token', id);
      await this.#revocations.revoke(tx, 'credential', id);
    });
  }

  /** Deletes what has expired. */
  async expire(): Promise<void> {
    const now = this.#core.env.now();
    await this.#requests.expire();
    await this.#core.db.write(async (tx) => {
      await tx.deleteFrom('oauth_request_tokens').where('expires_at', '<', now).execute();
      await tx.deleteFrom('oauth_access_tokens').where('expires_at', '<', now).execute();
    });
  }

  async #secretOf(consumerId: string): Promise<string | undefined> {
    const { read } = this.#core.db;
    const query = read.selectFrom('oauth_consumers').select('secret').where('id', '=', consumerId);
    const row = await query.executeTakeFirst();
    return row && opened(this.#core, 'oauthConsumer', consumerId, row.secret);
  }

  async #rolesFor(
    userId: string,
    projectId: string,
    wanted: ReadonlyArray<{ id?: string; name?: string }>,
  ): Promise<string[]> {
    const [has, known] = await Promise.all([
      this.#assignments.effectiveRoleIds(userId, { kind: 'project', id: projectId }),
      this.#core.db.read.selectFrom('roles').select(['id', 'name']).where('domain_id', '=', '').execute(),
    ]);
    const ids = wanted.map((one) => {
      const role = known.find(({ id, name }) => id === one.id || (one.id === undefined && name === one.name));
      if (role && has.has(role.id)) return role.id;
      throw new CloudError('forbidden', 'Who authorizes a request token must have the roles on its project.', {
        reason: 'authorize_request_token',
        field: 'roles',
      });
    });
    return [...new Set(ids)];
  }
}

/** What was delegated is not passed on, and whom it was delegated to does not look at what else was. */
function refuseDelegated(subject: Subject, action: string): void {
  if (!subject.via) return;
  throw new CloudError('forbidden', 'This needs a token that its user got by signing in, not by delegation.', {
    reason: action,
  });
}
