import { type HashThread, hashThread } from './hash-thread.ts';
import type { HashAlgorithm } from './messages.ts';

export type { HashAlgorithm } from './messages.ts';

/**
 * Gets each piece of a hashed stream as it lies in the memory that the threads read, which is used again once the
 * promise has resolved.
 */
export type PieceSink = (piece: Buffer, position: number) => Promise<void>;

/** Computes several digests of one stream, each in a thread of its own. */
export interface Hasher<A extends HashAlgorithm> {
  /**
   * Takes the next bytes. Resolves once they are copied, which waits while the threads, or the sink, are behind; rejects
   * with what the sink failed with. Not reentrant.
   */
  update(chunk: Uint8Array): Promise<void>;
  /** Hands on what there is of a piece, and waits until everything is hashed and the sink has it. */
  flush(): Promise<void>;
  /** The lower-case hex digests of all bytes so far, once the sink has all of them too. Ends the hasher. */
  digest(): Promise<Record<A, string>>;
  /** Gives up the stream; no more than a formality after `digest`. */
  close(): void;
}

// A slot is large, so that messages are few; slots are several, so that the threads never wait for the copying.
const slotLength = 1024 * 1024;
const slotCount = 4;

/** Shared memory of finished streams. The next streams take it, so that uploads leave no garbage of that size. */
const spareMemory: SharedArrayBuffer[] = [];
const maxSpareMemory = 4;

let lastId = 0;

export function createHasher<A extends HashAlgorithm>(algorithms: readonly A[], sink?: PieceSink): Hasher<A> {
  return new SharedMemoryHasher(algorithms, sink);
}

/** The bytes are copied once into shared memory, where all threads read them, and from where the sink takes them. */
class SharedMemoryHasher<A extends HashAlgorithm> implements Hasher<A> {
  readonly #id = ++lastId;
  readonly #memory = spareMemory.pop() ?? new SharedArrayBuffer(slotLength * slotCount);
  readonly #bytes = new Uint8Array(this.#memory);
  readonly #threads = new Map<A, HashThread>();
  readonly #sink: PieceSink | undefined;
  /** How many threads (and the sink) have not done with a slot yet, by the slot's number. */
  readonly #readers = new Array<number>(slotCount).fill(0);
  readonly #digests = new Map<A, string>();
  #slot = 0;
  #filled = 0;
  #position = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(algorithms: readonly A[], sink?: PieceSink) {
    this.#sink = sink;
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

  async flush(): Promise<void> {
    this.#check();
    if (this.#filled > 0) this.#dispatch();
    await this.#until(() => this.#readers.every((count) => count === 0));
  }

  async digest(): Promise<Record<A, string>> {
    this.#check();
    if (this.#filled > 0) this.#dispatch();
    for (const thread of this.#threads.values()) thread.post({ type: 'digest', id: this.#id });
    try {
      await this.#until(() => this.#digests.size === this.#threads.size && this.#readers.every((count) => count === 0));
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
    if (this.#sink) this.#give(this.#sink, this.#slot);
    this.#position += this.#filled;
    this.#slot = (this.#slot + 1) % slotCount;
    this.#filled = 0;
  }

  #give(sink: PieceSink, slot: number): void {
    this.#readers[slot]! += 1;
    sink(Buffer.from(this.#memory, slot * slotLength, this.#filled), this.#position).then(
      () => {
        this.#readers[slot]! -= 1;
        this.#notify();
      },
      (error: Error) => {
        this.#failure ??= error;
        this.#notify();
      },
    );
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
