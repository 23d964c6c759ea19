import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import { defaultSettings } from '../settings.ts';
import { TestCloud, testSubject } from './test-cloud.ts';

const admin = testSubject('admin', { isAdmin: true });
let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(() => cloud.stop());

async function imported(name: string, content: Buffer, diskFormat: string) {
  const path = join(cloud.folder, name);
  await writeFile(path, content);
  const { id } = await cloud.images.create(admin, { diskFormat, containerFormat: 'bare' });
  const { actionId } = await cloud.images.importFromUrl(admin, id, { url: `file://${path}` });
  await cloud.core.runner.wait(actionId, { timeoutMs: 60_000 });
  return await cloud.images.get(admin, id);
}

describe('an import of a compressed file', () => {
  it('stores what is in it, and judges that', async () => {
    const bytes = Buffer.concat([randomBytes(100_000), Buffer.alloc(2_000_000)]);
    const image = await imported('disk.raw.gz', gzipSync(bytes), 'raw');
    expect(image).toMatchObject({ status: 'active', size: bytes.length, virtualSize: bytes.length });
    const download = await cloud.images.download(admin, image.id);
    expect((await buffer(await download!.read())).equals(bytes)).toBe(true);
    const disk = await imported('disk.qcow2.zst', zstdCompressSync(emptyQcow2(2 ** 30)), 'qcow2');
    expect(disk).toMatchObject({ status: 'active', virtualSize: 2 ** 30 });
  });

  it('refuses what is dangerous inside, or is not what the name says', async () => {
    const backed = Buffer.concat([emptyQcow2(2 ** 30), Buffer.alloc(1024)]);
    backed.writeBigUInt64BE(1n, 8);
    expect(await imported('bad.qcow2.gz', gzipSync(backed), 'qcow2')).toMatchObject({ status: 'queued', size: null });
    const plain = await imported('plain.raw.gz', randomBytes(1000), 'raw');
    expect(plain).toMatchObject({ status: 'queued', lastError: expect.stringMatching(/not compressed by gz/) });
    expect(await cloud.files()).toEqual([]);
  });

  it('takes no more out of it than the project may have', async () => {
    await cloud.stop();
    const defaultQuotas = { ...defaultSettings.defaultQuotas, image_bytes: 1_000_000 };
    cloud = await TestCloud.start({ settings: { defaultQuotas } });
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(100_000);
    expect(await imported('bomb.raw.gz', bomb, 'raw')).toMatchObject({ status: 'queued', size: null });
    expect(await cloud.files()).toEqual([]);
  });
});
