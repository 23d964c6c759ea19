import { once } from 'node:events';
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { isHole, pieceLength } from '../../env/pieces.ts';
import { AgentError } from '../contract.ts';
import { toAgentError } from '../errors.ts';

/**
 * A file as it travels: pieces, each after its length and its place, without those that are nothing but zeros; then a
 * length of zero and the file's size.
 */
const headLength = 12;

function headOf(length: number, position: number): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUInt32BE(length, 0);
  head.writeBigUInt64BE(BigInt(position), 4);
  return head;
}

/** Sends the file, and leaves the stream open. */
export async function sendFile(path: string, stream: Writable): Promise<void> {
  const send = async (bytes: Buffer) => {
    if (stream.destroyed) throw new AgentError('unreachable', 'the connection ended while a file was sent');
    if (stream.write(bytes)) return;
    const gone = new AbortController();
    const onClose = () => gone.abort();
    stream.once('close', onClose);
    await once(stream, 'drain', { signal: gone.signal }).catch((error) => {
      throw new AgentError('unreachable', 'the connection ended while a file was sent', { cause: error });
    });
    stream.off('close', onClose);
  };
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    for (let position = 0; position < size; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(pieceLength), 0, pieceLength, position);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      if (!isHole(piece)) {
        await send(headOf(bytesRead, position));
        await send(piece);
      }
      position += bytesRead;
    }
    await send(headOf(0, size));
  } finally {
    await file.close();
  }
}

/** How much of the room that is free one file may take: it says itself how long it is, and others need the rest. */
const shareOfRoom = 0.9;
/** After how many bytes it is looked how much room is left. */
const lookEvery = 64 * pieceLength;

/**
 * Writes what `sendFile` sends to a new file, which is on stable storage then. Leaves the stream open, after the file's end.
 * Throws `no_space` before the room is used up.
 *
 * @param room how many bytes are free where the file comes to
 */
export async function receiveFile(stream: Readable, path: string, room = () => freeBeside(path)): Promise<void> {
  const bytes = new ByteReader(stream);
  const file = await open(path, 'wx', 0o600);
  try {
    const kept = (await room()) * (1 - shareOfRoom);
    let end = 0;
    for (let written = 0; ; ) {
      const head = await bytes.take(headLength);
      const length = head.readUInt32BE(0);
      const position = Number(head.readBigUInt64BE(4));
      if (length > pieceLength) throw new AgentError('hypervisor_failed', `a piece of ${length} bytes was announced`);
      if (position < end) throw new AgentError('hypervisor_failed', `${position} was announced after ${end}`);
      if (length === 0) {
        await file.truncate(position);
        await file.sync();
        return;
      }
      await file.write(await bytes.take(length), 0, length, position);
      end = position + length;
      written += length;
      if (written < lookEvery) continue;
      written = 0;
      if ((await room()) < kept)
        throw new AgentError('no_space', `the room for ${path} is used up but for what others need`);
    }
  } catch (error) {
    throw toAgentError(error, `${path} could not be received`);
  } finally {
    bytes.release();
    await file.close();
  }
}

async function freeBeside(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(dirname(path));
  return bavail * bsize;
}

/** What `sendFile` sends, passed on; fails where it ends before the file does: to a stream that stays open, nobody would tell. */
export async function* wholeFile(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  let left = 0;
  let isWhole = false;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length && !isWhole; ) {
      if (left > 0) {
        const passed = Math.min(left, chunk.length - at);
        left -= passed;
        at += passed;
        continue;
      }
      const more = chunk.subarray(at, at + headLength - head.length);
      head = Buffer.concat([head, more]);
      at += more.length;
      if (head.length < headLength) continue;
      left = head.readUInt32BE(0);
      isWhole = left === 0;
      head = Buffer.alloc(0);
    }
    yield chunk;
  }
  if (!isWhole) throw new AgentError('unreachable', 'the connection ended in the middle of a file');
}

/** Reads a stream by numbers of bytes. */
class ByteReader {
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  async take(length: number): Promise<Buffer> {
    const parts = [this.#rest];
    let have = this.#rest.length;
    while (have < length) {
      const { value, done } = await this.#chunks.next();
      if (done) throw new AgentError('unreachable', 'the connection ended in the middle of a file');
      parts.push(value);
      have += value.length;
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts, have);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }

  /** What was read ahead is put back. */
  release(): void {
    void this.#chunks.return?.();
    if (this.#rest.length > 0 && !this.#stream.destroyed) this.#stream.unshift(this.#rest);
  }
}
