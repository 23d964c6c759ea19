import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { emptyQcow2 } from '../../../agent/disks/qcow2-header.ts';
import { inPieces, TestCloud, testSubject } from '../test-cloud.ts';

const alice = testSubject('alice');
const bob = testSubject('bob');
const origin = 'http://cloud.example.com';

let cloud: TestCloud;
afterEach(() => cloud.stop());

async function image(bytes: Buffer, diskFormat = 'raw'): Promise<string> {
  const { id } = await cloud.images.create(alice, { name: 'Web server 1', diskFormat, containerFormat: 'bare' });
  await cloud.images.upload(alice, id, inPieces(bytes));
  return id;
}

/** A disk with a known text in its first sector. */
function disk(): Buffer {
  const bytes = Buffer.alloc(1024 * 1024);
  bytes.write('hello from the disk', 1024);
  return bytes;
}

function linkOf(url: string) {
  const parsed = new URL(url);
  return {
    exportId: parsed.pathname.split('/')[4]!,
    expires: Number(parsed.searchParams.get('expires')),
    signature: parsed.searchParams.get('signature')!,
  };
}

async function exported(id: string, more: object = {}) {
  const { imageExport } = await cloud.images.exports.create(alice, id, { origin, ...more });
  await cloud.core.runner.idle();
  return await cloud.images.exports.get(alice, imageExport.id);
}

async function bytesOf(url: string, range?: { start: number; end: number }): Promise<Buffer> {
  const file = await cloud.images.exports.open(linkOf(url));
  return Buffer.concat(await (await file.read(range)).toArray());
}

describe('exports', () => {
  it('give the bytes of an image to whoever has the link', async () => {
    cloud = await TestCloud.start();
    const id = await image(disk());
    const found = await exported(id);
    expect(found).toMatchObject({ state: 'ready', format: 'raw', size: 1024 * 1024 });
    expect(found.url).toMatch(
      new RegExp(
        `^${origin}/unkai/v1/image-exports/${found.id}/Web-server-1\\.raw\\?expires=\\d+&signature=[\\w-]{43}$`,
      ),
    );
    expect(await bytesOf(found.url!)).toEqual(disk());
    expect((await bytesOf(found.url!, { start: 1024, end: 1043 })).toString()).toBe('hello from the disk');
    const [copy] = await cloud.images.replicasOf([id]);
    expect(copy).toMatchObject({ exportUrl: found.url, exportChecksum: found.md5 });
  });

  it('refuse links that were changed, have expired, or were taken back', async () => {
    cloud = await TestCloud.start();
    const id = await image(disk());
    const { url, id: exportId } = await exported(id);
    const link = linkOf(url!);
    const refused = { code: 'forbidden', details: { reason: 'bad_link' } };
    await expect(cloud.images.exports.open({ ...link, expires: link.expires + 1 })).rejects.toMatchObject(refused);
    await expect(cloud.images.exports.open({ ...link, exportId: id })).rejects.toMatchObject(refused);
    await expect(cloud.images.exports.open({ ...link, signature: '' })).rejects.toMatchObject(refused);
    const past = await exported(id, { lifetime: -1 });
    await expect(cloud.images.exports.open(linkOf(past.url!))).rejects.toMatchObject(refused);
    await expect(cloud.images.exports.delete(bob, exportId)).rejects.toMatchObject({ code: 'not_found' });
    await cloud.images.exports.delete(alice, exportId);
    await expect(cloud.images.exports.open(link)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('convert to another format, and leave nothing behind', async () => {
    cloud = await TestCloud.start();
    const id = await image(disk());
    for (const format of ['qcow2', 'vmdk', 'vhdx', 'vdi', 'vhd'] as const) {
      const found = await exported(id, { format });
      expect(found, format).toMatchObject({ state: 'ready', format });
      const path = join(cloud.folder, `out.${format}`);
      writeFileSync(path, await bytesOf(found.url!));
      const back = join(cloud.folder, `${format}.raw`);
      const name = format === 'vhd' ? 'vpc' : format;
      execFileSync('qemu-img', ['convert', '-f', name, '-O', 'raw', path, back]);
      const text = execFileSync('head', ['-c', '1043', back]).subarray(1024).toString();
      expect(text, format).toBe('hello from the disk');
      await cloud.images.exports.delete(alice, found.id);
    }
    expect(await cloud.files()).toEqual([id]);
  });

  it('are removed when their time is over, or their image is gone', async () => {
    cloud = await TestCloud.start();
    const id = await image(emptyQcow2(2 ** 20), 'qcow2');
    await exported(id, { format: 'raw', lifetime: -1 });
    const kept = await exported(id, { format: 'raw' });
    expect(await cloud.files()).toHaveLength(3);
    expect(await cloud.images.exports.removeExpired()).toBe(1);
    expect(await cloud.files()).toEqual(expect.arrayContaining([id, kept.id]));
    await cloud.images.delete(alice, id);
    await expect(cloud.images.exports.open(linkOf(kept.url!))).rejects.toMatchObject({ code: 'not_found' });
    expect(await cloud.images.exports.removeExpired()).toBe(1);
    expect(await cloud.files()).toEqual([id]);
  });

  it('are for those who may download the image', async () => {
    cloud = await TestCloud.start();
    const id = await image(disk());
    await expect(cloud.images.exports.create(bob, id, { origin })).rejects.toMatchObject({ code: 'not_found' });
    await cloud.images.deactivate(testSubject('admin', { isAdmin: true }), id);
    await expect(cloud.images.exports.create(alice, id, { origin })).rejects.toMatchObject({ code: 'forbidden' });
    const iso = await cloud.images.create(alice, { name: 'i', diskFormat: 'raw', containerFormat: 'bare' });
    await expect(cloud.images.exports.create(alice, iso.id, { origin })).rejects.toMatchObject({ code: 'conflict' });
  });
});
