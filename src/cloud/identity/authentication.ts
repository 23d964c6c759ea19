import { CloudError } from '../errors.ts';
import type { Assignments } from './assignments.ts';
import type { Domains } from './domains.ts';
import { notAuthenticated } from './failures.ts';
import type { AssignmentTarget, Domain, Project, User } from './model.ts';
import { sha512Hex } from './passwords.ts';
import type { Projects } from './projects.ts';
import type { TokenClaims, TokenScope } from './token-codec.ts';
import type { Tokens } from './tokens.ts';
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
  | { method: 'token'; token: string };

/** What the token is to be for. Undefined: the user's default project if there is one, else nothing. */
export type WantedScope =
  | { kind: 'project'; project: OwnedReference }
  | { kind: 'domain'; domain: DomainReference }
  | { kind: 'system' }
  | { kind: 'unscoped' };

/** What a token is about, as its holder may read it. */
export interface TokenDocument {
  claims: TokenClaims;
  user: { id: string; name: string; domain: Domain };
  project?: { id: string; name: string; domain: Domain };
  domain?: Domain;
  roles: Array<{ id: string; name: string }>;
}

interface Parts {
  domains: Domains;
  projects: Projects;
  users: Users;
  roles: { list(): Promise<Array<{ id: string; name: string }>> };
  assignments: Assignments;
  tokens: Tokens;
}

/** Turns proofs of who someone is into tokens. */
export class Authentication {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Throws `unauthenticated`, always in the same words, for wrong passwords, unknown or disabled users, and scopes on
   * which the user has no role.
   */
  async authenticate(proof: Proof, wanted?: WantedScope): Promise<{ token: string; claims: TokenClaims }> {
    const { user, from } = await this.#prove(proof);
    const domain = await this.#parts.domains.find(user.domainId);
    if (!user.enabled || !domain?.enabled) throw notAuthenticated();
    const { scope, roles } = await this.#scope(user, wanted);
    const methods = from ? [...new Set(['token', ...from.methods])] : [proof.method];
    const grant = { userId: user.id, userName: user.name, userDomainId: user.domainId, scope, roles, methods };
    return this.#parts.tokens.issue(grant, from);
  }

  /** Names and ids around a token. Undefined when what it is about has gone. */
  async describe(claims: TokenClaims): Promise<TokenDocument | undefined> {
    const { domains, roles } = this.#parts;
    const { scope } = claims;
    const userDomain = await domains.find(claims.userDomainId);
    const scopeDomainId = scope.kind === 'project' ? scope.domainId : scope.kind === 'domain' ? scope.id : undefined;
    const scopeDomain = scopeDomainId === undefined ? undefined : await domains.find(scopeDomainId);
    if (!userDomain || (scopeDomainId !== undefined && !scopeDomain)) return undefined;
    const known = claims.roles.length > 0 ? await roles.list() : [];
    return {
      claims,
      user: { id: claims.userId, name: claims.userName, domain: userDomain },
      project: scope.kind === 'project' ? { id: scope.id, name: scope.name, domain: scopeDomain! } : undefined,
      domain: scope.kind === 'domain' ? scopeDomain : undefined,
      roles: claims.roles.flatMap((name) => known.filter((role) => role.name === name)),
    };
  }

  /** The user whom the reference names, and the hash of the password. */
  async findUser(reference: OwnedReference) {
    if (reference.id !== undefined) return this.#parts.users.find(reference.id);
    if (reference.name === undefined) return undefined;
    const domain = await this.#findDomain(reference.domain);
    return domain && this.#parts.users.findByName(reference.name, domain.id);
  }

  async #prove(proof: Proof): Promise<{ user: User; from?: TokenClaims }> {
    if (proof.method === 'token') {
      const from = this.#parts.tokens.claimsOf(proof.token);
      const found = from && (await this.#parts.users.find(from.userId));
      if (!from || !found) throw notAuthenticated();
      return { user: found.user, from };
    }
    const found = await this.findUser(proof.user);
    const isRight = await this.#parts.users.verifyPassword(sha512Hex(proof.password), found?.passwordHash);
    if (!found || !isRight) throw notAuthenticated();
    return { user: found.user };
  }

  async #scope(user: User, wanted: WantedScope | undefined): Promise<{ scope: TokenScope; roles: string[] }> {
    switch (wanted?.kind) {
      case undefined:
        return this.#defaultScope(user);
      case 'unscoped':
        return { scope: { kind: 'unscoped' }, roles: [] };
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
