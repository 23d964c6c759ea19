import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloudProcess } from '../../bench/cloud-process.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import type { ImageStoreInfo } from '../../src/cloud/image-stores/model.ts';
import type { ImageStore } from '../../src/image-stores/store.ts';
import { TestCloud } from './cloud.ts';

const mib = 1024 * 1024;
const patience = 120_000;
/** What one upload may leave to the collector: 64 MiB gather before it looks, and S3 has two parts of 8 MiB under way. */
const mostGrowth = 128 * mib;
const large = 256 * mib;
const rawImage = { name: 'large', disk_format: 'raw', container_format: 'bare' };

/** How a client tells, or does not tell, of what length the body will be. */
const ways = (length: number) => ({ told: { 'content-length': length }, 'in chunks': {} });

/** A request that sends a body as it comes; resolves with the status. */
function put(
  { origin, token, id }: { origin: string; token: string; id: string },
  headers: Record<string, string | number>,
): { sent: ClientRequest; status: Promise<number> } {
  const sent = request(`${origin}/image/v2/images/${id}/file`, {
    method: 'PUT',
    headers: {
      'x-auth-token': token,
      'content-type': 'application/octet-stream',
      'x-image-meta-store': 'far',
      ...headers,
    },
  });
  const { promise: status, resolve, reject } = Promise.withResolvers<number>();
  sent.on('error', reject);
  sent.on('response', (answer) =>
    answer
      .on('error', reject)
      .resume()
      .on('end', () => resolve(answer.statusCode!)),
  );
  status.catch(() => {});
  return { sent, status };
}

/** Writes the bytes in pieces of these lengths, again and again, waiting for the connection, and for so long after each. */
async function write(to: ClientRequest, bytes: Buffer, lengths: readonly number[], pauseMs = 0): Promise<void> {
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const length = lengths[index % lengths.length]!;
    if (!to.write(bytes.subarray(at, at + length))) await once(to, 'drain');
    at += length;
    if (pauseMs > 0) await new Promise((next) => setTimeout(next, pauseMs));
  }
}

/** What uploads through the API into a store elsewhere come to, whatever kind of store it is. */
export function describeUploads(kind: ImageStoreInfo['kind'], url: () => string): void {
  describe(`uploads through the API into a store of the kind ${kind}`, () => {
    let cloud: TestCloud;
    let user: OpenStackClient;
    let store: ImageStore;
    beforeAll(async () => {
      cloud = await TestCloud.start({ imageStores: [{ name: 'far', kind, zones: [], url: url() }] });
      user = await cloud.openstack();
      store = cloud.cloud.imageStores.driver(cloud.cloud.imageStores.byName('far')!.id);
    }, patience);
    afterAll(() => cloud?.close(), patience);

    async function begin(headers: Record<string, string | number> = {}) {
      const { id } = await user.post('/image/v2/images', rawImage);
      const { sent, status } = put({ origin: cloud.origin, token: user.token, id }, headers);
      return { id: id as string, inStore: id.replaceAll('-', '') as string, sent, status };
    }

    async function isThere(id: string, bytes: Buffer): Promise<void> {
      const shown = await user.get(`/image/v2/images/${id}`);
      const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
      expect(shown).toMatchObject({
        status: 'active',
        size: bytes.length,
        checksum: digest('md5'),
        os_hash_value: digest('sha512'),
        stores: 'far',
      });
      const stored = await buffer(await store.read(id.replaceAll('-', '')));
      expect(stored.equals(bytes)).toBe(true);
      await user.call('DELETE', `/image/v2/images/${id}`);
    }

    it.each([
      ['1 byte', 1, 'told'],
      ['a byte less than a piece', mib - 1, 'in chunks'],
      ['a piece', mib, 'told'],
      ['some pieces, and a byte', 3 * mib + 1, 'in chunks'],
      ['a part of S3, and some bytes', 8 * mib + 4097, 'told'],
      ['more than all pieces that are lent out at a time', 21 * mib + 777, 'in chunks'],
    ] as const)('are the same bytes: %s', { timeout: patience }, async (_, length, way) => {
      const bytes = randomBytes(length);
      const { id, sent, status } = await begin(ways(length)[way]);
      await write(sent, bytes, [65_536, 1, 300_001]);
      sent.end();
      expect(await status).toBe(204);
      await isThere(id, bytes);
    });

    it('are the same bytes where the client is slow', { timeout: patience }, async () => {
      const bytes = randomBytes(700_001);
      const { id, sent, status } = await begin();
      // Slower than a piece is waited for.
      await write(sent, bytes, [100_003, 7], 120);
      sent.end();
      expect(await status).toBe(204);
      await isThere(id, bytes);
    });

    it('leave nothing behind where the client cuts in the middle', { timeout: patience }, async () => {
      const bytes = randomBytes(13 * mib);
      for (const headers of Object.values(ways(20 * mib))) {
        const { id, inStore, sent, status } = await begin(headers);
        await write(sent, bytes, [mib]);
        await expect
          .poll(async () => (await store.list()).others, { timeout: patience })
          .toMatchObject([{ imageId: inStore, kind: 'upload', isLive: true }]);
        sent.destroy();
        await expect(status).rejects.toThrow();
        const state = async () => (await user.get(`/image/v2/images/${id}`)).status;
        await expect.poll(state, { timeout: patience }).toBe('queued');
        const { images, others } = await store.list();
        expect([...images, ...others].filter(({ imageId }) => imageId === inStore)).toEqual([]);
      }
    });

    it('take no more memory the larger they are', { timeout: 3 * patience }, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'unkai-store-memory-'));
      const cacheDir = resolve(import.meta.dirname, '../../var/cache');
      const stores = [`name=far,kind=${kind},url=${url()}`];
      const process = await CloudProcess.start({ dataDir: folder, hypervisor: 'simulated', cacheDir, stores });
      try {
        const upload = async (length: number) => {
          const { id } = await process.request<{ id: string }>('POST', '/image/v2/images', rawImage);
          const { sent, status } = put(
            { origin: process.origin, token: process.token, id },
            { 'content-length': length },
          );
          let peak = 0;
          const piece = randomBytes(8 * mib);
          for (let at = 0; at < length; at += piece.length) {
            await write(sent, piece.subarray(0, Math.min(piece.length, length - at)), [mib]);
            peak = Math.max(peak, (await process.usage()).residentBytes);
          }
          sent.end();
          expect(await status).toBe(204);
          await process.request('DELETE', `/image/v2/images/${id}`);
          return peak;
        };
        const before = await upload(48 * mib);
        const grown = (await upload(large)) - before;
        console.log(`an upload of ${large / mib} MiB into ${kind}: memory grew ${Math.round(grown / mib)} MiB`);
        expect(grown).toBeLessThan(mostGrowth);
      } finally {
        await process.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });
  });
}
