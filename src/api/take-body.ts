import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CloudError } from '../cloud/errors.ts';
import type { Env } from '../env/env.ts';
import { ConnectionReader } from './connection-reader.ts';
import { limitDiscarded } from './discard.ts';
import { GatheredBody } from './gathered-body.ts';

/** The call whose body is taken. */
interface Taken {
  cloud: { env: Env };
  raw: FastifyRequest;
  reply: FastifyReply;
}

/**
 * Gives the request's body to whoever takes it, and deals with what is left of it when that fails. Chunks that `onTaken`
 * is told of are gone: their memory takes what comes next.
 */
export async function takeBody<T>(
  { cloud, raw, reply }: Taken,
  take: (source: AsyncIterable<Buffer>, onTaken: (chunk: Buffer) => void) => Promise<T>,
): Promise<T> {
  const stream = (raw.body as Readable | undefined) ?? Readable.from([]);
  const { socket } = raw.raw;
  try {
    requirePlain(raw.headers['transfer-encoding']);
    const reader = stream === raw.raw ? ConnectionReader.of(raw.raw, () => reply.header('connection', 'close')) : null;
    // A request that is destroyed when reading stops would leave its client sending into the void.
    const body = new GatheredBody(stream, socket, reader);
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
