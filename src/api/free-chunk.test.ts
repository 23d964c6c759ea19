import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freeChunk } from '../env/free-chunk.ts';
import { freedAsSent } from './free-chunk.ts';

const mib = 1024 * 1024;
/** Every byte tells where it is from, so that one that was freed too early is seen. */
const bytes = Buffer.from(Uint32Array.from({ length: 4 * mib }, (_, index) => index * 2_654_435_761).buffer);

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-chunks-'));
  path = join(folder, 'file');
  await writeFile(path, bytes);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a chunk', () => {
  it('is freed when its memory is its own, and left alone when others share it', () => {
    const own = Buffer.from(new ArrayBuffer(65_536));
    freeChunk(own);
    expect(own.length).toBe(0);
    const shared = Buffer.from(new ArrayBuffer(131_072)).subarray(0, 65_536);
    freeChunk(shared);
    expect(shared.length).toBe(65_536);
  });
});

describe('a body that is freed as it is sent', () => {
  it('arrives as it is, also where its client is slow', async () => {
    const seen: Buffer[] = [];
    const server = createServer((_, response) => {
      const source = createReadStream(path, { highWaterMark: 512 * 1024 });
      source.on('data', (chunk) => seen.push(chunk as Buffer));
      source.pause();
      freedAsSent(source, response).pipe(response);
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
      expect(seen.filter(({ length }) => length === 0).length).toBeGreaterThan(seen.length / 2);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('is another stream as it is, and closes its file when nobody reads on', async () => {
    const response = { writableLength: 0 } as never;
    const plain = Readable.from([]);
    expect(freedAsSent(plain, response)).toBe(plain);
    const file = createReadStream(path);
    const closed = new Promise<void>((resolve) => file.once('close', resolve));
    freedAsSent(file, response).destroy();
    await closed;
  });
});
