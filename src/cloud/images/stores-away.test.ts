import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KillableProcess } from '../../../tests/support/killable.ts';
import { StoreError } from '../../image-stores/store.ts';
import { failure, inPieces, TestCloud, testSubject } from './test-cloud.ts';

const alice = testSubject('alice');
const raw = { diskFormat: 'raw', containerFormat: 'bare' } as const;

/** Stores that can't be reached keep no image from its rest, and the cloud from nothing. */
let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(() => cloud.stop());

const away = () => Promise.reject(new StoreError('failed', 'connect ECONNREFUSED'));

it('an image is queued again when its upload fails, though what came of it can not be removed yet', async () => {
  const second = await cloud.addStore();
  const driver = cloud.stores.driver(second);
  const verbs = { put: driver.put, delete: driver.delete };
  Object.assign(driver, { put: away, delete: away });
  const { id } = await cloud.images.create(alice, raw);
  const upload = (storeId: string) => cloud.images.upload(alice, id, inPieces(Buffer.alloc(1000)), { storeId });
  expect(await failure(upload(second))).toMatchObject({ code: 'unavailable' });
  expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'queued', size: null });
  Object.assign(driver, verbs);
  expect(await upload(second)).toMatchObject({ status: 'active' });
});

it.each(['active', 'deactivated'])(
  'an %s image that is recovered gets the copies that its deletion cut off',
  async (status) => {
    const second = await cloud.addStore();
    const driver = cloud.stores.driver(second);
    const { copyIn, put } = driver;
    Object.assign(driver, { copyIn: away, put: away });
    const { id } = await cloud.images.create(alice, raw);
    await cloud.images.upload(alice, id, inPieces(Buffer.alloc(1000)));
    await cloud.core.runner.idle();
    if (status === 'deactivated') await cloud.images.deactivate(alice, id);
    await cloud.images.delete(alice, id);
    Object.assign(driver, { copyIn, put });
    const states = async () => (await cloud.images.replicasOf([id])).map((copy) => [copy.storeId, copy.state]);
    expect(await states()).toEqual([[cloud.storeId, 'deleted']]);
    expect(await cloud.images.recover(alice, id)).toMatchObject({ status });
    await cloud.core.runner.idle();
    expect(await states()).toEqual([
      [cloud.storeId, 'active'],
      [second, 'active'],
    ]);
  },
);

it('the cloud starts without a store that an upload was cut off to, and its image is queued again', async () => {
  await cloud.stop();
  const process = new KillableProcess();
  cloud = await TestCloud.start({ wrap: (db) => process.database(db) });
  const storeId = await cloud.addStore();
  const { id } = await cloud.images.create(alice, raw);
  const source = (async function* () {
    yield Buffer.alloc(1000);
    process.kill();
    yield Buffer.alloc(1000);
  })();
  await cloud.images.upload(alice, id, source, { storeId }).catch(() => {});
  const { folder } = cloud;
  await cloud.stop({ keepFolder: true }).catch(() => {});
  await rename(join(folder, 'second'), join(folder, 'elsewhere'));
  await writeFile(join(folder, 'second'), 'no folder');
  cloud = await TestCloud.start({ folder });
  expect(cloud.stores.byName('second')).toMatchObject({ status: 'disconnected' });
  expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'queued' });
});

it('an image is read, and copied, from a store that answers', async () => {
  const [second, third] = [await cloud.addStore(), await cloud.addStore('third')];
  const { id } = await cloud.images.create(alice, raw);
  const bytes = Buffer.alloc(1000, 'x');
  await cloud.images.upload(alice, id, inPieces(bytes));
  await cloud.core.runner.idle();
  const driver = cloud.stores.driver(cloud.storeId);
  Object.assign(driver, { read: away, stat: away });
  const download = await cloud.images.download(alice, id);
  expect(await buffer(await download!.read())).toEqual(bytes);
  await cloud.images.copies.copyTo(alice, id, [third]);
  await cloud.core.runner.idle();
  expect(await cloud.files('third')).toEqual([id]);
  Object.assign(cloud.stores.driver(second), { read: away });
  Object.assign(cloud.stores.driver(third), { read: away });
  expect(await failure(download!.read())).toMatchObject({ code: 'unavailable' });
});

it('what can not be done for one image keeps nobody from looking after the others', async () => {
  const second = await cloud.addStore();
  cloud.stores.driver(second).copyIn = away;
  const { id } = await cloud.images.create(alice, raw);
  await cloud.images.upload(alice, id, inPieces(Buffer.alloc(1000)));
  await cloud.core.runner.idle();
  await cloud.images.delete(alice, id);
  cloud.images.partUploads.removeExpired = away;
  cloud.core.settings.imageRetention = 0;
  await cloud.core.db.write((tx) => tx.updateTable('images').set({ expunge_at: 1 }).execute());
  expect(await cloud.images.reconcile()).toMatchObject({ expunged: 1, isComplete: true });
});

it('hosts get an image from a store that answers, and the one that is silent is not asked again at once', async () => {
  const second = await cloud.addStore();
  const { id } = await cloud.images.create(alice, raw);
  await cloud.images.upload(alice, id, inPieces(Buffer.alloc(1000, 'x')));
  await cloud.core.runner.idle();
  const pathNow = async () => (await cloud.images.cachedImageSpec(id)).source;
  const first = await pathNow();
  const driver = cloud.stores.driver(cloud.storeId);
  const verbs = { read: driver.read, version: driver.version };
  let asked = 0;
  const silent = () => {
    asked += 1;
    return away();
  };
  Object.assign(driver, { read: silent, version: silent });
  await cloud.images.inspectForUse(id);
  await cloud.images.inspectForUse(id);
  expect(asked).toBe(1);
  expect(await pathNow()).toEqual({ kind: 'file', path: expect.stringContaining('second') });
  // Where no other one can be used either, it is asked once more.
  Object.assign(cloud.stores.driver(second), { read: away, version: away });
  expect(await failure(cloud.images.inspectForUse(id))).toMatchObject({ code: 'unavailable' });
  Object.assign(driver, verbs);
  await cloud.images.inspectForUse(id);
  expect(await pathNow()).toEqual(first);
  Object.assign(driver, { localPath: () => undefined, localCopy: silent });
});
