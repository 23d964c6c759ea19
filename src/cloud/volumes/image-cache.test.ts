import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../env/env.ts';
import { clearImageCache } from './image-cache.ts';
import { gib, StorageCloud } from './test-cloud.ts';

let storage: StorageCloud;
/** Called before the host removes an image. */
let onRemoval: (imageId: string) => Promise<void> = async () => {};

beforeAll(async () => {
  storage = await StorageCloud.start({
    wrapAgent: (agent) =>
      new Proxy(agent, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown;
          if (typeof value !== 'function') return value;
          if (name !== 'removeCachedImage') return value.bind(target) as unknown;
          return async (imageId: string) => {
            await onRemoval(imageId);
            return await target.removeCachedImage(imageId);
          };
        },
      }),
  });
});
afterAll(() => storage.stop());

test('an image stays that a disk is about to be made over, also where that is known only while others are removed', async () => {
  const { cloud } = storage;
  const [host] = await cloud.hosts.list();
  for (const imageId of [await storage.image(), await storage.image()]) {
    const { id } = await storage.volume({ size: gib, imageId });
    const gone = await cloud.blockStorage.delete(storage.member, id);
    await storage.ended((gone as { actionId?: string }).actionId);
  }
  const images = async () => (await storage.host.inventory()).images;
  const before = await images();
  expect(before).toHaveLength(2);
  let kept: string | undefined;
  onRemoval = async (removed) => {
    onRemoval = async () => {};
    kept = before.find((id) => id !== removed)!;
    const disk = { id: newId(cloud.env), volumeId: newId(cloud.env), imageId: kept, size: 1 };
    await cloud.db.write((tx) => cloud.volumes.announceDisk(tx, host!.id, disk));
  };
  expect(await clearImageCache(cloud, host!.id, { onlyGone: false })).toEqual({ removed: 1 });
  expect(await images()).toEqual([kept]);
});
