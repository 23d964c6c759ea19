import type { Client, SFTPWrapper } from 'ssh2';
import { connectSsh } from '../../ssh/connect.ts';
import type { KnownHostKey } from '../../ssh/host-key.ts';
import { StoreError } from '../store.ts';
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
    const secrets = async () => sftpSecrets(place, await login.password());
    const client = await connectSsh(place, { secrets, hostKey: login.hostKey }).catch((error: Error) => {
      throw new StoreError('failed', error.message, error);
    });
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
