import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack, uuidOf } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;
const env = realEnv();
const gibibyte = 2 ** 30;

let zstack: TestZStack;
let files: ImageFiles;
let vm: Body;
beforeAll(async () => {
  zstack = await TestZStack.start();
  files = await ImageFiles.start();
  const [store] = await zstack.query('/backup-storage');
  const image = { name: 'TinyLinux', url: files.url('tiny.qcow2'), backupStorageUuids: [store!['uuid']] };
  const added = (await zstack.run('POST', '/images', { params: image })).json['inventory'] as Body;
  const [offering] = await zstack.query('/instance-offerings?q=name=m1.nano');
  const server = { name: 'web', imageUuid: added['uuid'], instanceOfferingUuid: offering!['uuid'] };
  vm = (await zstack.run('POST', '/vm-instances', { params: server })).json['inventory'] as Body;
});
afterAll(async () => {
  await files.stop();
  await zstack.stop();
});

async function create(more: Body = {}, path = '/volumes/data'): Promise<Body> {
  const params = { name: 'data', ...(path === '/volumes/data' ? { diskSize: gibibyte } : {}), ...more };
  const { status, json, text } = await zstack.run('POST', path, { params });
  if (status !== 200) throw new Error(text);
  return json['inventory'] as Body;
}

const failing = (code: string, details: string) => ({ status: 503, json: { error: { code, details } } });

