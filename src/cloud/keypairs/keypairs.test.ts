import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { operator, type Subject } from '../identity/subject.ts';
import { testCore } from '../identity/test-identity.ts';
import { Keypairs } from './keypairs.ts';
import { sshFingerprint } from './public-key.ts';

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl someone';
const admin = operator();
const member: Subject = { ...admin, userId: 'b'.repeat(32), isAdmin: false, roles: ['member'] };

let made: Awaited<ReturnType<typeof testCore>>;
let keypairs: Keypairs;

beforeEach(async () => {
  made = await testCore();
  keypairs = new Keypairs(made.core);
});

afterEach(() => made.db.close());

describe('keypairs', () => {
  test('imports, shows, lists and deletes', async () => {
    const { keypair, privateKey } = await keypairs.create(member, { name: 'laptop', publicKey });
    expect(privateKey).toBeUndefined();
    expect(keypair).toMatchObject({ name: 'laptop', type: 'ssh', publicKey, userId: member.userId });
    expect(keypair.fingerprint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    expect(await keypairs.get(member, 'laptop')).toEqual(keypair);
    expect(await keypairs.list(member)).toEqual([keypair]);
    expect(await keypairs.list(admin)).toEqual([]);
    expect(await keypairs.list(admin, member.userId)).toEqual([keypair]);
    await keypairs.delete(member, 'laptop');
    const missing = expect.objectContaining({ code: 'not_found' });
    await expect(keypairs.get(member, 'laptop')).rejects.toEqual(missing);
    await expect(keypairs.delete(member, 'laptop')).rejects.toEqual(missing);
  });

  test('generates a private key that goes with the public one', async () => {
    const { keypair, privateKey } = await keypairs.create(member, { name: 'made' });
    const derived = createPublicKey(createPrivateKey(privateKey!)).export({ format: 'jwk' }) as { n: string };
    expect(privateKey).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    const bytes = Buffer.from(keypair.publicKey.split(' ')[1]!, 'base64');
    expect(bytes.includes(Buffer.from(derived.n, 'base64url'))).toBe(true);
    expect(sshFingerprint(keypair.publicKey)).toBe(keypair.fingerprint);
  });

  test('generates a certificate that its key has signed', async () => {
    const { keypair, privateKey } = await keypairs.create(member, { name: 'windows', type: 'x509' });
    const certificate = new X509Certificate(keypair.publicKey);
    expect(certificate.checkPrivateKey(createPrivateKey(privateKey!))).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe(`CN=${member.userId}`);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.subjectAltName).toContain('othername');
    expect(certificate.fingerprint.toLowerCase()).toBe(keypair.fingerprint);
  });

  test.skipIf(!hasSshKeygen())('the fingerprint is the one that ssh-keygen prints', async () => {
    const printed = execFileSync('ssh-keygen', ['-l', '-E', 'md5', '-f', '-'], { input: publicKey, encoding: 'utf8' });
    expect(printed).toContain(`MD5:${sshFingerprint(publicKey)}`);
  });

  test.each([
    'ssh-ed25519',
    'ssh-ed25519 AAAA',
    'ssh-ed25519 not!base64',
    publicKey.replace('ssh-ed25519', 'ssh-rsa'),
    publicKey.replace('GKJl', ''),
    'sneaky AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
    'toString AAAA',
  ])('refuses the key %j', async (key) => {
    const invalid = expect.objectContaining({ code: 'invalid' });
    await expect(keypairs.create(member, { name: 'bad', publicKey: key })).rejects.toEqual(invalid);
  });

  test.each(['key_/.\\@:', 'new\nline', ' blank', '', 'ключ'])('refuses the name %j', async (name) => {
    const invalid = expect.objectContaining({ code: 'invalid' });
    await expect(keypairs.create(member, { name, publicKey })).rejects.toEqual(invalid);
  });

  test('a name is unique among the own ones only', async () => {
    await keypairs.create(member, { name: 'laptop', publicKey });
    const duplicate = expect.objectContaining({ code: 'duplicate', message: "Key pair 'laptop' already exists." });
    await expect(keypairs.create(member, { name: 'laptop', publicKey })).rejects.toEqual(duplicate);
    await keypairs.create(admin, { name: 'laptop', publicKey });
  });

  test('those of others are for administrators', async () => {
    const forbidden = expect.objectContaining({ code: 'forbidden' });
    await expect(keypairs.list(member, admin.userId)).rejects.toEqual(forbidden);
    const wanted = { name: 'x', publicKey, userId: admin.userId };
    await expect(keypairs.create(member, wanted)).rejects.toEqual(forbidden);
  });

  test('are limited', async () => {
    const limited = new Keypairs({
      ...made.core,
      settings: { ...made.core.settings, defaultQuotas: { ...made.core.settings.defaultQuotas, keypairs: 1 } },
    });
    await limited.create(member, { name: 'one', publicKey });
    const exceeded = expect.objectContaining({ code: 'quota_exceeded' });
    await expect(limited.create(member, { name: 'two', publicKey })).rejects.toEqual(exceeded);
  });
});

function hasSshKeygen(): boolean {
  try {
    execFileSync('ssh-keygen', ['-l', '-f', '-'], { input: publicKey, stdio: ['pipe', 'ignore', 'ignore'] });
    return true;
  } catch {
    return false;
  }
}
