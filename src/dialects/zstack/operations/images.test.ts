import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;
const env = realEnv();

let zstack: TestZStack;
let files: ImageFiles;
let store: string;
beforeAll(async () => {
  zstack = await TestZStack.start();
  files = await ImageFiles.start();
  store = (await zstack.query('/backup-storage'))[0]!['uuid'] as string;
});
afterAll(async () => {
  await files.stop();
  await zstack.stop();
});

async function add(more: Body = {}, tags: Body = {}): Promise<Body> {
  const params = { name: 'TinyLinux', url: files.url('tiny.qcow2'), backupStorageUuids: [store], ...more };
  const { status, json, text } = await zstack.run('POST', '/images', { params, ...tags });
  if (status !== 200) throw new Error(text);
  return json['inventory'] as Body;
}

const act = (uuid: unknown, body: unknown) => zstack.run('PUT', `/images/${String(uuid)}/actions`, body);
const get = async (uuid: unknown) => (await zstack.query(`/images/${String(uuid)}`))[0];
const failing = (code: string, details: string, more: Body = {}) => ({
  status: 503,
  json: { error: { code, details, ...more } },
});

describe('AddImage', () => {
  it('downloads the file, and takes empty texts for none', async () => {
    const image = await add(
      { mediaType: '', architecture: '', format: '', description: '', guestOsType: 'Linux', virtio: [true] },
      { systemTags: ['bootMode::Legacy'], userTags: ['golden'] },
    );
    expect(image).toMatchObject({
      name: 'TinyLinux',
      description: '',
      url: files.url('tiny.qcow2'),
      state: 'Enabled',
      status: 'Ready',
      mediaType: 'RootVolumeTemplate',
      format: 'qcow2',
      platform: 'Linux',
      guestOsType: 'Linux',
      architecture: 'x86_64',
      type: 'zstack',
      size: 64 * 2 ** 20,
      md5Sum: expect.stringMatching(/^[0-9a-f]{32}$/),
      system: false,
      virtio: true,
      backupStorageRefs: [{ imageUuid: image['uuid'], backupStorageUuid: store, status: 'Ready' }],
      systemTags: ['bootMode::Legacy'],
    });
    expect(await zstack.query('/images?q=__userTag__=golden&fields=uuid')).toEqual([{ uuid: image['uuid'] }]);
    expect(await zstack.query('/images?q=backupStorageRef.status=Ready&q=backupStorage.name=default')).toContainEqual(
      expect.objectContaining({ uuid: image['uuid'] }),
    );
  });

  it('takes the uuid that the client chose, once', async () => {
    const resourceUuid = newId(env);
    expect(await add({ resourceUuid })).toMatchObject({ uuid: resourceUuid });
    await expect(add({ resourceUuid })).rejects.toThrow('SYS.1007');
    await expect(add({ resourceUuid: 'mine' })).rejects.toThrow('resourceUuid[mine] is not a valid uuid');
  });

  it.each([
    [{ url: 'gopher://x/y' }, 'SYS.1007', /^url must starts with/],
    [{ format: 'cow' }, 'SYS.1007', /^unknown format\[cow\]$/],
    [{ type: 'other' }, 'SYS.1007', /^unsupported image type\[other\]$/],
    [{ system: true, mediaType: 'ISO' }, 'SYS.1007', /^ISO cannot be used as system image$/],
    [{ mediaType: 'Floppy' }, 'SYS.1007', /are \[RootVolumeTemplate, ISO, DataVolumeTemplate\], but Floppy found$/],
    [{ backupStorageUuids: [] }, 'SYS.1007', /^field\[backupStorageUuids\] must be a nonempty list$/],
    [{ backupStorageUuids: ['x'] }, 'SYS.1003', /resource\[uuids:\[x\], type:BackupStorageVO\] not found$/],
    [
      { systemTags: ['bootMode::UEFI', 'bootMode::Legacy'] },
      'SYS.1007',
      /^only one bootMode system tag is allowed, but 2 got$/,
    ],
    [{ systemTags: ['made up'] }, 'SYS.1007', /^no system tag matches\[made up\]$/],
  ])('refuses %j', async (more, code, details) => {
    const params = { name: 'x', url: files.url('tiny.qcow2'), backupStorageUuids: [store], ...more };
    const { status, json } = await zstack.run('POST', '/images', { params });
    expect(status).toBe(503);
    expect(json['error']).toMatchObject({ code, details: expect.stringMatching(details) });
  });

  it('leaves nothing of an image that is not what it was said to be', async () => {
    const resourceUuid = newId(env);
    const params = {
      name: 'fake',
      url: files.url('tiny.qcow2'),
      format: 'vmdk',
      resourceUuid,
      backupStorageUuids: [store],
    };
    expect(await zstack.run('POST', '/images', { params })).toMatchObject(
      failing('SYS.1002', `Failed to download image[name:fake] on all backup storage[${store}].`, {
        cause: { code: 'BS.1000' },
      }),
    );
    expect(await get(resourceUuid)).toBeUndefined();
  });
});

