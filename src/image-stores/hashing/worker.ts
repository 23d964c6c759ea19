import { createHash, type Hash } from 'node:crypto';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { FromWorker, ToWorker } from './messages.ts';

/**
 * Hashing takes what processor time nobody else wants: it would keep requests waiting for seconds. Linux counts 0 as the
 * thread that asks, not as its process.
 */
const niceness = 5;
if (process.platform === 'linux') {
  try {
    setPriority(0, niceness);
  } catch {
    // Some sandboxes forbid it: then it hashes as everything else runs.
  }
}

// Runs in a thread of its own and serves any number of streams, in the order in which their pieces arrive.
const streams = new Map<number, Hash>();
const answer = (message: FromWorker): void => parentPort?.postMessage(message);

parentPort?.on('message', (message: ToWorker) => {
  if (message.type === 'open') {
    streams.set(message.id, createHash(message.algorithm));
    return;
  }
  const stream = streams.get(message.id);
  if (!stream) return;
  if (message.type === 'close') {
    streams.delete(message.id);
    return;
  }
  if (message.type === 'digest') {
    streams.delete(message.id);
    answer({ id: message.id, digest: stream.digest('hex') });
    return;
  }
  stream.update(message.bytes);
  answer({ id: message.id, taken: message.piece });
});
