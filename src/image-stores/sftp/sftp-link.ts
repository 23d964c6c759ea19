import type { Client, SFTPWrapper } from 'ssh2';
import { StoreError } from '../store.ts';
import { checkHostKey, hostKeyText, type KnownHostKey, signaturesFor } from './host-key.ts';
import { type SftpPlace, sftpSecrets } from './sftp-url.ts';

/** How a place is logged in to. */
export interface SftpLogin {
  /** As far as the cloud was told, for each connection anew; the place may name a file instead. */
  password(): Promise<string | undefined>;
  hostKey: KnownHostKey;
}

/** One SSH connection: what is asked over it, and whether it still answers. */
export class SftpLink {
  readonly #client: Client;
  readonly #place: SftpPlace;
  readonly #waiting = new Set<(reason: Error) => void>();
  readonly #silence: NodeJS.Timeout;
  #lost: Error | undefined;

  private constructor(client: Client, place: SftpPlace) {
    this.#client = client;
    this.#place = place;
    this.#silence = setTimeout(() => this.#checkSilence(), place.timeoutMs).unref();
  }

  /** Connects and logs in. The server must be the one that is known, if one is. */
  static async open(place: SftpPlace, login: SftpLogin): Promise<SftpLink> {
    const [{ default: ssh2 }, secrets, known] = await Promise.all([
      import('ssh2'),
      login.password().then((told) => sftpSecrets(place, told)),
      login.hostKey.read(),
    ]).catch((error) => {
      throw unreachable(place, error);
    });
    const client = new ssh2.Client();
    let strange: unknown;
    try {
      await new Promise<void>((resolve, reject) => {
        client.once('ready', resolve);
        client.on('error', reject);
        client.once('close', () => reject(new Error('the server has closed the connection')));
        client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.map(({ echo }) => (echo ? '' : (secrets.password ?? '')))),
        );
        client.connect({
          host: place.host,
          port: place.port,
          username: place.user,
          ...secrets,
          tryKeyboard: secrets.password !== undefined,
          readyTimeout: place.timeoutMs,
          keepaliveInterval: Math.ceil(place.timeoutMs / 4),
          keepaliveCountMax: 3,
          algorithms: { serverHostKey: signaturesFor(known) },
          hostVerifier: (key: Buffer, verify: (isKnown: boolean) => void) => {
            checkHostKey(place, login.hostKey, hostKeyText(key)).then(
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
    const link = new SftpLink(client, place);
    client.on('error', (error) => link.break(error));
    client.once('close', () => link.break(new Error('the connection was closed')));
    return link;
  }

  /** What is asked for next fails where this is so. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Another channel over the connection, on which the server works in parallel. */
  async channel(): Promise<SFTPWrapper> {
    const sftp = await this.ask<SFTPWrapper>((done) => this.#client.sftp(done));
    sftp.on('error', (error: Error) => this.break(error));
    sftp.once('close', () => this.break(new Error('the server has ended SFTP')));
    return sftp;
  }

  /** Asks for something and waits for the answer, or for the end of the connection. */
  async ask<T>(begin: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
    if (this.#lost) throw this.#lost;
    return await new Promise<T>((resolve, reject) => {
      if (this.#waiting.size === 0) this.#silence.refresh();
      this.#waiting.add(reject);
      const done = (error: Error | null | undefined, value: T) => {
        if (!this.#waiting.delete(reject)) return;
        this.#silence.refresh();
        if (error) reject(error);
        else resolve(value);
      };
      try {
        begin(done);
      } catch (error) {
        done(error as Error, undefined as T);
      }
    });
  }

  /** Gives the connection up, and with it all that waits for an answer. */
  break(reason: Error): void {
    if (this.#lost) return;
    clearTimeout(this.#silence);
    const { host, port } = this.#place;
    this.#lost = new StoreError('failed', `The line to ${host} (port ${port}) is gone: ${reason.message}`);
    for (const reject of this.#waiting) reject(this.#lost);
    this.#waiting.clear();
    this.#client.destroy();
  }

  #checkSilence(): void {
    if (this.#waiting.size > 0) this.break(new Error(`nothing was heard for ${this.#place.timeoutMs / 1000} seconds`));
  }
}

function unreachable({ user, host, port }: SftpPlace, error: unknown): StoreError {
  const { message, level } = error as Error & { level?: string };
  const why = level === 'client-authentication' ? 'the login is refused' : message || String(error);
  return new StoreError('failed', `Failed to reach ${user}@${host} (port ${port}) by SFTP: ${why}`);
}