describe('RecoverImage', () => {
  const published = (stores: string[]) => ({
    params: { backupStorageUuids: stores },
    systemTags: ['a'],
    userTags: ['b'],
  });

  it('brings an image back, asked as its published page shows it', async () => {
    const { uuid } = await add();
    expect(await zstack.run('DELETE', `/images/${String(uuid)}?deleteMode=`)).toMatchObject({ status: 200, json: {} });
    expect(await get(uuid)).toMatchObject({ status: 'Deleted', backupStorageRefs: [{ status: 'Deleted' }] });
    const { status, json } = await act(uuid, published([store]));
    expect({ status, json }).toMatchObject({
      status: 200,
      json: { inventory: { uuid, status: 'Ready', backupStorageRefs: [{ status: 'Ready' }] }, success: true },
    });
  });

  it.each([[{ recoverImage: {} }], [{ recoverImage: null }], [{ params: {} }]])('takes the body %j', async (body) => {
    const { uuid } = await add();
    await zstack.run('DELETE', `/images/${String(uuid)}`);
    expect(await act(uuid, body)).toMatchObject({ status: 200, json: { inventory: { status: 'Ready' } } });
  });

  it('leaves a disabled image disabled', async () => {
    const { uuid } = await add();
    await act(uuid, { changeImageState: { stateEvent: 'disable' } });
    await zstack.run('DELETE', `/images/${String(uuid)}`);
    expect(await get(uuid)).toMatchObject({ state: 'Disabled', status: 'Deleted' });
    expect(await act(uuid, { recoverImage: {} })).toMatchObject({
      json: { inventory: { state: 'Disabled', status: 'Ready' } },
    });
  });

  it('says why it can not', async () => {
    const { uuid } = await add({ name: 'here' });
    const named = `[uuid:${String(uuid)}, name:here]`;
    expect(await act(uuid, { recoverImage: {} })).toMatchObject(
      failing('SYS.1006', `the image${named} is not deleted on any backup storage`, {
        globalErrorCode: 'ORG_ZSTACK_IMAGE_10041',
      }),
    );
    const other = newId(env);
    expect(await act(uuid, published([other]))).toMatchObject(
      failing('SYS.1007', `the image${named} is not on the backup storage[uuid:${other}]`, {
        globalErrorCode: 'ORG_ZSTACK_IMAGE_10042',
      }),
    );
    expect(await act(uuid, published([store]))).toMatchObject(
      failing('SYS.1007', `the image${named}'s status[Ready] is not Deleted on the backup storage[uuid:${store}]`, {
        globalErrorCode: 'ORG_ZSTACK_IMAGE_10043',
      }),
    );
    expect(await act(other, { recoverImage: {} })).toMatchObject(
      failing('SYS.1003', `invalid field[imageUuid], resource[uuid:${other}, type:ImageVO] not found`),
    );
  });

  it('is never guessed from what might mean another action', async () => {
    const { uuid } = await add();
    for (const body of [{ params: { name: 'x' } }, { params: {}, extra: {} }, {}]) {
      expect(await act(uuid, body)).toMatchObject({
        status: 400,
        text: `the body doesn't contain action mapping to the URL[/v1/images/${String(uuid)}/actions]`,
      });
    }
  });
});

