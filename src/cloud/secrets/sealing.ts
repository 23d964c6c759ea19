import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { CloudCore } from '../core.ts';

/**
 * The secrets that the cloud has to know itself, as passwords of other machines, are kept encrypted: whoever reads the
 * database, or a backup of it, has not read them. The keys are outside of the database (see docs/decisions/0019).
 */

/** One of the keys of a cloud. */
export interface SecretKey {
  /** Says of what was encrypted by which key. */
  readonly id: string;
  readonly key: Buffer;
}

type Core = Pick<CloudCore, 'settings' | 'env'>;

const prefix = 'sealed1';
/** Before what is kept as it is and could be taken for something encrypted: users choose some secrets themselves. */
const plainPrefix = 'plain1.';
const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/** Keys as an operator writes them, one on a line: the first one encrypts, all of them decrypt. */
export function secretKeysFrom(text: string): SecretKey[] {
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  return lines.map((line) => {
    const digest = (purpose: string) => createHash('sha256').update(`unkai ${purpose}\n${line}`).digest();
    return { id: digest('key id').toString('hex').slice(0, 8), key: digest('key') };
  });
}

/**
 * Encrypts a secret for the database; without keys it stays as it is, and can be told from what is encrypted.
 * @param about where it is kept, as `table.column/row`: what is copied to another place is good for nothing there
 */
export function seal({ settings, env }: Core, secret: string, about: string): string {
  const [current] = settings.secretKeys;
  if (!current) return /^(sealed1|plain1)\./.test(secret) ? plainPrefix + secret : secret;
  const iv = Buffer.from(env.randomBytes(ivBytes));
  const cipher = createCipheriv(algorithm, current.key, iv).setAAD(Buffer.from(about));
  const sealed = Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return [prefix, current.id, sealed.toString('base64url')].join('.');
}

/** The secret that `seal` was given. Throws `SecretsLocked` where none of the keys opens it. */
export function unseal({ settings }: Pick<Core, 'settings'>, stored: string, about: string): string {
  const [, id, text] = /^sealed1\.([0-9a-f]{8})\.([\w-]+)$/.exec(stored) ?? [];
  if (id === undefined) return stored.startsWith(plainPrefix) ? stored.slice(plainPrefix.length) : stored;
  const key = settings.secretKeys.find((one) => one.id === id)?.key;
  if (!key) throw new SecretsLocked(`A secret in the database (${about}) was encrypted with a key that is not there`);
  const sealed = Buffer.from(text!, 'base64url');
  try {
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, ivBytes)).setAAD(Buffer.from(about));
    decipher.setAuthTag(sealed.subarray(-tagBytes));
    return decipher.update(sealed.subarray(ivBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8');
  } catch (error) {
    throw new SecretsLocked(`A secret in the database (${about}) is damaged`, { cause: error });
  }
}

/** Whether it is encrypted with the key that encrypts now, or plain where there is none. */
export function isCurrent({ settings }: Pick<Core, 'settings'>, stored: string): boolean {
  const [current] = settings.secretKeys;
  return current === undefined || stored.startsWith(`${prefix}.${current.id}.`);
}

/** What is encrypted can't be read with the keys that there are. */
export class SecretsLocked extends Error {
  override readonly name = 'SecretsLocked';
}
