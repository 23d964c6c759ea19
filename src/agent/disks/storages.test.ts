import { mkdir, mkdtemp, readdir, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { failure, mebibyte } from '../contract-bench.fixture.ts';
import { BoundFolders } from './bound-folders.fixture.ts';
import { ImageCache } from './image-cache.ts';
import { NfsMounts } from './nfs-mounts.ts';
import { Qcow2Disks } from './qcow2-disks.ts';
import { QemuImg } from './qemu-img.ts';
import { Storages } from './storages.ts';

const env = realEnv();
let root: string;
let storages: Storages;
let disks: Qcow2Disks;

const place = () => ({ storageId: 'big', path: join(root, 'mnt'), part: 'host-1' });
const folder = () => join(root, 'mnt', 'host-1');
const disk = { diskId: 'd', size: mebibyte, base: { kind: 'blank' as const }, storageId: 'big' };
const apply = (...desired: Array<ReturnType<typeof place>>) => storages.apply(desired, (path) => disks.isIn(path));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-storages-'));
  const parts = ['cache', 'disks', 'storages'].map((name) => join(root, name));
  for (const part of parts) await mkdir(part);
  const [cacheFolder, diskFolder, links] = parts as [string, string, string];
  storages = new Storages(links, new NfsMounts(join(root, 'mounts'), env, new BoundFolders()));
  const qemuImg = new QemuImg(env);
  const cache = new ImageCache(cacheFolder, env, qemuImg);
  disks = new Qcow2Disks({ folder: diskFolder, env, qemuImg, cache, storages, findOpen: async () => undefined });
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('a part of a storage is its host’s alone, and goes with it', async () => {
  expect(await apply(place())).toEqual([expect.objectContaining({ storageId: 'big' })]);
  expect((await stat(folder())).mode & 0o777).toBe(0o700);
  await disks.ensure(disk);
  expect(await readdir(folder())).toEqual(['d.qcow2']);
  await disks.remove('d');
  expect(await apply()).toEqual([]);
  expect(await readdir(place().path)).toEqual([]);
  expect(await readdir(join(root, 'storages'))).toEqual([]);
});

test('a folder that can’t be made, or has other things in it, is told', async () => {
  await writeFile(join(root, 'mnt'), 'a file');
  expect(await apply(place())).toEqual([
    { storageId: 'big', totalBytes: 0, freeBytes: 0, problem: expect.any(String) },
  ]);
  await rm(join(root, 'mnt'));
  await apply(place());
  await writeFile(join(folder(), 'notes'), 'not ours');
  expect(await disks.storageStrays()).toEqual(['big/notes']);
  expect(await apply()).toEqual([expect.objectContaining({ problem: expect.stringContaining("can't be removed") })]);
});

test('what is not mounted is not made anew, nothing in it counts as gone, and all is well when it is back', async () => {
  await apply(place());
  await disks.ensure(disk);
  await rename(join(root, 'mnt'), join(root, 'away'));
  await mkdir(join(root, 'mnt'));

  const [report] = await apply(place());
  expect(report).toMatchObject({ totalBytes: 0, problem: expect.stringContaining('is what it lies on mounted?') });
  await expect(disks.ensure(disk)).rejects.toEqual(failure('hypervisor_failed'));
  await expect(disks.ensure({ ...disk, diskId: 'other' })).rejects.toEqual(failure('hypervisor_failed'));
  await expect(disks.remove('d')).rejects.toEqual(failure('hypervisor_failed'));
  // It might be a layer over any image.
  expect(await disks.isBase('any')).toBe(true);
  expect((await disks.list()).disks).toEqual(['d']);
  expect(await apply()).toEqual([expect.objectContaining({ problem: expect.stringContaining('disks of this host') })]);
  expect(await readdir(join(root, 'mnt'))).toEqual([]);

  await rm(join(root, 'mnt'), { recursive: true });
  await rename(join(root, 'away'), join(root, 'mnt'));
  expect(await disks.usage('d')).toMatchObject({ virtualSize: mebibyte });
  await disks.remove('d');
  expect(await apply()).toEqual([]);
});

test('a disk that was begun and not made is known, made, or removed', async () => {
  await apply(place());
  const link = join(root, 'disks', 'd.qcow2');
  const begin = () => symlink(join(folder(), 'd.qcow2'), link);
  await begin();
  expect(await disks.exists('d')).toBe(false);
  expect((await disks.list()).disks).toEqual(['d']);
  await disks.ensure(disk);
  expect(await readlink(link)).toBe(join(folder(), 'd.qcow2'));
  await disks.remove('d');
  await begin();
  await disks.remove('d');
  expect(await readdir(join(root, 'disks'))).toEqual([]);
  // What could not be made leaves nothing behind.
  const lost = { ...disk, base: { kind: 'copy' as const, diskId: 'none' } };
  await expect(disks.ensure(lost)).rejects.toEqual(failure('not_found'));
  expect(await readdir(join(root, 'disks'))).toEqual([]);
  // The file was made, and its removal was cut off between the two.
  await disks.ensure(disk);
  await rm(join(folder(), 'd.qcow2'));
  await disks.remove('d');
  expect(await apply()).toEqual([]);
});

test('a storage may get another folder while it is empty', async () => {
  await apply(place());
  const elsewhere = { ...place(), path: join(root, 'other') };
  expect(await apply(elsewhere)).toEqual([expect.objectContaining({ storageId: 'big' })]);
  await disks.ensure(disk);
  expect(await readdir(join(root, 'other', 'host-1'))).toEqual(['d.qcow2']);
  expect(await apply(place())).toEqual([expect.objectContaining({ problem: expect.any(String) })]);
});
