import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
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
    // A request that is destroyed when reading stops would leave its client sending into the void.
    const body = new GatheredBody(stream, socket);
    return await take(body, body.release);
  } catch (error) {
    stream.resume();
    limitDiscarded(cloud.env, raw.raw, socket);
    throw error;
  }
}
