import { createHash } from 'node:crypto';
import { ConstraintViolation } from '../../../database/database.ts';
import type { CloudCore } from '../../core.ts';
import { CloudError } from '../../errors.ts';
import { isSignedWith, oauthParameters, type SignedRequest } from './signature.ts';

/** How far a client's clock may be off, microseconds. */
const clockTolerance = 300_000_000;

/** What a request says, none of it proven: whose it is, and by which token. */
export interface SignedWords {
  consumerKey: string;
  /** Empty where there is none. */
  token: string;
  verifier: string;
  callback: string;
  timestamp: string;
  nonce: string;
}

/** Looks at signed requests: each of them is good once. */
export class SignedRequests {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** Throws `unauthenticated` where a request is not signed by OAuth 1.0, or not now. */
  wordsOf({ authorization }: SignedRequest): SignedWords {
    const parameters = oauthParameters(authorization);
    if (!parameters) throw notSigned('The request has no header Authorization that is signed by OAuth 1.0.');
    const word = (name: string) => parameters.get(`oauth_${name}`) ?? '';
    const words = {
      consumerKey: word('consumer_key'),
      token: word('token'),
      verifier: word('verifier'),
      callback: word('callback'),
      timestamp: word('timestamp'),
      nonce: word('nonce'),
    };
    if (!['', '1.0'].includes(word('version'))) throw notSigned('The version of OAuth must be 1.0.');
    if (!/^[1-9]\d{0,11}$/.test(words.timestamp) || words.nonce === '') {
      throw notSigned('The request needs oauth_timestamp and oauth_nonce.');
    }
    if (Math.abs(Number(words.timestamp) * 1_000_000 - this.#core.env.now()) > clockTolerance) {
      throw notSigned('The request was signed too long ago, or its timestamp is yet to come.');
    }
    return words;
  }

  /**
   * Proves that who has the secrets made the request, and that it did not come before. Where it is wrong, it throws
   * `unauthenticated` and does not say why: secrets of what is not there are wrong, too.
   */
  async prove(
    request: SignedRequest,
    words: SignedWords,
    consumerSecret: string | undefined,
    tokenSecret: string | undefined,
  ): Promise<void> {
    const isRight = isSignedWith(request, consumerSecret ?? '', tokenSecret ?? '');
    if (!isRight || consumerSecret === undefined || tokenSecret === undefined) throw invalidSignature();
    const { consumerKey, token, timestamp, nonce } = words;
    const id = createHash('sha256')
      .update(JSON.stringify([consumerKey, token, timestamp, nonce]))
      .digest('hex');
    const expires_at = Number(timestamp) * 1_000_000 + 2 * clockTolerance;
    try {
      await this.#core.db.write((tx) => tx.insertInto('oauth_nonces').values({ id, expires_at }).execute());
    } catch (error) {
      if (error instanceof ConstraintViolation) throw invalidSignature();
      throw error;
    }
  }

  /** Forgets what could not come again in any case. */
  async expire(): Promise<void> {
    const now = this.#core.env.now();
    await this.#core.db.write((tx) => tx.deleteFrom('oauth_nonces').where('expires_at', '<', now).execute());
  }
}

/** A request that is not signed as it should be. */
export function invalidSignature(): CloudError {
  return notSigned('The signature of the request is not valid, or it was used before.');
}

function notSigned(message: string): CloudError {
  return new CloudError('unauthenticated', message, { reason: 'wrong_credentials' });
}
