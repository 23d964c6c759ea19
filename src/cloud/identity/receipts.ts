import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Domain, User } from './model.ts';
import type { Revocations } from './revocations.ts';
import { type TokenClaims, TokenCodec } from './token-codec.ts';

/** What comes first in every receipt: it is never taken for a token, nor a token for a receipt. */
const prefix = 'unkai-receipt1.';
/** As long as Keystone's: time to look for one's passcode, microseconds. */
const lifetime = 300_000_000;

/** Says which part of the proof of who one is was given already. It is good for nothing but to give the rest. */
export interface Receipt {
  text: string;
  user: { id: string; name: string; domain: Domain };
  methods: readonly string[];
  /** The combinations of methods of which one is wanted. */
  required: string[][];
  /** Microseconds. */
  issuedAt: number;
  expiresAt: number;
}

/** Refuses a proof that is right as far as it goes: the user has to give more. */
export class MoreProofWanted extends CloudError {
  readonly receipt: Receipt;
  constructor(receipt: Receipt) {
    super('unauthenticated', 'Additional authentications steps required.', { reason: 'more_proof_wanted' });
    this.receipt = receipt;
  }
}

/** Issues receipts. Like tokens they are signed and stand nowhere; what ends a user's tokens ends them too. */
export class Receipts {
  readonly #core: CloudCore;
  readonly #codec: TokenCodec;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, key: Buffer, revocations: Revocations) {
    this.#core = core;
    this.#codec = new TokenCodec(key, prefix);
    this.#revocations = revocations;
  }

  issue(user: User, domain: Domain, methods: readonly string[], required: string[][]): Receipt {
    const { env } = this.#core;
    const issuedAt = env.now();
    const claims: TokenClaims = {
      userId: user.id,
      userName: user.name,
      userDomainId: user.domainId,
      scope: { kind: 'unscoped' },
      roles: [],
      methods,
      auditIds: [env.randomBytes(16).toString('base64url')],
      issuedAt,
      expiresAt: issuedAt + lifetime,
    };
    const who = { id: user.id, name: user.name, domain };
    return { text: this.#codec.seal(claims), user: who, methods, required, issuedAt, expiresAt: claims.expiresAt };
  }

  /** The methods that the user has used already. Undefined for a receipt of somebody else, or one that is not good. */
  methodsOf(text: string, userId: string): readonly string[] | undefined {
    const claims = this.#codec.open(text);
    if (claims?.userId !== userId || claims.expiresAt <= this.#core.env.now()) return undefined;
    return this.#revocations.isRevoked(claims) ? undefined : claims.methods;
  }
}
