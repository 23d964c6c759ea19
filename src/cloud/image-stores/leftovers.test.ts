import { randomBytes } from 'node:crypto';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { inPieces, TestCloud, testSubject } from '../images/test-cloud.ts';
import { removeStoreLeftovers } from './leftovers.ts';

const alice = testSubject('alice');

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(() => cloud.stop());

/** Bytes that somebody left in the second store, so many seconds ago. */
async function leave(id: string, age: number): Promise<void> {
  const path = join(cloud.folder, 'second', 'images', id);
  await writeFile(path, 'left over');
  const then = Date.now() / 1000 - age;
  await utimes(path, then, then);
}

it('removes what is no copy of an image of this cloud, once it is old, and nothing that may be another cloud’s', async () => {
  const kept = await cloud.images.create(alice, { diskFormat: 'raw', containerFormat: 'bare', name: 'kept' });
  await cloud.images.upload(alice, kept.id, inPieces(randomBytes(1000)));
  await cloud.addStore();
  const stranger = randomBytes(16).toString('hex');
  const young = await cloud.images.create(alice, { name: 'young' });
  await leave(kept.id, 7200);
  await leave(stranger, 7200);
  await leave(young.id, 60);
  expect(await removeStoreLeftovers(cloud.asCloud())).toEqual({ removed: 1, failed: 0 });
  expect((await cloud.files('second')).sort()).toEqual([stranger, young.id].sort());
  expect(await cloud.files()).toEqual([kept.id]);
  expect(await removeStoreLeftovers(cloud.asCloud())).toEqual({ removed: 0, failed: 0 });
});

it('leaves alone what an upload of any process brings, and removes it when that is given up', async () => {
  const { images, stores } = cloud;
  const { id } = await images.create(alice, { diskFormat: 'raw', containerFormat: 'bare', name: 'coming' });
  const abort = new AbortController();
  async function* hanging() {
    yield randomBytes(1000);
    await new Promise(() => {});
  }
  const upload = expect(images.upload(alice, id, hanging(), { signal: abort.signal })).rejects.toThrow();
  const driver = stores.driver(cloud.storeId);
  await expect.poll(async () => (await driver.list()).others).toMatchObject([{ imageId: id, isLive: true }]);
  // As the store of another process has it.
  const left = (await driver.list()).others.map((file) => ({ ...file, isLive: false }));
  vi.spyOn(driver, 'list').mockResolvedValue({ images: [], others: left });
  const remove = vi.spyOn(driver, 'removeStray').mockResolvedValue();
  expect(await removeStoreLeftovers(cloud.asCloud())).toEqual({ removed: 0, failed: 0 });
  abort.abort();
  await upload;
  expect(remove).not.toHaveBeenCalled();
  expect(await removeStoreLeftovers(cloud.asCloud())).toEqual({ removed: 1, failed: 0 });
  expect(remove).toHaveBeenCalledExactlyOnceWith(left[0]!.name);
});
