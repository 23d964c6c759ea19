import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Env } from '../env/env.ts';

/** Bytes of a refused upload that are still read, so that its client gets to see the answer. */
const maxBytes = 16 * 2 ** 20;
const maxMicros = 30_000_000;
const checkMs = 50;

/**
 * Cuts the line of a request that was refused while its body was still coming, once more of it has come than one need
 * listen to. Clients that notice the answer stop by themselves, and keep their connection where it can be kept.
 */
export function limitDiscarded(env: Env, request: IncomingMessage, socket: Socket): void {
  // Requests that are put into the server without a network have none.
  if (!(socket instanceof Socket)) return;
  const bytes = socket.bytesRead;
  const since = env.now();
  const closeAtLast = linger(socket);
  const stopWatch = env.every(checkMs, () => {
    if (request.complete || socket.destroyed) return stop();
    if (socket.bytesRead - bytes < maxBytes && env.now() - since < maxMicros) return;
    socket.destroy();
    stop();
  });
  const stop = (): void => {
    stopWatch();
    closeAtLast();
  };
}

/**
 * Keeps reading from a line that is to be closed after the answer: what a client sends to a closed one comes back to it as
 * a reset, which takes the answer from it. Gives what does close it in the end, where that was asked for.
 */
function linger(socket: Socket): () => void {
  let isAsked = false;
  const end = () => {
    isAsked = true;
    socket.end();
  };
  // What Node's HTTP server ends a connection with that serves no other request.
  socket.destroySoon = end;
  return () => {
    // A later request of the line may have its own.
    if (socket.destroySoon === end) delete (socket as Partial<Socket>).destroySoon;
    if (isAsked) socket.destroySoon();
  };
}
