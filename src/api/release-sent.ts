import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Chunks } from '../env/lent-pieces.ts';

/** A stream as the body of a response: chunks that can be given back are, once they have gone out. */
export function releasedAsSent(source: Readable & Chunks, response: ServerResponse): Readable {
  const { release } = source;
  if (!release) return source;
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  /** Those that were handed over and may not be out yet, oldest first. */
  const given: Buffer[] = [];
  response.once('finish', () => given.forEach(release));
  const body = new Readable({
    highWaterMark: 1,
    async read() {
      // All that was written is out: so is what was handed over before the chunk that is being handed over now.
      if (response.writableLength === 0) for (const chunk of given.splice(0, given.length - 1)) release(chunk);
      try {
        const { done, value } = await chunks.next();
        if (!done) given.push(value);
        this.push(done ? null : value);
      } catch (error) {
        this.destroy(error as Error);
      }
    },
    destroy(error, callback) {
      source.destroy();
      callback(error);
    },
  });
  // Who reads it is told when they read; an error that comes before has nobody else to go to.
  body.on('error', () => {});
  return body;
}
