import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withDashes } from '../../env/env.ts';
import { operator } from '../identity/subject.ts';
import { Quotas } from '../quotas/quotas.ts';
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

async function uploaded(bytes = randomBytes(1000), more: object = {}) {
  const image = await cloud.images.create(alice, { ...raw, name: 'i', ...more });
  return await cloud.images.upload(alice, image.id, inPieces(bytes));
}

describe('an upload', () => {
  it('makes a queued image active, with its sizes and digests', async () => {
    const bytes = randomBytes(300_000);
    const image = await cloud.images.create(alice, { ...raw, name: 'disk' });
    expect(image).toMatchObject({ status: 'queued', visibility: 'shared', size: null, checksum: null });
    const active = await cloud.images.upload(alice, image.id, inPieces(bytes, 7777), { sizeHint: 300_000 });
    expect(active).toMatchObject({
      status: 'active',
      size: 300_000,
      virtualSize: 300_000,
      checksum: createHash('md5').update(bytes).digest('hex'),
      hashValue: createHash('sha512').update(bytes).digest('hex'),
    });
    const download = await cloud.images.download(alice, image.id);
    expect(await buffer(await download!.read())).toEqual(bytes);
    expect(await buffer(await download!.read({ start: 5, end: 15 }))).toEqual(bytes.subarray(5, 15));
    const [replica] = await cloud.images.replicasOf([image.id]);
    expect(replica).toMatchObject({ state: 'active', size: 300_000, installPath: `dir://default/${image.id}` });
  });

  it('is refused before a byte is read where that can be known', async () => {
    const touched = { read: false };
    const source = (async function* () {
      touched.read = true;
      yield Buffer.alloc(1);
    })();
    const { images } = cloud;
    const without = await images.create(alice, { name: 'no formats' });
    expect(await failure(images.upload(alice, without.id, source))).toMatchObject({ code: 'invalid' });
    const active = await uploaded();
    expect(await failure(images.upload(alice, active.id, source))).toMatchObject({ code: 'conflict' });
    expect(await failure(images.upload(bob, active.id, source))).toMatchObject({ code: 'not_found' });
    const open = await images.create(admin, { ...raw, visibility: 'public' });
    expect(await failure(images.upload(bob, open.id, source))).toMatchObject({ code: 'forbidden' });
    const large = images.upload(admin, open.id, source, { sizeHint: 2 ** 50 });
    expect(await failure(large)).toMatchObject({ code: 'too_large' });
    expect(touched.read).toBe(false);
  });

  it('leaves a queued image and no bytes when the content is not what it should be', async () => {
    const image = await cloud.images.create(alice, { diskFormat: 'qcow2', containerFormat: 'bare' });
    const upload = cloud.images.upload(alice, image.id, inPieces(randomBytes(100_000)));
    expect(await failure(upload)).toMatchObject({ code: 'unsupported_media' });
    expect(await cloud.images.get(alice, image.id)).toMatchObject({ status: 'queued', size: null });
    expect((await cloud.images.get(alice, image.id)).lastError).toMatch(/not qcow2/);
    expect(await cloud.images.replicasOf([image.id])).toEqual([]);
    expect(await cloud.files()).toEqual([]);
  });

  it('may be cut anywhere, in pieces of any size, and can be repeated', async () => {
    const plan = fc.record({
      length: fc.integer({ min: 0, max: 200_000 }),
      piece: fc.integer({ min: 1, max: 70_000 }),
      cutAt: fc.double({ min: 0, max: 1, noNaN: true }),
      knowsSize: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ length, piece, cutAt, knowsSize }) => {
        const bytes = randomBytes(length);
        const pieces = Math.max(piece, Math.ceil(length / 200));
        const { id } = await cloud.images.create(alice, raw);
        const options = knowsSize ? { sizeHint: length } : {};
        const part = bytes.subarray(0, Math.floor(length * cutAt));
        const cut = inPieces(part, pieces, new Error('ECONNRESET'));
        await failure(cloud.images.upload(alice, id, cut, options));
        expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'queued', size: null });
        expect(await cloud.files()).toEqual([]);
        const image = await cloud.images.upload(alice, id, inPieces(bytes, pieces), options);
        expect(image.checksum).toBe(createHash('md5').update(bytes).digest('hex'));
        await cloud.images.delete(alice, id);
        const { actionId } = await cloud.images.expunge(alice, id);
        await cloud.core.runner.wait(actionId, { timeoutMs: 60_000 });
        expect(await cloud.files()).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it('refuses another size than was promised, and more than is allowed', async () => {
    const { id } = await cloud.images.create(alice, raw);
    const short = cloud.images.upload(alice, id, inPieces(randomBytes(10)), { sizeHint: 20 });
    expect(await failure(short)).toMatchObject({ code: 'invalid' });
    cloud.core.settings.maxImageSize = 1000;
    const long = cloud.images.upload(alice, id, inPieces(randomBytes(1001), 100));
    expect(await failure(long)).toMatchObject({ code: 'too_large' });
    expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'queued' });
    expect(await cloud.files()).toEqual([]);
  });

  it('ends when its image is deleted', async () => {
    const { id } = await cloud.images.create(alice, raw);
    let deleted = () => {};
    const isDeleted = new Promise<void>((resolve) => {
      deleted = resolve;
    });
    const source = (async function* () {
      yield Buffer.alloc(1000);
      await cloud.images.delete(alice, id);
      deleted();
      yield Buffer.alloc(1000);
    })();
    const error = await failure(cloud.images.upload(alice, id, source));
    await isDeleted;
    expect(error).toMatchObject({ code: 'conflict', details: { reason: 'deleted_meanwhile' } });
    expect(await failure(cloud.images.get(alice, id))).toMatchObject({ code: 'not_found' });
    expect(await cloud.files()).toEqual([]);
  });

  it('is one at a time', async () => {
    const { id } = await cloud.images.create(alice, raw);
    const source = (async function* () {
      const second = cloud.images.upload(alice, id, inPieces(Buffer.alloc(10)));
      expect(await failure(second)).toMatchObject({ code: 'conflict' });
      yield Buffer.alloc(1000);
    })();
    expect(await cloud.images.upload(alice, id, source)).toMatchObject({ status: 'active', size: 1000 });
  });

  it('counts against the quota of its project', async () => {
    cloud.core.settings.defaultQuotas = { ...cloud.core.settings.defaultQuotas, images: 2, image_bytes: 1500 };
    await uploaded();
    const { id } = await cloud.images.create(alice, raw);
    expect(await failure(cloud.images.create(alice, raw))).toMatchObject({ code: 'quota_exceeded' });
    const upload = cloud.images.upload(alice, id, inPieces(randomBytes(1000)));
    expect(await failure(upload)).toMatchObject({ code: 'quota_exceeded' });
    expect(await cloud.images.get(alice, id)).toMatchObject({ status: 'queued' });
    expect(await cloud.images.upload(alice, id, inPieces(randomBytes(500)))).toMatchObject({ status: 'active' });
    expect(await cloud.images.usage(alice.projectId!)).toMatchObject({ images: 2, imageBytes: 1500 });
  });
});

