import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KillableProcess } from '../../../tests/support/killable.ts';
import { StoreError } from '../../image-stores/store.ts';
import { CloudError } from '../errors.ts';
import { PlaceChanges } from '../zones/place-changes.ts';
import type { Image } from './model.ts';
import { syncStatusReason } from './sync-status.ts';
import { failure, inPieces, TestCloud, testSubject } from './test-cloud.ts';

const alice = testSubject('alice');
const bob = testSubject('bob');
const admin = testSubject('admin', { isAdmin: true });
const raw = { diskFormat: 'raw', containerFormat: 'bare' } as const;

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(() => cloud.stop());

async function uploaded(bytes = randomBytes(1000), more: object = {}): Promise<Image> {
  const image = await cloud.images.create(alice, { ...raw, name: 'i', ...more });
  return await cloud.images.upload(alice, image.id, inPieces(bytes));
}

const raw32 = /^[0-9a-f]{32}$/;

describe('a deleted image', () => {
  it('is hidden, keeps its bytes, and can be recovered', async () => {
    const image = await uploaded();
    await cloud.images.delete(alice, image.id);
    expect(await failure(cloud.images.get(alice, image.id))).toMatchObject({ code: 'not_found' });
    expect(await cloud.images.list(alice)).toEqual([]);
    expect(await cloud.files()).toEqual([image.id]);
    const deleted = await cloud.images.get(alice, image.id, { withDeleted: true });
    expect(deleted.status).toBe('deleted');
    expect(deleted.expungeAt! - deleted.deletedAt!).toBeGreaterThan(6.9 * 86400 * 1e6);
    expect(await failure(cloud.images.recover(bob, image.id))).toMatchObject({ code: 'not_found' });
    const back = await cloud.images.recover(alice, image.id);
    expect(back).toMatchObject({ status: 'active', deletedAt: null, expungeAt: null, checksum: image.checksum });
    const again = cloud.images.recover(alice, image.id);
    expect(await failure(again)).toMatchObject({ code: 'conflict', details: { reason: 'not_deleted' } });
  });

  it('stays deactivated when it was', async () => {
    const image = await uploaded(undefined, { properties: { a: 'b' } });
    await cloud.images.deactivate(alice, image.id);
    await cloud.images.delete(alice, image.id);
    const back = await cloud.images.recover(alice, image.id);
    expect(back).toMatchObject({ status: 'deactivated', properties: { a: 'b' }, wasDeactivated: false });
  });

  it('can not be deleted while it is protected', async () => {
    const image = await uploaded(undefined, { isProtected: true });
    const refused = await failure(cloud.images.delete(alice, image.id));
    expect(refused).toMatchObject({ code: 'forbidden', details: { reason: 'protected' } });
  });

  it('without bytes is gone at once, and its id is never used again', async () => {
    const { id } = await cloud.images.create(alice, raw);
    await cloud.images.delete(alice, id);
    expect(await failure(cloud.images.recover(alice, id))).toMatchObject({ code: 'not_found' });
    expect(await failure(cloud.images.create(alice, { ...raw, id }))).toMatchObject({ code: 'duplicate' });
  });

  it('is deleted, recovered and expunged store by store', async () => {
    const second = await cloud.addStore();
    const third = await cloud.addStore('third');
    const image = await uploaded();
    await cloud.core.runner.idle();
    const states = async () =>
      (await cloud.images.replicasOf([image.id])).map(({ storeName, state }) => [storeName, state]);
    expect(await states()).toEqual([
      ['default', 'active'],
      ['second', 'active'],
    ]);
    await cloud.images.delete(alice, image.id, [second]);
    expect(await cloud.images.get(alice, image.id)).toMatchObject({ status: 'active' });
    const recover = (...ids: string[]) => cloud.images.recover(alice, image.id, ids);
    expect(await failure(recover(third))).toMatchObject({ code: 'invalid', details: { reason: 'not_on_store' } });
    expect(await failure(recover(second, cloud.storeId))).toMatchObject({
      code: 'invalid',
      details: { reason: 'copy_not_deleted', field: cloud.storeId },
    });
    expect(await states()).toEqual([
      ['default', 'active'],
      ['second', 'deleted'],
    ]);
    await cloud.images.delete(alice, image.id);
    expect(await cloud.images.get(alice, image.id, { withDeleted: true })).toMatchObject({ status: 'deleted' });
    const { actionId } = await cloud.images.expunge(alice, image.id, [cloud.storeId]);
    await cloud.core.runner.wait(actionId, { timeoutMs: 60_000 });
    expect([await cloud.files(), await cloud.files('second')]).toEqual([[], [image.id]]);
    expect(await recover(second)).toMatchObject({ status: 'active', expungeAt: null });
    expect(await states()).toEqual([['second', 'active']]);
  });

  it('is expunged when its retention has ended, so many at a time', async () => {
    const old = await uploaded();
    const young = await uploaded();
    await cloud.images.delete(alice, old.id);
    const at = (await cloud.images.get(alice, old.id, { withDeleted: true })).expungeAt!;
    expect(await cloud.images.expungeDue()).toEqual({ expunged: 0, isComplete: true });
    cloud.core.settings.imageRetention = 0;
    await cloud.core.db.write((tx) =>
      tx
        .updateTable('images')
        .set({ expunge_at: at - 7 * 86400 * 1e6 })
        .where('id', '=', old.id)
        .execute(),
    );
    expect(await cloud.images.expungeDue()).toEqual({ expunged: 1, isComplete: true });
    await cloud.core.runner.idle();
    expect(await cloud.files()).toEqual([young.id]);
    expect(await failure(cloud.images.get(alice, old.id, { withDeleted: true }))).toMatchObject({ code: 'not_found' });
    expect(await cloud.images.expungeDue()).toEqual({ expunged: 0, isComplete: true });
  });
});

