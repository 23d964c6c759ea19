import { Worker } from 'node:worker_threads';
import type { FromWorker, HashAlgorithm, ToWorker } from './messages.ts';

/** What one stream wants to hear of its thread. */
export interface HashListener {
  /** @param piece the number of a piece that has been hashed */
  taken(piece: number): void;
  digested(digest: string): void;
  failed(error: Error): void;
}

/** The thread that computes one algorithm for all streams of the process. It keeps the process alive only while used. */
class HashThread {
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { execArgv: [], name: 'image-hash' });
  readonly #listeners = new Map<number, HashListener>();

  constructor(onEnd: () => void) {
    this.#worker.unref();
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    const end = (error: Error): void => {
      onEnd();
      const listeners = [...this.#listeners.values()];
      this.#listeners.clear();
      for (const listener of listeners) listener.failed(error);
    };
    this.#worker.on('error', end);
    this.#worker.on('exit', (code) => end(new Error(`The hashing thread ended with code ${code}.`)));
  }

  open(id: number, algorithm: HashAlgorithm, listener: HashListener): void {
    if (this.#listeners.size === 0) this.#worker.ref();
    this.#listeners.set(id, listener);
    this.post({ type: 'open', id, algorithm });
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  close(id: number): void {
    if (!this.#listeners.delete(id)) return;
    this.post({ type: 'close', id });
    if (this.#listeners.size === 0) this.#worker.unref();
  }

  #receive(message: FromWorker): void {
    const listener = this.#listeners.get(message.id);
    if (!listener) return;
    if ('digest' in message) listener.digested(message.digest);
    else listener.taken(message.taken);
  }
}

export type { HashThread };

const threads = new Map<HashAlgorithm, HashThread>();

/** The algorithm's thread, which is started once and serves every upload; a new one if it has died. */
export function hashThread(algorithm: HashAlgorithm): HashThread {
  const running = threads.get(algorithm);
  if (running) return running;
  const thread: HashThread = new HashThread(() => {
    if (threads.get(algorithm) === thread) threads.delete(algorithm);
  });
  threads.set(algorithm, thread);
  return thread;
}
