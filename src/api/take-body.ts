import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import { freeChunk } from '../env/free-chunk.ts';
import { limitDiscarded } from './discard.ts';

/**
 * Gives the request's body to whoever takes it, and deals with what is left of it when that fails. Chunks that `onTaken`
 * is told of are gone: the memory of a large body is not left to the collector, which would be most of the body's cost.
 */
export async function takeBody<T>(
  cloud: Pick<Cloud, 'env'>,
  raw: FastifyRequest,
  take: (source: AsyncIterable<Buffer>, onTaken: ((chunk: Buffer) => void) | undefined) => Promise<T>,
): Promise<T> {
  const stream = (raw.body as Readable | undefined) ?? Readable.from([]);
  const { socket } = raw.raw;
  try {
    // A request that is destroyed when reading stops would leave its client sending into the void.
    return await take(stream.iterator({ destroyOnReturn: false }), socket instanceof Socket ? freeChunk : undefined);
  } catch (error) {
    stream.resume();
    limitDiscarded(cloud.env, raw.raw, socket);
    throw error;
  }
}
