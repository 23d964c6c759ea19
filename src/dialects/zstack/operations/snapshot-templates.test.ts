import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;
const gibibyte = 2 ** 30;

let zstack: TestZStack;
let files: ImageFiles;
let store: string;
let imageUuid: string;

beforeAll(async () => {
  zstack = await TestZStack.start();
  files = await ImageFiles.start();
  store = String((await zstack.query('/backup-storage'))[0]!['uuid']);
  const image = { name: 'TinyLinux', url: files.url('tiny.qcow2'), backupStorageUuids: [store] };
  imageUuid = String((await made('POST', '/images', { params: image }))['uuid']);
});
afterAll(async () => {
  await files?.stop();
  await zstack?.stop();
});

async function made(method: string, path: string, body?: unknown): Promise<Body> {
  const { status, json, text } = await zstack.run(method, path, body);
  if (status !== 200) throw new Error(text);
  return json['inventory'] as Body;
}

async function newServer(of = imageUuid): Promise<Body> {
  const [offering] = await zstack.query('/instance-offerings?q=name=m1.nano');
  const params = { name: 'builder', imageUuid: of, instanceOfferingUuid: offering!['uuid'], platform: 'Other' };
  return await made('POST', '/vm-instances', { params });
}

const failing = (code: string, details: string) => ({ status: 503, json: { error: { code, details } } });
const act = (path: string, name: string, body: Body = {}) => zstack.run('PUT', `${path}/actions`, { [name]: body });

describe('an image of a snapshot', () => {
  it('is made of a root volume the way image builders make one, and outlives the server', async () => {
    const vm = await newServer();
    const root = String(vm['rootVolumeUuid']);
    const server = `/vm-instances/${String(vm['uuid'])}`;
    expect(await act(server, 'stopVmInstance', { type: 'grace', stopHA: 'true' })).toMatchObject({ status: 200 });
    const snapshot = await made('POST', `/volumes/${root}/volume-snapshots`, { params: { name: 'built' } });
    expect(snapshot).toMatchObject({
      volumeType: 'Root',
      volumeUuid: root,
      status: 'Ready',
      treeUuid: snapshot['uuid'],
    });
    const path = `/images/root-volume-templates/from/volume-snapshots/${String(snapshot['uuid'])}`;
    const params = { name: 'golden', backupStorageUuids: [store], guestOsType: 'CentOS 8' };
    const image = await made('POST', path, { params, systemTags: ['bootMode::Legacy'] });
    expect(image).toMatchObject({
      name: 'golden',
      mediaType: 'RootVolumeTemplate',
      status: 'Ready',
      platform: 'Other',
      guestOsType: 'CentOS 8',
      url: `volumesnapshot://${String(snapshot['uuid'])}`,
    });
    expect(await zstack.run('DELETE', server)).toMatchObject({ status: 200 });
    expect(await zstack.query('/volume-snapshots')).toEqual([]);
    expect(await zstack.query(`/images/${String(image['uuid'])}`)).toMatchObject([{ status: 'Ready' }]);
    const again = { name: 'copy', imageUuid: image['uuid'], cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: gibibyte };
    expect(await made('POST', '/vm-instances', { params: again })).toMatchObject({ state: 'Running' });
  });

  it('has the drivers that the server has, whatever is said: the Go SDK, and Packer’s plugin with it, always says false', async () => {
    const params = { name: 'old', url: files.url('tiny.qcow2'), backupStorageUuids: [store], virtio: false };
    const withoutDrivers = String((await made('POST', '/images', { params }))['uuid']);
    for (const [of, virtio] of [
      [imageUuid, true],
      [withoutDrivers, false],
    ] as const) {
      const root = String((await newServer(of))['rootVolumeUuid']);
      const snapshot = await made('POST', `/volumes/${root}/volume-snapshots`, { params: { name: 'built' } });
      for (const from of [`volume-snapshots/${String(snapshot['uuid'])}`, `volumes/${root}`]) {
        const asked = { name: 'golden', backupStorageUuids: [store], virtio: !virtio };
        const image = await made('POST', `/images/root-volume-templates/from/${from}`, { params: asked });
        expect(image, from).toMatchObject({ virtio });
      }
    }
  });

  it('is made of a data volume, and volumes of it', async () => {
    const volume = await made('POST', '/volumes/data', { params: { name: 'data', diskSize: gibibyte } });
    const path = `/volumes/${String(volume['uuid'])}`;
    const snapshot = await made('POST', `${path}/volume-snapshots`, { params: { name: 'one' } });
    const from = `/images/data-volume-templates/from/volume-snapshots/${String(snapshot['uuid'])}`;
    const image = await made('POST', from, { params: { name: 'of data', backupStorageUuids: [store] } });
    expect(image).toMatchObject({ mediaType: 'DataVolumeTemplate', status: 'Ready' });
    const copies = `/volumes/data/from/data-volume-templates/${String(image['uuid'])}`;
    const storage = { primaryStorageUuid: volume['primaryStorageUuid'] };
    expect(await made('POST', copies, { params: { name: 'copy', ...storage } })).toMatchObject({
      type: 'Data',
      size: gibibyte,
      status: 'Ready',
      rootImageUuid: image['uuid'],
    });
    const ofRoot = `/volumes/data/from/data-volume-templates/${imageUuid}`;
    expect(await zstack.run('POST', ofRoot, { params: { name: 'copy', ...storage } })).toMatchObject(
      failing('SYS.1007', `image[uuid:${imageUuid}] is not DataVolumeTemplate, it's RootVolumeTemplate`),
    );
  });

  it('is refused where there is nothing to make it of', async () => {
    const unknown = newId(realEnv());
    const from = `/images/root-volume-templates/from/volume-snapshots/${unknown}`;
    expect(await zstack.run('POST', from, { params: { name: 'x', backupStorageUuids: [store] } })).toMatchObject(
      failing('SYS.1003', `invalid field[snapshotUuid], resource[uuid:${unknown}, type:VolumeSnapshotVO] not found`),
    );
    expect(await zstack.run('POST', from, { params: { name: 'x', backupStorageUuids: [] } })).toMatchObject({
      json: { error: { code: 'SYS.1007' } },
    });
  });
});

