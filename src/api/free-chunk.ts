import { ReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { freeChunk } from '../env/free-chunk.ts';

/** A file's stream as the body of a response, whose chunks are freed once they have gone out; another stream as it is. */
export function freedAsSent(source: Readable, response: ServerResponse): Readable {
  if (!(source instanceof ReadStream)) return source;
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  /** Those that were handed over and may not be out yet, oldest first. */
  const given: Buffer[] = [];
  const body = new Readable({
    highWaterMark: 1,
    async read() {
      // All that was written is out: so is what was handed over before the chunk that is being handed over now.
      if (response.writableLength === 0) for (const chunk of given.splice(0, given.length - 1)) freeChunk(chunk);
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
