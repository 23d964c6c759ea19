import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Chunks, LentPieces } from '../env/lent-pieces.ts';
import { isShared, pieceLength } from '../env/pieces.ts';
import { alignment, openPastCache } from './past-cache.ts';
import { storeFailure } from './store.ts';

/** Up to there a file may stay in the system's cache, where whoever wants it again finds it. */
const cachedLength = 256 * 1024 * 1024;

/** Less than that is read into memory of its own: a piece is too much for it. */
const shortest = 64 * 1024;

/** A file, and which of its bytes are to be read: up to its end by default. */
interface Part {
  start?: number;
  end?: number;
}

/**
 * Reads a file in large pieces of memory that all threads can read. Where the file system can, those of a large file come
 * past the system's cache (`O_DIRECT`): it would push out what others need, and each page of it, also of holes, costs more
 * to be found room for than to be hashed.
 */
export class PieceReader {
  readonly #file: FileHandle;
  readonly #end: number;
  readonly #lent = new LentPieces();
  #position: number;
  /** The same file past the cache, once it has been opened so; null where that can't be, or isn't wanted. */
  #direct: FileHandle | null | undefined;

  constructor(file: FileHandle, { start = 0, end = Number.POSITIVE_INFINITY }: Part = {}) {
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  /** Takes a piece back that `next` gave: its memory is used for the next ones. */
  readonly release = this.#lent.release;

  /** Undefined when there is no more. Not reentrant. */
  async next(): Promise<Buffer | undefined> {
    const position = this.#position;
    const wanted = Math.min(pieceLength - (position % alignment), this.#end - position);
    if (wanted <= 0) return undefined;
    const piece = wanted < shortest ? Buffer.allocUnsafeSlow(wanted) : this.#lent.take();
    let length = 0;
    try {
      length =
        (await this.#readPastCache(piece, wanted)) ?? (await this.#file.read(piece, 0, wanted, position)).bytesRead;
    } catch (error) {
      throw storeFailure('read an image', error);
    } finally {
      if (length === 0) this.release(piece);
    }
    this.#position += length;
    return length > 0 ? this.#lent.cut(piece, length) : undefined;
  }

  /** Lets go of what the reader has opened, which is not the file that it was given. */
  async close(): Promise<void> {
    const direct = this.#direct;
    this.#direct = null;
    await direct?.close();
  }

  /** How much was read; undefined where it can't be done. */
  async #readPastCache(piece: Buffer, wanted: number): Promise<number | undefined> {
    // Memory of another kind begins anywhere.
    if (this.#position % alignment > 0 || !isShared(piece)) return undefined;
    if (this.#direct === undefined) this.#direct = await this.#openPastCache();
    if (!this.#direct) return undefined;
    const length = Math.ceil(wanted / alignment) * alignment;
    try {
      const { bytesRead } = await this.#direct.read(piece, 0, length, this.#position);
      return Math.min(bytesRead, wanted);
    } catch {
      // A disk that is broken says so again, to the reading that follows.
      await this.close();
      return undefined;
    }
  }

  async #openPastCache(): Promise<FileHandle | null> {
    const { size } = await this.#file.stat();
    return size > cachedLength ? await openPastCache(this.#file, 'read') : null;
  }
}

/** What a `PieceReader` reads, as a stream. It closes the file in the end. */
export class PieceStream extends Readable implements Chunks {
  readonly #file: FileHandle;
  readonly #reader: PieceReader;
  readonly release: (chunk: Buffer) => void;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle, part?: Part) {
    // While a piece is looked at, the next one is read, and no further: the stream would put two of them together.
    super({ highWaterMark: 1 });
    this.#file = file;
    this.#reader = new PieceReader(file, part);
    this.release = this.#reader.release;
  }

  override _read(): void {
    this.#underWay = this.#reader.next().then(
      (piece) => this.push(piece ?? null),
      (error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const close = async () => {
      await this.#underWay;
      await this.#reader.close();
      await this.#file.close();
    };
    close().then(
      () => callback(error),
      (failure) => callback(error ?? failure),
    );
  }
}
