import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { givePiece, pieceLength, takePiece } from '../env/pieces.ts';
import { PieceWriter } from './piece-writer.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-pieces-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes the parts one after the other, as a hasher hands them on, and gives what the file holds then. */
async function written(parts: readonly Buffer[], memory: (part: Buffer) => Buffer): Promise<Buffer> {
  const path = join(folder, 'file');
  await rm(path, { force: true });
  const file = await open(path, 'wx');
  const writer = new PieceWriter(file);
  let position = 0;
  for (const part of parts) {
    await writer.write(memory(part), position);
    position += part.length;
  }
  await writer.finish();
  await writer.settle();
  await file.close();
  return await readFile(path);
}

describe('PieceWriter', () => {
  it('writes pieces of any length and content, from memory that begins at a page and from other memory', async () => {
    const part = fc.oneof(
      fc.constantFrom(4096, 65_536, pieceLength).map((length) => randomBytes(length)),
      fc.integer({ min: 1, max: 10_000 }).map((length) => randomBytes(length)),
      fc.constantFrom(512, 8192, pieceLength).map((length) => Buffer.alloc(length)),
    );
    const aligned = takePiece();
    const odd = Buffer.alloc(pieceLength + 1).subarray(1);
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), fc.boolean(), async (parts, isAligned) => {
        const place = isAligned ? aligned : odd;
        const found = await written(parts, (bytes) => {
          bytes.copy(place);
          return place.subarray(0, bytes.length);
        });
        expect(found.equals(Buffer.concat(parts))).toBe(true);
      }),
      { numRuns: 40 },
    );
    givePiece(aligned);
  });

  it('leaves holes where there are zeros', async () => {
    const [piece, zeros] = [randomBytes(pieceLength), Buffer.alloc(pieceLength)];
    await written([zeros, piece, zeros, zeros], (bytes) => bytes);
    const { size, blocks } = await stat(join(folder, 'file'));
    expect(size).toBe(4 * pieceLength);
    expect(blocks * 512).toBeLessThan(2 * pieceLength);
  });
});
