import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import { CloudError } from '../cloud/errors.ts';
import { limitDiscarded } from './discard.ts';
import { GatheredBody } from './gathered-body.ts';

/**
 * Gives the request's body to whoever takes it, and deals with what is left of it when that fails. Chunks that `onTaken`
 * is told of are gone: their memory takes what comes next.
 */
export async function takeBody<T>(
  cloud: Pick<Cloud, 'env'>,
  raw: FastifyRequest,
  take: (source: AsyncIterable<Buffer>, onTaken: (chunk: Buffer) => void) => Promise<T>,
): Promise<T> {
  const stream = (raw.body as Readable | undefined) ?? Readable.from([]);
  const { socket } = raw.raw;
  try {
    requirePlain(raw.headers['transfer-encoding']);
    // A request that is destroyed when reading stops would leave its client sending into the void.
    const body = new GatheredBody(stream, socket);
    return await take(body, body.release);
  } catch (error) {
    stream.resume();
    limitDiscarded(cloud.env, raw.raw, socket);
    throw error;
  }
}

/** A body that was compressed on its way would be taken for what it stands for (RFC 9112, 6.1). */
function requirePlain(codings: string | undefined): void {
  if (codings === undefined || codings.trim().toLowerCase() === 'chunked') return;
  const message = `Transfer-Encoding ${codings} is not supported: send the bytes as they are, chunked or with their length.`;
  throw new CloudError('invalid', message, { reason: 'transfer_encoding' });
}
