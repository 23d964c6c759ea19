import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let files: ImageFiles;
let store: string;
let image: string;
beforeAll(async () => {
  zstack = await TestZStack.start();
  files = await ImageFiles.start();
  store = (await zstack.query('/backup-storage'))[0]!['uuid'] as string;
  const params = { name: 'TinyLinux', url: files.url('tiny.qcow2'), backupStorageUuids: [store] };
  image = ((await zstack.run('POST', '/images', { params })).json['inventory'] as Body)['uuid'] as string;
});
afterAll(async () => {
  await files.stop();
  await zstack.stop();
});

const exporting = (body: Body, headers?: Record<string, string>, uuid = store) =>
  zstack.run('PUT', `/backup-storage/${uuid}/actions`, { exportImageFromBackupStorage: body }, headers);
const ref = async () => ((await zstack.query(`/images/${image}`))[0]!['backupStorageRefs'] as Body[])[0]!;

describe('ExportImageFromBackupStorage', () => {
  it('gives a link that leads to the bytes, and shows it with the copy until it is deleted', async () => {
    const { json } = await exporting({ imageUuid: image });
    const [found] = await zstack.query(`/images/${image}`);
    expect(json).toEqual({ imageUrl: expect.any(String), exportMd5Sum: found!['md5Sum'], success: true });
    expect(await ref()).toMatchObject({ exportUrl: json['imageUrl'], exportMd5Sum: json['exportMd5Sum'] });
    const url = new URL(String(json['imageUrl']));
    expect(url.pathname).toMatch(/^\/unkai\/v1\/image-exports\/[0-9a-f]{32}\/TinyLinux\.qcow2$/);
    const link = {
      exportId: url.pathname.split('/')[4]!,
      expires: Number(url.searchParams.get('expires')),
      signature: url.searchParams.get('signature')!,
    };
    const file = await zstack.cloud.images.exports.open(link);
    const bytes = Buffer.concat(await (await file.read()).toArray());
    expect(bytes.subarray(0, 4).toString('latin1')).toBe('QFI\xfb');
    const path = `/backup-storage/${store}/exported-images/${image}`;
    expect((await zstack.run('DELETE', path)).json).toEqual({});
    expect(await ref()).not.toHaveProperty('exportUrl');
    await expect(zstack.cloud.images.exports.open(link)).rejects.toMatchObject({ code: 'not_found' });
    expect((await zstack.run('DELETE', path)).json).toEqual({});
  });

  it('refuses what is not there', async () => {
    const nothing = newId(realEnv());
    const details = (field: string, type: string) =>
      `invalid field[${field}], resource[uuid:${nothing}, type:${type}] not found`;
    expect((await exporting({ imageUuid: nothing })).json['error']).toMatchObject({
      code: 'SYS.1003',
      details: details('imageUuid', 'ImageVO'),
    });
    expect((await exporting({ imageUuid: image }, undefined, nothing)).json['error']).toMatchObject({
      code: 'SYS.1003',
      details: details('backupStorageUuid', 'BackupStorageVO'),
    });
    expect((await exporting({ imageUuid: image, exportFormat: 'vmdk' })).status).not.toBe(200);
    const headers = { authorization: `OAuth ${await zstack.newAccount('eve')}` };
    expect((await exporting({ imageUuid: image }, headers)).json['error']).toMatchObject({ code: 'SYS.1003' });
  });
});
