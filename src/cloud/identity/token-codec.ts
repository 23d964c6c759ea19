import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** What a token says. It is signed, so that whoever has the key needs nothing else to believe it. */
export interface TokenClaims {
  userId: string;
  userName: string;
  userDomainId: string;
  scope: TokenScope;
  /** Role names on the scope, with those they imply. */
  roles: readonly string[];
  /** How its user proved who they are: `password`, `token`. */
  methods: readonly string[];
  /** The token's own audit id; then, for a token made from another, the id of the first of that chain. */
  auditIds: readonly string[];
  /** Microseconds since the epoch. */
  issuedAt: number;
  expiresAt: number;
  /** What stands between its user and all that the roles allow: how the token came about. */
  via?: TokenVia;
}

export type TokenVia =
  | {
      kind: 'application_credential';
      id: string;
      /** It may make further credentials. */
      isUnrestricted: boolean;
      /** The only requests that it is good for: service, method and path. Absent: all. */
      accessRules?: ReadonlyArray<readonly [service: string, method: string, path: string]>;
    }
  | { kind: 'trust'; id: string; trustorId: string; trusteeId: string; isImpersonation: boolean }
  /** A user lets a program act for them by OAuth 1.0; the id is the access token's. */
  | { kind: 'oauth1'; id: string; consumerId: string };

export type TokenScope =
  | { kind: 'project'; id: string; name: string; domainId: string }
  | { kind: 'domain'; id: string; name: string }
  | { kind: 'system' }
  | { kind: 'unscoped' };

/** The first letters of every token: they tell secret scanners and people what it is, and us which form it has. */
const tokenPrefix = 'unkai1.';

/** No honest token is longer, characters: names are at most 255 each. */
const maxLength = 8192;

/** Writes and reads tokens: `<prefix><claims>.<HMAC-SHA-256 of what stands before>`, both parts base64url. */
export class TokenCodec {
  readonly #key: KeyObject;
  readonly #prefix: string;

  /** @param key 32 bytes or more */
  constructor(key: Buffer, prefix = tokenPrefix) {
    if (key.length < 32) throw new Error('the key for signing tokens is too short');
    this.#key = createSecretKey(key);
    this.#prefix = prefix;
  }

  seal(claims: TokenClaims): string {
    const { userId, userName, userDomainId, scope, roles, methods, auditIds, issuedAt, expiresAt } = claims;
    // A list without keys: the token travels with every request.
    const parts: unknown[] = [userId, userName, userDomainId, scope, roles, methods, auditIds, issuedAt, expiresAt];
    if (claims.via) parts.push(claims.via);
    const signed = this.#prefix + Buffer.from(JSON.stringify(parts)).toString('base64url');
    return `${signed}.${this.#sign(signed).toString('base64url')}`;
  }

  /** The claims of a token that was sealed with this key; undefined for anything else. Does not look at the time. */
  open(token: string): TokenClaims | undefined {
    if (token.length > maxLength || !token.startsWith(this.#prefix)) return undefined;
    const dot = token.lastIndexOf('.');
    const signed = token.slice(0, dot);
    const expected = this.#sign(signed).toString('base64url');
    const given = token.slice(dot + 1);
    // Compared as text: base64url has several spellings of the same bytes, and a token must have one.
    if (given.length !== expected.length || !timingSafeEqual(Buffer.from(given), Buffer.from(expected))) {
      return undefined;
    }
    const parts = JSON.parse(Buffer.from(signed.slice(this.#prefix.length), 'base64url').toString()) as Parts;
    const [userId, userName, userDomainId, scope, roles, methods, auditIds, issuedAt, expiresAt, via] = parts;
    const claims = { userId, userName, userDomainId, scope, roles, methods, auditIds, issuedAt, expiresAt };
    return via ? { ...claims, via } : claims;
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

type Parts = [
  string,
  string,
  string,
  TokenScope,
  readonly string[],
  readonly string[],
  readonly string[],
  number,
  number,
  TokenVia?,
];
