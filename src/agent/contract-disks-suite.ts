import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ContractBench, failure, imageBytes, mebibyte } from './contract-bench.fixture.ts';
import { readQcow2Header } from './disks/qcow2-header.ts';

/** What every host agent must do with disks. */
export function disksContract(bench: ContractBench): void {
  describe('disks', () => {
    test('are made blank, grown, never shrunk, and removed', async () => {
      const disk = { diskId: 'blank', base: { kind: 'blank' as const } };
      expect(await bench.host.ensureDisk({ ...disk, size: 4 * mebibyte })).toMatchObject({ virtualSize: 4 * mebibyte });
      expect(await bench.host.ensureDisk({ ...disk, size: 4 * mebibyte })).toMatchObject({ virtualSize: 4 * mebibyte });
      expect(await bench.host.ensureDisk({ ...disk, size: 9 * mebibyte })).toMatchObject({ virtualSize: 9 * mebibyte });
      expect(await bench.host.ensureDisk({ ...disk, size: mebibyte })).toMatchObject({ virtualSize: 9 * mebibyte });
      await bench.restart();
      expect(await bench.host.diskUsage('blank')).toMatchObject({ virtualSize: 9 * mebibyte });
      expect((await bench.host.inventory()).disks).toEqual(['blank']);
      await bench.host.removeDisk('blank');
      await bench.host.removeDisk('blank');
      await expect(bench.host.diskUsage('blank')).rejects.toEqual(failure('not_found'));
    });

    test('are made ready to be used, of the size that was asked for', async () => {
      const content = { format: 'ext4', label: 'ephemeral0' } as const;
      const disk = { diskId: 'ready', base: { kind: 'blank' as const, content, beside: 'none' } };
      for (const size of [16 * mebibyte, 16 * mebibyte, 20 * mebibyte])
        expect(await bench.host.ensureDisk({ ...disk, size })).toMatchObject({ virtualSize: size });
      expect(await bench.host.inventory()).toMatchObject({ disks: ['ready'], strayFiles: [] });
    });

    test('on an image are at least as large as the image', async () => {
      await bench.host.ensureImageCached({ imageId: 'boot', ...bench.rawImage });
      const base = { kind: 'image' as const, imageId: 'boot' };
      expect(await bench.host.ensureDisk({ diskId: 'small', size: 512, base })).toMatchObject({
        virtualSize: imageBytes,
      });
      const large = { diskId: 'large', size: 16 * mebibyte, base };
      expect(await bench.host.ensureDisk(large)).toMatchObject({ virtualSize: 16 * mebibyte });
    });

    test('on an image or a disk that is not there fail and leave nothing behind', async () => {
      const onImage = { diskId: 'x', size: mebibyte, base: { kind: 'image' as const, imageId: 'none' } };
      await expect(bench.host.ensureDisk(onImage)).rejects.toEqual(failure('not_found'));
      const onDisk = { diskId: 'x', size: mebibyte, base: { kind: 'copy' as const, diskId: 'none' } };
      await expect(bench.host.ensureDisk(onDisk)).rejects.toEqual(failure('not_found'));
      expect(await bench.host.inventory()).toMatchObject({ disks: [], strayFiles: [] });
    });

    test('are copied, and grown on the way', async () => {
      await bench.host.ensureDisk({ diskId: 'from', size: 2 * mebibyte, base: { kind: 'blank' } });
      const copy = { diskId: 'to', size: 4 * mebibyte, base: { kind: 'copy' as const, diskId: 'from' } };
      expect(await bench.host.ensureDisk(copy)).toMatchObject({ virtualSize: 4 * mebibyte });
      expect(await bench.host.ensureDisk(copy)).toMatchObject({ virtualSize: 4 * mebibyte });
      expect(await bench.host.diskUsage('from')).toMatchObject({ virtualSize: 2 * mebibyte });
    });

    test('are copied as a whole, so that what they were layers over is not needed any more', async () => {
      await bench.host.ensureImageCached({ imageId: 'boot', ...bench.rawImage });
      await bench.host.ensureDisk({ diskId: 'd', size: 3 * mebibyte, base: { kind: 'image', imageId: 'boot' } });
      const base = { kind: 'copy' as const, diskId: 'd', flat: true };
      const whole = { diskId: 'whole', size: 3 * mebibyte, base };
      for (const _ of [1, 2]) {
        expect(await bench.host.ensureDisk(whole)).toMatchObject({ virtualSize: 3 * mebibyte });
      }
      const swap = { volumeId: 'v', fromDiskId: 'd', toDiskId: 'other', flat: true };
      expect((await bench.host.swapDisk('f'.repeat(32), swap)).imageId).toBeUndefined();
      await expect(bench.host.removeCachedImage('boot')).rejects.toEqual(failure('in_use'));
      await bench.host.removeDisk('d');
      await bench.host.removeCachedImage('boot');
      const path = join(bench.root, 'staging', 'export');
      const request = { diskId: 'whole', format: 'raw' as const, target: { kind: 'file' as const, path } };
      expect(await bench.host.exportDisk(request)).toMatchObject({ virtualSize: 3 * mebibyte });
    });

    test.each(['qcow2', 'raw'] as const)('are exported as self-contained %s files', async (format) => {
      await bench.host.ensureImageCached({ imageId: 'boot', ...bench.rawImage });
      await bench.host.ensureDisk({ diskId: 'd', size: 3 * mebibyte, base: { kind: 'image', imageId: 'boot' } });
      const path = join(bench.root, 'staging', 'export');
      const request = { diskId: 'd', format, target: { kind: 'file' as const, path } };
      for (const result of [await bench.host.exportDisk(request), await bench.host.exportDisk(request)]) {
        expect(result).toEqual({ size: (await stat(path)).size, virtualSize: 3 * mebibyte });
      }
      if (format === 'raw') expect((await stat(path)).size).toBe(3 * mebibyte);
      else expect(await readQcow2Header(path)).toMatchObject({ virtualSize: 3 * mebibyte, hasBackingFile: false });
      await expect(bench.host.exportDisk({ ...request, diskId: 'none' })).rejects.toEqual(failure('not_found'));
    });

    test('go over to a copy in the guest that has them, which may run, and back', async () => {
      const { serverId, ...rest } = await bench.prepareGuest();
      const guest = { serverId, ...rest };
      const { volumeId, diskId } = guest.disks[0]!;
      const there = { volumeId, fromDiskId: diskId, toDiskId: 'copy' };
      const back = { volumeId, fromDiskId: 'copy', toDiskId: diskId };
      const { virtualSize } = await bench.host.diskUsage(diskId);
      const isOpen = async (id: string) => {
        await expect(bench.host.removeDisk(id)).rejects.toEqual(failure('in_use'));
      };
      // Nobody has it: a copy, and no guest to be told.
      expect(await bench.host.swapDisk('f'.repeat(32), there)).toMatchObject({ virtualSize });
      await bench.host.removeDisk('copy');
      await bench.host.ensureGuestRunning(guest);
      // Taken back before it was begun.
      expect(await bench.host.swapDisk(serverId, back)).toMatchObject({ virtualSize });
      for (const _ of [1, 2]) expect(await bench.host.swapDisk(serverId, there)).toMatchObject({ virtualSize });
      await isOpen('copy');
      await bench.restart();
      expect(await bench.host.swapDisk(serverId, there)).toMatchObject({ virtualSize });
      await bench.host.removeDisk(diskId);
      for (const _ of [1, 2]) expect(await bench.host.swapDisk(serverId, back)).toMatchObject({ virtualSize });
      await isOpen(diskId);
      await bench.host.removeDisk('copy');
      await bench.host.stopGuest(serverId, { graceSeconds: 0 });
      for (const _ of [1, 2]) await bench.host.swapDisk(serverId, there);
      await bench.host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
      await isOpen('copy');
      await bench.host.removeDisk(diskId);
      const none = { volumeId, fromDiskId: 'none', toDiskId: 'other' };
      await expect(bench.host.swapDisk('f'.repeat(32), none)).rejects.toEqual(failure('not_found'));
    });
  });
}
