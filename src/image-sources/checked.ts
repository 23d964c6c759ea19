import { createHash } from 'node:crypto';
import { SourceError } from './source.ts';

/** The stream as it is; throws `SourceError` (`refused`) at its end when its SHA-1 is another one. */
export async function* checkedBySha1(source: AsyncIterable<Buffer>, expected: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha1');
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') === expected.toLowerCase()) return;
  throw new SourceError('refused', 'The checksum of the file is not the one that was given.');
}