describe('a limit that was set for all projects', () => {
  it('holds for those that have none of their own', async () => {
    const quotas = new Quotas(cloud.core);
    await quotas.setLimitsOfClass(operator(), 'default', { images: 1, image_bytes: 100 });
    const { id } = await cloud.images.create(alice, raw);
    expect(await failure(cloud.images.create(alice, raw))).toMatchObject({ code: 'quota_exceeded' });
    const upload = () => cloud.images.upload(alice, id, inPieces(randomBytes(1000)));
    expect(await failure(upload())).toMatchObject({ code: 'quota_exceeded' });
    await quotas.setLimits(operator(), alice.projectId!, { images: 2, image_bytes: 1000 });
    await upload();
    expect(await cloud.images.create(alice, raw)).toMatchObject({ status: 'queued' });
  });
});

describe('who sees an image', () => {
  it('is decided by its visibility and its project', async () => {
    const { images } = cloud;
    const mine = await images.create(alice, { ...raw, name: 'private', visibility: 'private' });
    const open = await images.create(admin, { ...raw, name: 'public', visibility: 'public' });
    const community = await images.create(alice, { ...raw, name: 'community', visibility: 'community' });
    const names = async (...args: Parameters<typeof images.list>) =>
      (await images.list(...args)).map(({ name }) => name);
    expect(await names(alice)).toEqual(['community', 'public', 'private']);
    expect(await names(bob)).toEqual(['public']);
    expect(await names(bob, { visibility: 'community' })).toEqual(['community']);
    expect(await names(bob, { visibility: 'all' })).toEqual(['community', 'public']);
    expect(await names(admin)).toEqual(['community', 'public', 'private']);
    expect(await failure(images.get(bob, mine.id))).toMatchObject({ code: 'not_found' });
    expect((await images.get(bob, community.id)).name).toBe('community');
    expect(await failure(images.update(bob, open.id, { name: 'x' }))).toMatchObject({ code: 'forbidden' });
    expect(await failure(images.update(bob, mine.id, { name: 'x' }))).toMatchObject({ code: 'not_found' });
    expect(await failure(images.update(alice, mine.id, { visibility: 'public' }))).toMatchObject({ code: 'forbidden' });
  });
});

