import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, IncomingMessage, request, ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Chunks } from '../env/lent-pieces.ts';
import { releasedAsSent } from './release-sent.ts';

const mib = 1024 * 1024;
const chunkLength = mib / 2;
/** Every byte tells where it is from, so that one that was given back too early is seen. */
const bytes = Buffer.from(Uint32Array.from({ length: 4 * mib }, (_, index) => index * 2_654_435_761).buffer);

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-chunks-'));
  path = join(folder, 'file');
  await writeFile(path, bytes);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file's chunks, of which nothing can be read any more once they are given back. */
function source(onRelease: () => void = () => {}): Readable & Chunks {
  const release = (chunk: Buffer): void => {
    chunk.fill(0);
    onRelease();
  };
  return Object.assign(createReadStream(path, { highWaterMark: chunkLength }), { release });
}

describe('a body whose chunks are given back as it is sent', () => {
  it('arrives as it is, also where its client is slow', async () => {
    let released = 0;
    const server = createServer((_, response) => {
      releasedAsSent(
        source(() => released++),
        response,
      ).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const received = await new Promise<Buffer>((resolve, reject) => {
        const get = request({ port, host: '127.0.0.1' }, async (answer) => {
          const chunks: Buffer[] = [];
          for await (const chunk of answer) {
            chunks.push(chunk as Buffer);
            await new Promise((next) => setImmediate(next));
          }
          resolve(Buffer.concat(chunks));
        });
        get.on('error', reject);
        get.end();
      });
      expect(received.equals(bytes)).toBe(true);
      expect(released).toBe(bytes.length / chunkLength);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('is another stream as it is, and closes its file when nobody reads on', async () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const plain = Readable.from([]);
    expect(releasedAsSent(plain, response)).toBe(plain);
    const file = source();
    const closed = new Promise<void>((resolve) => file.once('close', resolve));
    releasedAsSent(file, response).destroy();
    await closed;
  });
});