describe('the policy of deletions', () => {
  it('lets the bytes go with the image, or keeps them until somebody expunges them', async () => {
    const second = await cloud.addStore();
    cloud.core.settings.imageDeletion = 0;
    const image = await uploaded();
    await cloud.core.runner.idle();
    await cloud.images.delete(alice, image.id, [second]);
    await cloud.core.runner.idle();
    expect([await cloud.files(), await cloud.files('second')]).toEqual([[image.id], []]);
    await cloud.images.delete(alice, image.id);
    await cloud.core.runner.idle();
    expect(await cloud.files()).toEqual([]);
    expect(await failure(cloud.images.recover(alice, image.id))).toMatchObject({ code: 'not_found' });

    cloud.core.settings.imageDeletion = 2;
    cloud.core.settings.imageRetention = 0;
    const kept = await uploaded();
    await cloud.core.runner.idle();
    await cloud.images.delete(alice, kept.id);
    expect(await cloud.images.expungeDue()).toEqual({ expunged: 0, isComplete: true });
    expect(await cloud.images.get(alice, kept.id, { withDeleted: true })).toMatchObject({ expungeAt: null });
    await cloud.images.recover(alice, kept.id);
    await cloud.images.delete(alice, kept.id);
    await cloud.images.expunge(alice, kept.id);
    await cloud.core.runner.idle();
    expect([await cloud.files(), await cloud.files('second')]).toEqual([[], []]);
  });
});

describe('a copy for another zone', () => {
  it('that failed is not told of any more when the zone is gone', async () => {
    const second = await cloud.addStore();
    cloud.stores.driver(second).copyIn = () => Promise.reject(new StoreError('failed', 'The line is cut.'));
    const image = await uploaded();
    await cloud.core.runner.idle();
    const reason = async () => syncStatusReason(image, await cloud.images.replicasOf([image.id]));
    expect(await reason()).toContain('ERROR:A failure occurred during synchronize image');
    await new PlaceChanges(cloud.core).deleteZone(cloud.zones.beta);
    await cloud.stores.refresh();
    expect(await reason()).toBeUndefined();
    expect(await cloud.images.copies.resync(alice, image.id)).toEqual([]);
  });

  it('that is cancelled in the middle leaves nothing, and is made again when somebody asks', async () => {
    const second = await cloud.addStore();
    const driver = cloud.stores.driver(second);
    const copyIn = driver.copyIn!.bind(driver);
    const begun = Promise.withResolvers<void>();
    driver.copyIn = (id, { size, checksums }, options) => {
      const read = async () =>
        (async function* () {
          yield Buffer.alloc(10);
          begun.resolve();
          await new Promise(() => {});
        })();
      return copyIn(id, { size, checksums, read }, options);
    };
    const image = await uploaded();
    await begun.promise;
    const actions = await cloud.core.db.read.selectFrom('actions').select('id').execute();
    await cloud.core.db.write((tx) => cloud.core.runner.cancel(tx, image.id));
    for (const { id } of actions) await cloud.core.runner.wait(id, { timeoutMs: 60_000 });
    expect(await cloud.files('second')).toEqual([]);
    const replicas = await cloud.images.replicasOf([image.id]);
    expect(replicas.map(({ state }) => state)).toEqual(['active']);
    expect(syncStatusReason(image, replicas)).toBeUndefined();
    expect(await cloud.images.copies.retryFailed()).toBe(0);
    driver.copyIn = copyIn;
    const [resync] = await cloud.images.copies.resync(alice, image.id);
    await cloud.core.runner.wait(resync!, { timeoutMs: 60_000 });
    expect(await cloud.files('second')).toEqual([image.id]);
  });

  it('is made by itself; its failure is told, and mended by a resync', async () => {
    const second = await cloud.addStore();
    const driver = cloud.stores.driver(second);
    const copyIn = driver.copyIn!.bind(driver);
    driver.copyIn = async () => {
      throw new CloudError('invalid', 'no');
    };
    const image = await uploaded();
    const failed = async () => syncStatusReason(image, await cloud.images.replicasOf([image.id]));
    // Its pauses between tries would take seconds.
    const [action] = await cloud.core.db.read.selectFrom('actions').select('id').execute();
    await cloud.core.runner.wait(action!.id, { timeoutMs: 60_000 });
    expect(await failed()).toMatch(
      /^ERROR:A failure occurred during synchronize image the server\(dir:\/\/second\) in/,
    );
    expect(await cloud.images.get(alice, image.id)).toMatchObject({ status: 'active' });
    driver.copyIn = copyIn;
    const [resync] = await cloud.images.copies.resync(alice, image.id);
    await cloud.core.runner.wait(resync!, { timeoutMs: 60_000 });
    expect(await failed()).toBeUndefined();
    expect(await cloud.files('second')).toEqual([image.id]);
  });
});

