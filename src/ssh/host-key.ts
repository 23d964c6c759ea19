import { createHash } from 'node:crypto';
import { SshError } from './ssh-error.ts';

/** The key by which a server is known, kept by whoever keeps the store: `ssh-ed25519 AAAA…`. */
export interface KnownHostKey {
  /** Undefined before the first connection. */
  read(): Promise<string | undefined>;
  /** Keeps the key where none is kept yet. Gives the one that is kept then. */
  keep(key: string): Promise<string>;
}

/** A host key that is known as long as the process lives. */
export function rememberedHostKey(known?: string): KnownHostKey {
  let kept = known;
  return {
    read: async () => kept,
    keep: async (key) => {
      kept ??= key;
      return kept;
    },
  };
}

/** Signatures by SHA-1 are not taken. */
const signatures = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/** What a server may prove itself by, the kind of the key that is known first: it may have others, too. */
export function signaturesFor(known: string | undefined): Array<(typeof signatures)[number]> {
  const [type = ''] = (known ?? '').split(' ');
  const isKnown = (one: string) => one === type || (type === 'ssh-rsa' && one.startsWith('rsa-'));
  return signatures.toSorted((a, b) => Number(isKnown(b)) - Number(isKnown(a)));
}

/** A key as servers show it, in the form of OpenSSH's files. */
export function hostKeyText(key: Buffer): string {
  const length = key.readUInt32BE(0);
  return `${key.toString('latin1', 4, 4 + length)} ${key.toString('base64')}`;
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(key: string): string {
  const [, bytes = ''] = key.split(' ');
  return `SHA256:${createHash('sha256').update(Buffer.from(bytes, 'base64')).digest('base64').replace(/=+$/, '')}`;
}

/** Throws where the server is not the one that is meant. One that nobody knows yet is known from now on. */
export async function checkHostKey(
  { host, port, fingerprint }: { host: string; port: number; fingerprint?: string },
  known: KnownHostKey,
  shown: string,
): Promise<void> {
  const here = fingerprintOf(shown);
  const expected = fingerprint ?? fingerprintOf(await known.keep(shown));
  if (here === expected) return;
  throw new SshError(
    `The server ${host} (port ${port}) shows the host key ${here}, and is known by ${expected}: another one may stand in for it. ` +
      'Where its key was changed on purpose, tell the cloud its hostname again.',
  );
}
