import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import { StoreError } from '../store.ts';
import type { SftpLink } from './sftp-link.ts';

/** As the protocol numbers them. */
const open = { read: 1, write: 2, create: 8, exclusive: 32 } as const;
const status = { noSuchFile: 2, permissionDenied: 3, failure: 4, unsupported: 8 } as const;
const fileMode = 0o640;
const folderMode = 0o750;

/** What a request carries; servers other than OpenSSH's are given it in two. */
const requestLength = 64 * 1024;

/** What can be told of something on the far machine. */
export interface FarFile {
  size: number;
  /** Microseconds since the Unix epoch; the protocol knows seconds. */
  modifiedAt: number;
  isFile: boolean;
}

/** Files of the far machine, over one channel. Failures are `StoreError`. */
export class SftpFiles {
  readonly #link: SftpLink;
  readonly #sftp: SFTPWrapper;

  constructor(link: SftpLink, sftp: SFTPWrapper) {
    this.#link = link;
    this.#sftp = sftp;
  }

  /** A file that is there, to be read. */
  async openToRead(path: string): Promise<Buffer> {
    return await this.#open(path, open.read);
  }

  /** A new file; fails where there is one. */
  async create(path: string): Promise<Buffer> {
    return await this.#open(path, open.write | open.create | open.exclusive);
  }

  /** A file to be read and written, made if need be. */
  async openToContinue(path: string): Promise<Buffer> {
    return await this.#open(path, open.read | open.write | open.create);
  }

