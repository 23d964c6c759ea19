import { CloudError } from '../errors.ts';
import type { ApplicationCredential, ApplicationCredentials } from './application-credentials.ts';
import type { Assignments } from './assignments.ts';
import type { Credentials, Passcode } from './credentials.ts';
import type { Domains } from './domains.ts';
import { notAuthenticated } from './failures.ts';
import type { AssignmentTarget, Domain, Project, User } from './model.ts';
import type { Delegations } from './oauth1/delegations.ts';
import type { SignedRequest } from './oauth1/signature.ts';
import { sha512Hex } from './passwords.ts';
import type { Projects } from './projects.ts';
import { MoreProofWanted, type Receipts } from './receipts.ts';
import { areEnough, requiredMethods } from './required-methods.ts';
import type { Roles } from './roles.ts';
import type { TokenClaims, TokenScope, TokenVia } from './token-codec.ts';
import type { Tokens } from './tokens.ts';
import type { Trusts } from './trusts.ts';
import type { Users } from './users.ts';

/** Something that a client names by id, or by name within a domain. */
export interface DomainReference {
  id?: string;
  name?: string;
}

export interface OwnedReference extends DomainReference {
  domain?: DomainReference;
}

/** How someone proves who they are. */
export type Proof =
  | { method: 'password'; user: OwnedReference; password: string }
  /** With a token they hold, to get one for another scope. */
  | { method: 'token'; token: string }
  /** By a passcode of now, from the user's authenticator. */
  | { method: 'totp'; user: OwnedReference; passcode: string }
  /** A program, by a credential of its user, which says the scope too. */
  | { method: 'application_credential'; id?: string; name?: string; user?: OwnedReference; secret: string }
  /** A program, by an access token of its user, which says the scope too. */
  | { method: 'oauth1'; request: SignedRequest };

/** What the token is to be for. Undefined: the user's default project if there is one, else nothing. */
export type WantedScope =
  | { kind: 'project'; project: OwnedReference }
  | { kind: 'domain'; domain: DomainReference }
  | { kind: 'system' }
  /** What the trust is about, as its trustee. */
  | { kind: 'trust'; id: string }
  | { kind: 'unscoped' };

/** What a token is about, as its holder may read it. */
export interface TokenDocument {
  claims: TokenClaims;
  user: { id: string; name: string; domain: Domain; passwordExpiresAt: number | undefined };
  project?: { id: string; name: string; domain: Domain };
  domain?: Domain;
  roles: Array<{ id: string; name: string }>;
  applicationCredential?: ApplicationCredential;
  trust?: Extract<TokenVia, { kind: 'trust' }>;
  oauth1?: Extract<TokenVia, { kind: 'oauth1' }>;
}

interface Granted {
  scope: TokenScope;
  roles: string[];
  via?: TokenVia;
  /** Who the token is for, where that is not who signs in. */
  as?: User;
  notAfter?: number;
}

interface Parts {
  domains: Domains;
  projects: Projects;
  users: Users;
  roles: Roles;
  assignments: Assignments;
  tokens: Tokens;
  receipts: Receipts;
  applicationCredentials: ApplicationCredentials;
  trusts: Trusts;
  delegations: Delegations;
  credentials: Credentials;
}

/** What a user has let a program do: all that it gets, whatever it asks for. */
interface Delegated {
  projectId: string;
  roleIds: string[];
  via: TokenVia;
  /** Microseconds. */
  expiresAt: number | null;
}

/** Methods of programs for whom somebody else signs in. */
const delegating: ReadonlySet<string> = new Set(['application_credential', 'oauth1']);

/** What a proof has shown. */
interface Proven {
  isRight: boolean;
  /** Also where it is wrong: whose attempt it was. */
  user?: User;
  /** The token that was the proof. */
  from?: TokenClaims;
  delegated?: Delegated;
  /** To be used up once all the rest is right. */
  passcode?: Passcode;
}

