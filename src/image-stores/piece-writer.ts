import type { FileHandle } from 'node:fs/promises';
import { isHole } from '../env/pieces.ts';
import { alignment, openPastCache } from './past-cache.ts';
import { storeFailure } from './store.ts';

/** How much is written before the disk is set to work on it, so that little is left to wait for in the end. */
const syncLength = 64 * 1024 * 1024;

/** Where the pieces of a new image go: `write` is told of them in their order, and may be given the next before it is done. */
export interface PieceTarget {
  write(piece: Buffer, position: number): Promise<void>;
  /** Everything is on stable storage when this resolves. */
  finish(): Promise<void>;
  /** Waits for what is under way, whatever comes of it. */
  settle(): Promise<void>;
}

/**
 * Writes pieces, one of them under way at a time, and beside them brings earlier ones to stable storage. Pieces of
 * nothing but zeros become holes: most of a disk was never written. They stand at the file's end or beyond.
 *
 * Where the file system can, they go to the disk without a copy in the system's cache (`O_DIRECT`), which would cost more
 * processor time than all the rest of an upload but its hashes, and push out what others need.
 */
export class PieceWriter implements PieceTarget {
  readonly #file: FileHandle;
  #underWay: Promise<void> = Promise.resolve();
  #syncing: Promise<void> = Promise.resolve();
  #isSyncing = false;
  #unsynced = 0;
  /** Where a hole at the end of the file ends, which is not there until the file is as long. */
  #holeEnd = 0;
  /** The same file past the cache, once it has been opened so; null where that can't be. */
  #direct: FileHandle | null | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Resolves when the piece is written; those before it were. */
  async write(piece: Buffer, position: number): Promise<void> {
    this.#underWay = this.#underWay.then(() => this.#writeNow(piece, position));
    await this.#underWay;
  }

  /** Everything is on stable storage when this resolves. */
  async finish(): Promise<void> {
    await this.#underWay;
    await this.#syncing;
    if (this.#holeEnd > 0) await this.#lengthen();
    await sync(this.#file);
  }

  /** Waits for what is under way, whatever comes of it, and lets go of what the writer has opened. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#underWay, this.#syncing]);
    await this.#direct?.close();
    this.#direct = null;
  }

  async #writeNow(piece: Buffer, position: number): Promise<void> {
    if (isHole(piece)) {
      this.#holeEnd = position + piece.length;
      return;
    }
    this.#holeEnd = 0;
    const isAligned = position % alignment === 0 && piece.length % alignment === 0;
    if (isAligned && (await this.#writePastCache(piece, position))) return;
    this.#unsynced += piece.length;
    if (this.#unsynced >= syncLength && !this.#isSyncing) await this.#startSync();
    try {
      await writeAll(this.#file, piece, position);
    } catch (error) {
      throw storeFailure('write the image', error);
    }
  }

  /** Whether it could be done: what it may have written is written again if not. */
  async #writePastCache(piece: Buffer, position: number): Promise<boolean> {
    if (this.#direct === undefined) this.#direct = await openPastCache(this.#file, 'write');
    const file = this.#direct;
    if (!file) return false;
    try {
      await writeAll(file, piece, position);
      return true;
    } catch {
      // A disk that is full or broken says so again, to the write that follows.
      this.#direct = null;
      await file.close();
      return false;
    }
  }

  async #lengthen(): Promise<void> {
    await this.#file.truncate(this.#holeEnd).catch((error) => {
      throw storeFailure('write the image', error);
    });
  }

  /** Reports what came of the last one, since the system tells of each failure but once. */
  async #startSync(): Promise<void> {
    await this.#syncing;
    this.#unsynced = 0;
    this.#isSyncing = true;
    this.#syncing = sync(this.#file).finally(() => {
      this.#isSyncing = false;
    });
    this.#syncing.catch(() => {});
  }
}

async function writeAll(file: FileHandle, piece: Buffer, position: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await file.write(piece, done, piece.length - done, position + done);
    done += bytesWritten;
  }
}

async function sync(file: FileHandle): Promise<void> {
  await file.sync().catch((error) => {
    throw storeFailure('bring the image to stable storage', error);
  });
}