  async #open(path: string, flags: number): Promise<Buffer> {
    return await this.#ask<Buffer>(`open ${path}`, (done) => this.#sftp.open(path, flags, { mode: fileMode }, done));
  }

  async close(handle: Buffer): Promise<void> {
    await this.#ask('close a file', (done) => this.#sftp.close(handle, (error) => done(error, undefined)));
  }

  async size(handle: Buffer): Promise<number> {
    return (await this.#ask<Stats>('look at a file', (done) => this.#sftp.fstat(handle, done))).size;
  }

  /** Fills the buffer from there on, as far as the file goes; tells how far. */
  async read(handle: Buffer, into: Buffer, position: number): Promise<number> {
    const parts = [];
    for (let at = 0; at < into.length; at += requestLength) {
      parts.push(this.#readPart(handle, into, at, Math.min(at + requestLength, into.length), position));
    }
    const ends = await Promise.all(parts);
    const short = ends.findIndex((end, index) => end < Math.min((index + 1) * requestLength, into.length));
    return short === -1 ? into.length : ends[short]!;
  }

  async #readPart(handle: Buffer, into: Buffer, from: number, to: number, position: number): Promise<number> {
    for (let at = from; at < to; ) {
      const begin = at;
      const count = await this.#ask<number>('read a file', (done) =>
        this.#sftp.read(handle, into, begin, to - begin, position + begin, done),
      );
      if (count === 0) return at;
      at += count;
    }
    return to;
  }

  /** Writes all of it. The bytes must not change before this resolves. */
  async write(handle: Buffer, bytes: Buffer, position: number): Promise<void> {
    const parts = [];
    for (let at = 0; at < bytes.length; at += requestLength) {
      const length = Math.min(requestLength, bytes.length - at);
      parts.push(
        this.#ask('write a file', (done) =>
          this.#sftp.write(handle, bytes, at, length, position + at, (error) => done(error, undefined)),
        ),
      );
    }
    await Promise.all(parts);
  }

  async truncate(handle: Buffer, size: number): Promise<void> {
    const attributes = { size } as Parameters<SFTPWrapper['fsetstat']>[1];
    await this.#ask('set the length of a file', (done) =>
      this.#sftp.fsetstat(handle, attributes, (error) => done(error, undefined)),
    );
  }

  /** Brings a file to stable storage, where the server can be asked for that: OpenSSH's can. */
  async sync(handle: Buffer): Promise<void> {
    await this.#ifSupported('bring a file to stable storage', (done) =>
      this.#sftp.ext_openssh_fsync(handle, (error) => done(error, true)),
    );
  }

  /** Makes names that came or went survive a loss of power. OpenSSH's server opens folders as it opens files. */
  async syncFolder(path: string): Promise<void> {
    const handle = await this.openToRead(path).catch(() => undefined);
    if (!handle) return;
    try {
      await this.sync(handle).catch((error) => {
        if (this.#link.isLost) throw error;
      });
    } finally {
      await this.close(handle);
    }
  }

  /** Gives a file another name, which may be that of another one. */
  async rename(from: string, to: string): Promise<void> {
    const doing = `rename ${from}`;
    const renamed = await this.#ifSupported(doing, (done) =>
      this.#sftp.ext_openssh_rename(from, to, (error) => done(error, true)),
    );
    if (renamed) return;
    // The protocol's own way replaces nothing.
    await this.remove(to);
    await this.#ask(doing, (done) => this.#sftp.rename(from, to, (error) => done(error, undefined)));
  }

  /** No error when absent. */
  async remove(path: string): Promise<void> {
    await this.#unlessAbsent(
      this.#ask(`remove ${path}`, (done) => this.#sftp.unlink(path, (error) => done(error, undefined))),
    );
  }

  /** Removes an empty folder. */
  async removeFolder(path: string): Promise<void> {
    await this.#unlessAbsent(
      this.#ask(`remove ${path}`, (done) => this.#sftp.rmdir(path, (error) => done(error, undefined))),
    );
  }

  /** Makes the folder and those above it, as far as they are missing. */
  async makeFolders(path: string): Promise<void> {
    const found = await this.follow(path);
    if (found?.isFile === false) return;
    if (found) throw new StoreError('failed', `${path} is no folder.`);
    const above = path.slice(0, path.lastIndexOf('/'));
    if (above !== '') await this.makeFolders(above);
    try {
      await this.#ask(`make the folder ${path}`, (done) =>
        this.#sftp.mkdir(path, { mode: folderMode } as Parameters<SFTPWrapper['setstat']>[1], (error) =>
          done(error, undefined),
        ),
      );
    } catch (error) {
      // Somebody else was quicker.
      if ((await this.follow(path))?.isFile !== false) throw error;
    }
  }

  /** Whatever is at the path, links not followed; undefined when nothing is. */
  async look(path: string): Promise<FarFile | undefined> {
    const found = await this.#unlessAbsent(this.#ask<Stats>(`look at ${path}`, (done) => this.#sftp.lstat(path, done)));
    return found && factsOf(found);
  }

  /** As `look`, with links followed. */
  async follow(path: string): Promise<FarFile | undefined> {
    const found = await this.#unlessAbsent(this.#ask<Stats>(`look at ${path}`, (done) => this.#sftp.stat(path, done)));
    return found && factsOf(found);
  }

  async list(path: string): Promise<Array<FarFile & { name: string }>> {
    const found = await this.#ask<FileEntryWithStats[]>(`list ${path}`, (done) => this.#sftp.readdir(path, done));
    return found
      .filter(({ filename }) => filename !== '.' && filename !== '..')
      .map(({ filename, attrs }) => ({ name: filename, ...factsOf(attrs) }));
  }

  /** Bytes in all and free; undefined where the server does not tell. */
  async room(path: string): Promise<{ total: number; free: number } | undefined> {
    const found = await this.#ifSupported<Record<string, number | bigint>>('ask for the space left', (done) =>
      this.#sftp.ext_openssh_statvfs(path, done),
    );
    if (!found) return undefined;
    const block = Number(found['f_frsize']);
    return { total: Number(found['f_blocks']) * block, free: Number(found['f_bavail']) * block };
  }

  async #ifSupported<T>(
    doing: string,
    begin: (done: (error: Error | null | undefined, value: T) => void) => void,
  ): Promise<T | undefined> {
    let isOffered = true;
    try {
      return await this.#ask<T>(doing, (done) => {
        try {
          begin(done);
        } catch (error) {
          // The library knows what the server has offered.
          isOffered = false;
          throw error;
        }
      });
    } catch (error) {
      const { cause } = error as { cause?: { code?: unknown } };
      if (!isOffered || cause?.code === status.unsupported) return undefined;
      throw error;
    }
  }

  async #unlessAbsent<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async #ask<T>(doing: string, begin: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
    try {
      return await this.#link.ask(begin);
    } catch (error) {
      throw sftpFailure(doing, error);
    }
  }
}

function factsOf(found: Stats): FarFile {
  return { size: found.size, modifiedAt: found.mtime * 1_000_000, isFile: found.isFile() };
}

/** Puts what an SFTP server answered into the store's terms. */
function sftpFailure(doing: string, error: unknown): StoreError {
  if (error instanceof StoreError)
    return new StoreError(error.code, `Failed to ${doing}: ${error.message}`, error.cause);
  const { code, message } = error as Error & { code?: unknown };
  if (code === status.noSuchFile)
    return new StoreError('not_found', `Failed to ${doing}: there is no such file.`, error);
  const why = code === status.permissionDenied ? 'the server does not permit it.' : message;
  return new StoreError('failed', `Failed to ${doing}: ${why}`, error);
}

/** Whether a server said no more than that it failed, which is all that OpenSSH's says of a full disk. */
export function isPlainFailure(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return cause?.code === status.failure;
}