/** Turns proofs of who someone is into tokens. */
export class Authentication {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Throws `unauthenticated`, always in the same words, for wrong passwords, unknown or disabled users, and scopes on
   * which the user has no role; as `MoreProofWanted` where all is right and the user has to use further methods.
   * `not_found` for a token that is good for nothing.
   * @param receipt of an earlier attempt, which counts for the methods that were right in it
   */
  async authenticate(
    proof: Proof | readonly Proof[],
    wanted?: WantedScope,
    receipt?: string,
  ): Promise<{ token: string; claims: TokenClaims }> {
    const proofs = [proof].flat() as Proof[];
    const { user, from, delegated, methods } = await this.#signIn(proofs, receipt);
    if (delegated) return this.#delegate(user, delegated, methods, wanted);
    const { as = user, scope, roles, via, notAfter } = await this.#scope(user, wanted);
    const who = { userId: as.id, userName: as.name, userDomainId: as.domainId };
    return this.#parts.tokens.issue({ ...who, scope, roles, methods, ...(via ? { via } : {}) }, from, notAfter);
  }

  /** Names and ids around a token. Undefined when what it is about has gone. */
  async describe(claims: TokenClaims): Promise<TokenDocument | undefined> {
    const { domains, roles, users } = this.#parts;
    const { scope } = claims;
    const userDomain = await domains.find(claims.userDomainId);
    const scopeDomainId = scope.kind === 'project' ? scope.domainId : scope.kind === 'domain' ? scope.id : undefined;
    const scopeDomain = scopeDomainId === undefined ? undefined : await domains.find(scopeDomainId);
    if (!userDomain || (scopeDomainId !== undefined && !scopeDomain)) return undefined;
    const known = claims.roles.length > 0 ? await roles.list() : [];
    return {
      claims,
      user: {
        id: claims.userId,
        name: claims.userName,
        domain: userDomain,
        passwordExpiresAt: (await users.find(claims.userId))?.user.passwordExpiresAt,
      },
      project: scope.kind === 'project' ? { id: scope.id, name: scope.name, domain: scopeDomain! } : undefined,
      domain: scope.kind === 'domain' ? scopeDomain : undefined,
      roles: claims.roles.flatMap((name) => known.filter((role) => role.name === name)),
      applicationCredential:
        claims.via?.kind === 'application_credential'
          ? await this.#parts.applicationCredentials.find(claims.via.id)
          : undefined,
      trust: claims.via?.kind === 'trust' ? claims.via : undefined,
      oauth1: claims.via?.kind === 'oauth1' ? claims.via : undefined,
    };
  }

  /** The user whom the reference names, and the hash of the password. */
  async findUser(reference: OwnedReference) {
    if (reference.id !== undefined) return this.#parts.users.find(reference.id);
    if (reference.name === undefined) return undefined;
    const domain = await this.#findDomain(reference.domain);
    return domain && this.#parts.users.findByName(reference.name, domain.id);
  }

  /** The scope and the roles are what was delegated: as far as its user still has them. */
  async #delegate(user: User, delegated: Delegated, methods: string[], wanted: WantedScope | undefined) {
    const { projects, tokens } = this.#parts;
    const project = await projects.find(delegated.projectId);
    if (!project) throw notAuthenticated();
    if (wanted !== undefined && wanted.kind !== 'unscoped') {
      throw new CloudError('unauthenticated', 'Application credentials and access tokens cannot request a scope.');
    }
    const { scope, roles } = await this.#projectScope(user, project);
    const own = (await this.#namesOf(delegated.roleIds)).filter((name) => roles.includes(name));
    if (own.length === 0) throw notAuthenticated();
    const who = { userId: user.id, userName: user.name, userDomainId: user.domainId };
    const grant = { ...who, scope, roles: own, methods, via: delegated.via };
    return tokens.issue(grant, undefined, delegated.expiresAt ?? undefined);
  }

