import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { pieceLength } from '../env/pieces.ts';
import { ConnectionReader } from './connection-reader.ts';
import { GatheredBody } from './gathered-body.ts';

const mib = 1024 * 1024;
const some = randomBytes(mib + 77);
let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Taken {
  length: number;
  md5: string;
  /** Whether some of it was read past the parser. */
  isPast: boolean;
  error?: unknown;
}

/** A server that takes each body, and tells of it; `onPiece` is awaited for each piece. */
async function taking(onPiece: (request: IncomingMessage) => Promise<void> = async () => {}) {
  const { promise: taken, resolve } = Promise.withResolvers<Taken>();
  const outcome: Taken = { length: 0, md5: '', isPast: false };
  server = createServer(async (incoming, answer) => {
    const hash = createHash('md5');
    const reader = ConnectionReader.of(incoming, () => {
      outcome.isPast = true;
      answer.setHeader('connection', 'close');
    });
    const body = new GatheredBody(incoming, incoming.socket, reader);
    try {
      for await (const piece of body) {
        await onPiece(incoming);
        hash.update(piece);
        outcome.length += piece.length;
        body.release(piece);
      }
    } catch (error) {
      outcome.error = error;
    }
    outcome.md5 = hash.digest('hex');
    resolve(outcome);
    answer.end('taken');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, taken, sofar: () => outcome.length };
}

/** The bytes of a body, in chunks of odd length, and their md5. */
function bodyOf(length: number) {
  const hash = createHash('md5');
  const chunks: Buffer[] = [];
  for (let at = 0; at < length; at += some.length) {
    const chunk = Buffer.from(some.subarray(0, Math.min(some.length, length - at)));
    chunk[0] = at & 255;
    hash.update(chunk);
    chunks.push(chunk);
  }
  return { chunks, md5: hash.digest('hex') };
}

async function put(port: number, chunks: readonly Buffer[], headers: Record<string, string | number>) {
  const sent = request({ port, host: '127.0.0.1', method: 'PUT', headers });
  Readable.from(chunks).pipe(sent);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer.headers;
}

describe('ConnectionReader', () => {
  it('gives a long body as it was sent, and lets the connection go', async () => {
    const { port, taken } = await taking();
    const length = 40 * mib + 12_345;
    const { chunks, md5 } = bodyOf(length);
    const headers = await put(port, chunks, { 'content-length': length });
    expect(await taken).toEqual({ length, md5, isPast: true });
    expect(headers.connection).toBe('close');
  });

  it('gives all of it to a taker that is slow, whatever the parser holds back meanwhile', async () => {
    let turn = 0;
    const { port, taken } = await taking(async () => {
      turn += 1;
      for (let waited = 0; waited < turn % 5; waited += 1) await new Promise(setImmediate);
    });
    const length = 48 * mib;
    const { chunks, md5 } = bodyOf(length);
    await put(port, chunks, { 'content-length': length });
    expect(await taken).toMatchObject({ length, md5, isPast: true });
  });

  it('leaves short bodies and those of unknown length to the parser, and their clients the connection', async () => {
    for (const [mebibytes, headers] of [
      [2, { 'content-length': 2 * mib }],
      [40, { 'transfer-encoding': 'chunked' }],
    ] as const) {
      const { port, taken } = await taking();
      const { chunks, md5 } = bodyOf(mebibytes * mib);
      const answer = await put(port, chunks, headers);
      expect(await taken).toEqual({ length: mebibytes * mib, md5, isPast: false });
      expect(answer.connection).not.toBe('close');
      server!.closeAllConnections();
      server!.close();
    }
  });

  it('takes nothing of what comes after the body', async () => {
    const { port, taken } = await taking();
    const length = 33 * mib;
    const { chunks, md5 } = bodyOf(length);
    const socket = connect(port, '127.0.0.1');
    socket.write(`PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: ${length}\r\n\r\n`);
    for (const chunk of chunks) socket.write(chunk);
    socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    socket.resume();
    expect(await taken).toEqual({ length, md5, isPast: true });
    await once(socket, 'close');
  });

  it('takes nothing of what comes with the end of the body', async () => {
    const { port, taken, sofar } = await taking();
    const length = 33 * mib;
    const { chunks, md5 } = bodyOf(length);
    const all = Buffer.concat(chunks);
    const end = length - 1000;
    const socket = connect(port, '127.0.0.1');
    socket.write(`PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: ${length}\r\n\r\n`);
    socket.write(all.subarray(0, end));
    // Once nothing is left to be read past the parser, the rest comes by it.
    await expect.poll(sofar).toBe(end);
    socket.write(Buffer.concat([all.subarray(end), Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n')]));
    socket.resume();
    expect(await taken).toEqual({ length, md5, isPast: true });
    await once(socket, 'close');
  });

  it('tells of a line that is cut in the middle', async () => {
    const { port, taken } = await taking();
    const socket = connect(port, '127.0.0.1');
    socket.write(`PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: ${100 * mib}\r\n\r\n`);
    for (const chunk of bodyOf(10 * pieceLength).chunks) socket.write(chunk);
    socket.end();
    const { length, error } = await taken;
    expect(length).toBe(10 * pieceLength);
    expect(String(error)).toMatch(/aborted/);
  });
});