describe('an image', () => {
  it('is expunged for good, only after it was deleted', async () => {
    const { uuid } = await add({ name: 'gone' });
    expect(await act(uuid, { expungeImage: {} })).toMatchObject(
      failing('SYS.1006', `the image[uuid:${String(uuid)}, name:gone] is not deleted on any backup storage`, {
        globalErrorCode: 'ORG_ZSTACK_IMAGE_10044',
      }),
    );
    await zstack.run('DELETE', `/images/${String(uuid)}`);
    expect(await act(uuid, { expungeImage: {} })).toMatchObject({ status: 200, json: {} });
    expect(await get(uuid)).toBeUndefined();
    expect(await act(uuid, { recoverImage: {} })).toMatchObject({ status: 503, json: { error: { code: 'SYS.1003' } } });
  });

  it('is deleted as often as one likes, by a uuid', async () => {
    expect(await zstack.run('DELETE', `/images/${newId(env)}`)).toMatchObject({ status: 200, json: {} });
    expect(await zstack.run('DELETE', '/images/nonsense')).toMatchObject(
      failing('SYS.1003', 'invalid value[nonsense] of field [uuid]'),
    );
  });

  it('is changed and switched', async () => {
    const { uuid } = await add();
    const changes = {
      name: 'new',
      description: 'words',
      platform: 'Windows',
      guestOsType: 'Windows 11',
      virtio: 'false',
    };
    expect(await act(uuid, { updateImage: changes })).toMatchObject({
      status: 200,
      json: { inventory: { ...changes, virtio: false }, success: true },
    });
    expect(await act(uuid, { changeImageState: { stateEvent: 'disable' } })).toMatchObject({
      json: { inventory: { state: 'Disabled', status: 'Ready' } },
    });
    expect(await act(uuid, { changeImageState: { stateEvent: 'enable' } })).toMatchObject({
      json: { inventory: { state: 'Enabled' } },
    });
    expect(await act(uuid, { syncImageSize: {} })).toMatchObject({ json: { inventory: { size: 64 * 2 ** 20 } } });
    expect(await act(uuid, { setImageBootMode: { bootMode: 'UEFI' } })).toMatchObject({
      json: { inventory: { systemTags: ['bootMode::UEFI'] } },
    });
    expect(await act(uuid, { setImageBootMode: { bootMode: 'Legacy' } })).toMatchObject({
      json: { inventory: { systemTags: ['bootMode::Legacy'] } },
    });
  });

  it('belongs to its account', async () => {
    const alice = { authorization: `OAuth ${await zstack.newAccount('alice')}` };
    const { uuid } = await add({ name: 'admin’s own' });
    expect(await zstack.query(`/images?q=uuid=${String(uuid)}`, alice)).toEqual([]);
    for (const body of [{ recoverImage: {} }, { updateImage: { name: 'mine' } }]) {
      const reply = await zstack.run('PUT', `/images/${String(uuid)}/actions`, body, alice);
      expect(reply).toMatchObject({ status: 503, json: { error: { code: 'SYS.1003' } } });
    }
    await zstack.run('DELETE', `/images/${String(uuid)}`, undefined, alice);
    expect(await get(uuid)).toMatchObject({ status: 'Ready' });
    const forbidden = await zstack.run('POST', '/instance-offerings', { params: {} }, alice);
    expect(forbidden).toMatchObject({ status: 503, json: { error: { code: 'ID.1002' } } });
    expect(await zstack.query('/hosts', alice)).toEqual([]);
    expect(await zstack.query('/accounts', alice)).toMatchObject([{ name: 'alice', type: 'Normal' }]);
  });
});
