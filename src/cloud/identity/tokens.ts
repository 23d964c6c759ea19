import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Revocations } from './revocations.ts';
import type { Subject } from './subject.ts';
import { type TokenClaims, TokenCodec, type TokenScope } from './token-codec.ts';

/** Verified tokens kept in memory. The oldest goes first; it is then only verified once more. */
const maxCached = 20_000;

interface Known {
  claims: TokenClaims;
  subject: Omit<Subject, 'requestId'>;
}

/** Issues tokens and tells who holds one. Verifying needs no database, and for a token seen before only a look-up. */
export class Tokens {
  readonly #core: CloudCore;
  readonly #codec: TokenCodec;
  readonly #revocations: Revocations;
  readonly #known = new Map<string, Known>();

  constructor(core: CloudCore, key: Buffer, revocations: Revocations) {
    this.#core = core;
    this.#codec = new TokenCodec(key);
    this.#revocations = revocations;
    revocations.onRevoked(() => this.#forgetRevoked());
  }

  /** A new token for someone who has proved who they are. `from` is the token that was the proof, where it was one. */
  issue(
    grant: Omit<TokenClaims, 'auditIds' | 'issuedAt' | 'expiresAt'>,
    from?: TokenClaims,
    /** The latest end, microseconds: that of what the token came about by. */
    notAfter = Number.POSITIVE_INFINITY,
  ) {
    const issuedAt = this.#core.env.now();
    const auditId = this.#core.env.randomBytes(16).toString('base64url');
    const latest = (Math.floor(issuedAt / 1_000_000) + this.#core.settings.tokenLifetime) * 1_000_000;
    const claims: TokenClaims = {
      ...grant,
      auditIds: from ? [auditId, from.auditIds.at(-1)!] : [auditId],
      issuedAt,
      // A token made from a token lives no longer than that one, or nothing would ever expire.
      expiresAt: Math.min(from?.expiresAt ?? latest, latest, notAfter),
    };
    return { token: this.#codec.seal(claims), claims };
  }

  /** The claims of a token that is good now; undefined for one that is forged, expired or revoked. */
  claimsOf(token: string): TokenClaims | undefined {
    return this.#lookUp(token)?.claims;
  }

  /** Who asks. Throws `unauthenticated` for a token that is forged, expired or revoked. */
  subjectOf(token: string, requestId: string): Subject {
    const known = this.#lookUp(token);
    if (!known) throw new CloudError('unauthenticated', 'The token is unknown, has expired or was revoked.');
    return { ...known.subject, requestId };
  }

  #lookUp(token: string): Known | undefined {
    const cached = this.#known.get(token);
    if (cached) {
      if (cached.claims.expiresAt > this.#core.env.now()) return cached;
      this.#known.delete(token);
      return undefined;
    }
    const claims = this.#codec.open(token);
    if (!claims || claims.expiresAt <= this.#core.env.now() || this.#revocations.isRevoked(claims)) return undefined;
    const known = { claims, subject: subjectFrom(claims) };
    if (this.#known.size >= maxCached) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(token, known);
    return known;
  }

  #forgetRevoked(): void {
    for (const [token, { claims }] of this.#known) {
      if (this.#revocations.isRevoked(claims)) this.#known.delete(token);
    }
  }
}

function subjectFrom(claims: TokenClaims): Omit<Subject, 'requestId'> {
  const { scope } = claims;
  return {
    userId: claims.userId,
    userName: claims.userName,
    projectId: scope.kind === 'project' ? scope.id : undefined,
    projectName: scope.kind === 'project' ? scope.name : undefined,
    domainId: domainOfScope(scope) ?? claims.userDomainId,
    roles: claims.roles,
    isAdmin: claims.roles.includes('admin'),
    ...(scope.kind === 'system' ? { isSystem: true } : {}),
    ...(claims.via ? { via: claims.via } : {}),
  };
}

function domainOfScope(scope: TokenScope): string | undefined {
  if (scope.kind === 'project') return scope.domainId;
  return scope.kind === 'domain' ? scope.id : undefined;
}
