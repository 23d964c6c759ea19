import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DesiredStorage } from './contract.ts';
import { type ContractBench, failure, mebibyte } from './contract-bench.fixture.ts';
import { mayBind } from './disks/bound-folders.fixture.ts';

const canMount = await mayBind();

/** What every host agent must do with storages beside its own folder. Hosts of QEMU mount by `BoundFolders` here. */
export function storagesContract(bench: ContractBench): void {
  const storage = (): DesiredStorage => ({ storageId: 'big', path: join(bench.root, 'big'), part: 'host' });
  const blank = { size: 4 * mebibyte, base: { kind: 'blank' as const } };

  describe('storages', () => {
    test('are made as often as told, hold disks, and go when they are empty', async () => {
      for (const [report] of [
        await bench.host.applyStorages([storage()]),
        await bench.host.applyStorages([storage()]),
      ]) {
        expect(report).toMatchObject({ storageId: 'big' });
        expect(report).not.toHaveProperty('problem');
        expect(report!.totalBytes).toBeGreaterThan(0);
        expect(report!.freeBytes).toBeGreaterThan(0);
      }
      const disk = { diskId: 'there', storageId: 'big', ...blank };
      const made = await bench.host.ensureDisk(disk);
      expect(made.installPath).toContain(join(bench.root, 'big', 'host', 'there.qcow2'));
      expect(await bench.host.ensureDisk({ ...disk, size: 9 * mebibyte })).toMatchObject({ virtualSize: 9 * mebibyte });
      await bench.restart();
      expect(await bench.host.diskUsage('there')).toMatchObject({
        virtualSize: 9 * mebibyte,
        installPath: made.installPath,
      });
      expect(await bench.host.inventory()).toMatchObject({ disks: ['there'], strayFiles: [] });

      expect(await bench.host.applyStorages([])).toEqual([
        expect.objectContaining({ storageId: 'big', problem: expect.stringContaining('disks of this host lie in') }),
      ]);
      await bench.host.removeDisk('there');
      await bench.host.removeDisk('there');
      expect(await bench.host.applyStorages([])).toEqual([]);
      expect(await bench.host.applyStorages([])).toEqual([]);
      await expect(bench.host.ensureDisk(disk)).rejects.toEqual(failure('not_found'));
      expect(await bench.host.inventory()).toMatchObject({ disks: [], strayFiles: [] });
    });

    test('take copies of what is on the host’s own disk, and give theirs', async () => {
      await bench.host.applyStorages([storage()]);
      await bench.host.ensureImageCached({ imageId: 'boot', ...bench.rawImage });
      await bench.host.ensureDisk({ diskId: 'own', size: mebibyte, base: { kind: 'image', imageId: 'boot' } });
      const there = { diskId: 'there', size: 2 * mebibyte, storageId: 'big' };
      await bench.host.ensureDisk({ ...there, base: { kind: 'copy', diskId: 'own' } });
      await expect(bench.host.removeCachedImage('boot')).rejects.toEqual(failure('in_use'));
      await bench.host.removeDisk('own');
      await expect(bench.host.removeCachedImage('boot')).rejects.toEqual(failure('in_use'));
      const source = await bench.host.offerDisk('there');
      expect(source).toMatchObject({ imageId: 'boot', virtualSize: 2 * mebibyte });
      const back = { diskId: 'back', size: 2 * mebibyte, base: { kind: 'moved' as const, source } };
      expect((await bench.host.ensureDisk(back)).installPath).not.toContain('big');
    });

    test('that hosts share give a disk one more name, which outlives the other', async () => {
      await mkdir(join(bench.root, 'common'));
      const shared = { marker: 'a'.repeat(32), mayMark: true };
      const place = { storageId: 'common', path: join(bench.root, 'common'), part: 'host', shared };
      expect(await bench.host.applyStorages([place])).toEqual([
        expect.not.objectContaining({ problem: expect.anything() }),
      ]);
      await bench.host.ensureImageCached({ imageId: 'boot', ...bench.rawImage });
      const one = { diskId: 'one', size: 4 * mebibyte, storageId: 'common' };
      await bench.host.ensureDisk({ ...one, base: { kind: 'image', imageId: 'boot' } });
      const source = { diskId: 'one', part: 'host', virtualSize: 4 * mebibyte, imageId: 'boot' };
      const two = { ...one, diskId: 'two', base: { kind: 'same' as const, source } };
      for (const size of [4 * mebibyte, 6 * mebibyte])
        expect(await bench.host.ensureDisk({ ...two, size })).toMatchObject({
          virtualSize: size,
          installPath: expect.stringContaining(join(bench.root, 'common', 'host', 'two.qcow2')),
        });
      await bench.host.removeDisk('one');
      await expect(bench.host.removeCachedImage('boot')).rejects.toEqual(failure('in_use'));
      await bench.restart();
      expect(await bench.host.offerDisk('two')).toMatchObject({ imageId: 'boot', virtualSize: 6 * mebibyte });
      const copy = { diskId: 'copy', size: mebibyte, base: { kind: 'copy' as const, diskId: 'two' } };
      expect(await bench.host.ensureDisk(copy)).toMatchObject({ virtualSize: 6 * mebibyte });
      expect(await bench.host.inventory()).toMatchObject({ disks: ['copy', 'two'], strayFiles: [] });
      for (const id of ['copy', 'two']) await bench.host.removeDisk(id);
      await bench.host.removeCachedImage('boot');
      expect(await bench.host.inventory()).toMatchObject({ images: [], disks: [], strayFiles: [] });
      expect(await bench.host.applyStorages([])).toEqual([]);
    });

    test.runIf(canMount)('that hosts mount by themselves are as any that hosts share, and are unmounted', async () => {
      const share = join(bench.root, 'share');
      await mkdir(share);
      const shared = { marker: 'b'.repeat(32), mayMark: true };
      const mount = { source: `nas:${share}` };
      const place = { storageId: 'nas', path: 'mounts/nas', part: 'host', shared, mount };
      const fine = [expect.not.objectContaining({ problem: expect.anything() })];
      for (let each = 0; each < 2; each++) expect(await bench.host.applyStorages([place])).toEqual(fine);
      const disk = { diskId: 'there', storageId: 'nas', ...blank };
      expect((await bench.host.ensureDisk(disk)).installPath).toContain('mounts/nas/host/there.qcow2');
      await bench.restart();
      expect(await bench.host.applyStorages([place])).toEqual(fine);
      expect(await bench.host.diskUsage('there')).toMatchObject({ virtualSize: 4 * mebibyte });
      expect(await bench.host.inventory()).toMatchObject({ disks: ['there'], strayFiles: [] });
      await bench.host.removeDisk('there');
      expect(await bench.host.applyStorages([])).toEqual([]);
      expect(await readdir(share)).toEqual([]);
      expect(await bench.host.inventory()).toMatchObject({ disks: [], strayFiles: [] });
    });

    test('hold disks that guests have open', async () => {
      await bench.host.applyStorages([storage()]);
      await bench.host.ensureDisk({ diskId: 'data', storageId: 'big', ...blank });
      const guest = await bench.prepareGuest();
      const disks = [...guest.disks, { diskId: 'data', volumeId: 'data', bus: 'virtio' as const }];
      await bench.host.ensureGuestRunning({ ...guest, disks });
      const [open] = (await bench.host.inventory()).guests;
      expect(open?.openDisks).toContain('data');
      await expect(bench.host.removeDisk('data')).rejects.toEqual(failure('in_use'));
      await bench.host.removeGuest(guest.serverId);
    });
  });
}
