import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isShared, pieceLength } from '../env/pieces.ts';
import { GatheredBody } from './gathered-body.ts';

const bytesOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 255));

describe('GatheredBody', () => {
  it('gives the bytes as they came, in pieces, however they were cut and whether pieces come back or not', async () => {
    const bytes = bytesOf(3 * pieceLength + 12_345);
    const cuts = fc.array(fc.integer({ min: 1, max: 2 * pieceLength }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (cuts, givesBack) => {
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const length = Math.max(cuts[i % cuts.length]!, 4096);
          chunks.push(bytes.subarray(at, at + length));
          at += length;
        }
        const body = new GatheredBody(Readable.from(chunks, { objectMode: false }), undefined);
        const got: Buffer[] = [];
        for await (const chunk of body) {
          got.push(Buffer.from(chunk));
          if (givesBack) body.release(chunk);
        }
        expect(Buffer.concat(got).equals(bytes)).toBe(true);
        expect(got.slice(0, -1).every(({ length }) => length === pieceLength)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('reads into shared memory, and into other memory for a taker that gives none back', async () => {
    const pieces = 20;
    const source = Readable.from(Array.from({ length: pieces }, () => Buffer.alloc(pieceLength)));
    const shared: boolean[] = [];
    for await (const chunk of new GatheredBody(source, undefined)) shared.push(isShared(chunk));
    expect(shared).toHaveLength(pieces);
    expect(shared[0]).toBe(true);
    expect(shared.at(-1)).toBe(false);
  });

  it('does not wait for a full piece when the client is slow', async () => {
    const source = new PassThrough();
    const chunks = new GatheredBody(source, undefined)[Symbol.asyncIterator]();
    const first = chunks.next();
    source.write('one');
    expect((await first).value.toString()).toBe('one');
    source.end('two');
    expect((await chunks.next()).value.toString()).toBe('two');
    expect((await chunks.next()).done).toBe(true);
  });

  it('lets the client wait while nobody takes anything', async () => {
    let produced = 0;
    const source = new Readable({
      read() {
        produced += 1;
        this.push(produced > 100 ? null : Buffer.alloc(pieceLength));
      },
    });
    const chunks = new GatheredBody(source, undefined)[Symbol.asyncIterator]();
    await chunks.next();
    if (!source.isPaused()) await once(source, 'pause');
    expect(produced).toBeLessThan(10);
    await chunks.return(undefined);
  });

  it('gives what came before a line was cut, then the error', async () => {
    const source = new PassThrough();
    const chunks = new GatheredBody(source, undefined)[Symbol.asyncIterator]();
    const first = chunks.next();
    source.write('some');
    await new Promise(setImmediate);
    source.destroy(new Error('cut'));
    expect((await first).value.toString()).toBe('some');
    await expect(chunks.next()).rejects.toThrow('cut');
  });

  it.each(['waits for bytes', 'has got some'])(
    'lets the rest flow to its end for a taker that gives up while it %s',
    async (when) => {
      const source = new PassThrough();
      const chunks = new GatheredBody(source, undefined)[Symbol.asyncIterator]();
      const first = chunks.next();
      if (when === 'has got some') {
        source.write(Buffer.alloc(pieceLength));
        await first;
      }
      const given = chunks.return(undefined);
      const rest = Readable.from(Array.from({ length: 8 }, () => Buffer.alloc(pieceLength)));
      rest.pipe(source);
      await once(source, 'end');
      await Promise.all([first, given]);
    },
  );

  it('ends at once where there is nothing', async () => {
    const body = new GatheredBody(Readable.from([]), undefined);
    for await (const _ of body) expect.unreachable();
  });
});
