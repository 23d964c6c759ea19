import { copyToPiece, givePiece, isShared, pieceLength, takePiece } from '../../env/pieces.ts';
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
   * Takes the next bytes. Resolves once they are taken, which waits while the threads, or the sink, are behind; rejects
   * with what the sink failed with. They are copied, and may be changed then, unless `onTaken` is given, which is told
   * when the chunk is not needed any more: one of shared memory is read where it stands. Not reentrant.
   */
  update(chunk: Buffer, onTaken?: (chunk: Buffer) => void): Promise<void>;
  /** Hands on what there is of a piece, and waits until everything is hashed and the sink has it. */
  flush(): Promise<void>;
  /** The lower-case hex digests of all bytes so far, once the sink has all of them too. Ends the hasher. */
  digest(): Promise<Record<A, string>>;
  /** Gives up the stream; no more than a formality after `digest`. */
  close(): void;
}

/** Several pieces are under way, so that the threads never wait for the copying. */
const maxUnderWay = 8;

let lastId = 0;

export function createHasher<A extends HashAlgorithm>(algorithms: readonly A[], sink?: PieceSink): Hasher<A> {
  return new SharedMemoryHasher(algorithms, sink);
}

/** A piece that is read by the threads (and the sink), and by how many of them still. */
interface UnderWay {
  readers: number;
  onRead: () => void;
}

/** The bytes stand in shared memory, where all threads read them, and from where the sink takes them. */
class SharedMemoryHasher<A extends HashAlgorithm> implements Hasher<A> {
  readonly #id = ++lastId;
  readonly #threads = new Map<A, HashThread>();
  readonly #sink: PieceSink | undefined;
  readonly #underWay = new Map<number, UnderWay>();
  readonly #digests = new Map<A, string>();
  /** The piece that is being filled. */
  #piece: Buffer | undefined;
  #filled = 0;
  #position = 0;
  #lastPiece = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(algorithms: readonly A[], sink?: PieceSink) {
    this.#sink = sink;
    for (const algorithm of algorithms) {
      const thread = hashThread(algorithm);
      this.#threads.set(algorithm, thread);
      thread.open(this.#id, algorithm, {
        taken: (piece) => this.#read(piece),
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

  async update(chunk: Buffer, onTaken?: (chunk: Buffer) => void): Promise<void> {
    if (onTaken && isShared(chunk) && this.#filled === 0) {
      await this.#room();
      return this.#dispatch(chunk, () => onTaken(chunk));
    }
    await this.#copy(chunk);
    onTaken?.(chunk);
  }

  async #copy(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      if (!this.#piece) {
        await this.#room();
        this.#piece = takePiece();
      }
      this.#check();
      const copied = copyToPiece(chunk, at, this.#piece, this.#filled);
      at += copied;
      this.#filled += copied;
      if (this.#filled === pieceLength) this.#dispatchFilled();
    }
  }

  async flush(): Promise<void> {
    this.#check();
    this.#dispatchFilled();
    await this.#until(() => this.#underWay.size === 0);
  }

  async digest(): Promise<Record<A, string>> {
    this.#check();
    this.#dispatchFilled();
    for (const thread of this.#threads.values()) thread.post({ type: 'digest', id: this.#id });
    try {
      await this.#until(() => this.#digests.size === this.#threads.size && this.#underWay.size === 0);
      return Object.fromEntries(this.#digests) as Record<A, string>;
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const thread of this.#threads.values()) thread.close(this.#id);
    // Pieces of a stream that was given up are still read by somebody, and so are left to the collector.
    this.#underWay.clear();
    if (this.#piece) givePiece(this.#piece);
    this.#piece = undefined;
    this.#notify();
  }

  #dispatchFilled(): void {
    const piece = this.#piece;
    if (!piece || this.#filled === 0) return;
    const length = this.#filled;
    this.#piece = undefined;
    this.#filled = 0;
    this.#dispatch(piece.subarray(0, length), () => givePiece(piece));
  }

  #dispatch(bytes: Buffer, onRead: () => void): void {
    const piece = ++this.#lastPiece;
    this.#underWay.set(piece, { readers: this.#threads.size + (this.#sink ? 1 : 0), onRead });
    for (const thread of this.#threads.values()) thread.post({ type: 'update', id: this.#id, piece, bytes });
    if (this.#sink) this.#give(this.#sink, piece, bytes);
    this.#position += bytes.length;
  }

  #give(sink: PieceSink, piece: number, bytes: Buffer): void {
    sink(bytes, this.#position).then(
      () => this.#read(piece),
      (error: Error) => {
        this.#failure ??= error;
        this.#notify();
      },
    );
  }

  /** One of its readers has done with the piece. */
  #read(piece: number): void {
    const found = this.#underWay.get(piece);
    if (!found) return;
    found.readers -= 1;
    if (found.readers > 0) return;
    this.#underWay.delete(piece);
    found.onRead();
    this.#notify();
  }

  async #room(): Promise<void> {
    if (this.#underWay.size >= maxUnderWay) await this.#until(() => this.#underWay.size < maxUnderWay);
    this.#check();
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