describe('a process that is killed', () => {
  it('during an upload leaves an image that is queued again after the next start', async () => {
    await cloud.stop();
    const process = new KillableProcess();
    cloud = await TestCloud.start({ wrap: (db) => process.database(db) });
    const { id } = await cloud.images.create(alice, raw);
    const source = (async function* () {
      yield Buffer.alloc(1000);
      process.kill();
      yield Buffer.alloc(1000);
    })();
    await cloud.images.upload(alice, id, source).catch(() => {});
    const { folder } = cloud;
    await cloud.stop({ keepFolder: true }).catch(() => {});
    // What a process that died between the store and the database leaves: bytes of an image without any.
    await writeFile(join(folder, 'store', 'images', id), 'left over');
    cloud = await TestCloud.start({ folder });
    expect(await cloud.images.get(alice, id)).toMatchObject({
      status: 'queued',
      lastError: 'The upload was interrupted.',
    });
    expect(await cloud.files()).toEqual([]);
    expect(await cloud.images.upload(alice, id, inPieces(Buffer.alloc(10)))).toMatchObject({ status: 'active' });
  });
});

describe('an image of a disk', () => {
  const begin = () =>
    cloud.core.db.write((tx) =>
      cloud.images.templates.begin(tx, alice, {
        name: 'snapshot',
        diskFormat: 'raw',
        properties: { image_type: 'snapshot' },
      }),
    );

  it('is staged by a host, adopted and completed', async () => {
    const image = await begin();
    expect(image).toMatchObject({ status: 'saving', visibility: 'private', containerFormat: 'bare' });
    const staged = await cloud.images.templates.stage(image.id);
    await writeFile(staged.path, randomBytes(5000));
    const adopted = await cloud.images.templates.adopt(image.id, staged);
    await cloud.images.templates.adopt(image.id, staged);
    const by = { requestId: alice.requestId };
    await cloud.core.db.write((tx) =>
      cloud.images.templates.complete(tx, image.id, { ...adopted, storeId: staged.storeId }, by),
    );
    expect(await cloud.images.get(alice, image.id)).toMatchObject({ status: 'active', size: 5000, virtualSize: 5000 });
    expect(await cloud.files()).toEqual([image.id]);
  });

  it('is taken back after it was completed, or retired once it is no longer needed', async () => {
    const make = async () => {
      const image = await begin();
      const staged = await cloud.images.templates.stage(image.id);
      await writeFile(staged.path, randomBytes(5000));
      const adopted = { ...(await cloud.images.templates.adopt(image.id, staged)), storeId: staged.storeId };
      await cloud.core.db.write((tx) => cloud.images.templates.complete(tx, image.id, adopted, { requestId: 'req-' }));
      return { image, staged };
    };
    const first = await make();
    await cloud.core.db.write((tx) => cloud.images.templates.retract(tx, first.image.id));
    await cloud.images.templates.discard(first.image.id, first.staged);
    await cloud.core.db.write((tx) => cloud.images.templates.fail(tx, first.image.id, 'taken back'));
    expect(await cloud.images.list(alice)).toEqual([]);
    expect(await cloud.files()).toEqual([]);
    const second = await make();
    await cloud.core.db.write((tx) => cloud.images.templates.retire(tx, second.image.id));
    await cloud.core.runner.idle();
    expect(await failure(cloud.images.recover(alice, second.image.id))).toMatchObject({ code: 'not_found' });
    expect(await cloud.files()).toEqual([]);
  });

  it('leaves nothing when it fails, or is deleted meanwhile', async () => {
    const image = await begin();
    const staged = await cloud.images.templates.stage(image.id);
    await writeFile(staged.path, randomBytes(5000));
    const adopted = await cloud.images.templates.adopt(image.id, staged);
    await cloud.images.delete(alice, image.id);
    const late = cloud.core.db.write((tx) =>
      cloud.images.templates.complete(tx, image.id, { ...adopted, ...staged }, { requestId: '' }),
    );
    expect(await failure(late)).toMatchObject({ code: 'conflict' });
    await cloud.images.templates.discard(image.id, staged);
    await cloud.core.db.write((tx) => cloud.images.templates.fail(tx, image.id, 'gone'));
    expect(await cloud.files()).toEqual([]);
    const other = await begin();
    await cloud.core.db.write((tx) => cloud.images.templates.fail(tx, other.id, 'the host is gone'));
    expect(await failure(cloud.images.get(alice, other.id))).toMatchObject({ code: 'not_found' });
  });
});

