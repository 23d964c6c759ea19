import type { IncomingMessage } from 'node:http';
import { SourceError } from './source.ts';

/** So often is a transfer taken up again that brings nothing more. */
const maxFruitlessTries = 4;

/** Asks for the rest of what a response began with, from the given byte on. */
export type AskForRest = (headers: { range: string; 'if-range': string }) => Promise<IncomingMessage>;

/**
 * The bytes of a response that has a size. When the connection breaks, the rest is asked for, where the server takes
 * ranges and told by a strong `ETag` (RFC 9110, 13.1.5) which version it is: bytes of two versions are never mixed.
 * Throws `SourceError` (`unreachable`) when the rest does not come.
 */
export async function* resumed(first: IncomingMessage, size: number, ask: AskForRest): AsyncGenerator<Buffer> {
  const { etag } = first.headers;
  let response = first;
  let received = 0;
  let fruitless = 0;
  for (;;) {
    const before = received;
    let failure: unknown;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        received += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failure = error;
    }
    if (received >= size) return;
    const broken = new SourceError('unreachable', "The connection to the image's server broke off.", failure);
    if (!etag || etag.startsWith('W/') || first.headers['accept-ranges'] !== 'bytes') throw broken;
    fruitless = received > before ? 0 : fruitless + 1;
    if (fruitless > maxFruitlessTries) throw broken;
    response = await restFrom(received, size, etag, ask);
  }
}

async function restFrom(start: number, size: number, etag: string, ask: AskForRest): Promise<IncomingMessage> {
  const rest = await ask({ range: `bytes=${start}-`, 'if-range': etag });
  const isRest = rest.statusCode === 206 && rest.headers['content-range'] === `bytes ${start}-${size - 1}/${size}`;
  if (isRest) return rest;
  rest.destroy();
  throw new SourceError('unreachable', 'The image changed at its server while it was fetched.');
}
