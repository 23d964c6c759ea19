import { type FileHandle, open } from 'node:fs/promises';

/** The part of a file handle that makes what was written durable. */
export type Syncable = Pick<FileHandle, 'datasync' | 'close'>;

/**
 * Waits for the disk beside the event loop, once for all who ask meanwhile. The file is SQLite's write-ahead log, which
 * stays the same file as long as a connection is open, and on which SQLite holds no locks that closing it would lose.
 */
export class DiskSync {
  readonly #open: () => Promise<Syncable>;
  #file: Promise<Syncable> | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string, openFile: () => Promise<Syncable> = () => open(path, 'r+')) {
    this.#open = openFile;
  }

  /** Resolves when the disk has all that was written before the call. Rejects with the system's error. */
  sync(): Promise<void> {
    // One that runs may have begun before this caller's write; the one after it has not begun.
    if (this.#next) return this.#next;
    if (!this.#running) return this.#begin();
    this.#next = this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#begin();
      });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => {});
    await this.#running?.catch(() => {});
    await (await this.#file?.catch(() => undefined))?.close();
  }

  #begin(): Promise<void> {
    const running = this.#sync().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #sync(): Promise<void> {
    this.#file ??= this.#open().catch((error: unknown) => {
      // Whoever asks next may have more luck.
      this.#file = undefined;
      throw error;
    });
    await (await this.#file).datasync();
  }
}
