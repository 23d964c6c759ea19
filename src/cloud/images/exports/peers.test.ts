import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { parseRange } from '../../../api/byte-range.ts';
import { inPieces, TestCloud, testSubject } from '../test-cloud.ts';

const alice = testSubject('alice');
const size = 8 * 1024 * 1024;
const bytes = Buffer.alloc(size, 0x61);

let clouds: TestCloud[] = [];
let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await Promise.all(clouds.map((cloud) => cloud.stop()));
  clouds = [];
});

async function start(): Promise<TestCloud> {
  const cloud = await TestCloud.start({ internalSources: 'everyone' });
  clouds.push(cloud);
  return cloud;
}

/** Serves a cloud's exports, and cuts the first connections when they have brought so many bytes. */
async function serve(cloud: TestCloud, cutAfter: number[], ranges: string[]): Promise<string> {
  server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://cloud.example.com');
    const link = {
      exportId: url.pathname.split('/')[4]!,
      expires: Number(url.searchParams.get('expires')),
      signature: url.searchParams.get('signature')!,
    };
    const file = await cloud.images.exports.open(link).catch(() => undefined);
    if (!file) return response.writeHead(403).end();
    ranges.push(request.headers.range ?? 'all');
    const range = parseRange(request.headers.range, file.size) as { start: number; end: number } | undefined;
    const { start: from, end } = range ?? { start: 0, end: file.size };
    response.writeHead(range ? 206 : 200, {
      etag: `"${file.sha512}"`,
      'accept-ranges': 'bytes',
      'content-length': end - from,
      ...(range ? { 'content-range': `bytes ${from}-${end - 1}/${file.size}` } : {}),
    });
    const cut = cutAfter.shift();
    if (cut === undefined) return await pipeline(await file.read({ start: from, end }), response).catch(() => {});
    const part = await file.read({ start: from, end: from + cut });
    await pipeline(part, response, { end: false }).catch(() => {});
    response.write('', () => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function exported(cloud: TestCloud, origin: string): Promise<string> {
  const { id } = await cloud.images.create(alice, { name: 'i', diskFormat: 'raw', containerFormat: 'bare' });
  await cloud.images.upload(alice, id, inPieces(bytes));
  const { imageExport } = await cloud.images.exports.create(alice, id, { origin });
  await cloud.core.runner.idle();
  return (await cloud.images.exports.get(alice, imageExport.id)).url!;
}

describe('two clouds', () => {
  it('hand an image over by a signed link, which goes on where its connection was cut', async () => {
    const [here, there] = [await start(), await start()];
    const ranges: string[] = [];
    const url = await exported(here, await serve(here, [1024 * 1024, 2 * 1024 * 1024], ranges));
    const { image } = await there.images.imports.add(alice, { name: 'copy', diskFormat: 'raw' }, { url });
    await there.core.runner.idle();
    const [original] = await here.images.list(alice);
    expect(await there.images.get(alice, image.id)).toMatchObject({
      status: 'active',
      size,
      hashValue: original!.hashValue,
    });
    expect(ranges).toEqual(['all', expect.stringMatching(/^bytes=\d+-$/), expect.stringMatching(/^bytes=\d+-$/)]);
  });

  it('fetch nothing by a link that was changed', async () => {
    const [here, there] = [await start(), await start()];
    const good = await exported(here, await serve(here, [], []));
    const { image } = await there.images.imports.add(alice, { name: 'copy', diskFormat: 'raw' }, { url: `${good}x` });
    await there.core.runner.idle();
    await expect(there.images.get(alice, image.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await there.files()).toEqual([]);
  });
});
