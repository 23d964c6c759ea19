import { type HashThread, hashThread } from './hash-thread.ts';
import type { HashAlgorithm } from './messages.ts';

export type { HashAlgorithm } from './messages.ts';

/** Computes several digests of one stream, each in a thread of its own. */
export interface Hasher<A extends HashAlgorithm> {
  /** Takes the next bytes. Resolves once they are copied, which waits while the threads are behind. Not reentrant. */
  update(chunk: Uint8Array): Promise<void>;
  /** The lower-case hex digests of all bytes so far. Ends the hasher. */
  digest(): Promise<Record<A, string>>;
  /** Gives up the stream; no more than a formality after `digest`. */
  close(): void;
}

// A slot is large, so that messages are few; slots are several, so that the threads never wait for the copying.
const slotLength = 512 * 1024;
const slotCount = 4;

/** Shared memory of finished streams. The next streams take it, so that uploads leave no garbage of that size. */
const spareMemory: SharedArrayBuffer[] = [];
const maxSpareMemory = 8;

let lastId = 0;

export function createHasher<A extends HashAlgorithm>(algorithms: readonly A[]): Hasher<A> {
  return new SharedMemoryHasher(algorithms);
}

/** The bytes are copied once into shared memory, where all threads read them. */
class SharedMemoryHasher<A extends HashAlgorithm> implements Hasher<A> {
  readonly #id = ++lastId;
  readonly #memory = spareMemory.pop() ?? new SharedArrayBuffer(slotLength * slotCount);
  readonly #bytes = new Uint8Array(this.#memory);
  readonly #threads = new Map<A, HashThread>();
  /** How many threads have not hashed a slot yet, by the slot's number. */
  readonly #readers = new Array<number>(slotCount).fill(0);
  readonly #digests = new Map<A, string>();
  #slot = 0;
  #filled = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(algorithms: readonly A[]) {
    for (const algorithm of algorithms) {
      const thread = hashThread(algorithm);
      this.#threads.set(algorithm, thread);
      thread.open(this.#id, algorithm, this.#memory, {
        taken: (offset) => {
          this.#readers[offset / slotLength]! -= 1;
          this.#notify();
        },
        digested: (digest) => {
          this.#digests.set(algorithm, digest);
          this.#notify();
        },
        failed: (error) => {
          this.#failure = error;
          this.#notify();
        },
      });
    }
  }

  async update(chunk: Uint8Array): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#readers[this.#slot] !== 0) await this.#until(() => this.#readers[this.#slot] === 0);
      this.#check();
      const length = Math.min(chunk.length - at, slotLength - this.#filled);
      this.#bytes.set(chunk.subarray(at, at + length), this.#slot * slotLength + this.#filled);
      at += length;
      this.#filled += length;
      if (this.#filled === slotLength) this.#dispatch();
    }
  }

  async digest(): Promise<Record<A, string>> {
    this.#check();
    if (this.#filled > 0) this.#dispatch();
    for (const thread of this.#threads.values()) thread.post({ type: 'digest', id: this.#id });
    try {
      await this.#until(() => this.#digests.size === this.#threads.size);
      return Object.fromEntries(this.#digests) as Record<A, string>;
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const thread of this.#threads.values()) thread.close(this.#id);
    // A thread may still be reading a slot of a stream that was given up; what it makes of it goes nowhere.
    if (spareMemory.length < maxSpareMemory) spareMemory.push(this.#memory);
    this.#notify();
  }

  #dispatch(): void {
    const offset = this.#slot * slotLength;
    this.#readers[this.#slot] = this.#threads.size;
    for (const thread of this.#threads.values()) {
      thread.post({ type: 'update', id: this.#id, offset, length: this.#filled });
    }
    this.#slot = (this.#slot + 1) % slotCount;
    this.#filled = 0;
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
    if (this.#isClosed) throw new Error('The hasher is closed.');
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.#check();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
