import { generateKeyPairSync } from 'node:crypto';
import ssh2 from 'ssh2';

/**
 * A new key of a host or a user as OpenSSH reads it: the private one in PEM, and the line of the public one. One in some
 * three hundred of the Ed25519 keys that `ssh2` makes itself can't be read by OpenSSH.
 */
export function newSshKey(): { private: string; public: string } {
  const pem = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  }).privateKey;
  const key = ssh2.utils.parseKey(pem);
  if (key instanceof Error) throw key;
  return { private: pem, public: `${key.type} ${key.getPublicSSH().toString('base64')}` };
}
