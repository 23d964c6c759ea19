import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Compression, compressionOf, decompressed } from './decompress.ts';

const hasXz = spawnSync('xz', ['--version']).status === 0;
const bytes = Buffer.concat([randomBytes(300_000), Buffer.alloc(3_000_000), randomBytes(100_000)]);
const compress: Record<Compression, (input: Buffer) => Buffer> = {
  gz: gzipSync,
  zst: zstdCompressSync,
  xz: (input) => execFileSync('xz', ['--stdout', '-0'], { input, maxBuffer: 2 ** 27 }),
};

async function* pieces(input: Buffer, size: number, failure?: Error): AsyncGenerator<Buffer> {
  for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size);
  if (failure) throw failure;
}

describe('a name', () => {
  it('tells how its file is compressed', () => {
    expect(compressionOf('https://example.org/a/disk.raw.gz?x=1')).toBe('gz');
    expect(compressionOf('/srv/disk.img.XZ')).toBe('xz');
    expect(compressionOf('http://example.org/disk.zst#part')).toBe('zst');
    expect(compressionOf('http://example.org/gz')).toBeUndefined();
  });
});

describe.each(['gz', 'zst', ...(hasXz ? (['xz'] as const) : [])] as const)('%s', (kind) => {
  it('gives the bytes back, however they are cut', async () => {
    const packed = compress[kind](bytes);
    for (const size of [777, 65_536, packed.length]) {
      expect((await buffer(decompressed(pieces(packed, size), kind))).equals(bytes)).toBe(true);
    }
  });

  it('refuses what is something else, or ends too early, or is damaged', async () => {
    const packed = compress[kind](bytes);
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, 1000, 5000);
    // zstd's frames have no checksum unless they are made with one.
    const damages = kind === 'zst' ? [] : [damaged];
    for (const wrong of [
      randomBytes(1000),
      Buffer.alloc(0),
      Buffer.from([0x1f]),
      packed.subarray(0, -100),
      ...damages,
    ]) {
      await expect(buffer(decompressed(pieces(wrong, 4096), kind))).rejects.toMatchObject({ code: 'refused' });
    }
  });

  it('fails with what its source failed with', async () => {
    const cut = pieces(compress[kind](bytes).subarray(0, 200_000), 4096, new RangeError('the line is dead'));
    await expect(buffer(decompressed(cut, kind))).rejects.toThrow('the line is dead');
  });

  it('ends when whoever reads it has enough', async () => {
    let size = 0;
    for await (const chunk of decompressed(pieces(compress[kind](bytes), 4096), kind)) {
      size += chunk.length;
      if (size > 500_000) break;
    }
    expect(size).toBeGreaterThan(500_000);
  });
});
