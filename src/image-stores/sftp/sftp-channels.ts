import { StoreError } from '../store.ts';
import { SftpFiles } from './sftp-files.ts';
import { SftpLink, type SftpLogin } from './sftp-link.ts';
import type { SftpPlace } from './sftp-url.ts';

/** Servers let ten be opened over a connection, where nobody has said otherwise (OpenSSH's `MaxSessions`). */
const maxChannels = 6;

interface Channel {
  files: Promise<SftpFiles>;
  users: number;
}

interface Connected {
  link: SftpLink;
  /** For what is quick. */
  control: SftpFiles;
  /** One for each transfer, as long as there are enough: a server works on one request of a channel at a time. */
  transfers: Channel[];
  /** How many of them there may be. */
  limit: number;
}

/** Files of a far machine, over a connection that is made when it is needed, and again when it was lost. */
export class SftpChannels {
  readonly #place: SftpPlace;
  readonly #login: SftpLogin;
  #connected: Connected | undefined;
  #connecting: Promise<Connected> | undefined;
  #isClosed = false;

  constructor(place: SftpPlace, login: SftpLogin) {
    this.#place = place;
    this.#login = login;
  }

  /** For requests that are answered at once. */
  async files(): Promise<SftpFiles> {
    return (await this.#get()).control;
  }

  /** Lends a channel for a transfer, until it is released. */
  async borrow(): Promise<{ files: SftpFiles; release: () => void }> {
    const connected = await this.#get();
    const channel = leastUsed(connected);
    channel.users += 1;
    try {
      const files = await channel.files;
      return {
        files,
        release: () => {
          channel.users -= 1;
        },
      };
    } catch (error) {
      // This server lets fewer be opened.
      if (connected.link.isLost) throw error;
      connected.transfers = connected.transfers.filter((one) => one !== channel);
      connected.limit = connected.transfers.length;
      if (connected.limit === 0) return { files: connected.control, release: () => {} };
      return await this.borrow();
    }
  }

  /** Ends the connection, and what waits for it. */
  close(): void {
    this.#isClosed = true;
    this.#connected?.link.break(new Error('the store was closed'));
  }

  async #get(): Promise<Connected> {
    if (this.#isClosed) throw new StoreError('failed', 'The store is closed.');
    if (this.#connected && !this.#connected.link.isLost) return this.#connected;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return await this.#connecting;
  }

  async #connect(): Promise<Connected> {
    const link = await SftpLink.open(this.#place, this.#login);
    try {
      this.#connected = { link, control: new SftpFiles(link, await link.channel()), transfers: [], limit: maxChannels };
      if (this.#isClosed) this.close();
      return this.#connected;
    } catch (error) {
      link.break(error as Error);
      throw new StoreError('failed', `The server ${this.#place.host} offers no SFTP: ${(error as Error).message}`);
    }
  }
}

/** The channel for the next transfer: a new one, as long as the others are in use and there may be more. */
function leastUsed({ link, transfers, limit }: Connected): Channel {
  const [least] = transfers.toSorted((a, b) => a.users - b.users);
  if (least && (least.users === 0 || transfers.length >= limit)) return least;
  const opened = { files: link.channel().then((sftp) => new SftpFiles(link, sftp)), users: 0 };
  transfers.push(opened);
  return opened;
}
