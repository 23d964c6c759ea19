import { Socket } from 'node:net';
import { finished, type Readable } from 'node:stream';
import { freeChunk } from '../env/free-chunk.ts';
import { LentPieces } from '../env/lent-pieces.ts';
import { copyToPiece, pieceLength } from '../env/pieces.ts';
import type { ConnectionReader } from './connection-reader.ts';

/** How many full pieces may wait for whoever takes the body, before the client has to. */
const maxWaiting = 2;

/** How long a piece is waited for until it is full: a client that is slower is served byte by byte. */
const patienceMs = 100;

/**
 * The bytes of a request's body, gathered into large pieces: what passes through many hands does so a thousand times for
 * each GiB, not sixteen thousand times. Each chunk's memory is given back as soon as it is copied.
 */
export class GatheredBody implements AsyncIterable<Buffer> {
  readonly #stream: Readable;
  readonly #full: Buffer[] = [];
  readonly #lent = new LentPieces();
  readonly #mayFree: boolean;
  readonly #reader: ConnectionReader | null;
  #piece: Buffer | undefined;
  #filled = 0;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #patience: NodeJS.Timeout | undefined;
  #isImpatient = false;

  /**
   * @param socket whose chunks are nobody else's, and may be freed; requests that come without a network have none
   * @param reader for what need not come through the stream
   */
  constructor(stream: Readable, socket: unknown, reader: ConnectionReader | null = null) {
    this.#stream = stream;
    this.#reader = reader;
    this.#mayFree = socket instanceof Socket;
  }

  /** Takes a piece back that the iterator gave: its memory is used for the next ones. */
  readonly release = this.#lent.release;

  /**
   * To be asked for once. What the loop leaves of the stream flows on to nobody: its taker may give up while this waits
   * for bytes, and a stream that stood still then would keep its client from hearing why.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const stream = this.#stream;
    const onData = (chunk: Buffer): void => this.#take(chunk);
    const stop = finished(stream, { writable: false }, (error) => {
      this.#end = { error };
      this.#wake?.();
    });
    stream.on('data', onData);
    stream.resume();
    try {
      for (let chunk = await this.#next(); chunk; chunk = await this.#next()) {
        if (this.#full.length < maxWaiting && stream.isPaused()) stream.resume();
        yield chunk;
      }
      if (this.#end?.error) throw this.#end.error;
    } finally {
      stop();
      stream.off('data', onData);
      clearTimeout(this.#patience);
      stream.resume();
      for (const piece of [...this.#full, this.#piece]) if (piece) this.release(piece);
    }
  }

  #take(chunk: Buffer): void {
    const length = this.#reader?.count(chunk.length) ?? chunk.length;
    const own = length === chunk.length ? chunk : chunk.subarray(0, length);
    for (let at = 0; at < length; ) {
      this.#piece ??= this.#lent.take();
      const copied = copyToPiece(own, at, this.#piece, this.#filled);
      at += copied;
      this.#filled += copied;
      if (this.#filled === pieceLength) this.#full.push(this.#cut()!);
    }
    if (this.#mayFree) freeChunk(chunk);
    if (this.#reader) this.#readMore(this.#reader);
    if (this.#full.length >= maxWaiting) this.#stream.pause();
    if (this.#full.length > 0) this.#wake?.();
    else this.#beImpatient();
  }

  /** What has arrived beyond the chunk that was given, as long as there is room for it. */
  #readMore(reader: ConnectionReader): void {
    while (this.#full.length < maxWaiting && !reader.isComplete) {
      this.#piece ??= this.#lent.take();
      const read = reader.read(this.#piece, this.#filled);
      if (read === 0) break;
      this.#filled += read;
      if (this.#filled === pieceLength) this.#full.push(this.#cut()!);
    }
    if (!reader.isComplete) return;
    this.#end = {};
    this.#wake?.();
  }

  /** The next full piece; what there is of one when the client is slow, or has sent everything. */
  async #next(): Promise<Buffer | undefined> {
    while (this.#full.length === 0 && !this.#end && !this.#isImpatient) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#beImpatient();
      });
    }
    this.#wake = undefined;
    this.#isImpatient = false;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    return this.#full.shift() ?? this.#cut();
  }

  /** Sees to it that somebody who waits gets what there is of a piece in a while. */
  #beImpatient(): void {
    if (!this.#wake || this.#patience || this.#filled === 0) return;
    this.#patience = setTimeout(() => {
      this.#isImpatient = this.#filled > 0;
      this.#wake?.();
    }, patienceMs);
  }

  #cut(): Buffer | undefined {
    const piece = this.#piece;
    if (!piece || this.#filled === 0) return undefined;
    const chunk = this.#lent.cut(piece, this.#filled);
    this.#piece = undefined;
    this.#filled = 0;
    return chunk;
  }
}
