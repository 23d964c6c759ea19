import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import type { DesiredStorage } from '../contract.ts';
import { failure, mebibyte } from '../contract-bench.fixture.ts';
import { BoundFolders } from './bound-folders.fixture.ts';
import { ImageCache } from './image-cache.ts';
import { NfsMounts } from './nfs-mounts.ts';
import { Qcow2Disks } from './qcow2-disks.ts';
import { QemuImg } from './qemu-img.ts';
import { Storages } from './storages.ts';

const env = realEnv();
let root: string;
let one: Host;
let two: Host;

/** What a host has for its disks, in a folder of its own. */
async function openHost(name: string) {
  const parts = ['cache', 'disks', 'storages'].map((part) => join(root, name, part));
  for (const part of parts) await mkdir(part, { recursive: true });
  const [cacheFolder, folder, links] = parts as [string, string, string];
  const storages = new Storages(links, new NfsMounts(join(root, name, 'mounts'), env, new BoundFolders()), 2);
  const qemuImg = new QemuImg(env);
  const cache = new ImageCache(cacheFolder, env, qemuImg);
  const disks = new Qcow2Disks({ folder, env, qemuImg, cache, storages, findOpen: async () => undefined });
  const apply = async (...desired: DesiredStorage[]) => await storages.apply(desired, (path) => disks.isIn(path));
  return { name, storages, cache, disks, apply };
}
type Host = Awaited<ReturnType<typeof openHost>>;

const path = () => join(root, 'common');
const place = ({ name }: Host, shared: Partial<DesiredStorage['shared']> = {}): DesiredStorage => ({
  ...{ storageId: 'common', path: path(), part: name },
  shared: { marker: 'mark', mayMark: name === 'one', ...shared },
});
const partOf = ({ name }: Host) => join(path(), name);
const disk = { diskId: 'd', size: 2 * mebibyte, storageId: 'common', base: { kind: 'blank' as const } };
const same = (diskId: string, part: string) => ({
  ...{ diskId, size: 2 * mebibyte, storageId: 'common' },
  base: { kind: 'same' as const, source: { diskId: 'd', part, virtualSize: 2 * mebibyte } },
});
const problem = (words: string) => [
  expect.objectContaining({ totalBytes: 0, problem: expect.stringContaining(words) }),
];
const fine = [expect.not.objectContaining({ problem: expect.anything() })];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-shared-'));
  await mkdir(path());
  [one, two] = [await openHost('one'), await openHost('two')];
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('a folder is marked by one host, and by its mark the others know it', async () => {
  expect(await two.apply(place(two))).toEqual(problem('is not the folder that the other hosts have'));
  const [report] = await one.apply(place(one));
  expect(report).not.toHaveProperty('problem');
  // Hosts of one machine do not divide what they share.
  expect(await two.apply(place(two))).toEqual([{ ...report, freeBytes: expect.any(Number) }]);
  expect((await readdir(path())).sort()).toEqual(['.unkai-storage', 'one', 'two']);
  expect(await two.apply(place(two, { marker: 'another' }))).toEqual(problem('is not the folder'));
  // The parts of a storage are in it: it is not marked as another one's.
  expect(await two.apply(place(two, { marker: 'another', mayMark: true }))).toEqual(problem('another storage'));
  expect(await readFile(join(path(), '.unkai-storage'), 'utf8')).toBe('mark\n');

  for (const host of [one, two]) expect(await host.apply()).toEqual([]);
  expect(await readdir(path())).toEqual([]);
});

test('a folder that is missing or empty is not made, and nothing is written into it', async () => {
  await rm(path(), { recursive: true });
  expect(await one.apply(place(one))).toEqual(problem('is what the hosts share mounted there?'));
  await expect(stat(path())).rejects.toMatchObject({ code: 'ENOENT' });
  await writeFile(path(), 'a file');
  expect(await one.apply(place(one))).toEqual(problem('there is no folder'));
  await rm(path());
  await mkdir(path());
  await one.apply(place(one));
  await one.disks.ensure(disk);

  await rename(path(), join(root, 'away'));
  await mkdir(path());
  for (const host of [one, two])
    expect(await host.apply(place(host, { mayMark: false }))).toEqual(problem('is what they share mounted?'));
  await expect(one.disks.ensure({ ...disk, diskId: 'other' })).rejects.toEqual(failure('hypervisor_failed'));
  await expect(one.disks.remove('d')).rejects.toEqual(failure('hypervisor_failed'));
  expect(await readdir(path())).toEqual([]);
  await rm(path(), { recursive: true });
  await rename(join(root, 'away'), path());
  expect(await one.apply(place(one))).toEqual(fine);
  expect(await one.disks.usage('d')).toMatchObject({ virtualSize: 2 * mebibyte });
});

test('a mark that a cloud has left is replaced where no host has a part any more', async () => {
  await writeFile(join(path(), '.unkai-storage'), 'of long ago\n');
  expect(await one.apply(place(one))).toEqual(fine);
  expect(await readFile(join(path(), '.unkai-storage'), 'utf8')).toBe('mark\n');
});

