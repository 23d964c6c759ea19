import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pieceLength } from '../../env/pieces.ts';
import { failure } from '../contract-bench.fixture.ts';
import { receiveFile, sendFile } from './file-stream.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-file-stream-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A piece as it travels. */
function piece(length: number, position: number): Buffer[] {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(length, 0);
  head.writeBigUInt64BE(BigInt(position), 4);
  return [head, Buffer.alloc(length, 7)];
}

function* endless() {
  for (let position = 0; ; position += pieceLength) yield* piece(pieceLength, position);
}

describe('a file that comes from another machine', () => {
  it('is what was sent, holes and all', async () => {
    const [sent, received] = [join(folder, 'sent'), join(folder, 'received')];
    await writeFile(
      sent,
      Buffer.concat([Buffer.alloc(3 * pieceLength, 1), Buffer.alloc(2 * pieceLength), Buffer.from('end')]),
    );
    const stream = new PassThrough();
    await Promise.all([sendFile(sent, stream), receiveFile(stream, received)]);
    expect((await readFile(received)).equals(await readFile(sent))).toBe(true);
  });

  it('leaves room for others, whatever it says of its length', async () => {
    const rooms = [1000, 50];
    const room = async () => rooms.shift()!;
    const received = receiveFile(Readable.from(endless()), join(folder, 'received'), room);
    await expect(received).rejects.toEqual(failure('no_space'));
    expect(rooms).toEqual([]);
  });

  it('comes from its beginning to its end, and is not written over for ever', async () => {
    const again = Readable.from([...piece(10, 20), ...piece(10, 20)]);
    await expect(receiveFile(again, join(folder, 'again'))).rejects.toEqual(failure('hypervisor_failed'));
    const short = Readable.from([...piece(10, 20), ...piece(0, 5)]);
    await expect(receiveFile(short, join(folder, 'short'))).rejects.toEqual(failure('hypervisor_failed'));
  });
});