describe('a data volume', () => {
  it('is made, attached, made larger, detached and deleted', async () => {
    const volume = await create({ description: 'words' });
    expect(volume).toMatchObject({ name: 'data', type: 'Data', size: gibibyte, status: 'Ready', isShareable: false });
    // Typed clients send 0 for numbers that nobody gave them, and an offering says more than a number.
    const offered = await zstack.run('POST', '/disk-offerings', { params: { name: 'two', diskSize: 2 * gibibyte } });
    for (const diskSize of [0, gibibyte]) {
      const diskOfferingUuid = uuidOf(offered);
      const named = { size: 2 * gibibyte, diskOfferingUuid };
      expect(await create({ diskSize, diskOfferingUuid })).toMatchObject(named);
    }
    expect(await zstack.query('/volumes?q=diskOffering.name=two')).toHaveLength(2);
    await zstack.run('DELETE', `/disk-offerings/${uuidOf(offered)}`);
    expect(await zstack.query(`/volumes?q=diskOfferingUuid=${uuidOf(offered)}`)).toEqual([]);
    const params = { name: 'data', diskSize: 0 };
    expect(await zstack.run('POST', '/volumes/data', { params })).toMatchObject(
      failing('SYS.1007', 'diskSize or diskOfferingUuid must be set'),
    );
    const path = `/volumes/${String(volume['uuid'])}`;
    const attach = `${path}/vm-instances/${String(vm['uuid'])}`;
    expect(await zstack.run('POST', attach, { params: {} })).toMatchObject({
      status: 200,
      json: { inventory: { vmInstanceUuid: vm['uuid'], deviceId: 1, status: 'Ready' } },
    });
    expect(await zstack.query(`/vm-instances/${String(vm['uuid'])}`)).toMatchObject([
      { allVolumes: [{ type: 'Root' }, { type: 'Data', uuid: volume['uuid'] }] },
    ]);
    expect(await zstack.run('POST', attach)).toMatchObject(
      failing(
        'SYS.1006',
        `data volume[uuid:${String(volume['uuid'])}] has been attached to some vm, can't attach again`,
      ),
    );
    expect((await zstack.run('DELETE', path)).json).toMatchObject({ error: { code: 'SYS.1006' } });
    const resize = `/volumes/data/resize/${String(volume['uuid'])}/actions`;
    expect(await zstack.run('PUT', resize, { resizeDataVolume: { size: 2 * gibibyte } })).toMatchObject({
      json: { inventory: { size: 2 * gibibyte } },
    });
    expect(await zstack.run('DELETE', `${path}/vm-instances?vmUuid=${String(vm['uuid'])}`)).toMatchObject({
      status: 200,
      json: { inventory: { lastVmInstanceUuid: vm['uuid'], status: 'Ready' } },
    });
    expect(await zstack.run('DELETE', `${path}/vm-instances`)).toMatchObject(
      failing('SYS.1006', `data volume[uuid:${String(volume['uuid'])}] is not attached to any vm, can't detach`),
    );
    expect(await zstack.run('PUT', `${path}/actions`, { updateVolume: { name: 'renamed' } })).toMatchObject({
      json: { inventory: { name: 'renamed', description: 'words' } },
    });
    expect(await zstack.run('DELETE', `${path}?deleteMode=Permissive`)).toMatchObject({ status: 200, json: {} });
    expect(await zstack.query(path)).toEqual([]);
    expect(await zstack.run('PUT', `${path}/actions`, { expungeDataVolume: {} })).toMatchObject({
      status: 200,
      json: {},
    });
    expect(await zstack.run('DELETE', path)).toMatchObject({ status: 200, json: {} });
  });

  it('is refused where it can not be', async () => {
    await expect(create({ diskSize: undefined })).rejects.toThrow('diskSize or diskOfferingUuid must be set');
    await expect(create({ diskSize: 1000 })).rejects.toThrow('field[diskSize] must be a multiple of 512');
    const root = String(vm['rootVolumeUuid']);
    expect(await zstack.run('DELETE', `/volumes/${root}`)).toMatchObject(
      failing('SYS.1007', `volume[uuid:${root}, type:Root] can't be deleted`),
    );
    const unknown = newId(env);
    expect(await zstack.run('POST', `/volumes/${unknown}/vm-instances/${String(vm['uuid'])}`)).toMatchObject(
      failing('SYS.1003', `invalid field[volumeUuid], resource[uuid:${unknown}, type:VolumeVO] not found`),
    );
  });

  it('can be made into an image', async () => {
    const volume = await create();
    const path = `/images/data-volume-templates/from/volumes/${String(volume['uuid'])}`;
    expect(await zstack.run('POST', path, { params: { name: 'of data' }, userTags: ['kept'] })).toMatchObject({
      status: 200,
      json: {
        inventory: {
          name: 'of data',
          mediaType: 'DataVolumeTemplate',
          status: 'Ready',
          url: `volume://${String(volume['uuid'])}`,
        },
      },
    });
    const candidates = `/images/candidate-backup-storage?volumeUuid=${String(volume['uuid'])}`;
    expect(await zstack.query(candidates)).toMatchObject([{ name: 'default', status: 'Connected' }]);
  });

  it('has snapshots, to copy it and to go back to', async () => {
    const volume = await create();
    const path = `/volumes/${String(volume['uuid'])}/volume-snapshots`;
    const first = (await zstack.run('POST', path, { params: { name: 'one' } })).json['inventory'] as Body;
    const stores = [{ name: 'default', status: 'Connected' }];
    const candidates = '/images/candidate-backup-storage';
    expect(await zstack.query(`${candidates}?volumeSnapshotUuid=${first['uuid']}`)).toMatchObject(stores);
    expect(await zstack.query(`/images/volume-snapshots/${first['uuid']}/candidate-backup-storage`)).toMatchObject(
      stores,
    );
    const both = `${candidates}?volumeSnapshotUuid=${first['uuid']}&volumeUuid=${volume['uuid']}`;
    expect((await zstack.call('GET', both)).json).toMatchObject({ error: { code: 'SYS.1007' } });
    expect(first).toMatchObject({
      name: 'one',
      volumeUuid: volume['uuid'],
      status: 'Ready',
      latest: true,
      size: gibibyte,
    });
    const second = (await zstack.run('POST', path, { params: { name: 'two' } })).json['inventory'] as Body;
    expect(await zstack.query(`/volume-snapshots?q=volumeUuid=${String(volume['uuid'])}&sort=name`)).toMatchObject([
      { name: 'one', latest: false },
      { name: 'two', latest: true },
    ]);
    expect(await zstack.query('/volume-snapshots?q=volume.name=data&fields=name')).toHaveLength(2);
    const act = (snapshot: Body, body: Body) =>
      zstack.run('PUT', `/volume-snapshots/${String(snapshot['uuid'])}/actions`, body);
    expect(await act(first, { revertVolumeFromSnapshot: {} })).toMatchObject({ status: 200, json: {} });
    expect(await act(second, { revertVolumeFromSnapshot: {} })).toMatchObject({ status: 200, json: {} });
    expect(await act(first, { updateVolumeSnapshot: { name: 'uno' } })).toMatchObject({
      json: { inventory: { name: 'uno' } },
    });
    const copy = await create({}, `/volumes/data/from/volume-snapshots/${String(first['uuid'])}`);
    expect(copy).toMatchObject({ size: gibibyte, status: 'Ready' });
    for (let round = 0; round < 2; round += 1) {
      const reply = await zstack.run('DELETE', `/volume-snapshots/${String(first['uuid'])}`);
      expect(reply).toMatchObject({ status: 200, json: {} });
    }
    expect(await zstack.run('DELETE', `/volumes/${String(volume['uuid'])}`)).toMatchObject({ status: 200 });
    expect(await zstack.query('/volume-snapshots')).toEqual([]);
  });
});
