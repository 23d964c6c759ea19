import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import type { DesiredStorage } from '../contract.ts';
import { failure, mebibyte } from '../contract-bench.fixture.ts';
import { BoundFolders, mayBind } from './bound-folders.fixture.ts';
import { ImageCache } from './image-cache.ts';
import { mountedIn } from './nfs-client.ts';
import { NfsMounts } from './nfs-mounts.ts';
import { Qcow2Disks } from './qcow2-disks.ts';
import { QemuImg } from './qemu-img.ts';
import { Storages } from './storages.ts';

test('what is mounted is read as the kernel writes it', () => {
  const text = [
    '24 1 254:0 / / rw,noatime shared:1 - ext4 /dev/vda rw',
    '90 24 0:50 / /var/lib/a\\040b/mounts/x rw,relatime shared:5 master:2 - nfs4 nas:/a\\040b\\134c rw,vers=4.2',
    'nonsense',
    '',
  ];
  expect(mountedIn(text.join('\n'))).toEqual([
    { point: '/', type: 'ext4', source: '/dev/vda' },
    { point: '/var/lib/a b/mounts/x', type: 'nfs4', source: 'nas:/a b\\c' },
  ]);
});

describe.runIf(await mayBind())(
  'a host that mounts by itself (folders of this machine are bound, in place of NFS)',
  () => {
    const env = realEnv();
    let root: string;
    let client: BoundFolders;
    let host: ReturnType<typeof openHost>;

    /** As it is opened anew, with what an earlier one has left. */
    function openHost() {
      const storages = new Storages(join(root, 'storages'), new NfsMounts(join(root, 'mounts'), env, client));
      const qemuImg = new QemuImg(env);
      const cache = new ImageCache(join(root, 'cache'), env, qemuImg);
      const folder = join(root, 'disks');
      const disks = new Qcow2Disks({ folder, env, qemuImg, cache, storages, findOpen: async () => undefined });
      const apply = (...desired: DesiredStorage[]) => storages.apply(desired, (path) => disks.isIn(path));
      return { storages, disks, apply };
    }

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'unkai-nfs-'));
      for (const name of ['cache', 'disks', 'storages', 'share', 'other']) await mkdir(join(root, name));
      client = new BoundFolders();
      host = openHost();
    });
    afterEach(async () => {
      await client.reboot();
      await rm(root, { recursive: true, force: true });
    });

    const share = () => join(root, 'share');
    const point = () => join(root, 'mounts', 'nas');
    const place = (more: Partial<DesiredStorage> = {}): DesiredStorage => ({
      ...{ storageId: 'nas', path: 'mounts/nas', part: 'host', shared: { marker: 'mark', mayMark: true } },
      mount: { source: `nas:${share()}`, options: 'hard' },
      ...more,
    });
    const local = () => ({ storageId: 'local', path: join(root, 'local'), part: 'host' });
    const disk = { diskId: 'd', size: mebibyte, storageId: 'nas', base: { kind: 'blank' as const } };
    const isFine = expect.not.objectContaining({ problem: expect.anything() });
    const problem = (words: string | RegExp) => ({
      ...{ storageId: 'nas', totalBytes: 0, freeBytes: 0 },
      problem: expect.stringMatching(words),
    });

    test('has disks there, and leaves neither mounts nor files behind', async () => {
      expect(await host.apply(place())).toEqual([isFine]);
      expect(await host.apply(place())).toEqual([isFine]);
      expect(client.calls).toEqual([{ verb: 'mount', options: 'hard' }]);
      expect((await host.disks.ensure(disk)).installPath).toBe(join(point(), 'host', 'd.qcow2'));
      expect(await readdir(join(share(), 'host'))).toEqual(['d.qcow2']);
      expect(await host.apply()).toEqual([
        expect.objectContaining({ problem: expect.stringContaining('disks of this') }),
      ]);
      expect(client.calls).toHaveLength(1);
      await host.disks.remove('d');
      expect(await host.apply()).toEqual([]);
      expect(client.calls.at(-1)).toEqual({ verb: 'unmount', isDead: false });
      expect(await readdir(share())).toEqual([]);
      expect(await readdir(join(root, 'mounts'))).toEqual([]);
    });

    test('mounts it again when the machine has restarted, and writes nothing before', async () => {
      await host.apply(place());
      await host.disks.ensure(disk);
      await client.reboot();
      host = openHost();
      await expect(host.disks.usage('d')).rejects.toEqual(failure('hypervisor_failed'));
      await expect(host.disks.ensure({ ...disk, diskId: 'other' })).rejects.toEqual(failure('hypervisor_failed'));
      await expect(host.disks.remove('d')).rejects.toEqual(failure('hypervisor_failed'));
      expect(await host.disks.storageStrays()).toEqual([]);
      expect(await host.disks.isBase('any')).toBe(true);
      expect(await readdir(point())).toEqual([]);
      expect(await host.apply(place({ shared: { marker: 'mark', mayMark: false } }))).toEqual([isFine]);
      expect(await host.disks.usage('d')).toMatchObject({ virtualSize: mebibyte });
    });

    test('does not wait for a server that is silent, and goes on when it answers', async () => {
      await host.apply(place(), local());
      await host.disks.ensure(disk);
      await host.disks.ensure({ ...disk, diskId: 'own', storageId: 'local' });
      client.silent.add(`nas:${share()}`);
      expect(await host.apply(place(), local())).toEqual([problem('does not answer'), isFine]);
      const before = client.probes;
      for (let each = 0; each < 50; each++)
        await expect(host.disks.usage('d')).rejects.toEqual(expect.objectContaining({ message: expect.any(String) }));
      expect(client.probes).toBe(before);
      expect(await host.disks.usage('own')).toMatchObject({ virtualSize: mebibyte });
      expect(await host.storages.folders()).toContain(join(point(), 'host'));
      expect(await host.storages.foldersThere()).toEqual([join(root, 'local', 'host')]);
      client.silent.clear();
      expect(await host.apply(place(), local())).toEqual([isFine, isFine]);
      expect(await host.disks.usage('d')).toMatchObject({ virtualSize: mebibyte });
      expect(client.calls).toHaveLength(1);
    });

    test('tells why it can’t be mounted, and keeps the others', async () => {
      client.silent.add(`nas:${share()}`);
      expect(await host.apply(place(), local())).toEqual([problem('timed out'), isFine]);
      await expect(host.disks.ensure(disk)).rejects.toEqual(failure('not_found'));
      client.silent.clear();
      expect(await host.apply(place())).toEqual([isFine]);
    });

    test('lets go of what is dead at once, with nothing in it', async () => {
      await host.apply(place());
      client.silent.add(`nas:${share()}`);
      expect(await host.apply()).toEqual([]);
      expect(client.calls.at(-1)).toEqual({ verb: 'unmount', isDead: true });
      expect(await readdir(join(root, 'mounts'))).toEqual([]);
      await expect(host.storages.folder('nas')).rejects.toEqual(failure('not_found'));
    });

    test('unmounts what an agent that was killed had given up but for that', async () => {
      await host.apply(place());
      await rm(join(root, 'storages', 'nas'));
      host = openHost();
      expect(await host.apply()).toEqual([]);
      expect(await client.mounted()).not.toContainEqual(expect.objectContaining({ point: point() }));
    });

    test('takes nothing else at its place for it', async () => {
      await mkdir(point(), { recursive: true });
      await writeFile(join(point(), 'file'), 'of somebody');
      expect(await host.apply(place())).toEqual([problem('it is not empty: it has file')]);
      await rm(join(point(), 'file'));
      // Bound by somebody else: this is no NFS.
      const stranger = new BoundFolders();
      await stranger.mount(point(), { source: `x:${join(root, 'other')}` });
      expect(await host.apply(place())).toEqual([problem(/is occupied by/)]);
      expect(await host.apply()).toEqual([problem(/is occupied by/)]);
      expect(await readdir(join(root, 'other'))).toEqual([]);
      await stranger.reboot();
      expect(await host.apply(place())).toEqual([isFine]);
    });

    test('finds the folder where its server is now, and knows it from another one', async () => {
      await host.apply(place());
      await host.disks.ensure(disk);
      const shared = { marker: 'mark', mayMark: false };
      const wrong = place({ shared, mount: { source: `nas:${join(root, 'other')}` } });
      expect(await host.apply(wrong)).toEqual([problem('is not the folder that the other hosts have')]);
      expect(await readdir(join(root, 'other'))).toEqual([]);
      await expect(host.disks.ensure({ ...disk, diskId: 'two' })).rejects.toEqual(failure('hypervisor_failed'));
      const moved = place({ shared, mount: { source: `new:${share()}` } });
      expect(await host.apply(moved)).toEqual([isFine]);
      expect(await host.disks.usage('d')).toMatchObject({ virtualSize: mebibyte });
      expect((await stat(join(share(), 'host', 'd.qcow2'))).isFile()).toBe(true);
    });
  },
);
