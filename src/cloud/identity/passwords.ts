import { argon2, createHash, timingSafeEqual } from 'node:crypto';
import type { Env } from '../../env/env.ts';
import { CloudError } from '../errors.ts';

/** argon2id costs (RFC 9106; OWASP's second choice): memory in KiB, passes, lanes. About 30 ms of one core. */
const cost = { memory: 19456, passes: 2, parallelism: 1 };
const tagLength = 32;
const saltLength = 16;

export interface PasswordLimits {
  /** Hashes under way at once: each holds one of libuv's few threads, which files and DNS need too. */
  concurrent: number;
  /** Logins that wait for a hash. More are refused: the client does better to try again than to wait for minutes. */
  waiting: number;
}

const usualLimits: PasswordLimits = { concurrent: 2, waiting: 256 };

/** The form in which passwords reach the cloud at the latest: lower-case hex SHA-512, as ZStack's clients send them. */
export function sha512Hex(password: string): string {
  return createHash('sha512').update(password, 'utf8').digest('hex');
}

/** Keeps passwords as argon2id hashes of their SHA-512, and checks them, beside the event loop. */
export class Passwords {
  readonly #env: Pick<Env, 'randomBytes'>;
  readonly #limits: PasswordLimits;
  readonly #decoySalt: Buffer;
  #running = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(env: Pick<Env, 'randomBytes'>, limits = usualLimits) {
    this.#env = env;
    this.#limits = limits;
    this.#decoySalt = env.randomBytes(saltLength);
  }

  /** A PHC string for the database. */
  async hash(sha512: string): Promise<string> {
    const salt = this.#env.randomBytes(saltLength);
    const tag = await this.#argon2(sha512, salt, cost);
    const { memory, passes, parallelism } = cost;
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${phcBase64(salt)}$${phcBase64(tag)}`;
  }

  /**
   * Whether the hash is of this password. Without a hash (unknown user, or one that has no password) it takes the same
   * time and says no, so that user names can't be found out.
   */
  async verify(sha512: string, hash: string | undefined): Promise<boolean> {
    const stored = hash === undefined ? undefined : parsePhc(hash);
    if (!stored) {
      await this.#argon2(sha512, this.#decoySalt, cost);
      return false;
    }
    const tag = await this.#argon2(sha512, stored.salt, stored.cost);
    return tag.length === stored.tag.length && timingSafeEqual(tag, stored.tag);
  }

  async #argon2(sha512: string, nonce: Buffer, costs: typeof cost): Promise<Buffer> {
    await this.#turn();
    try {
      return await new Promise<Buffer>((resolve, reject) =>
        argon2('argon2id', { message: sha512.toLowerCase(), nonce, tagLength, ...costs }, (error, tag) =>
          error ? reject(error) : resolve(tag),
        ),
      );
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  #turn(): Promise<void> | void {
    if (this.#running < this.#limits.concurrent) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#limits.waiting) {
      throw new CloudError('unavailable', 'Too many clients are signing in at the same time. Try again in a moment.');
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

const phc = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function parsePhc(text: string): { cost: typeof cost; salt: Buffer; tag: Buffer } | undefined {
  const match = phc.exec(text);
  if (!match) return undefined;
  const [, memory, passes, parallelism, salt, tag] = match;
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt!, 'base64'),
    tag: Buffer.from(tag!, 'base64'),
  };
}

/** PHC strings have base64 without padding. */
function phcBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
