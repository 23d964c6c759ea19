import { type FileHandle, mkdtemp, open, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isShared, pieceLength } from '../env/pieces.ts';
import { PieceReader, PieceStream } from './piece-reader.ts';

const size = 3 * pieceLength + 4321;
/** Bytes everywhere but in the second piece, which was never written. */
const bytes = Buffer.from(
  Array.from({ length: size }, (_, at) => (Math.floor(at / pieceLength) === 1 ? 0 : 1 + ((at * 31 + (at >> 9)) % 255))),
);
/** How long the large file is, which is not kept in the cache. Its last bytes are the same ones. */
const largeSize = 300 * pieceLength + 4321;
const before = largeSize - size;

let folder: string;
let small: string;
let large: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-pieces-'));
  small = await written('small', 0);
  large = await written('large', before);
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function written(name: string, at: number): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, 'w');
  await file.write(bytes, 0, pieceLength, at);
  await file.write(bytes, 2 * pieceLength, size - 2 * pieceLength, at + 2 * pieceLength);
  await file.close();
  return path;
}

/** How often this process has files of the test open. */
async function filesOpen(): Promise<number> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((link) => link.startsWith(folder)).length;
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

describe('the pieces of a file', () => {
  it('are its bytes, from any place to any other, of small files and large ones', async () => {
    const place = fc.oneof(
      fc.integer({ min: 0, max: size }),
      fc.integer({ min: 0, max: 3 }).map((piece) => piece * pieceLength),
    );
    await fc.assert(
      fc.asyncProperty(place, place, fc.boolean(), fc.boolean(), async (a, b, isLarge, givesBack) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const offset = isLarge ? before : 0;
        const pieces = new PieceStream(await open(isLarge ? large : small, 'r'), {
          start: start + offset,
          end: end + offset,
        });
        const got: Buffer[] = [];
        for await (const piece of pieces as AsyncIterable<Buffer>) {
          expect(isShared(piece)).toBe(piece.length >= 64 * 1024);
          got.push(Buffer.from(piece));
          if (givesBack) pieces.release(piece.fill(7));
        }
        expect(Buffer.concat(got).equals(bytes.subarray(start, end))).toBe(true);
      }),
      { numRuns: 100 },
    );
    expect(await filesOpen()).toBe(0);
  });

  it("are nobody else's until they are given back, however many read at once", async () => {
    const read = async (start: number): Promise<void> => {
      const pieces = new PieceStream(await open(large, 'r'), { start: before + start });
      let at = start;
      for await (const piece of pieces as AsyncIterable<Buffer>) {
        await new Promise((next) => setImmediate(next));
        expect(piece.equals(bytes.subarray(at, at + piece.length))).toBe(true);
        at += piece.length;
        pieces.release(piece.fill(7));
      }
      expect(at).toBe(size);
    };
    for (let round = 0; round < 5; round += 1) await Promise.all([0, 1, 4096, 70_000, pieceLength].map(read));
  });

  it('end where the file does, also for who gives none back', async () => {
    let length = 0;
    for await (const piece of new PieceStream(await open(large, 'r'))) length += (piece as Buffer).length;
    expect(length).toBe(largeSize);
  });

  it('leave nothing open for who takes no more of them, or none', async () => {
    for await (const _ of new PieceStream(await open(large, 'r'))) {
      // The second time past the cache.
      expect(await filesOpen()).toBe(2);
      break;
    }
    for (const [path, begin] of [
      [small, () => {}],
      [large, (stream: PieceStream) => stream.read()],
    ] as const) {
      const stream = new PieceStream(await open(path, 'r'));
      begin(stream);
      await new Promise((closed) => stream.once('close', closed).destroy());
    }
    expect(await filesOpen()).toBe(0);
  });

  it('say why the file cannot be read', async () => {
    await withFile(folder, async (file) => {
      await expect(new PieceReader(file).next()).rejects.toMatchObject({ code: 'failed' });
    });
  });
});
