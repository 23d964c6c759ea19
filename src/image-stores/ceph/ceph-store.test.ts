import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CephCluster, hasCeph } from '../../../tests/support/ceph-cluster.ts';
import { describeUploads } from '../../../tests/support/store-uploads.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { describeStore } from '../store-contract.ts';
import { openCephStore } from './ceph-store.ts';
import { cephPlace } from './ceph-url.ts';

const env = realEnv();

describe.skipIf(!hasCeph)('over a real Ceph', () => {
  let cluster: CephCluster;
  let folder: string;
  beforeAll(async () => {
    cluster = await CephCluster.start();
    folder = mkdtempSync(join(tmpdir(), 'unkai-ceph-local-'));
  }, 240_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const open = () => openCephStore({ name: 'zs', place: cephPlace(cluster.url()), localDirectory: folder });
  const oneChunk = (bytes: Buffer) => Readable.from([bytes]);

  describeStore('ceph', open);

  it('names images as ZStack does, and keeps their snapshots from being removed', async () => {
    const store = await open();
    const imageId = newId(env);
    await store.put(imageId, oneChunk(randomBytes(5000)));
    expect(store.installPath(imageId)).toBe(`ceph://images/${imageId}`);
    const snapshots = JSON.parse(await cluster.rbd('snap', 'ls', '--format=json', `images/${imageId}`));
    expect(snapshots).toMatchObject([{ name: 'image', protected: 'true', size: 5000 }]);
    await store.delete(imageId);
    await store.close();
  });

  it('refuses to delete an image that has clones, and deletes it when they are gone', async () => {
    const store = await open();
    const imageId = newId(env);
    const bytes = randomBytes(9_000_000);
    await store.put(imageId, oneChunk(bytes));
    await cluster.rbd('clone', `images/${imageId}@image`, 'images/clone');
    await expect(store.delete(imageId)).rejects.toMatchObject({ code: 'busy' });
    expect((await buffer(await store.read(imageId))).equals(bytes)).toBe(true);
    await cluster.rbd('flatten', 'images/clone');
    await store.delete(imageId);
    expect(await store.stat(imageId)).toBeUndefined();
    await cluster.rbd('rm', 'images/clone');
    await store.close();
  });

  it('gives an image whose bytes were replaced another version', async () => {
    const store = await open();
    const imageId = newId(env);
    expect(await store.version!(imageId)).toBeUndefined();
    await store.put(imageId, oneChunk(randomBytes(10)));
    const before = await store.version!(imageId);
    await store.put(imageId, oneChunk(randomBytes(10)));
    expect(await store.version!(imageId)).not.toBe(before);
    await store.delete(imageId);
    await store.close();
  });

  it('ends what dead processes have begun when it is opened, and leaves the images of others alone', async () => {
    const [lost, kept] = [newId(env), newId(env)];
    await cluster.rbd('create', '--size=1M', `images/${lost}.upload-0badcafe`);
    await cluster.rbd('create', '--size=1M', `images/${kept}.old-0badcafe`);
    await cluster.rbd('create', '--size=1M', 'images/volume-of-another');
    const store = await open();
    const { images, others } = await store.list();
    expect(others).toEqual([]);
    expect(images).toMatchObject([{ imageId: kept, size: 1024 * 1024 }]);
    expect(await cluster.rbd('ls', 'images')).toContain('volume-of-another');
    await expect(store.removeStray('volume-of-another')).rejects.toMatchObject({ code: 'bad_name' });
    await store.delete(kept);
    await cluster.rbd('rm', 'images/volume-of-another');
    await store.close();
  });

  it('takes no more than the pool may hold', async () => {
    await cluster.ceph('osd', 'pool', 'set-quota', 'images', 'max_bytes', `${64 * 1024 * 1024}`);
    const store = await open();
    const imageId = newId(env);
    const refused = store.put(imageId, oneChunk(randomBytes(10)), { expectedSize: 65 * 1024 * 1024 });
    await expect(refused).rejects.toMatchObject({ code: 'no_space' });
    expect(await store.stat(imageId)).toBeUndefined();
    await cluster.ceph('osd', 'pool', 'set-quota', 'images', 'max_bytes', '0');
    await store.close();
  });

  it('says so when there is no such pool', async () => {
    const place = cephPlace(cluster.url().replace('//images', '//nowhere'));
    const opened = openCephStore({ name: 'zs', place, localDirectory: folder });
    await expect(opened).rejects.toMatchObject({ code: 'not_found' });
  });

  describeUploads('ceph', () => cluster.url());
});

describe('the place of a Ceph store', () => {
  it('has defaults as Ceph has them', () => {
    expect(cephPlace('ceph://zs-images')).toEqual({
      pool: 'zs-images',
      conf: '/etc/ceph/ceph.conf',
      user: 'admin',
      timeout: 30,
    });
    expect(cephPlace('ceph://p?clones=vms')).toMatchObject({ pool: 'p', clones: 'vms' });
    expect(cephPlace('ceph://p?user=unkai&conf=/a/b&timeout=5')).toEqual({
      pool: 'p',
      conf: '/a/b',
      user: 'unkai',
      timeout: 5,
    });
  });

  it.each([
    'ceph://',
    's3://pool',
    'ceph://-x/..',
    'ceph://p?conf=relative',
    'ceph://p?timeout=0',
    'ceph://p?clones=p',
    'ceph://p?clones=',
    'ceph://p?user=--x y',
  ])('is none: %s', (text) => expect(() => cephPlace(text)).toThrow('is no place of a Ceph store'));
});
