import type { Server } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Streams that a server has open, to be ended when it stops: nobody waits for a client who only listens. */
const open = new WeakMap<object, Set<Readable>>();

/** What is not read for so long is a client that is gone, bytes. */
const maxBehind = 2 ** 20;
const heartbeatMs = 15_000;

/** Lets the server end its event streams when it closes. */
export function serveEventStreams(app: FastifyInstance): void {
  const streams = new Set<Readable>();
  open.set(app.server, streams);
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.destroy();
  });
}

/** Writes one event. `id` is what a client that comes back says it saw last. */
export type SendEvent = (event: string, data: unknown, id?: string) => void;

/**
 * A body of server-sent events (WHATWG HTML §9.2). `subscribe` gets what sends events, and returns what ends the
 * subscription; it ends when the client goes, when it falls too far behind, and when the server stops.
 */
export function eventStream(
  request: FastifyRequest,
  every: (ms: number, work: () => void) => () => void,
  subscribe: (send: SendEvent) => () => void,
): Readable {
  let buffered = 0;
  const stream = new Readable({
    read: () => {
      buffered = 0;
    },
  });
  const write = (text: string) => {
    buffered += text.length;
    if (buffered > maxBehind) return void stream.destroy();
    stream.push(text);
  };
  const unsubscribe = subscribe((event, data, id) => {
    write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  });
  const stopHeart = every(heartbeatMs, () => write(': still here\n\n'));
  const streams = open.get(request.server.server as Server);
  streams?.add(stream);
  const end = () => {
    stopHeart();
    unsubscribe();
    streams?.delete(stream);
  };
  stream.once('close', end);
  request.raw.socket.once('close', () => stream.destroy());
  write(': connected\n\n');
  return stream;
}

/** Headers of such an answer: nothing between us and the client may keep it. */
export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const;
