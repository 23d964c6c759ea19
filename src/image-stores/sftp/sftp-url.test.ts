import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { fingerprintOf, signaturesFor } from '../../ssh/host-key.ts';
import { sftpPlace, sftpSecrets, sftpUrl } from './sftp-url.ts';

describe('the place of an SFTP store', () => {
  it('has defaults, and says the rest', () => {
    expect(sftpPlace('sftp://images@far.example.com/srv/images/')).toEqual({
      user: 'images',
      host: 'far.example.com',
      port: 22,
      path: '/srv/images',
      timeoutMs: 30_000,
    });
    const fingerprint = `SHA256:${'a+b/c'.repeat(8)}abc`;
    const place = {
      user: 'käthe@work',
      host: '2001:db8::1',
      port: 2222,
      path: '/srv/my images/50%',
      timeoutMs: 5000,
      keyFile: '/etc/unkai/key',
      fingerprint,
    };
    expect(sftpPlace(sftpUrl(place))).toEqual(place);
    expect(sftpPlace(`sftp://a@b/c?fingerprint=${fingerprint}&password=/p`)).toMatchObject({
      fingerprint,
      passwordFile: '/p',
    });
  });

  it.each([
    'sftp://far/srv',
    'sftp://u@far',
    'sftp://u@far/',
    'sftp://u@far//srv',
    'sftp://u@far/srv?timeout=0',
    'sftp://u@far/srv?key=relative',
    'sftp://u@far/srv?fingerprint=MD5:aa',
    'sftp://u@far/srv%00x',
    'sftp://u@far/a/%2e%2e%2fb',
    'sftp://u@far/srv%',
    'sftp://u@far:0/srv',
    'ssh://u@far/srv',
    'no url',
  ])('is none: %s', (text) => expect(() => sftpPlace(text)).toThrow('This is no place of an SFTP store'));

  it('has no password in it, and does not repeat one', () => {
    expect(() => sftpPlace('sftp://u:sesame@far/srv')).toThrow(/^(?!.*sesame)/);
  });
});

describe('the secrets of an SFTP store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unkai-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  const place = sftpPlace('sftp://u@far/srv');

  it('are a key before a password, a file before what was told, and that before the environment', async () => {
    const [key, password] = [join(folder, 'key'), join(folder, 'password')];
    writeFileSync(key, 'PRIVATE\n');
    writeFileSync(password, 'by file\r\nmore\n');
    vi.stubEnv('UNKAI_SFTP_PASSWORD', 'by environment');
    expect(await sftpSecrets({ ...place, keyFile: key, passwordFile: password }, 'told')).toEqual({
      privateKey: 'PRIVATE\n',
    });
    expect(await sftpSecrets({ ...place, passwordFile: password }, 'told')).toEqual({ password: 'by file' });
    expect(await sftpSecrets(place, 'told')).toEqual({ password: 'told' });
    expect(await sftpSecrets(place, undefined)).toEqual({ password: 'by environment' });
    vi.stubEnv('UNKAI_SFTP_PASSWORD', undefined);
    await expect(sftpSecrets(place, undefined)).rejects.toThrow('UNKAI_SFTP_PASSWORD');
  });
});

describe('a host key', () => {
  it('has the fingerprint that OpenSSH prints, and its kind is asked for first', () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    expect(fingerprintOf(key)).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
    expect(signaturesFor(undefined)[0]).toBe('ssh-ed25519');
    expect(signaturesFor('ssh-rsa AAAA').slice(0, 3)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']);
  });
});