describe('a list', () => {
  it('filters, sorts and pages in the database', async () => {
    const { images } = cloud;
    for (const [name, minDiskGb, tags] of [
      ['b', 1, ['x']],
      ['a', 2, ['x', 'y']],
      [null, 3, []],
      ['c', 1, []],
    ] as const) {
      const properties: Record<string, string> = name === 'a' ? { 'os.distro': "it's" } : {};
      await images.create(alice, { ...raw, name, minDiskGb, tags, properties });
    }
    const names = async (list: Parameters<typeof images.list>[1]) =>
      (await images.list(alice, list)).map((i) => i.name);
    expect(await names({ tags: ['x', 'y'] })).toEqual(['a']);
    expect(await names({ minDiskGb: 1 })).toEqual(['c', 'b']);
    expect(await names({ properties: { 'os.distro': "it's" } })).toEqual(['a']);
    expect(await names({ names: ['a', 'b'], sort: [{ key: 'name', descending: false }] })).toEqual(['a', 'b']);
    expect(await names({ ids: [] })).toEqual([]);
    expect(await images.count(alice, { minDiskGb: 1 })).toBe(2);
    const walked: Array<string | null> = [];
    let marker: string | undefined;
    for (;;) {
      const [next] = await images.list(alice, { sort: [{ key: 'name', descending: true }], limit: 1, marker });
      if (!next) break;
      walked.push(next.name);
      marker = next.id;
    }
    expect(walked).toEqual(['c', 'b', 'a', null]);
    expect(await failure(images.list(alice, { marker: 'f'.repeat(32) }))).toMatchObject({ code: 'invalid' });
    expect((await images.list(alice, { names: ['a'] }))[0]!.tags).toEqual(['x', 'y']);
  });
});

describe('changes', () => {
  it('keep the formats of an image that has bytes', async () => {
    const image = await uploaded();
    const change = cloud.images.update(alice, image.id, { diskFormat: 'qcow2' });
    expect(await failure(change)).toMatchObject({ code: 'forbidden', details: { reason: 'read_only' } });
    const renamed = await cloud.images.update(alice, image.id, ({ name, properties }) => ({
      name: `${name}2`,
      properties: { ...properties, a: 'b' },
      tags: ['t'],
    }));
    expect(renamed).toMatchObject({ name: 'i2', properties: { a: 'b' }, tags: ['t'] });
  });

  it.each([
    [{ mediaType: 'data' }, 'image_is_data'],
    [{ isSystem: true }, 'image_is_system'],
    [{ diskFormat: 'ploop' }, 'image_format'],
  ])('make an image one that no server boots from, which is said as Nova says it: %o', async (what, reason) => {
    const image = await uploaded(undefined, what);
    expect(await failure(cloud.images.forBoot(alice, image.id))).toMatchObject({
      message: expect.stringContaining(`Image ${withDashes(image.id)} is unacceptable: `),
      details: { reason },
    });
  });

  it('take an image out of use and back', async () => {
    const image = await uploaded();
    await cloud.images.deactivate(alice, image.id);
    expect(await failure(cloud.images.download(alice, image.id))).toMatchObject({ code: 'forbidden' });
    expect(await failure(cloud.images.forBoot(alice, image.id))).toMatchObject({
      message: `Image ${withDashes(image.id)} is not active.`,
      details: { reason: 'image_not_active' },
    });
    await cloud.images.reactivate(alice, image.id);
    expect((await cloud.images.forBoot(alice, image.id)).hardware).toMatchObject({
      bootMode: 'bios',
      diskBus: 'virtio',
    });
    const spec = await cloud.images.cachedImageSpec(image.id);
    expect(spec).toMatchObject({ format: 'raw', size: 1000, source: { kind: 'file' } });
    await cloud.images.inspectForUse(image.id);
  });
});