describe('snapshots', () => {
  it('are deleted together, each with its own outcome', async () => {
    const volume = await made('POST', '/volumes/data', { params: { name: 'data', diskSize: gibibyte } });
    const path = `/volumes/${String(volume['uuid'])}/volume-snapshots`;
    const uuids: unknown[] = [];
    for (const name of ['one', 'two']) uuids.push((await made('POST', path, { params: { name } }))['uuid']);
    const gone = newId(realEnv());
    const drop = (those: unknown[]) =>
      zstack.run('PUT', '/volume-snapshots/batch-delete', { batchDeleteVolumeSnapshot: { uuids: those } });
    expect(await drop([...uuids, gone])).toMatchObject(
      failing('SYS.1003', `invalid field[uuids], resource[uuids:[${gone}], type:VolumeSnapshotVO] not found`),
    );
    expect((await drop(uuids)).json['results']).toEqual(uuids.map((snapshotUuid) => ({ snapshotUuid, success: true })));
    expect(await zstack.query(`/volume-snapshots?q=volumeUuid=${String(volume['uuid'])}`)).toEqual([]);
  });
});

describe('a volume', () => {
  it('is attached nowhere while it is disabled, and measured when asked', async () => {
    const volume = await made('POST', '/volumes/data', { params: { name: 'data', diskSize: gibibyte } });
    const uuid = String(volume['uuid']);
    const path = `/volumes/${uuid}`;
    const vm = await newServer();
    expect(await act(path, 'changeVolumeState', { stateEvent: 'disable' })).toMatchObject({
      json: { inventory: { state: 'Disabled' } },
    });
    expect(await zstack.run('POST', `${path}/vm-instances/${String(vm['uuid'])}`)).toMatchObject(
      failing('SYS.1006', `data volume[uuid:${uuid}] is Disabled, can't attach`),
    );
    expect(await zstack.run('POST', `${path}/volume-snapshots`, { params: { name: 'x' } })).toMatchObject(
      failing('SYS.1006', `volume[uuid:${uuid}] is not in state Enabled, current is Disabled, can't create snapshot`),
    );
    await act(path, 'changeVolumeState', { stateEvent: 'enable' });
    expect(await zstack.run('POST', `${path}/vm-instances/${String(vm['uuid'])}`)).toMatchObject({ status: 200 });
    expect(await act(path, 'syncVolumeSize')).toMatchObject({
      json: { inventory: { uuid, actualSize: expect.any(Number) } },
    });
    expect(await act(path, 'recoverDataVolume')).toMatchObject(
      failing(
        'SYS.1006',
        `the volume[uuid:${uuid}] is not in status of deleted. This is operation is to recover a deleted data volume`,
      ),
    );
  });
});