describe('an import', () => {
  let server: Server;
  let origin: string;
  const bytes = randomBytes(200_000);
  beforeEach(async () => {
    server = createServer((request, response) => {
      if (request.url === '/image') return response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      if (request.url === '/moved') return response.writeHead(302, { location: '/image' }).end();
      if (request.url === '/loop') return response.writeHead(302, { location: '/loop' }).end();
      response.writeHead(404).end('secret of the inner network');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('fetches the bytes, for administrators also from inside', async () => {
    const { id } = await cloud.images.create(admin, raw);
    const { image, actionId } = await cloud.images.importFromUrl(admin, id, { url: `${origin}/moved` });
    expect(image.status).toBe('importing');
    await cloud.core.runner.wait(actionId, { timeoutMs: 60_000 });
    expect(await cloud.images.get(admin, id)).toMatchObject({ status: 'active', size: 200_000 });
  });

  it('refuses users the way inside', async () => {
    const { id } = await cloud.images.create(alice, raw);
    for (const url of [
      `${origin}/image`,
      'http://127.0.0.1/',
      'http://localhost/',
      'file:///etc/hostname',
      'ftp://a/b',
    ]) {
      const start = await cloud.images.importFromUrl(alice, id, { url }).catch((error: CloudError) => error);
      if (start instanceof CloudError) expect(start).toMatchObject({ code: 'invalid' });
      else {
        const outcome = await cloud.core.runner.wait(start.actionId, { timeoutMs: 60_000 });
        expect(outcome?.failure?.message).toBe(`URI for web-download does not pass filtering: ${url}`);
      }
      expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'queued' });
    }
  });

  it('puts the image back when it fails, and tells nothing of what was found', async () => {
    const { id } = await cloud.images.create(admin, { ...raw, diskFormat: 'qcow2' });
    const { actionId } = await cloud.images.importFromUrl(admin, id, { url: `${origin}/image` });
    await cloud.core.runner.wait(actionId, { timeoutMs: 60_000 });
    const image = await cloud.images.get(admin, id);
    expect(image.status).toBe('queued');
    expect(image.lastError).toMatch(/not qcow2/);
    const loop = await cloud.images.importFromUrl(admin, id, { url: `${origin}/loop` });
    await cloud.core.runner.wait(loop.actionId, { timeoutMs: 60_000 });
    expect((await cloud.images.get(admin, id)).lastError).toBe('The image is behind too many redirects.');
    expect(await cloud.files()).toEqual([]);
  });

  it('of a new image finds its format out, and leaves no image when it fails', async () => {
    const disk = join(cloud.folder, 'disk.raw');
    await writeFile(disk, bytes);
    const added = await cloud.images.imports.add(admin, { name: 'from file' }, { url: `file://${disk}` });
    await cloud.core.runner.wait(added.actionId, { timeoutMs: 60_000 });
    expect(await cloud.images.get(admin, added.image.id)).toMatchObject({ status: 'active', diskFormat: 'raw' });
    expect(added.image.id).toMatch(raw32);
    const missing = await cloud.images.imports.add(admin, { name: 'none' }, { url: `file://${disk}.none` });
    await cloud.core.runner.wait(missing.actionId, { timeoutMs: 60_000 });
    expect(await failure(cloud.images.get(admin, missing.image.id))).toMatchObject({ code: 'not_found' });
  });
});
