import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { CloudError } from '../cloud/errors.ts';
import { InvalidRequest } from './dialect.ts';

/** Largest JSON body, bytes. User data and big metadata stay far below it. */
const maxJsonBody = 2 ** 20;

/**
 * Reads a body as text.
 * @throws {CloudError} `too_large` as soon as it is, without reading the rest
 * @throws {InvalidRequest} for what is no text
 */
export function readText(payload: IncomingMessage): Promise<string> {
  if (Number(payload.headers['content-length']) > maxJsonBody) return Promise.reject(tooLarge());
  // That of a request without a body has ended before anybody could listen.
  if (payload.readableEnded) return Promise.resolve('');
  return new Promise((done, failed) => {
    const chunks: Buffer[] = [];
    let length = 0;
    payload.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxJsonBody) return void chunks.push(chunk);
      payload.pause();
      failed(tooLarge());
    });
    payload.once('end', () => {
      const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      // Read as text, what is none would become other characters, and names that nobody has given.
      if (isUtf8(bytes)) done(bytes.toString());
      else failed(new InvalidRequest('body', '', 'The request body is not UTF-8.', 'json'));
    });
    payload.once('error', failed);
    payload.once('close', () => failed(new CloudError('invalid', 'The request body ended too early.')));
  });
}

function tooLarge(): CloudError {
  return new CloudError('too_large', 'The request body is too large.');
}
