import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { SshPlace, SshSecrets } from '../../ssh/connect.ts';

/** Where a folder of another machine is, and as whom it is opened. */
export interface SftpPlace extends SshPlace {
  /** Absolute, without a slash at its end. */
  path: string;
  /** A file of this machine with the private key, in OpenSSH's or PEM's form, without a passphrase. */
  keyFile?: string;
  /** A file of this machine with the password in its first line. */
  passwordFile?: string;
}

const hostName = /^[\w.-]{1,255}$/;
const fingerprintText = /^SHA256:[A-Za-z0-9+/]{43}$/;

/**
 * Reads `sftp://user@host:22/folder?key=/path&timeout=30&fingerprint=SHA256:…`, or `password=/path` for a file with the
 * password. Without either the environment has it, as `UNKAI_SFTP_PASSWORD`, or the cloud was told of it. So the URL,
 * which the database and administrators see, holds no secret.
 */
export function sftpPlace(text: string): SftpPlace {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const fail = () => new Error('This is no place of an SFTP store: write sftp://user@host:22/folder?key=/path');
  // Whatever else is wrong with it, a text with a password in it is not repeated.
  if (url?.protocol !== 'sftp:' || url.password !== '' || url.hash !== '') throw fail();
  const given = url.searchParams;
  const place = {
    user: decoded(url.username),
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 22),
    path: decoded(url.pathname).replace(/\/+$/, ''),
    timeoutMs: Number(given.get('timeout') ?? 30) * 1000,
    ...optional('keyFile', given.get('key')),
    ...optional('passwordFile', given.get('password')),
    ...optional('fingerprint', given.get('fingerprint')?.replaceAll(' ', '+')),
  };
  const files = [place.keyFile, place.passwordFile].filter((file) => file !== undefined);
  const isGood =
    isUser(place.user) &&
    isHost(place.host) &&
    isRemoteFolder(place.path) &&
    place.port >= 1 &&
    place.timeoutMs >= 1000 &&
    place.timeoutMs <= 3_600_000 &&
    files.every((file) => file.startsWith('/')) &&
    (place.fingerprint === undefined || fingerprintText.test(place.fingerprint));
  if (!isGood) throw fail();
  return place;
}

/** The URL of a place, as `sftpPlace` reads it. */
export function sftpUrl(place: Pick<SftpPlace, 'user' | 'host' | 'port' | 'path'> & Partial<SftpPlace>): string {
  const { user, host, port, path, timeoutMs, keyFile, passwordFile, fingerprint } = place;
  const query = new URLSearchParams({
    ...optional('key', keyFile),
    ...optional('password', passwordFile),
    ...optional('fingerprint', fingerprint),
    ...(timeoutMs === undefined || timeoutMs === 30_000 ? {} : { timeout: `${timeoutMs / 1000}` }),
  });
  const at = isIPv6(host) ? `[${host}]` : host;
  const folder = path.split('/').map(encodeURIComponent).join('/');
  return `sftp://${encodeURIComponent(user)}@${at}:${port}${folder}${query.size > 0 ? `?${query}` : ''}`;
}

/** A machine's name or address. */
export function isHost(text: string): boolean {
  return hostName.test(text) || isIPv6(text);
}

export function isUser(text: string): boolean {
  return text !== '' && text.length <= 255 && !hasControls(text);
}

/** An absolute path that leads nowhere else, and is not the root of all. */
export function isRemoteFolder(path: string): boolean {
  const names = path.replace(/\/+$/, '').split('/').slice(1);
  return (
    path.startsWith('/') &&
    path.length <= 1024 &&
    !hasControls(path) &&
    names.length > 0 &&
    names.every((name) => name !== '' && name !== '.' && name !== '..')
  );
}

/** What opens the place: its files as they are now, what the cloud was told, or the environment's password. */
export async function sftpSecrets(place: SftpPlace, told: string | undefined): Promise<SshSecrets> {
  if (place.keyFile !== undefined) return { privateKey: await readFile(place.keyFile, 'utf8') };
  if (place.passwordFile !== undefined) {
    const [password = ''] = (await readFile(place.passwordFile, 'utf8')).split('\n', 1);
    return { password: password.replace(/\r$/, '') };
  }
  const password = told ?? process.env['UNKAI_SFTP_PASSWORD'];
  if (password !== undefined) return { password };
  throw new Error(
    'The SFTP store has no key and no password: name a file by key=/path or password=/path, or set UNKAI_SFTP_PASSWORD.',
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function hasControls(text: string): boolean {
  return [...text].some((char) => char < ' ' || char === '\x7f');
}

function optional<Name extends string>(name: Name, value: string | null | undefined): { [N in Name]?: string } {
  return (value === null || value === undefined ? {} : { [name]: value }) as { [N in Name]?: string };
}
