import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import type { DiskFormat } from '../contract.ts';
import { BoundFolders } from './bound-folders.fixture.ts';
import { ImageCache } from './image-cache.ts';
import { NfsMounts } from './nfs-mounts.ts';
import { Qcow2Disks } from './qcow2-disks.ts';
import { emptyQcow2, readQcow2Header } from './qcow2-header.ts';
import { QemuImg } from './qemu-img.ts';
import { Storages } from './storages.ts';

const run = promisify(execFile);
const env = realEnv();
const mebibyte = 1024 ** 2;
let root: string;
let cache: ImageCache;
let disks: Qcow2Disks;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-disks-'));
  const [cacheFolder, folder] = [join(root, 'cache'), join(root, 'disks')];
  await mkdir(cacheFolder);
  await mkdir(folder);
  const qemuImg = new QemuImg(env);
  cache = new ImageCache(cacheFolder, env, qemuImg);
  const storages = new Storages(join(root, 'storages'), new NfsMounts(join(root, 'mounts'), env, new BoundFolders()));
  disks = new Qcow2Disks({ folder, env, qemuImg, cache, storages, findOpen: async () => undefined });
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A MiB whose every sector is different. */
function pattern(): Buffer {
  const bytes = Buffer.alloc(mebibyte);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((at * 2654435761) % 2 ** 32, at);
  return bytes;
}

async function cacheFile(imageId: string, format: DiskFormat, path: string) {
  return cache.ensure({ imageId, format, size: (await stat(path)).size, source: { kind: 'file', path } });
}

async function exportRaw(diskId: string): Promise<Buffer> {
  const path = join(root, 'export.raw');
  await disks.export(diskId, 'raw', path);
  return readFile(path);
}

const tools: Array<[DiskFormat, string[]]> = [
  ['raw', ['-O', 'raw']],
  ['qcow2', ['-O', 'qcow2']],
  ['qcow2', ['-O', 'qcow2', '-c', '-o', 'compat=0.10']],
  ['vmdk', ['-O', 'vmdk', '-o', 'subformat=streamOptimized']],
  ['vmdk', ['-O', 'vmdk', '-o', 'subformat=monolithicSparse']],
  ['vdi', ['-O', 'vdi']],
  ['vhd', ['-O', 'vpc', '-o', 'subformat=dynamic,force_size=on']],
  ['vhdx', ['-O', 'vhdx']],
];

test.each(tools)('a disk on a %s image (%j) has its content', async (format, options) => {
  const content = pattern();
  await writeFile(join(root, 'plain'), content);
  await run('qemu-img', ['convert', '-f', 'raw', ...options, join(root, 'plain'), join(root, 'image')]);
  expect(await cacheFile('i', format, join(root, 'image'))).toEqual({ virtualSize: mebibyte });
  expect((await stat(join(root, 'cache', 'i'))).mode & 0o777).toBe(0o444);
  await disks.ensure({ diskId: 'd', size: 2 * mebibyte, base: { kind: 'image', imageId: 'i' } });
  const exported = await exportRaw('d');
  expect(exported.length).toBe(2 * mebibyte);
  expect(exported.subarray(0, mebibyte).equals(content)).toBe(true);
  expect(exported.subarray(mebibyte).every((byte) => byte === 0)).toBe(true);
});

test('a raw image that begins with a qcow2 header stays raw: the file it names is not opened', async () => {
  const secret = join(root, 'secret');
  await writeFile(secret, Buffer.alloc(mebibyte, 'S'));
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret, join(root, 'evil')]);
  const evil = await readFile(join(root, 'evil'));
  await cacheFile('evil', 'raw', join(root, 'evil'));
  await disks.ensure({ diskId: 'd', size: mebibyte, base: { kind: 'image', imageId: 'evil' } });
  await disks.ensure({ diskId: 'copy', size: 2 * mebibyte, base: { kind: 'copy', diskId: 'd' } });
  const exported = await exportRaw('copy');
  expect(exported.subarray(0, evil.length).equals(evil)).toBe(true);
  expect(exported.includes('SSSS')).toBe(false);
});

test('an image in another format than stated is refused and leaves nothing behind', async () => {
  await writeFile(join(root, 'image'), pattern());
  await expect(cacheFile('i', 'qcow2', join(root, 'image'))).rejects.toMatchObject({ code: 'bad_image' });
  await expect(cacheFile('i', 'vmdk', join(root, 'image'))).rejects.toMatchObject({ name: 'AgentError' });
  expect(await cache.list()).toEqual({ images: [], strays: [] });
});

