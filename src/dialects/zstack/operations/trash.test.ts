import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditCloud, isSound } from '../../../cloud/audit/audit.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let alice: SettledAccount;
let first: string;
let second: string;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
  first = String((await zstack.query('/backup-storage'))[0]!['uuid']);
  const store = { name: 'second', url: join(zstack.folder, 'second') };
  second = (await zstack.cloud.imageStores.add(store)).id;
});
afterAll(() => zstack.stop());

const trashOn = async (kind: string, uuid: string, more = '') => {
  const { json, text } = await zstack.call('GET', `/${kind}/trash?uuid=${uuid}${more}`);
  const found = json['inventories'] as Body[] | undefined;
  if (!found) throw new Error(text);
  return found;
};
const clean = (kind: 'backup-storage' | 'primary-storage', uuid: string, fields: Body = {}) => {
  const name = kind === 'backup-storage' ? 'cleanUpTrashOnBackupStorage' : 'cleanUpTrashOnPrimaryStorage';
  return zstack.run('PUT', `/${kind}/${uuid}/trash/actions`, { [name]: fields });
};
const migrate = (srcBackupStorageUuid: string, dstBackupStorageUuid: string) =>
  zstack.run('PUT', `/backup-storage/images/${alice.own['image']}/actions`, {
    backupStorageMigrateImage: { srcBackupStorageUuid, dstBackupStorageUuid },
  });
const copiesOf = async (uuid: string) =>
  ((await zstack.query(`/images/${uuid}`))[0]!['backupStorageRefs'] as Body[]).map((ref) => [
    ref['backupStorageUuid'],
    ref['status'],
  ]);

it('is what a moved image leaves in the store where it was, until that is cleaned up', async () => {
  const image = alice.own['image']!;
  expect(await trashOn('backup-storage', first)).toEqual([]);
  const moved = await migrate(first, second);
  expect(moved, moved.text).toMatchObject({ status: 200, json: { inventory: { uuid: image, status: 'Ready' } } });
  expect(await copiesOf(image)).toEqual(
    expect.arrayContaining([
      [first, 'Deleted'],
      [second, 'Ready'],
    ]),
  );
  const [left, ...more] = await trashOn('backup-storage', first);
  expect(more).toEqual([]);
  expect(left).toMatchObject({ resourceUuid: image, trashType: 'MigrateImage', resourceType: 'ImageVO' });
  expect(await trashOn('backup-storage', first, '&resourceType=VolumeVO')).toEqual([]);
  expect(await clean('backup-storage', first, { trashId: 5 })).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
  const cleaned = await clean('backup-storage', first, { trashId: left!['trashId'] });
  expect(cleaned, cleaned.text).toMatchObject({
    json: { result: { resourceUuids: [image] }, results: [{ resourceUuid: image, success: true }] },
  });
  expect(await trashOn('backup-storage', first)).toEqual([]);
  expect(await copiesOf(image)).toEqual([[second, 'Ready']]);
  // It can be used from where it is now, and come back.
  expect(await migrate(first, second)).toMatchObject({ json: { error: { code: 'SYS.1006' } } });
  expect(await migrate(second, first)).toMatchObject({ status: 200 });
  expect(await migrate(first, first)).toMatchObject({ json: { error: { code: 'SYS.1006' } } });
  expect(isSound(await auditCloud(zstack.cloud))).toBe(true);
});

it('is not a deleted image, which can be recovered', async () => {
  await zstack.run('DELETE', `/images/${alice.own['iso']}`, undefined, alice.headers);
  expect(await trashOn('backup-storage', first)).toEqual([]);
});

it('is a disk that nothing needs any more and that its host still has', async () => {
  const { hostId, diskId } = await zstack.cloud.volumes.get(operator(), alice.own['volume']!);
  const left = { diskId: 'd'.repeat(32), size: 2 ** 20, base: { kind: 'blank' } } as const;
  await zstack.cloud.hosts.agent(hostId!).ensureDisk(left);
  await zstack.cloud.db.write(async (tx) => {
    const disk = { id: left.diskId, volumeId: alice.own['volume']!, imageId: null, size: left.size, storageId: null };
    await zstack.cloud.volumes.announceDisk(tx, hostId!, disk);
    await zstack.cloud.volumes.releaseDisk(tx, left.diskId);
  });
  expect(await trashOn('primary-storage', hostId!)).toMatchObject([
    { installPath: left.diskId, resourceUuid: alice.own['volume'], trashType: 'RevertVolume', size: 2 ** 20 },
  ]);
  expect(await trashOn('primary-storage', hostId!, '&trashType=VolumeSnapshot')).toEqual([]);
  expect(await clean('primary-storage', hostId!)).toMatchObject({ json: { results: [{ success: true }] } });
  expect(await trashOn('primary-storage', hostId!)).toEqual([]);
  const { disks } = await zstack.cloud.hosts.agent(hostId!).inventory();
  expect(disks).toContain(diskId);
  expect(disks).not.toContain(left.diskId);
  expect(isSound(await auditCloud(zstack.cloud))).toBe(true);
});

it('is the administrator’s business', async () => {
  const asked = await zstack.call('GET', `/backup-storage/trash?uuid=${first}`, undefined, alice.headers);
  expect(asked.json).toMatchObject({ error: { code: 'ID.1002' } });
  expect((await zstack.call('GET', `/primary-storage/trash?uuid=${'a'.repeat(32)}`)).json).toMatchObject({
    error: { code: 'SYS.1003' },
  });
});
