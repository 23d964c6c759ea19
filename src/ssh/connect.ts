import type { Client } from 'ssh2';
import { checkHostKey, hostKeyText, type KnownHostKey, signaturesFor } from './host-key.ts';
import { SshError } from './ssh-error.ts';

/** A machine, and as whom one logs in there. */
export interface SshPlace {
  user: string;
  host: string;
  port: number;
  /** A server that says nothing for so long is taken for gone. */
  timeoutMs: number;
  /** The only host key that is taken: `SHA256:…`, as `ssh-keygen -l` prints it. */
  fingerprint?: string;
}

/** What opens it. */
export interface SshSecrets {
  privateKey?: string;
  password?: string;
}

/**
 * Connects and logs in. The server must be the one that is known, if one is; else it is known from now on. Throws
 * `SshError`. Whoever gets the client listens to its `error` and `close`.
 */
export async function connectSsh(
  place: SshPlace,
  { secrets, hostKey }: { secrets(): Promise<SshSecrets>; hostKey: KnownHostKey },
): Promise<Client> {
  const [{ default: ssh2 }, given, known] = await Promise.all([import('ssh2'), secrets(), hostKey.read()]).catch(
    (error) => {
      throw unreachable(place, error);
    },
  );
  const client = new ssh2.Client();
  let strange: unknown;
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', reject);
      client.once('close', () => reject(new Error('the server has closed the connection')));
      client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) =>
        finish(prompts.map(({ echo }) => (echo ? '' : (given.password ?? '')))),
      );
      client.connect({
        host: place.host,
        port: place.port,
        username: place.user,
        ...given,
        tryKeyboard: given.password !== undefined,
        readyTimeout: place.timeoutMs,
        keepaliveInterval: Math.ceil(place.timeoutMs / 4),
        keepaliveCountMax: 3,
        algorithms: { serverHostKey: signaturesFor(known) },
        hostVerifier: (key: Buffer, verify: (isKnown: boolean) => void) => {
          checkHostKey(place, hostKey, hostKeyText(key)).then(
            () => verify(true),
            (error) => {
              strange = error;
              verify(false);
            },
          );
        },
      });
      // Requests are small and waited for.
      client.setNoDelay(true);
    });
  } catch (error) {
    client.destroy();
    throw strange ?? unreachable(place, error);
  }
  return client;
}

function unreachable({ user, host, port }: SshPlace, error: unknown): SshError {
  const { message, level } = error as Error & { level?: string };
  const why = level === 'client-authentication' ? 'the login is refused' : message || String(error);
  return new SshError(`Failed to reach ${user}@${host} (port ${port}) by SSH: ${why}`, error);
}
