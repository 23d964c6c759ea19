import type { Tx } from '../../database/database.ts';
import type { TokenRevocationsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import type { TokenClaims } from './token-codec.ts';

export type RevocationKind = TokenRevocationsTable['kind'];

/** All that a user was given on one thing: what a token says that is for it. */
export function grantOn(
  userId: string,
  target: { kind: 'project' | 'domain'; id: string } | { kind: 'system' },
): string {
  return target.kind === 'system' ? `${userId}/system/all` : `${userId}/${target.kind}/${target.id}`;
}

/** How far the clocks of control plane processes may be apart, microseconds. */
const clockTolerance = 60_000_000;

/**
 * Which tokens are no longer good though they have not expired. Held in memory; the table is for restarts and for other
 * control plane processes, which read what is new every two seconds.
 */
export class Revocations {
  readonly #core: CloudCore;
  /** Longest time a token may still be good for, microseconds. */
  readonly #lifetime: number;
  /** `kind target` → tokens issued up to then are revoked, and until when that matters. */
  readonly #entries = new Map<string, { issuedBefore: number; expiresAt: number }>();
  readonly #listeners: Array<(kind: RevocationKind, target: string) => void> = [];
  #seenUpTo = 0;

  constructor(core: CloudCore) {
    this.#core = core;
    this.#lifetime = core.settings.tokenLifetime * 1_000_000;
  }

  /** Called for each revocation as this process learns of it. */
  onRevoked(listener: (kind: RevocationKind, target: string) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Revokes, as part of the change that is the reason for it, every token issued so far to the target, and ends its
   * sessions. To be called while the target's rows are still there.
   */
  async revoke(tx: Tx, kind: RevocationKind, target: string): Promise<void> {
    const issuedBefore = this.#core.env.now();
    const expiresAt = issuedBefore + this.#lifetime + clockTolerance;
    const row = { id: newId(this.#core.env), kind, target, issued_before: issuedBefore, expires_at: expiresAt };
    await tx.insertInto('token_revocations').values(row).execute();
    if (kind === 'user') await tx.deleteFrom('sessions').where('user_id', '=', target).execute();
    if (kind === 'grant') {
      const [userId = '', place, id = ''] = target.split('/');
      const sessions = tx.deleteFrom('sessions').where('user_id', '=', userId).where('project_id', '=', id);
      if (place === 'project') await sessions.execute();
    }
    if (kind === 'project') await tx.deleteFrom('sessions').where('project_id', '=', target).execute();
    if (kind === 'domain') {
      const users = tx.selectFrom('users').select('id').where('domain_id', '=', target);
      await tx.deleteFrom('sessions').where('user_id', 'in', users).execute();
    }
    tx.onCommit(() => this.#apply(kind, target, issuedBefore, expiresAt));
  }

  isRevoked(claims: TokenClaims): boolean {
    if (this.#entries.size === 0) return false;
    const { scope } = claims;
    return (
      // Its own audit id only: a token that was made from a revoked one stays good, as Keystone has it.
      this.#covers('token', claims.auditIds[0]!, claims) ||
      this.#covers('user', claims.userId, claims) ||
      this.#covers('domain', claims.userDomainId, claims) ||
      (scope.kind !== 'unscoped' && this.#covers('grant', grantOn(claims.userId, scope), claims)) ||
      (claims.via !== undefined && this.#covers('credential', claims.via.id, claims)) ||
      (claims.via?.kind === 'oauth1' && this.#covers('credential', claims.via.consumerId, claims)) ||
      (claims.via?.kind === 'trust' &&
        (this.#covers('user', claims.via.trustorId, claims) || this.#covers('user', claims.via.trusteeId, claims))) ||
      (scope.kind === 'project' &&
        (this.#covers('project', scope.id, claims) || this.#covers('domain', scope.domainId, claims))) ||
      (scope.kind === 'domain' && this.#covers('domain', scope.id, claims))
    );
  }

  /** Learns what other processes revoked, and forgets what no token can be held against any more. */
  async refresh(): Promise<void> {
    const rows = await this.#core.db.read
      .selectFrom('token_revocations')
      .selectAll()
      .where('issued_before', '>', this.#seenUpTo - clockTolerance)
      .execute();
    for (const row of rows) {
      this.#seenUpTo = Math.max(this.#seenUpTo, row.issued_before);
      this.#apply(row.kind, row.target, row.issued_before, row.expires_at);
    }
  }

  /** Deletes rows that no longer matter. */
  async expire(): Promise<void> {
    const now = this.#core.env.now();
    for (const [key, entry] of this.#entries) if (entry.expiresAt < now) this.#entries.delete(key);
    await this.#core.db.write(async (tx) => {
      await tx.deleteFrom('token_revocations').where('expires_at', '<', now).execute();
    });
  }

  #apply(kind: RevocationKind, target: string, issuedBefore: number, expiresAt: number): void {
    const key = `${kind} ${target}`;
    const known = this.#entries.get(key);
    if (known && known.issuedBefore >= issuedBefore) return;
    this.#entries.set(key, { issuedBefore, expiresAt });
    for (const listener of this.#listeners) listener(kind, target);
  }

  #covers(kind: RevocationKind, target: string, claims: TokenClaims): boolean {
    const entry = this.#entries.get(`${kind} ${target}`);
    return entry !== undefined && claims.issuedAt <= entry.issuedBefore;
  }
}
