import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** How much of a disk one piece is. */
const pieceLength = 4 * 2 ** 20;
const zeros = Buffer.alloc(pieceLength);
const backupId = /^[0-9a-f]{32}$/;

/** What a backup consists of, and where each piece is. */
interface Manifest {
  version: 1;
  /** Bytes of the disk. */
  size: number;
  pieceLength: number;
  /** Null for a piece of zeros; else its SHA-256 and the backup in whose folder it lies. */
  pieces: Array<[hash: string, backupId: string] | null>;
}

export interface StoredBackup {
  /** Bytes of the disk. */
  size: number;
  /** Pieces that this backup had to store itself. */
  objectCount: number;
  /** Bytes that they take. */
  storedSize: number;
}

/** A backup that can't be read back as it was written. */
export class BackupDamaged extends Error {
  readonly code = 'bad_backup';
  readonly retryable = false;
}

/**
 * Backups of disks in a folder: each is cut into pieces, of which those of zeros are left out and the others are
 * compressed (zstd). A backup that has a parent stores only the pieces that differ from it, so the parent must outlive it.
 * A backup is there whole or not at all. What is read back is compared with the hashes of what was written.
 */
export class BackupFolder {
  readonly #root: string;

  /** The folder is made when there is something to put into it. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Where a host may write a disk (raw) to be saved, or read one that was restored. The same at every call. */
  async stage(name: string): Promise<string> {
    const path = this.#stagingPath(name);
    await mkdir(join(this.#root, 'staging'), { recursive: true, mode: 0o700 });
    return path;
  }

  /** Removes what is staged under the name, also where it is not complete. */
  async unstage(name: string): Promise<void> {
    for (const end of ['', '.partial']) await rm(`${this.#stagingPath(name)}${end}`, { force: true });
  }

  /**
   * Stores a raw disk. May be repeated: a backup that is there already is left as it is.
   * @param progress is told how much is done, 0 to 1
   */
  async save(
    id: string,
    rawPath: string,
    options: { parentId?: string; signal?: AbortSignal; progress?: (part: number) => void } = {},
  ): Promise<StoredBackup> {
    const folder = this.#folder(id);
    if (await exists(folder)) return await this.#facts(id);
    const parent = options.parentId === undefined ? undefined : await this.#manifest(options.parentId);
    const partial = `${folder}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true, mode: 0o700 });
    const file = await open(rawPath);
    try {
      const { size } = await file.stat();
      const pieces: Manifest['pieces'] = [];
      const buffer = Buffer.allocUnsafe(pieceLength);
      for (let at = 0; at < size; at += pieceLength) {
        options.signal?.throwIfAborted();
        const piece = await readPiece(file, at, buffer.subarray(0, Math.min(pieceLength, size - at)));
        pieces.push(await this.#savePiece(partial, id, pieces.length, piece, parent));
        options.progress?.(Math.min(1, (at + pieceLength) / size));
      }
      const manifest: Manifest = { version: 1, size, pieceLength, pieces };
      await writeDurably(join(partial, 'manifest.json'), Buffer.from(JSON.stringify(manifest)));
    } finally {
      await file.close();
    }
    await syncFolder(partial);
    await rename(partial, folder);
    await syncFolder(this.#root);
    return await this.#facts(id);
  }

  /** Writes the disk as it was, raw and sparse. Throws `BackupDamaged` where that is not possible. */
  async restore(id: string, rawPath: string, options: { signal?: AbortSignal } = {}): Promise<{ size: number }> {
    const manifest = await this.#manifest(id);
    const partial = `${rawPath}.partial`;
    const file = await open(partial, 'w', 0o600);
    try {
      await file.truncate(manifest.size);
      for (const [index, piece] of manifest.pieces.entries()) {
        options.signal?.throwIfAborted();
        if (!piece) continue;
        await file.write(await this.#readPiece(piece, index), 0, undefined, index * manifest.pieceLength);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, rawPath);
    return { size: manifest.size };
  }

  async exists(id: string): Promise<boolean> {
    return await exists(this.#folder(id));
  }

  /** Removes the backup, and what is left of one that could not be saved. No error when there is none. */
  async delete(id: string): Promise<void> {
    const folder = this.#folder(id);
    // Under another name first, so that half of a backup is never taken for one.
    if (await exists(folder)) await rename(folder, `${folder}.gone`);
    for (const end of ['.gone', '.partial']) await rm(`${folder}${end}`, { recursive: true, force: true });
    await this.unstage(id);
  }

  /** All that is in the folder, for the audit: backups by id, and the names of all else with the id in them. */
  async list(): Promise<{ backups: string[]; others: Array<{ name: string; id: string }> }> {
    const names = (await namesIn(this.#root)).filter((name) => name !== 'staging');
    const staged = (await namesIn(join(this.#root, 'staging'))).map((name) => `staging/${name}`);
    const others = [...names.filter((name) => !backupId.test(name)), ...staged];
    return {
      backups: names.filter((name) => backupId.test(name)),
      others: others.map((name) => ({ name, id: /[0-9a-f]{32}/.exec(name)?.[0] ?? '' })),
    };
  }

  async #savePiece(
    folder: string,
    id: string,
    index: number,
    piece: Buffer,
    parent: Manifest | undefined,
  ): Promise<Manifest['pieces'][number]> {
    if (piece.equals(zeros.subarray(0, piece.length))) return null;
    const hash = createHash('sha256').update(piece).digest('hex');
    const before = parent?.pieces[index];
    if (before?.[0] === hash) return before;
    await writeDurably(join(folder, pieceName(index)), await compress(piece));
    return [hash, id];
  }

  async #readPiece([hash, owner]: [string, string], index: number): Promise<Buffer> {
    const path = join(this.#folder(owner), pieceName(index));
    try {
      const piece = await decompress(await readFile(path));
      if (createHash('sha256').update(piece).digest('hex') === hash) return piece;
    } catch (cause) {
      throw new BackupDamaged(`Piece ${index} of the backup can not be read.`, { cause });
    }
    throw new BackupDamaged(`Piece ${index} of the backup is not what was written.`);
  }

  async #manifest(id: string): Promise<Manifest> {
    try {
      return JSON.parse(await readFile(join(this.#folder(id), 'manifest.json'), 'utf8')) as Manifest;
    } catch (cause) {
      throw new BackupDamaged('The backup is not in the store.', { cause });
    }
  }

  async #facts(id: string): Promise<StoredBackup> {
    const { size, pieces } = await this.#manifest(id);
    const own = pieces.flatMap((piece, index) => (piece?.[1] === id ? [index] : []));
    let storedSize = 0;
    for (const index of own) storedSize += (await stat(join(this.#folder(id), pieceName(index)))).size;
    return { size, objectCount: own.length, storedSize };
  }

  #stagingPath(name: string): string {
    return join(this.#root, 'staging', `${checked(name)}.raw`);
  }

  #folder(id: string): string {
    return join(this.#root, checked(id));
  }
}

/** Ids become names of files: nothing else may. */
function checked(id: string): string {
  if (!backupId.test(id)) throw new Error(`${id} is no id of a backup`);
  return id;
}

function pieceName(index: number): string {
  return `${String(index).padStart(8, '0')}.zst`;
}

async function namesIn(folder: string): Promise<string[]> {
  if (!(await exists(folder))) return [];
  return await readdir(folder);
}

/** Fills `piece` with what is in the file from `at` on. */
async function readPiece(file: FileHandle, at: number, piece: Buffer): Promise<Buffer> {
  let done = 0;
  while (done < piece.length) {
    const { bytesRead } = await file.read(piece, done, piece.length - done, at + done);
    if (bytesRead === 0) throw new Error('the disk became shorter while it was read');
    done += bytesRead;
  }
  return piece;
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  await writeFile(path, bytes, { mode: 0o600, flush: true });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
