import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeStoreLeftovers } from '../../image-stores/leftovers.ts';
import { failure, inPieces, TestCloud, testSubject } from '../test-cloud.ts';

const alice = testSubject('alice');
const bob = testSubject('bob');
const bytes = randomBytes(3_000_000);
const size = bytes.length;
const md5 = (part: Buffer) => createHash('md5').update(part).digest('hex');

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(() => cloud.stop());

async function queued(more: object = {}): Promise<string> {
  const image = { diskFormat: 'raw', containerFormat: 'bare', name: 'i', ...more };
  return (await cloud.images.create(alice, image)).id;
}

/** Sends the bytes from there on, up to `end`, where the connection breaks unless it is the end of all. */
async function send(id: string, offset: number, end = size, more: object = {}) {
  const cut = end < size ? new Error('the connection broke') : undefined;
  const source = inPieces(bytes.subarray(offset, end), 65_536, cut);
  return await cloud.images.partUploads.write(alice, id, { offset, ...more }, source);
}

const progress = (id: string) => cloud.images.partUploads.get(alice, id);

describe('an upload in parts', () => {
  it('goes on where it broke off, also after its process has died', async () => {
    const id = await queued();
    const begun = await cloud.images.partUploads.begin(alice, id, { size });
    expect(begun).toMatchObject({ offset: 0, size, state: 'receiving' });
    expect(await failure(send(id, 0, 1_000_000))).toMatchObject({ details: { reason: 'source_failed' } });
    expect(await progress(id)).toMatchObject({ offset: 1_000_000, state: 'receiving' });
    expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'saving', size });
    await cloud.stop({ keepFolder: true });
    cloud = await TestCloud.start({ folder: cloud.folder });
    await removeStoreLeftovers(cloud.asCloud());
    await cloud.images.reconcile();
    expect(await progress(id)).toMatchObject({ offset: 1_000_000, state: 'receiving' });
    expect(await failure(send(id, 1_000_001))).toMatchObject({ code: 'conflict', details: { reason: 'wrong_offset' } });
    // What is there already may come once more, and is skipped.
    expect(await send(id, 900_000)).toMatchObject({ offset: size, state: 'checking' });
    await cloud.core.runner.idle();
    expect(await progress(id)).toMatchObject({ offset: size, state: 'done' });
    const image = await cloud.images.get(alice, id);
    expect(image).toMatchObject({ status: 'active', size, checksum: md5(bytes) });
    const download = await cloud.images.download(alice, id);
    expect(bytes.equals(Buffer.concat(await (await download!.read()).toArray()))).toBe(true);
    expect(await cloud.files()).toEqual([id]);
  });

  it('opens once, and is nobody else’s', async () => {
    const id = await queued();
    await cloud.images.partUploads.begin(alice, id, { size });
    expect(await cloud.images.partUploads.begin(alice, id, { size })).toMatchObject({ offset: 0 });
    expect(await failure(cloud.images.partUploads.begin(alice, id, { size: 5 }))).toMatchObject({ code: 'conflict' });
    expect(await failure(cloud.images.upload(alice, id, inPieces(bytes)))).toMatchObject({ code: 'conflict' });
    expect(await failure(cloud.images.partUploads.get(bob, id))).toMatchObject({ code: 'not_found' });
    const others = cloud.images.partUploads.write(bob, id, { offset: 0 }, inPieces(bytes));
    expect(await failure(others)).toMatchObject({ code: 'not_found' });
  });

  it('has one writer at a time', async () => {
    const id = await queued();
    await cloud.images.partUploads.begin(alice, id, { size });
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const slow = async function* () {
      yield bytes.subarray(0, 10);
      started.resolve();
      await gate.promise;
      yield bytes.subarray(10);
    };
    const first = cloud.images.partUploads.write(alice, id, { offset: 0 }, slow());
    await started.promise;
    expect(await failure(send(id, 0))).toMatchObject({ code: 'conflict', details: { reason: 'busy' } });
    gate.resolve();
    expect(await first).toMatchObject({ state: 'checking' });
  });

  it('takes no byte of a part whose md5 is another one', async () => {
    const id = await queued();
    await cloud.images.partUploads.begin(alice, id, {});
    const half = bytes.subarray(0, 1_500_000);
    const write = (part: object) =>
      cloud.images.partUploads.write(alice, id, { offset: 0, ...part }, inPieces(half, 65_536));
    expect(await failure(write({}))).toMatchObject({ details: { reason: 'size_missing' } });
    expect(await failure(write({ size, md5: md5(bytes) }))).toMatchObject({ details: { reason: 'wrong_md5' } });
    expect(await progress(id)).toMatchObject({ offset: 0, size });
    expect(await write({ md5: md5(half) })).toMatchObject({ offset: 1_500_000 });
    const rest = bytes.subarray(1_500_000);
    const last = { offset: 1_500_000, md5: md5(rest) };
    expect(await cloud.images.partUploads.write(alice, id, last, inPieces(rest))).toMatchObject({ state: 'checking' });
    await cloud.core.runner.idle();
    expect((await cloud.images.get(alice, id)).checksum).toBe(md5(bytes));
  });

  it('takes no more than its size, and nothing that is too large for the project', async () => {
    const id = await queued();
    await cloud.images.partUploads.begin(alice, id, { size: 100 });
    const more = cloud.images.partUploads.write(alice, id, { offset: 0 }, inPieces(Buffer.alloc(101)));
    expect(await failure(more)).toMatchObject({ code: 'invalid', details: { reason: 'size_mismatch' } });
    const other = await queued();
    const huge = cloud.images.partUploads.begin(alice, other, { size: 2 ** 50 });
    expect(await failure(huge)).toMatchObject({ code: 'too_large' });
    expect(await cloud.images.get(alice, other)).toMatchObject({ status: 'queued' });
  });

  it('is judged when all of it is there, and leaves nothing where it is refused', async () => {
    const id = await queued({ diskFormat: 'qcow2' });
    await cloud.images.partUploads.begin(alice, id, { size });
    await send(id, 0);
    await cloud.core.runner.idle();
    expect(await progress(id)).toMatchObject({ state: 'failed', error: expect.stringMatching(/qcow2/) });
    expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'queued', size: null });
    expect(await cloud.files()).toEqual([]);
  });

  it('ends when it is cancelled, when its image is deleted, and when nobody goes on', async () => {
    const cancelled = await queued();
    await cloud.images.partUploads.begin(alice, cancelled, { size });
    await failure(send(cancelled, 0, 500_000));
    await cloud.images.partUploads.cancel(alice, cancelled);
    expect(await cloud.images.get(alice, cancelled)).toMatchObject({ status: 'queued', size: null });
    await cloud.images.partUploads.begin(alice, cancelled, { size });
    await failure(send(cancelled, 0, 500_000));
    await cloud.images.delete(alice, cancelled);
    await expect.poll(() => cloud.files()).toEqual([]);

    const forgotten = await queued({ diskFormat: null, containerFormat: null });
    await cloud.images.partUploads.begin(alice, forgotten, { size, idleSeconds: 0, removeOnFailure: true });
    await failure(send(forgotten, 0, 500_000));
    expect(await cloud.images.partUploads.removeExpired()).toBe(1);
    expect(await failure(cloud.images.get(alice, forgotten))).toMatchObject({ code: 'not_found' });
    expect(await cloud.files()).toEqual([]);
    expect(await cloud.core.db.read.selectFrom('image_uploads').selectAll().execute()).toEqual([]);
  });

  it('is taken from whoever has its link, and finds out what the bytes are', async () => {
    const id = await queued({ diskFormat: null, containerFormat: null });
    await cloud.images.partUploads.begin(alice, id, { size, removeOnFailure: true });
    const link = await cloud.images.partUploads.sign(id);
    const forged = { ...link, expires: link.expires + 1 };
    const write = (one: typeof link) => cloud.images.partUploads.writeByLink(one, { offset: 0 }, inPieces(bytes));
    expect(await failure(write(forged))).toMatchObject({ code: 'forbidden' });
    expect(await write(link)).toMatchObject({ state: 'checking' });
    await cloud.core.runner.idle();
    expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'active', diskFormat: 'raw' });
    expect(await failure(write(link))).toMatchObject({ code: 'not_found' });
  });
});
