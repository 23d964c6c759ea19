import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openUnkai } from '../../../assembly/open-unkai.ts';
import type { ImageFiles } from '../image-files.fixture.ts';
import { TestStorages } from '../storages.fixture.ts';
import { type TestZStack, uuidOf } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let storages: TestStorages;
let test: TestZStack;
let files: ImageFiles;
let folder: string;

beforeAll(async () => {
  storages = await TestStorages.start();
  ({ zstack: test, files, folder } = storages);
});
afterAll(() => storages[Symbol.asyncDispose]());

const asked = { hostname: '127.0.0.1', username: 'root', password: 'password' };
const add = (params: Body) => test.run('POST', '/backup-storage/image-store', { params: { ...asked, ...params } });

describe('a backup storage', () => {
  it('is added while the cloud runs, serves the zone that it is attached to, and goes', async () => {
    const url = join(folder, 'second');
    const reply = await add({ name: 'second', url, description: 'on the big disk' });
    expect(reply.json).toMatchObject({
      inventory: { name: 'second', state: 'Enabled', status: 'Connected', attachedZoneUuids: [] },
      success: true,
    });
    const uuid = uuidOf(reply);
    const zone = String(await test.run('POST', '/zones', { params: { name: 'west' } }).then(uuidOf));
    const place = `/zones/${zone}/backup-storage/${uuid}`;
    expect((await test.run('POST', place, { params: {} })).json).toMatchObject({
      inventory: { attachedZoneUuids: [zone] },
    });
    const image = { name: 'there', url: files.url('tiny.qcow2'), backupStorageUuids: [uuid] };
    const added = await test.run('POST', '/images', { params: image });
    expect((added.json['inventory'] as Body)['backupStorageRefs']).toContainEqual(
      expect.objectContaining({ backupStorageUuid: uuid, status: 'Ready' }),
    );
    await test.cloud.runner.idle();
    expect((await test.run('DELETE', `/backup-storage/${uuid}`)).json['error']).toMatchObject({
      code: 'SYS.1006',
      details: expect.stringContaining('still holds images'),
    });

    const images = `/images/${uuidOf(added)}`;
    await test.run('DELETE', images);
    await test.run('PUT', `${images}/actions`, { expungeImage: {} });
    await test.cloud.runner.idle();
    await test.run('DELETE', place);
    expect(await test.run('DELETE', `/backup-storage/${uuid}`)).toMatchObject({ status: 200, json: {} });
    expect(await test.query(`/backup-storage?q=uuid=${uuid}`)).toEqual([]);
    expect(await test.run('DELETE', `/backup-storage/${uuid}`)).toMatchObject({ status: 200, json: {} });
    // What was a store may be one again.
    expect(await add({ name: 'second', url })).toMatchObject({ status: 200 });
  });

  it('outlives a restart', async () => {
    const dataDir = await mkdtemp(join(folder, 'data-'));
    const log = pino({ level: 'silent' });
    const world = { dataDir, hypervisor: 'simulated', adminPassword: 'password', log } as const;
    const first = await openUnkai(world);
    const store = { name: 'kept', url: join(folder, 'kept') };
    const { id } = await first.cloud.imageStores.addConnected(store).finally(() => first.close());
    const second = await openUnkai(world);
    try {
      expect(second.cloud.imageStores.get(id)).toMatchObject({ ...store, status: 'connected' });
      expect((await second.cloud.imageStores.driver(id).capacity()).total).toBeGreaterThan(0);
    } finally {
      await second.close();
    }
  });

  it('is refused at a place that is something else, or can not be used; nothing stays of it', async () => {
    const strange = join(folder, 'strange');
    await mkdir(strange);
    await writeFile(join(strange, 'letters.txt'), 'dear …');
    const [first] = test.cloud.imageStores.list().filter(({ isDefault }) => isDefault);
    await symlink(join(folder, 'elsewhere'), join(folder, 'dangling'));
    await mkdir(join(folder, 'real'));
    await symlink(join(folder, 'real'), join(folder, 'link'));
    await symlink(first!.url, join(folder, 'to-the-first'));
    const data = dirname(first!.url);
    const wrong: Array<[Body, string, string]> = [
      [{ url: strange }, 'SYS.1007', 'is not empty'],
      [{ url: first!.url }, 'SYS.1007', 'is the place of the image store default'],
      [{ url: join(first!.url, 'below') }, 'SYS.1007', 'is the place of the image store default'],
      [{ url: join(folder, 'to-the-first') }, 'SYS.1007', 'is the place of the image store default'],
      [{ url: join(data, 'more') }, 'SYS.1007', "is the place of the cloud's own data"],
      [{ url: join(data, 'hosts') }, 'SYS.1007', "is the place of the cloud's own data"],
      [{ url: '/' }, 'SYS.1007', 'is the place of'],
      [{ url: join(folder, 'link') }, 'SYS.1007', 'leads through a symbolic link'],
      [{ url: join(folder, 'link', 'below') }, 'SYS.1007', 'leads through a symbolic link'],
      [{ url: join(folder, 'dangling') }, 'SYS.1007', 'leads through a symbolic link'],
      [{ url: join(strange, 'letters.txt') }, 'SYS.1007', 'is no folder'],
      // A file system on which nobody makes folders, root neither.
      [{ url: '/proc/self/more' }, 'SYS.1007', ''],
      [{ url: '/sys/images' }, 'SYS.1006', 'unable to connect'],
      [{ url: `${folder}/../x` }, 'SYS.1007', 'is no absolute path'],
      [{ url: 'relative' }, 'SYS.1007', 'must be an absolute path'],
      [{ url: join(strange, 'letters.txt', 'x') }, 'SYS.1007', 'is no folder'],
      [{ url: join(folder, 'new'), hostname: '192.0.2.1' }, 'SYS.1014', 'another machine[192.0.2.1]'],
      [{ url: join(folder, 'new'), importImages: true }, 'SYS.1014', 'importImages'],
      [{ url: join(folder, 'new'), name: 'a/b' }, 'SYS.1007', 'field[name]'],
      [{ url: join(folder, 'new'), name: 'default' }, 'SYS.1007', 'exists already'],
      [{ url: 's3://b?endpoint=http://127.0.0.1:9&timeout=1&credentials=/nowhere' }, 'SYS.1006', 'unable to connect'],
    ];
    const before = await test.query('/backup-storage');
    for (const [params, code, words] of wrong) {
      const { json } = await add({ name: 'x', ...params });
      expect(json['error'], JSON.stringify(params)).toMatchObject({ code, details: expect.stringContaining(words) });
    }
    const ceph = { name: 'pool', monUrls: ['root:x@192.0.2.1'], poolName: 'no such pool' };
    expect((await test.run('POST', '/backup-storage/ceph', { params: ceph })).json['error']).toMatchObject({
      code: 'SYS.1006',
    });
    expect(await readdir(folder)).not.toContain('new');
    expect(await readdir(join(folder, 'real'))).toEqual([]);
    const uuids = (all: Body[]) => all.map(({ uuid }) => uuid).toSorted();
    expect(uuids(await test.query('/backup-storage'))).toEqual(uuids(before));
  });

  it('is at one place once, however often it is asked for at a time', async () => {
    const url = join(folder, 'contested');
    const replies = await Promise.all(
      ['a', 'b', 'c'].map((name) => add({ name, url: join(url, name === 'c' ? name : '') })),
    );
    const added = replies.filter(({ json }) => json['success'] === true);
    expect(added).toHaveLength(1);
    for (const { json } of replies)
      if (json['success'] !== true) expect(json['error']).toMatchObject({ code: 'SYS.1007' });
  });

  it('is changed and reconnected by the image store’s own paths', async () => {
    const uuid = uuidOf(await add({ name: 'third', url: join(folder, 'third') }));
    const act = (body: Body) => test.run('PUT', `/backup-storage/image-store/${uuid}/actions`, body);
    expect((await act({ updateImageStoreBackupStorage: { description: 'd' } })).json).toMatchObject({
      inventory: { description: 'd' },
    });
    expect((await act({ updateImageStoreBackupStorage: { hostname: 'elsewhere' } })).json['error']).toMatchObject({
      code: 'SYS.1014',
    });
    await rm(join(folder, 'third'), { recursive: true });
    expect((await act({ reconnectImageStoreBackupStorage: {} })).json).toMatchObject({
      inventory: { status: 'Connected' },
    });
  });
});