test('a copy has the content and the image of its original', async () => {
  await writeFile(join(root, 'image'), pattern());
  await cacheFile('i', 'raw', join(root, 'image'));
  await disks.ensure({ diskId: 'a', size: mebibyte, base: { kind: 'image', imageId: 'i' } });
  await disks.ensure({ diskId: 'b', size: mebibyte, base: { kind: 'copy', diskId: 'a' } });
  expect((await exportRaw('b')).equals(pattern())).toBe(true);
  expect(await readQcow2Header(disks.path({ diskId: 'b' }))).toMatchObject({ hasBackingFile: true });
});

test('a half-made disk of an earlier life is made anew', async () => {
  await writeFile(`${disks.path({ diskId: 'd' })}.new`, 'half');
  expect((await disks.list()).strays).toEqual(['d.qcow2.new']);
  await disks.ensure({ diskId: 'd', size: mebibyte, base: { kind: 'blank' } });
  expect(await disks.list()).toEqual({ disks: ['d'], strays: [] });
});

test('bytes without a record are no cached image', async () => {
  await writeFile(join(root, 'cache', 'i'), 'half');
  expect(await cache.list()).toEqual({ images: [], strays: ['i'] });
  await expect(cache.find('i')).rejects.toMatchObject({ code: 'not_found' });
  await writeFile(join(root, 'image'), pattern());
  await cacheFile('i', 'raw', join(root, 'image'));
  expect(await cache.find('i')).toMatchObject({ format: 'raw', virtualSize: mebibyte });
});

test('names that could be protocols or options are not taken', async () => {
  const qemuImg = new QemuImg(env);
  expect(() => qemuImg.create('json:{}', 'qcow2', 1)).toThrow(expect.objectContaining({ code: 'unsupported' }));
  expect(() => disks.path({ diskId: '../x' })).toThrow(expect.objectContaining({ code: 'unsupported' }));
  expect(() => disks.path({ diskId: '-x' })).toThrow(expect.objectContaining({ code: 'unsupported' }));
});

test('qemu-img that exceeds its limits is ended', async () => {
  const [from, to] = [join(root, 'from'), join(root, 'to')];
  await writeFile(from, pattern());
  const tooLarge = new QemuImg(env).convert(
    { path: from, format: 'raw' },
    { path: to, format: 'raw' },
    { bytes: mebibyte, maxFileSize: 4096 },
  );
  await expect(tooLarge).rejects.toMatchObject({ code: 'no_space' });
});

test.each([512, mebibyte, 5 * 1024 ** 3, 3 * 1024 ** 4])(
  'an empty qcow2 of %i bytes satisfies qemu-img',
  async (size) => {
    const path = join(root, 'empty.qcow2');
    await writeFile(path, emptyQcow2(size));
    const { stdout } = await run('qemu-img', ['info', '-f', 'qcow2', '--output=json', path]);
    expect(JSON.parse(stdout)).toMatchObject({ format: 'qcow2', 'virtual-size': size });
    await run('qemu-img', ['check', '-q', '-f', 'qcow2', path]);
  },
);

test('a disk for several guests is flat, whatever it is made of, and so is nothing that is made of it', async () => {
  const path = join(root, 'image.raw');
  await writeFile(path, pattern());
  await cacheFile('image', 'raw', path);
  const shared = { shared: true, size: 2 * mebibyte };
  const usage = await disks.ensure({ diskId: 'a', ...shared, base: { kind: 'image', imageId: 'image' } });
  expect(usage).toMatchObject({ virtualSize: 2 * mebibyte, installPath: disks.path({ diskId: 'a', shared: true }) });
  expect((await exportRaw('a')).subarray(0, mebibyte).equals(pattern())).toBe(true);
  expect(await disks.isBase('image'), 'is a layer over it').toBe(false);
  expect(await disks.offer('a')).not.toHaveProperty('imageId');

  await disks.ensure({ diskId: 'b', size: mebibyte, base: { kind: 'copy', diskId: 'a' } });
  expect(await readQcow2Header(disks.path({ diskId: 'b' }))).toMatchObject({ hasBackingFile: false });
  await disks.ensure({ diskId: 'c', ...shared, base: { kind: 'copy', diskId: 'b' } });
  const source = await disks.offer('c');
  await disks.ensure({ diskId: 'd', ...shared, size: 3 * mebibyte, base: { kind: 'moved', source } });
  expect((await disks.usage('d')).virtualSize).toBe(3 * mebibyte);
  expect((await exportRaw('d')).subarray(0, mebibyte).equals(pattern())).toBe(true);

  expect(await disks.list()).toEqual({ disks: ['a', 'b', 'c', 'd'], strays: [] });
  for (const diskId of ['a', 'b', 'c', 'd']) await disks.remove(diskId);
  expect(await disks.list()).toEqual({ disks: [], strays: [] });
});