test('another host has the same file under a name of its own, and either name can go', async () => {
  await one.apply(place(one));
  await two.apply(place(two));
  await one.disks.ensure(disk);
  const taken = same('taken', 'one');
  for (const size of [2 * mebibyte, 4 * mebibyte])
    expect(await two.disks.ensure({ ...taken, size })).toMatchObject({ virtualSize: size });
  const inode = async (name: string) => (await stat(join(path(), name))).ino;
  expect(await inode('two/taken.qcow2')).toBe(await inode('one/d.qcow2'));
  expect(await one.disks.usage('d')).toMatchObject({ virtualSize: 4 * mebibyte });
  await one.disks.remove('d');
  expect(await two.disks.usage('taken')).toMatchObject({ virtualSize: 4 * mebibyte });
  expect(await one.apply()).toEqual([]);
  await two.disks.remove('taken');
  expect(await readdir(partOf(two))).toEqual([]);
  // What is not there can't be taken over, and leaves nothing behind.
  await expect(two.disks.ensure(taken)).rejects.toMatchObject({ name: 'AgentError' });
  expect((await two.disks.list()).disks).toEqual([]);
  expect(await two.disks.storageStrays()).toEqual([]);
});

test('a name that was given before a kill is given once', async () => {
  await one.apply(place(one));
  await two.apply(place(two));
  await one.disks.ensure(disk);
  await two.disks.ensure(same('taken', 'one'));
  expect(await two.disks.ensure(same('taken', 'one'))).toMatchObject({ virtualSize: 2 * mebibyte });
  // The link in the host's own folder was made, and the name not yet.
  await rm(join(partOf(two), 'taken.qcow2'));
  expect(await two.disks.exists('taken')).toBe(false);
  await two.disks.ensure(same('taken', 'one'));
  expect((await stat(join(partOf(two), 'taken.qcow2'))).nlink).toBe(2);
});

test('images under disks are there once, beside the disks, and go with the last host that needs them', async () => {
  const image = join(root, 'image');
  await writeFile(image, Buffer.alloc(mebibyte, 7));
  for (const host of [one, two]) {
    await host.apply(place(host));
    const source = { kind: 'file' as const, path: image };
    await host.cache.ensure({ imageId: 'boot', format: 'raw', size: mebibyte, source });
    const layer = { ...disk, diskId: host.name, base: { kind: 'image' as const, imageId: 'boot' } };
    await host.disks.ensure(layer);
  }
  const bytes = join(partOf(one), 'images', 'boot');
  expect(await stat(bytes)).toMatchObject({ nlink: 2, size: mebibyte });
  expect(await one.disks.imagesInStorages()).toEqual(['boot']);
  // The other host reads it from where it is, though its own cache has it no more.
  await two.disks.remove('two');
  await two.disks.removeImage('boot');
  await two.cache.remove('boot', { isUsed: () => two.disks.isBase('boot') });
  const base = { kind: 'same' as const, source: { diskId: 'one', part: 'one', virtualSize: mebibyte } };
  await two.disks.ensure({ ...disk, diskId: 'taken', base });
  await one.disks.remove('one');
  await one.disks.removeImage('boot');
  expect(await one.apply()).toEqual([]);
  expect(await two.disks.isBase('boot')).toBe(true);
  const target = join(root, 'exported');
  await two.disks.export('taken', 'raw', target);
  expect((await readFile(target)).subarray(0, mebibyte).equals(Buffer.alloc(mebibyte, 7))).toBe(true);
  // Beside the storage it stands for itself, as the image below can't be had there.
  await two.disks.ensure({ diskId: 'own', size: mebibyte, base: { kind: 'copy', diskId: 'taken' } });
  expect((await two.disks.offer('own')).imageId).toBeUndefined();
  await two.disks.ensure({ ...disk, diskId: 'beside', base: { kind: 'copy', diskId: 'taken' } });
  expect(await two.disks.offer('beside')).toMatchObject({ imageId: 'boot' });
  await two.disks.export('beside', 'raw', target);
  expect((await readFile(target)).subarray(0, mebibyte).equals(Buffer.alloc(mebibyte, 7))).toBe(true);
});

test('a disk that somebody writes to is not taken over', async () => {
  await one.apply(place(one));
  await two.apply(place(two));
  await one.disks.ensure(disk);
  const file = join(partOf(one), 'd.qcow2');
  const storage = ['--blockdev', `driver=qcow2,node-name=d,file.driver=file,file.filename=${file}`];
  const socket = join(root, 'nbd');
  const server = ['--nbd-server', `addr.type=unix,addr.path=${socket}`, '--export', 'nbd,id=e,node-name=d,writable=on'];
  const daemon = spawn('qemu-storage-daemon', [...storage, ...server], { stdio: 'ignore' });
  const ended = once(daemon, 'exit');
  await expect
    .poll(
      () =>
        stat(socket).then(
          () => true,
          () => false,
        ),
      { timeout: 30_000 },
    )
    .toBe(true);
  await expect(two.disks.ensure(same('taken', 'one'))).rejects.toEqual(failure('in_use'));
  expect((await two.disks.list()).disks).toEqual([]);
  daemon.kill('SIGKILL');
  await ended;
  await two.disks.ensure(same('taken', 'one'));
});

test('a file that is nobody’s disk is told, also in a shared folder', async () => {
  await one.apply(place(one));
  await one.disks.ensure(disk);
  await link(join(partOf(one), 'd.qcow2'), join(partOf(one), 'other.qcow2'));
  expect(await one.disks.storageStrays()).toEqual(['common/other.qcow2']);
});
