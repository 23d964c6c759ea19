import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { statFile } from './files.ts';
import { StoreError, storeFailure } from './store.ts';

/** Chunks are gathered to this length, so that a write is worth its call. */
const writeLength = 1024 * 1024;

/** A file that is written from front to back, with interruptions: what an upload that comes in parts has brought. */
export class PartFile {
  readonly #file: FileHandle;
  #position: number;
  #gathered: Buffer[] = [];
  #gatheredLength = 0;

  private constructor(file: FileHandle, position: number) {
    this.#file = file;
    this.#position = position;
  }

  /** Opens it to go on at `start`; made if need be. `bad_range` when it does not reach that far. */
  static async open(path: string, start: number): Promise<PartFile> {
    try {
      const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640);
      const { size } = await file.stat();
      if (size >= start) return new PartFile(file, start);
      await file.close();
    } catch (error) {
      throw storeFailure('open the file of an upload', error);
    }
    throw new StoreError('bad_range', `What there is of the upload does not reach to byte ${start}.`);
  }

  /** How far it is written and gathered. */
  get position(): number {
    return this.#position + this.#gatheredLength;
  }

  /** The chunk must not be changed afterwards. */
  async append(chunk: Buffer): Promise<void> {
    this.#gathered.push(chunk);
    this.#gatheredLength += chunk.length;
    if (this.#gatheredLength >= writeLength) await this.#write();
  }

  /** Everything before `position` is on stable storage when this resolves. */
  async sync(): Promise<void> {
    await this.#write();
    await this.#file.datasync().catch((error) => {
      throw storeFailure('bring an upload to stable storage', error);
    });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(): Promise<void> {
    if (this.#gatheredLength === 0) return;
    const bytes = this.#gathered.length === 1 ? this.#gathered[0]! : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredLength = 0;
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#position);
        done += bytesWritten;
        this.#position += bytesWritten;
      }
    } catch (error) {
      throw storeFailure('write an upload', error);
    }
  }
}

/** How many bytes there are of an upload's file. */
export async function partFileSize(path: string): Promise<number> {
  return (await statFile(path))?.size ?? 0;
}

/** Lets the work read the file at the path; undefined, and no work, where there is none. */
export async function withStagedFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  if (!(await statFile(path))) return undefined;
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    throw storeFailure('open a staged file', error);
  });
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
