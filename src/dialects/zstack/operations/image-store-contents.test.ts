import { randomBytes } from 'node:crypto';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
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

const image = async (name: string, store: string) =>
  uuidOf(
    await test.run('POST', '/images', {
      params: { name, url: files.url('tiny.qcow2'), backupStorageUuids: [store] },
    }),
  );

it('tells what is in an image store, and gives back what nothing needs', async () => {
  const url = join(folder, 'second');
  const asked = { hostname: '127.0.0.1', username: 'root', password: 'password' };
  const add = { params: { ...asked, name: 'second', url } };
  const second = uuidOf(await test.run('POST', '/backup-storage/image-store', add));
  const [first] = await test.query('/backup-storage?q=name!=second');
  const [here, deleted] = [await image('here', second), await image('deleted', second)];
  const elsewhere = await image('elsewhere', String(first!['uuid']));
  await test.run('DELETE', `/images/${deleted}`);
  await test.cloud.runner.idle();
  const stranger = randomBytes(16).toString('hex');
  for (const id of [elsewhere, stranger]) {
    const path = join(url, 'images', id);
    await writeFile(path, 'left over');
    await utimes(path, 1_700_000_000, 1_700_000_000);
  }
  const contents = async () => {
    const body = { getImagesFromImageStoreBackupStorage: {} };
    const { json, text } = await test.run('PUT', `/backup-storage/${second}/image-store`, body);
    if (!json['infos']) throw new Error(text);
    return new Map((json['infos'] as Body[]).map((info) => [info['id'], info]));
  };
  const before = await contents();
  expect([...before.keys()].sort()).toEqual([here, deleted, elsewhere, stranger].sort());
  expect(before.get(here)).toMatchObject({ name: 'here', size: expect.any(Number), virtualsize: expect.any(Number) });
  expect(before.get(deleted)).toMatchObject({ name: 'deleted' });
  expect(before.get(stranger)).toEqual({ id: stranger, size: 9, created: 'Nov 14, 2023 10:13:20 PM' });
  const reclaim = (uuid: string) =>
    test.run('PUT', `/backup-storage/image-store/${uuid}/actions`, { reclaimSpaceFromImageStore: {} });
  expect((await reclaim(second)).json).toEqual({ gcResult: { freedSpaceInBytes: 9 }, success: true });
  expect((await reclaim(second)).json).toEqual({ gcResult: { freedSpaceInBytes: 0 }, success: true });
  expect([...(await contents()).keys()].sort()).toEqual([here, deleted, stranger].sort());
  expect((await reclaim('f'.repeat(32))).json['error']).toMatchObject({
    code: 'SYS.1003',
    details: expect.stringContaining('type:ImageStoreBackupStorageVO] not found'),
  });
});
