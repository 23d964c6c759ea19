import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasSftpServer, PasswordServer } from '../../../../tests/support/sftp-server.ts';
import type { ImageFiles } from '../image-files.fixture.ts';
import { TestStorages } from '../storages.fixture.ts';
import { inventoryOf, type TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let storages: TestStorages;
let test: TestZStack;
let files: ImageFiles;
let folder: string;
let server: PasswordServer;
const password = 'open sesame';

beforeAll(async () => {
  storages = await TestStorages.start();
  ({ zstack: test, files, folder } = storages);
  server = await PasswordServer.start('images', password, 'password');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await storages[Symbol.asyncDispose]();
});

const add = (params: Body) =>
  test.run('POST', '/backup-storage/sftp', {
    params: { hostname: '127.0.0.1', username: 'images', password, sshPort: server.port, ...params },
  });
const act = (uuid: string, body: Body) => test.run('PUT', `/backup-storage/sftp/${uuid}/actions`, body);

describe('an SFTP backup storage', () => {
  it.each([
    [{ hostname: 'a b' }, 'SYS.1007', 'hostname[a b]'],
    [{ hostname: '-oProxyCommand=x' }, 'SYS.1007', 'hostname[-oProxyCommand=x]'],
    [{ url: 'srv/images' }, 'SYS.1007', 'no absolute path'],
    [{ url: '/srv/../images' }, 'SYS.1007', 'no absolute path'],
    [{ url: '/' }, 'SYS.1007', 'no absolute path'],
    [{ username: 'a\nb' }, 'SYS.1007', 'username'],
    [{ name: 'a/b' }, 'SYS.1007', 'field[name]'],
    [{ importImages: true }, 'SYS.1014', 'importImages'],
    [{ sshPort: 1 }, 'SYS.1006', 'unable to connect'],
    [{ sshPort: 0 }, 'SYS.1007', 'sshPort'],
  ])('is refused where it can not be one: %j', async (params, code, words) => {
    const { json } = await add({ name: 'x', url: '/srv/images', ...params });
    expect(json['error']).toMatchObject({ code, details: expect.stringContaining(words) });
    expect(await test.query('/backup-storage/sftp')).toEqual([]);
  });

  it.skipIf(!hasSftpServer)('is added, holds images, is logged in to otherwise, and goes', async () => {
    const url = join(folder, 'images');
    const reply = await add({ name: 'far', url, description: 'in the other building' });
    const uuid = String(inventoryOf(reply)['uuid']);
    expect(inventoryOf(reply)).toMatchObject({
      name: 'far',
      url,
      hostname: '127.0.0.1',
      username: 'images',
      sshPort: server.port,
      type: 'SftpBackupStorage',
      status: 'Connected',
      attachedZoneUuids: [],
    });
    expect(JSON.stringify(await test.query('/backup-storage/sftp'))).not.toContain(password);
    const wrong: Array<[Body, string, string]> = [
      [{ name: 'again', url }, 'SYS.1007', 'is the place of the image store far'],
      [{ name: 'below', url: join(url, 'below') }, 'SYS.1007', 'is the place of the image store far'],
      [{ name: 'else', url: join(folder, 'else'), password: 'open barley' }, 'SYS.1006', 'the login is refused'],
    ];
    for (const [params, code, words] of wrong) {
      const { json } = await add(params);
      expect(json['error'], JSON.stringify(params)).toMatchObject({ code, details: expect.stringContaining(words) });
      expect(JSON.stringify(json)).not.toContain('open barley');
    }

    const zone = String(inventoryOf(await test.run('POST', '/zones', { params: { name: 'west' } }))['uuid']);
    await test.run('POST', `/zones/${zone}/backup-storage/${uuid}`, { params: {} });
    expect(await test.query(`/backup-storage/sftp?q=hostname=127.0.0.1&q=zone.name=west`)).toMatchObject([
      { uuid, attachedZoneUuids: [zone] },
    ]);
    expect(await test.query(`/backup-storage?q=type=SftpBackupStorage`)).toMatchObject([{ uuid }]);
    const image = { name: 'there', url: files.url('tiny.qcow2'), backupStorageUuids: [uuid] };
    const added = inventoryOf(await test.run('POST', '/images', { params: image }));
    expect(added['backupStorageRefs']).toContainEqual(
      expect.objectContaining({ backupStorageUuid: uuid, status: 'Ready', installPath: `sftp://far/${added['uuid']}` }),
    );

    // What is changed is tried first.
    const update = (changes: Body) => act(uuid, { updateSftpBackupStorage: changes });
    expect((await update({ password: 'open barley' })).json['error']).toMatchObject({ code: 'SYS.1006' });
    await using other = await PasswordServer.start('stranger', 'password', 'keyboard-interactive');
    const changed = { username: 'stranger', password: 'password', sshPort: other.port };
    expect((await update(changed)).json['error']).toMatchObject({
      code: 'SYS.1006',
      details: expect.stringContaining('shows the host key SHA256:'),
    });
    expect(inventoryOf(await act(uuid, { reconnectSftpBackupStorage: {} }))).toMatchObject({ status: 'Connected' });
    const moved = inventoryOf(await update({ ...changed, hostname: 'localhost', name: 'further' }));
    expect(moved).toMatchObject({ name: 'further', hostname: 'localhost', sshPort: other.port, status: 'Connected' });

    const images = `/images/${added['uuid']}`;
    expect((await test.run('DELETE', `/backup-storage/${uuid}`)).json['error']).toMatchObject({ code: 'SYS.1006' });
    await test.run('DELETE', images);
    await test.run('PUT', `${images}/actions`, { expungeImage: {} });
    await test.cloud.runner.idle();
    expect(await test.run('DELETE', `/backup-storage/${uuid}`)).toMatchObject({ status: 200, json: {} });
    expect(await test.query('/backup-storage/sftp')).toEqual([]);
    expect(await test.cloud.db.read.selectFrom('image_store_logins').selectAll().execute()).toEqual([]);
    expect((await update({ name: 'y' })).json['error']).toMatchObject({ code: 'SYS.1003' });
  });
});
