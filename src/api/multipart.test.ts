import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { boundaryOf, fileOf } from './multipart.ts';

const boundary = 'x-7f3a';
const file = Buffer.concat([randomBytes(5000), Buffer.from('\r\n--x-7f3'), randomBytes(100), Buffer.from('\r\n')]);
const form = Buffer.concat([
  Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--${boundary}\r\n`),
  Buffer.from('Content-Disposition: form-data; name="file"; filename="a.qcow2"\r\nContent-Type: x/y\r\n\r\n'),
  file,
  Buffer.from(`\r\n--${boundary}--\r\n`),
]);

async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function read(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of fileOf(source, boundary)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a form', () => {
  it('gives its file, however it is cut into chunks', async () => {
    for (const length of [1, 2, 7, 64, 1000, form.length]) {
      expect((await read(pieces(form, length))).equals(file), `chunks of ${length}`).toBe(true);
    }
  });

  it('is refused when it breaks off, has no file, or is no form', async () => {
    await expect(read(pieces(form.subarray(0, 4000), 512))).rejects.toThrow('The form breaks off.');
    const empty = Buffer.from(`--${boundary}--\r\n`);
    await expect(read(pieces(empty, 5))).rejects.toThrow('The form has no file.');
    await expect(read(pieces(randomBytes(100_000), 1000))).rejects.toThrow('The body is no form.');
  });

  it('names its boundary in its type', () => {
    expect(boundaryOf('multipart/form-data; boundary=abc')).toBe('abc');
    expect(boundaryOf('multipart/form-data; charset=utf-8; boundary="a b"')).toBe('a b');
    expect(boundaryOf('application/octet-stream')).toBeUndefined();
    expect(boundaryOf(undefined)).toBeUndefined();
  });
});
