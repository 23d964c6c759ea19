import { givePiece, pieceLength, takePiece } from './pieces.ts';

/** Bytes in chunks. Who has done with one may give it back, where they can be: its memory serves for the next ones. */
export interface Chunks extends AsyncIterable<Buffer> {
  release?(chunk: Buffer): void;
}

/** How many pieces of shared memory one stream may have out. Takers that give none back get memory of another kind. */
const maxLent = 16;

/** The pieces that one stream of bytes has given out, and that come back when its taker has done with them. */
export class LentPieces {
  readonly #lent = new Set<Buffer>();
  /** The pieces of those chunks that are no whole pieces. */
  readonly #cutShort = new WeakMap<Buffer, Buffer>();

  take(): Buffer {
    if (this.#lent.size >= maxLent) return Buffer.allocUnsafeSlow(pieceLength);
    const piece = takePiece();
    this.#lent.add(piece);
    return piece;
  }

  /** The beginning of a piece, which is given back instead of it. */
  cut(piece: Buffer, length: number): Buffer {
    if (length === piece.length) return piece;
    const chunk = piece.subarray(0, length);
    this.#cutShort.set(chunk, piece);
    return chunk;
  }

  /** Takes a piece back, or what was cut from one: its memory is used for the next ones. */
  readonly release = (chunk: Buffer): void => {
    const piece = this.#cutShort.get(chunk) ?? chunk;
    if (this.#lent.delete(piece)) givePiece(piece);
  };
}
