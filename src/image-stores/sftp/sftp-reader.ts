import { Readable } from 'node:stream';
import { StoreError } from '../store.ts';
import type { SftpFiles } from './sftp-files.ts';

const chunkLength = 512 * 1024;
/** So many chunks are asked for before the first of them is here. */
const chunksAhead = 3;

/** The bytes [start, end) of a far file. Nothing more is asked for while nobody reads. */
export class SftpReadStream extends Readable {
  readonly #files: SftpFiles;
  readonly #handle: Buffer;
  readonly #end: number;
  readonly #coming: Array<Promise<Buffer>> = [];
  #asked: number;

  constructor(files: SftpFiles, handle: Buffer, { start, end }: { start: number; end: number }) {
    super({ highWaterMark: chunkLength });
    this.#files = files;
    this.#handle = handle;
    this.#asked = start;
    this.#end = end;
  }

  override _read(): void {
    while (this.#coming.length < chunksAhead && this.#asked < this.#end) {
      const length = Math.min(chunkLength, this.#end - this.#asked);
      const chunk = readChunk(this.#files, this.#handle, this.#asked, length);
      // It is looked at when it is its turn.
      chunk.catch(() => {});
      this.#coming.push(chunk);
      this.#asked += length;
    }
    const next = this.#coming.shift();
    if (!next) this.push(null);
    else next.then((chunk) => this.push(chunk)).catch((error) => this.destroy(error));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A line that is gone takes its open files along.
    this.#files.close(this.#handle).catch(() => {});
    done(error);
  }
}

/** All of it, in memory of its own, which whoever has read it may give back. */
export async function readChunk(files: SftpFiles, handle: Buffer, start: number, length: number): Promise<Buffer> {
  const chunk = Buffer.allocUnsafeSlow(length);
  const count = await files.read(handle, chunk, start);
  if (count === length) return chunk;
  throw new StoreError('failed', `Failed to read a file: it ends at byte ${start + count}.`);
}
