import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import { limitDiscarded } from './discard.ts';

/** Gives the request's body to whoever takes it, and deals with what is left of it when that fails. */
export async function takeBody<T>(
  cloud: Pick<Cloud, 'env'>,
  raw: FastifyRequest,
  take: (source: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const stream = (raw.body as Readable | undefined) ?? Readable.from([]);
  const { socket } = raw.raw;
  try {
    // A request that is destroyed when reading stops would leave its client sending into the void.
    return await take(stream.iterator({ destroyOnReturn: false }));
  } catch (error) {
    stream.resume();
    limitDiscarded(cloud.env, raw.raw, socket);
    throw error;
  }
}
