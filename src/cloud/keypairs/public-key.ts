import { createHash, generateKeyPair, X509Certificate } from 'node:crypto';
import { CloudError } from '../errors.ts';

/** Key types that OpenSSH writes, by the number of fields that follow the type in the key's bytes. */
const fieldsOfType: Record<string, number> = {
  'ssh-rsa': 2,
  'ssh-dss': 4,
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'sk-ssh-ed25519@openssh.com': 2,
  'sk-ecdsa-sha2-nistp256@openssh.com': 3,
};

const rsaBits = 2048;

/** MD5 of the key's bytes as `aa:bb:…`. Throws `invalid` for a text that is no OpenSSH public key. */
export function sshFingerprint(publicKey: string): string {
  const [type, base64] = publicKey.trim().split(/\s+/, 3);
  if (!type || !base64 || !(type in fieldsOfType) || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw invalidKey();
  const bytes = Buffer.from(base64, 'base64');
  const fields = fieldsIn(bytes);
  if (fields?.length !== fieldsOfType[type]! + 1 || fields[0]!.toString('latin1') !== type) throw invalidKey();
  return colons(createHash('md5').update(bytes).digest('hex'));
}

/** SHA-1 of an X.509 certificate in PEM as `aa:bb:…`. Throws `invalid` for anything else. */
export function certificateFingerprint(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint.toLowerCase();
  } catch {
    throw invalidKey();
  }
}

/** A new RSA key pair, as Nova makes them: `ssh-rsa …` and PKCS#1 PEM, which every SSH client reads. */
export function generateSshKeyPair(): Promise<{ publicKey: string; privateKey: string }> {
  return new Promise((resolve, reject) =>
    generateKeyPair('rsa', { modulusLength: rsaBits }, (error, publicKey, privateKey) => {
      if (error) return reject(error);
      const { e, n } = publicKey.export({ format: 'jwk' }) as { e: string; n: string };
      const bytes = Buffer.concat([field(Buffer.from('ssh-rsa')), field(positive(e)), field(positive(n))]);
      resolve({
        publicKey: `ssh-rsa ${bytes.toString('base64')} Generated-by-Unkai`,
        privateKey: privateKey.export({ format: 'pem', type: 'pkcs1' }) as string,
      });
    }),
  );
}

/** The length-prefixed fields (RFC 4251, section 5); undefined when they don't fill the bytes exactly. */
function fieldsIn(bytes: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function field(value: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
}

/** RFC 4251's mpint of a positive number: a leading zero byte where the first bit would read as a minus. */
function positive(base64url: string): Buffer {
  const value = Buffer.from(base64url, 'base64url');
  return value[0]! >= 0x80 ? Buffer.concat([Buffer.alloc(1), value]) : value;
}

function colons(hex: string): string {
  return hex.match(/../g)!.join(':');
}

function invalidKey(): CloudError {
  return new CloudError('invalid', 'Keypair data is invalid: failed to generate fingerprint', { field: 'public_key' });
}
