import { readSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Bodies that are shorter come as all others do, and their clients keep their connections. */
const shortest = 32 * 1024 * 1024;

/**
 * Reads a long body where it arrives, at the socket, and past Node's HTTP parser, which gives it in chunks of 64 KiB: the
 * bytes go from the system into their piece with no copy in between, a mebibyte at a time.
 *
 * The parser knows nothing of them, so it takes what follows for the body's rest: once a byte was read, the connection
 * can serve no other request, and its answer has to say so (`Connection: close`).
 */
export class ConnectionReader {
  readonly #request: IncomingMessage;
  readonly #length: number;
  readonly #onFirst: () => void;
  /** How much of the body came, by whichever way. */
  #came = 0;
  #hasRead = false;

  /**
   * Null for bodies that are short, of unknown length, or that don't come through a connection as they are.
   *
   * @param onFirst is told before the first byte is read
   */
  static of(request: IncomingMessage, onFirst: () => void): ConnectionReader | null {
    const { socket, headers } = request;
    const length = Number(headers['content-length'] ?? 0);
    if (length < shortest || headers['transfer-encoding'] !== undefined) return null;
    if (!(socket instanceof Socket) || socket instanceof TLSSocket) return null;
    return new ConnectionReader(request, length, onFirst);
  }

  private constructor(request: IncomingMessage, length: number, onFirst: () => void) {
    this.#request = request;
    this.#length = length;
    this.#onFirst = onFirst;
  }

  /**
   * Counts what the parser gave; tells how many bytes of it are the body's. What comes behind it is none of it, which the
   * parser knows no more once something was read past it.
   */
  count(bytes: number): number {
    const own = Math.min(bytes, this.#length - this.#came);
    this.#came += own;
    return own;
  }

  /** Whether the body is here as a whole. The request's stream never ends once something was read past it. */
  get isComplete(): boolean {
    return this.#hasRead && this.#came === this.#length;
  }

  /**
   * Reads bytes of the body that have arrived into a piece; tells how many. None where nothing is there at the moment, or
   * where the parser has something that comes before: it tells of that and of whatever happens to the connection. To be
   * called while the parser gives a chunk, when nothing is under way elsewhere.
   */
  read(piece: Buffer, offset: number): number {
    const { socket, readableLength } = this.#request;
    const fd = descriptorOf(socket);
    const wanted = Math.min(piece.length - offset, this.#length - this.#came);
    if (fd === undefined || wanted === 0 || readableLength > 0 || socket.readableLength > 0) return 0;
    if (!this.#hasRead) this.#onFirst();
    this.#hasRead = true;
    try {
      const read = readSync(fd, piece, offset, wanted, null);
      this.#came += read;
      return read;
    } catch {
      // Mostly EAGAIN. Of a connection that is broken, the socket hears at its next turn.
      return 0;
    }
  }
}

/** The socket's descriptor, which Node has no public name for; undefined once it is closed. */
function descriptorOf(socket: Socket): number | undefined {
  const fd = (socket as { _handle?: { fd?: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
