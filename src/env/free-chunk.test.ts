import { describe, expect, it } from 'vitest';
import { freeChunk } from './free-chunk.ts';

describe('a chunk', () => {
  it('is freed when its memory is its own, and left alone when others share it', () => {
    const own = Buffer.from(new ArrayBuffer(65_536));
    freeChunk(own);
    expect(own.length).toBe(0);
    const shared = Buffer.from(new ArrayBuffer(131_072)).subarray(0, 65_536);
    freeChunk(shared);
    expect(shared.length).toBe(65_536);
  });
});
