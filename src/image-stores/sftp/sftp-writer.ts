import { isHole } from '../../env/pieces.ts';
import type { PieceTarget } from '../piece-writer.ts';
import { StoreError } from '../store.ts';
import { isPlainFailure, type SftpFiles } from './sftp-files.ts';

/** How much is written before the far disk is set to work on it, so that no answer takes long. */
const syncLength = 64 * 1024 * 1024;

/** Writes the pieces of an image to a far file. Pieces of nothing but zeros are not sent: they become holes. */
export class SftpWriter implements PieceTarget {
  readonly #files: SftpFiles;
  readonly #handle: Buffer;
  readonly #path: string;
  readonly #underWay = new Set<Promise<void>>();
  #syncing: Promise<void> = Promise.resolve();
  #unsynced = 0;
  /** Where a hole at the end of the file ends, which is not there until the file is as long. */
  #holeEnd = 0;

  constructor(files: SftpFiles, handle: Buffer, path: string) {
    this.#files = files;
    this.#handle = handle;
    this.#path = path;
  }

  async write(piece: Buffer, position: number): Promise<void> {
    if (isHole(piece)) {
      this.#holeEnd = position + piece.length;
      return;
    }
    this.#holeEnd = 0;
    const written = this.#files.write(this.#handle, piece, position);
    this.#underWay.add(written);
    try {
      await written;
    } catch (error) {
      throw await this.#explain(error, piece.length);
    } finally {
      this.#underWay.delete(written);
    }
    this.#unsynced += piece.length;
    if (this.#unsynced >= syncLength) await this.#sync();
  }

  async finish(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#holeEnd > 0) await this.#files.truncate(this.#handle, this.#holeEnd);
    await this.#sync();
  }

  async settle(): Promise<void> {
    await Promise.allSettled([...this.#underWay, this.#syncing]);
  }

  async #sync(): Promise<void> {
    this.#unsynced = 0;
    this.#syncing = this.#syncing.then(() => this.#files.sync(this.#handle));
    await this.#syncing.catch(async (error) => {
      throw await this.#explain(error, 0);
    });
  }

  /** A failure is the disk's where there is no room for what was written. */
  async #explain(error: unknown, length: number): Promise<unknown> {
    if (!isPlainFailure(error)) return error;
    const folder = this.#path.slice(0, this.#path.lastIndexOf('/'));
    const room = await this.#files.room(folder).catch(() => undefined);
    if (!room || room.free >= length + leastRoom) return error;
    return new StoreError('no_space', `Failed to write the image: the store has ${room.free} bytes left.`, error);
  }
}

/** File systems keep some of what they call free to themselves. */
const leastRoom = 1024 * 1024;