  /** The names of the roles and of those that they imply. */
  async #namesOf(roleIds: string[]): Promise<string[]> {
    return this.#parts.roles.effectiveNames(roleIds);
  }

  async #requireEnabled(user: User): Promise<Domain> {
    const domain = await this.#parts.domains.find(user.domainId);
    if (!user.enabled || !domain?.enabled) throw notAuthenticated();
    return domain;
  }

  async #trustScope(trustee: User, trustId: string): Promise<Granted> {
    const { trusts, users, projects } = this.#parts;
    const trust = await trusts.find(trustId);
    if (trust?.trusteeId !== trustee.id) throw forbiddenTrust();
    const trustor = (await users.find(trust.trustorId))?.user;
    if (!trustor) throw forbiddenTrust();
    await this.#requireEnabled(trustor).catch((error: unknown) => {
      throw error instanceof CloudError ? forbiddenTrust() : error;
    });
    const via: TokenVia = {
      kind: 'trust',
      id: trust.id,
      trustorId: trust.trustorId,
      trusteeId: trust.trusteeId,
      isImpersonation: trust.isImpersonation,
    };
    const as = trust.isImpersonation ? trustor : trustee;
    const notAfter = trust.expiresAt ?? undefined;
    if (trust.projectId === null) return { scope: { kind: 'unscoped' }, roles: [], via, as, notAfter };
    const project = await projects.find(trust.projectId);
    if (!project) throw forbiddenTrust();
    const { scope, roles: has } = await this.#projectScope(trustor, project);
    const given = await this.#namesOf(trust.roleIds);
    // All that was given must still be the trustor's: less would not be what both agreed on.
    if (given.length === 0 || given.some((name) => !has.includes(name))) throw forbiddenTrust();
    if (!(await trusts.use(trust))) throw forbiddenTrust();
    return { scope, roles: given, via, as, notAfter };
  }

  /** The one user whom all proofs are of, and the methods that they used, those of the receipt among them. */
  async #signIn(proofs: Proof[], receipt: string | undefined) {
    const { users, receipts, credentials } = this.#parts;
    const proven: Proven[] = [];
    // Each secret is looked at, whatever the others are: who waits for an answer learns nothing about which one was wrong.
    for (const proof of proofs) proven.push(await this.#prove(proof));
    const user = proven[0]?.user;
    const isRight = proven.every((one) => one.isRight && one.user?.id === user?.id);
    if (!user || !isRight) {
      for (const whose of new Set(proven.map((one) => one.user))) await users.settle(whose, 'wrong');
      throw notAuthenticated();
    }
    const domain = await this.#requireEnabled(user);
    const from = proven.find((one) => one.from)?.from;
    // Nor for a part of a proof: what it tells was not proven by the one whom it is of.
    if (from?.via) {
      throw new CloudError('forbidden', 'A token that was delegated can not be used for another.');
    }
    const [delegated, other] = proven.flatMap((one) => one.delegated ?? []);
    if (other) throw notAuthenticated();
    const known = receipt === undefined ? [] : receipts.methodsOf(receipt, user.id);
    if (!known) throw notAuthenticated();
    // What was delegated is said by its own proof: with a receipt alone, a token would allow all of its user's.
    const earlier = known.filter((method) => delegated?.via.kind === method || !delegating.has(method));
    for (const { passcode } of proven) {
      if (!passcode || (await credentials.usePasscode(passcode))) continue;
      await users.settle(user, 'wrong');
      throw notAuthenticated();
    }
    const methods = [...new Set([...proofs.map(({ method }) => method), ...(from?.methods ?? []), ...earlier])];
    const isEnough = areEnough(methods, user.options);
    const isSecret = proofs.some(({ method }) => method === 'password' || method === 'totp');
    if (isSecret && !(await users.settle(user, isEnough ? 'right' : 'partial'))) throw notAuthenticated();
    if (proofs.some(({ method }) => method === 'password')) users.refuseExpired(user);
    if (!isEnough) throw new MoreProofWanted(receipts.issue(user, domain, methods, requiredMethods(user.options)));
    await users.cameIn(user);
    return { user, from, delegated, methods };
  }

  async #prove(proof: Proof): Promise<Proven> {
    const { users, tokens, credentials, applicationCredentials, delegations } = this.#parts;
    switch (proof.method) {
      case 'token': {
        const from = tokens.claimsOf(proof.token);
        const user = from && (await users.find(from.userId))?.user;
        // As Keystone says it of one that has ended, was revoked or never was.
        if (!user) throw new CloudError('not_found', 'Failed to validate token', { resource: 'token' });
        return { isRight: true, user, from };
      }
      case 'password': {
        const found = await this.findUser(proof.user);
        return {
          isRight: await users.verifyPassword(sha512Hex(proof.password), found?.passwordHash),
          user: found?.user,
        };
      }
      case 'totp': {
        const user = (await this.findUser(proof.user))?.user;
        const passcode = await credentials.findPasscode(user?.id ?? '', proof.passcode);
        return { isRight: passcode !== undefined, user, passcode };
      }
      case 'application_credential': {
        const owner = proof.id === undefined && proof.user ? await this.findUser(proof.user) : undefined;
        const reference = { id: proof.id, name: proof.name, userId: owner?.user.id };
        const credential = await applicationCredentials.prove(reference, proof.secret);
        const user = credential && (await users.find(credential.userId))?.user;
        return { isRight: user !== undefined, user, delegated: credential && byCredential(credential) };
      }
      case 'oauth1': {
        const { id, consumerId, userId, ...delegated } = await delegations.prove(proof.request);
        const user = (await users.find(userId))?.user;
        return {
          isRight: user !== undefined,
          user,
          delegated: { ...delegated, via: { kind: 'oauth1', id, consumerId } },
        };
      }
    }
  }

  async #scope(user: User, wanted: WantedScope | undefined): Promise<Granted> {
    switch (wanted?.kind) {
      case undefined:
        return this.#defaultScope(user);
      case 'unscoped':
        return { scope: { kind: 'unscoped' }, roles: [] };
      case 'trust':
        return this.#trustScope(user, wanted.id);
      case 'system':
        return { scope: { kind: 'system' }, roles: await this.#rolesOn(user, { kind: 'system' }) };
      case 'domain': {
        const domain = await this.#findDomain(wanted.domain);
        if (!domain?.enabled) throw notAuthenticated();
        const roles = await this.#rolesOn(user, { kind: 'domain', id: domain.id });
        return { scope: { kind: 'domain', id: domain.id, name: domain.name }, roles };
      }
      case 'project': {
        const project = await this.#findProject(wanted.project);
        if (!project) throw notAuthenticated();
        return this.#projectScope(user, project);
      }
    }
  }

  /** A default project that can't be used is no reason to turn its user away. */
  async #defaultScope(user: User): Promise<{ scope: TokenScope; roles: string[] }> {
    const project = user.defaultProjectId && (await this.#parts.projects.find(user.defaultProjectId));
    if (project) {
      try {
        return await this.#projectScope(user, project);
      } catch (error) {
        if (!(error instanceof CloudError && error.code === 'unauthenticated')) throw error;
      }
    }
    return { scope: { kind: 'unscoped' }, roles: [] };
  }

  async #projectScope(user: User, project: Project): Promise<{ scope: TokenScope; roles: string[] }> {
    const domain = await this.#parts.domains.find(project.domainId);
    if (!project.enabled || !domain?.enabled) throw notAuthenticated();
    const roles = await this.#rolesOn(user, { kind: 'project', id: project.id });
    return { scope: { kind: 'project', id: project.id, name: project.name, domainId: domain.id }, roles };
  }

  async #rolesOn(user: User, target: AssignmentTarget): Promise<string[]> {
    const roles = await this.#parts.assignments.effectiveRoles(user.id, target);
    if (roles.length === 0) throw notAuthenticated();
    return roles;
  }

  async #findDomain(reference: DomainReference | undefined): Promise<Domain | undefined> {
    if (reference?.id !== undefined) return this.#parts.domains.find(reference.id);
    if (reference?.name === undefined) return undefined;
    return (await this.#parts.domains.list({ name: reference.name }))[0];
  }

  async #findProject(reference: OwnedReference): Promise<Project | undefined> {
    if (reference.id !== undefined) return this.#parts.projects.find(reference.id);
    if (reference.name === undefined) return undefined;
    const domain = await this.#findDomain(reference.domain);
    return domain && this.#parts.projects.findByName(reference.name, domain.id);
  }
}

function byCredential(credential: ApplicationCredential): Delegated {
  const { id, projectId, roleIds, isUnrestricted, accessRules, expiresAt } = credential;
  const rules = accessRules?.map(({ service, method, path }) => [service, method, path] as const);
  const via = { kind: 'application_credential', id, isUnrestricted, ...(rules ? { accessRules: rules } : {}) } as const;
  return { projectId, roleIds, via, expiresAt };
}

function forbiddenTrust(): CloudError {
  return new CloudError('forbidden', 'The trust can not be used: it has ended, or what it is about has changed.', {
    reason: 'trust',
  });
}
