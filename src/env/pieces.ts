/** How long a piece is: long enough that messages, writes and turns of the event loop are few. */
export const pieceLength = 1024 * 1024;

const piecesPerBlock = 4;
const pagesPerBlock = (piecesPerBlock * pieceLength) / 65_536;
const maxSpare = 32;

/** Pieces that nobody uses. They are taken again, so that large bodies leave no garbage. */
const spare: Buffer[] = [];

/**
 * Memory for a part of a large stream of bytes. All threads can read it, and it begins at the start of a memory page, so
 * that a disk can be written from it without a copy in between (`O_DIRECT`). Its content is whatever it had before.
 */
export function takePiece(): Buffer {
  const piece = spare.pop();
  if (piece) return piece;
  const memory = newBlock();
  for (let index = 1; index < piecesPerBlock; index += 1) {
    spare.push(Buffer.from(memory, index * pieceLength, pieceLength));
  }
  return Buffer.from(memory, 0, pieceLength);
}

/** Gives a piece back that `takePiece` gave. Nobody may read or write it any more. */
export function givePiece(piece: Buffer): void {
  if (spare.length < maxSpare) spare.push(piece);
}

/**
 * Copies bytes of the chunk, from `start` on, to a place in the piece, as many as there is room for; tells how many. V8
 * copies the whole of an array into shared memory word by word, which takes twice as long as what is done for parts of it.
 */
export function copyToPiece(chunk: Buffer, start: number, piece: Buffer, offset: number): number {
  const length = Math.min(chunk.length - start, pieceLength - offset);
  if (length < chunk.length || length === 0) return chunk.copy(piece, offset, start, start + length);
  const last = length - 1;
  chunk.copy(piece, offset, 0, last);
  piece[offset + last] = chunk[last]!;
  return length;
}

/** Whether the bytes stand in memory that other threads can read. */
export function isShared(chunk: Uint8Array): boolean {
  return chunk.buffer instanceof SharedArrayBuffer;
}

/** What TypeScript knows of WebAssembly only where there is a browser's window. */
interface WithSharedMemory {
  WebAssembly: {
    Memory: new (pages: { initial: number; maximum: number; shared: true }) => { buffer: SharedArrayBuffer };
  };
}

/** WebAssembly's memory begins at a page. Where no more of it can be had, any shared memory does. */
function newBlock(): SharedArrayBuffer {
  const { Memory } = (globalThis as unknown as WithSharedMemory).WebAssembly;
  try {
    return new Memory({ initial: pagesPerBlock, maximum: pagesPerBlock, shared: true }).buffer;
  } catch {
    return new SharedArrayBuffer(piecesPerBlock * pieceLength);
  }
}

/** Pieces are compared with it, so it is as long as they are at the most. */
const zeros = Buffer.alloc(pieceLength);

/** Whether a piece is nothing but zeros. */
export function isHole(piece: Buffer): boolean {
  return piece.equals(zeros.subarray(0, piece.length));
}
