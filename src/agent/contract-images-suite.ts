import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ContractBench, failure, imageBytes, mebibyte } from './contract-bench.fixture.ts';
import { emptyQcow2 } from './disks/qcow2-header.ts';

/** What every host agent must do with images. */
export function imagesContract(bench: ContractBench): void {
  describe('images', () => {
    test('are cached once, fetched again when their size changed, and forgotten', async () => {
      const image = { imageId: 'one', ...bench.rawImage };
      expect(await bench.host.ensureImageCached(image)).toEqual({ virtualSize: imageBytes });
      await rm(image.source.path);
      expect(await bench.host.ensureImageCached(image)).toEqual({ virtualSize: imageBytes });
      await writeFile(image.source.path, Buffer.alloc(2 * imageBytes));
      expect(await bench.host.ensureImageCached({ ...image, size: 2 * imageBytes })).toEqual({
        virtualSize: 2 * imageBytes,
      });
      await bench.restart();
      expect((await bench.host.inventory()).images).toEqual(['one']);
      await bench.host.removeCachedImage('one');
      await bench.host.removeCachedImage('one');
      expect((await bench.host.inventory()).images).toEqual([]);
    });

    test('that disks are layers over are kept, whoever asks for one at that moment', async () => {
      const image = { imageId: 'below', ...bench.rawImage };
      await bench.host.ensureImageCached(image);
      const [made, removed] = await Promise.allSettled([
        bench.host.ensureDisk({ diskId: 'above', size: mebibyte, base: { kind: 'image', imageId: 'below' } }),
        bench.host.removeCachedImage('below'),
      ]);
      // Either was first; never is there a disk without what is below it.
      expect([made.status, removed.status].toSorted()).toEqual(['fulfilled', 'rejected']);
      if (made.status === 'rejected') {
        await bench.host.ensureImageCached(image);
        await bench.host.ensureDisk({ diskId: 'above', size: mebibyte, base: { kind: 'image', imageId: 'below' } });
      }
      await expect(bench.host.removeCachedImage('below')).rejects.toEqual(failure('in_use'));
      await bench.host.removeDisk('above');
      await bench.host.removeCachedImage('below');
      expect((await bench.host.inventory()).images).not.toContain('below');
    });

    test('that are in a drive are kept, until the drive is empty or the guest is gone', async () => {
      const image = { imageId: 'medium', ...bench.rawImage };
      await bench.host.ensureImageCached(image);
      await bench.host.ensureImageCached({ ...image, imageId: 'next' });
      const spec = await bench.prepareGuest({ cdroms: [{ cdromId: 'drive', imageId: 'medium' }] });
      const { serverId } = spec;
      await bench.host.ensureGuestRunning(spec);
      await expect(bench.host.removeCachedImage('medium')).rejects.toEqual(failure('in_use'));
      for (let round = 0; round < 2; round += 1)
        await bench.host.changeMedium(serverId, { cdromId: 'drive', imageId: 'next' });
      await bench.host.removeCachedImage('medium');
      const gone = bench.host.changeMedium(serverId, { cdromId: 'drive', imageId: 'medium' });
      await expect(gone).rejects.toEqual(failure('not_found'));
      await bench.restart();
      await expect(bench.host.removeCachedImage('next')).rejects.toEqual(failure('in_use'));
      for (let round = 0; round < 2; round += 1) await bench.host.changeMedium(serverId, { cdromId: 'drive' });
      await bench.host.removeCachedImage('next');
      await bench.host.changeMedium(serverId, { cdromId: 'another' });
      await bench.host.changeMedium('0'.repeat(32), { cdromId: 'drive' });
      await bench.host.removeGuest(serverId);
    });

    test('that several callers want at once are cached once', async () => {
      const image = { imageId: 'one', ...bench.rawImage };
      const results = await Promise.all(Array.from({ length: 8 }, () => bench.host.ensureImageCached(image)));
      expect(results).toEqual(Array(8).fill({ virtualSize: imageBytes }));
    });

    test('of qcow2 have the virtual size of their header', async () => {
      const path = join(bench.root, 'image.qcow2');
      await writeFile(path, emptyQcow2(3 * 1024 ** 3));
      const { size } = await stat(path);
      const image = { imageId: 'q', format: 'qcow2' as const, size, source: { kind: 'file' as const, path } };
      expect(await bench.host.ensureImageCached(image)).toEqual({ virtualSize: 3 * 1024 ** 3 });
    });

    test('that refer to other files of the host are refused and leave nothing behind', async () => {
      const path = join(bench.root, 'evil.qcow2');
      const bytes = emptyQcow2(imageBytes);
      bytes.writeBigUInt64BE(512n, 8);
      bytes.writeUInt32BE('/etc/passwd'.length, 16);
      bytes.write('/etc/passwd', 512);
      await writeFile(path, bytes);
      const image = { imageId: 'evil', format: 'qcow2' as const, size: bytes.length };
      await expect(bench.host.ensureImageCached({ ...image, source: { kind: 'file', path } })).rejects.toEqual(
        failure('bad_image'),
      );
      expect(await bench.host.inventory()).toMatchObject({ images: [], strayFiles: [] });
    });

    test('whose bytes are missing or of another size are refused', async () => {
      const source = { kind: 'file' as const, path: join(bench.root, 'nothing') };
      await expect(bench.host.ensureImageCached({ imageId: 'a', ...bench.rawImage, source })).rejects.toEqual(
        failure('not_found'),
      );
      await expect(bench.host.ensureImageCached({ imageId: 'a', ...bench.rawImage, size: 5 })).rejects.toEqual(
        failure('bad_image'),
      );
    });

    test('must have ids that can name a file', async () => {
      const cache = async (imageId: string) => bench.host.ensureImageCached({ imageId, ...bench.rawImage });
      await expect(cache('../boot')).rejects.toEqual(failure('unsupported'));
      await expect(cache('')).rejects.toEqual(failure('unsupported'));
    });
  });
}
