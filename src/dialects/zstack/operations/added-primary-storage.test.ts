import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageFiles } from '../image-files.fixture.ts';
import { TestStorages } from '../storages.fixture.ts';
import { failing, inventoryOf, type TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let storages: TestStorages;
let test: TestZStack;
let files: ImageFiles;
let root: string;
let zone: string;
let cluster: string;
let host: string;

beforeAll(async () => {
  storages = await TestStorages.start();
  ({ zstack: test, files, folder: root } = storages);
  [{ uuid: host, zoneUuid: zone, clusterUuid: cluster }] = (await test.query('/hosts')) as [
    { uuid: string; zoneUuid: string; clusterUuid: string },
  ];
});
afterAll(() => storages[Symbol.asyncDispose]());

const gibibyte = 2 ** 30;
const add = (name: string, more: Body = {}) =>
  test.run('POST', '/primary-storage/local-storage', {
    params: { name, url: join(root, name), zoneUuid: zone, ...more },
  });
const place = (uuid: string, to = cluster) => `/clusters/${to}/primary-storage/${uuid}`;
const attach = (uuid: string, to?: string) => test.run('POST', place(uuid, to), { params: {} });
const detach = (uuid: string) => test.run('DELETE', place(uuid));
const actions = (uuid: string, body: Body) => test.run('PUT', `/primary-storage/${uuid}/actions`, body);
const volumeIn = (primaryStorageUuid: string | undefined, more: Body = {}) =>
  test.run('POST', '/volumes/data', { params: { name: 'data', diskSize: gibibyte, primaryStorageUuid, ...more } });
const attached = async (name: string): Promise<string> => {
  const uuid = String(inventoryOf(await add(name))['uuid']);
  expect(await attach(uuid)).toMatchObject({ status: 200 });
  return uuid;
};

describe('a primary storage', () => {
  it('is added, attached, used, detached and deleted', async () => {
    const made = await add('big', { description: 'the second disk', type: 'LocalStorage' });
    const uuid = String(inventoryOf(made)['uuid']);
    expect(made.json).toMatchObject({
      inventory: {
        ...{ name: 'big', description: 'the second disk', zoneUuid: zone, type: 'LocalStorage', state: 'Enabled' },
        ...{ status: 'Connecting', url: join(root, 'big'), totalCapacity: 0, attachedClusterUuids: [] },
      },
      success: true,
    });
    expect(inventoryOf(await attach(uuid))).toMatchObject({ status: 'Connected', attachedClusterUuids: [cluster] });
    expect(await attach(uuid)).toMatchObject(failing('SYS.1006', 'has been attached'));

    const volume = inventoryOf(await volumeIn(uuid));
    expect(volume).toMatchObject({
      primaryStorageUuid: uuid,
      installPath: expect.stringContaining(join(root, 'big', host)),
    });
    const own = inventoryOf(await volumeIn(host));
    expect(own).toMatchObject({ primaryStorageUuid: host });
    expect(await test.query(`/volumes?q=primaryStorageUuid=${uuid}`)).toMatchObject([{ uuid: volume['uuid'] }]);
    expect(await test.query('/volumes?q=primaryStorage.name=big')).toMatchObject([{ uuid: volume['uuid'] }]);
    expect(await test.query(`/clusters?q=primaryStorage.uuid=${uuid}`)).toMatchObject([{ uuid: cluster }]);
    expect(await test.query('/primary-storage?q=cluster.name=default&q=name=big')).toMatchObject([{ uuid }]);
    const [storage] = await test.query(`/primary-storage/${uuid}`);
    const { totalCapacity, availableCapacity, totalPhysicalCapacity } = storage as Record<string, number>;
    expect(totalCapacity! - availableCapacity!).toBe(gibibyte);
    expect(totalCapacity).toBe(totalPhysicalCapacity! * 4);
    const ofHosts = await test.call('GET', `/primary-storage/local-storage/${uuid}/capacities`);
    expect(ofHosts.json['inventories']).toEqual([
      expect.objectContaining({ hostUuid: host, totalCapacity, availableCapacity, totalPhysicalCapacity }),
    ]);

    const snapshots = `/volumes/${String(volume['uuid'])}/volume-snapshots`;
    const snapshot = inventoryOf(await test.run('POST', snapshots, { params: { name: 'before' } }));
    expect(snapshot).toMatchObject({ primaryStorageUuid: uuid });
    const copies = `/volumes/data/from/volume-snapshots/${String(snapshot['uuid'])}`;
    const copy = inventoryOf(await test.run('POST', copies, { params: { name: 'copy' } }));
    expect(copy).toMatchObject({ primaryStorageUuid: uuid });
    const elsewhere = { params: { name: 'elsewhere', primaryStorageUuid: host } };
    expect(inventoryOf(await test.run('POST', copies, elsewhere))).toMatchObject({ primaryStorageUuid: host });

    expect(await detach(uuid)).toMatchObject(failing('SYS.1006', "it can't be detached"));
    expect(await test.run('DELETE', `/primary-storage/${uuid}`)).toMatchObject(failing('SYS.1006', 'is attached to'));
    for (const one of [volume, copy]) await test.run('DELETE', `/volumes/${String(one['uuid'])}`);
    await test.cloud.runner.idle();
    expect(inventoryOf(await detach(uuid))).toMatchObject({ attachedClusterUuids: [], status: 'Connecting' });
    expect(await test.run('DELETE', `/primary-storage/${uuid}`)).toMatchObject({ status: 200, json: {} });
    expect(await test.query('/primary-storage')).toMatchObject([{ uuid: host }]);
    expect(await test.run('DELETE', `/primary-storage/${uuid}`)).toMatchObject({ status: 200, json: {} });
  });

  it('is renamed, disabled, asked, and gets another folder while nobody uses it', async () => {
    const uuid = await attached('second');
    expect(inventoryOf(await actions(uuid, { updatePrimaryStorage: { name: 'fast' } }))).toMatchObject({
      name: 'fast',
    });
    const moved = { updatePrimaryStorage: { url: join(root, 'elsewhere') } };
    expect(await actions(uuid, moved)).toMatchObject(failing('SYS.1006', "its url can't be changed"));
    const state = (stateEvent: string) => actions(uuid, { changePrimaryStorageState: { stateEvent } });
    expect(inventoryOf(await state('disable'))).toMatchObject({ state: 'Disabled' });
    expect(await volumeIn(uuid)).toMatchObject(failing('SYS.1006', "is not Enabled, it's Disabled"));
    expect(inventoryOf(await state('maintain'))).toMatchObject({ state: 'Maintenance' });
    expect(inventoryOf(await state('enable'))).toMatchObject({ state: 'Enabled' });
    expect(inventoryOf(await actions(uuid, { reconnectPrimaryStorage: {} }))).toMatchObject({ status: 'Connected' });
    expect(inventoryOf(await actions(uuid, { syncPrimaryStorageCapacity: {} }))).toMatchObject({ uuid });
    expect(await actions(uuid, { cleanUpImageCacheOnPrimaryStorage: { force: true } })).toMatchObject({ status: 200 });
    await detach(uuid);
    expect(await volumeIn(uuid)).toMatchObject(failing('SYS.1006', "is not Connected, it's Connecting"));
    expect(inventoryOf(await actions(uuid, moved))).toMatchObject({ url: join(root, 'elsewhere') });
    expect(await test.run('DELETE', `/primary-storage/${uuid}`)).toMatchObject({ status: 200 });
  });

  it('is a shared mount point where hosts have mounted the same, told as such and used as any other', async () => {
    const url = join(root, 'common');
    const params = { name: 'common', url, zoneUuid: zone, type: 'SharedMountPoint' };
    const made = inventoryOf(await test.run('POST', '/primary-storage/smp', { params }));
    const told = { type: 'SharedMountPoint', url, mountPath: url, name: 'common' };
    expect(made).toMatchObject({ ...told, status: 'Connecting', totalCapacity: 0 });
    const uuid = String(made['uuid']);
    expect(inventoryOf(await attach(uuid))).toMatchObject({ ...told, status: 'Connected' });
    expect(await test.query('/primary-storage?q=type=SharedMountPoint')).toMatchObject([{ uuid }]);
    expect(await test.query('/primary-storage?q=type=LocalStorage')).not.toContainEqual(
      expect.objectContaining({ uuid }),
    );
    expect((await test.call('GET', '/primary-storage/types')).json['types']).toContain('SharedMountPoint');
    const volume = inventoryOf(await volumeIn(uuid));
    expect(volume).toMatchObject({ primaryStorageUuid: uuid, installPath: expect.stringContaining(join(url, host)) });
    const [shown] = (await test.query(`/primary-storage/${uuid}`)) as Array<Record<string, number>>;
    expect(shown!['totalCapacity']! - shown!['availableCapacity']!).toBe(gibibyte);
    for (const body of [
      { reconnectPrimaryStorage: {} },
      { syncPrimaryStorageCapacity: {} },
      { changePrimaryStorageState: { stateEvent: 'maintain' } },
      { cleanUpImageCacheOnPrimaryStorage: { force: true } },
    ])
      expect(await actions(uuid, body), JSON.stringify(body)).toMatchObject({ status: 200 });
    expect(await detach(uuid)).toMatchObject(failing('SYS.1006', "it can't be detached"));
    await test.run('DELETE', `/volumes/${String(volume['uuid'])}`);
    await test.cloud.runner.idle();
    expect(inventoryOf(await detach(uuid))).toMatchObject({ ...told, status: 'Connecting' });
    expect(await test.run('DELETE', `/primary-storage/${uuid}`)).toMatchObject({ status: 200, json: {} });
    const odd = { params: { ...params, type: 'LocalStorage' } };
    expect(await test.run('POST', '/primary-storage/smp', odd)).toMatchObject(failing('SYS.1007', 'SharedMountPoint'));
    const nowhere = { params: { ...params, url: '/proc/x' } };
    expect(await test.run('POST', '/primary-storage/smp', nowhere)).toMatchObject(failing('SYS.1007', '/proc/x'));
  });

  it('is a folder of an NFS server, which hosts mount by themselves', async () => {
    const params = { name: 'nas', url: '10.0.0.25:/share/nfs/', zoneUuid: zone };
    const addNas = (more: Body = {}, ...systemTags: string[]) =>
      test.run('POST', '/primary-storage/nfs', { params: { ...params, ...more }, systemTags });
    for (const [more, words] of [
      [{ url: '/share' }, 'field[url]: "/share" is not host:/folder'],
      [{ url: '10.0.0.25:/dev/x' }, 'leads into /dev, /proc, /sys'],
      [{ type: 'SharedMountPoint' }, 'NFS'],
      [{ zoneUuid: 'f'.repeat(32) }, 'zoneUuid'],
    ] as const)
      expect(await addNas(more)).toMatchObject({ json: { error: { details: expect.stringContaining(words) } } });
    const options = 'nfs::mount::options::';
    expect(await addNas({}, `${options}nolock`)).toMatchObject(failing('SYS.1007', 'keep two hosts from writing'));
    expect(await addNas({}, `${options}soft`, `${options}hard`)).toMatchObject(failing('SYS.1007', 'multiple'));
    expect(await addNas({}, 'nfs::other::x')).toMatchObject(failing('SYS.1007', 'no system tag matches'));
    expect(await test.query('/primary-storage?q=type=NFS')).toEqual([]);

    const uuid = '7a1b2c3d4e5f40718293a4b5c6d7e8f9';
    const made = inventoryOf(await addNas({ resourceUuid: uuid }, `${options}vers=4.2,hard`));
    const told = { uuid, type: 'NFS', url: '10.0.0.25:/share/nfs', mountPath: `mounts/${uuid}`, name: 'nas' };
    expect(made).toMatchObject({ ...told, status: 'Connecting' });
    expect(await addNas()).toMatchObject(failing('SYS.1006', 'there has been a nfs primary storage having url as'));
    expect(inventoryOf(await attach(uuid))).toMatchObject({ ...told, status: 'Connected' });
    expect(await test.query('/primary-storage?q=type=NFS&q=url=10.0.0.25:/share/nfs')).toMatchObject([{ uuid }]);
    expect(await test.query('/primary-storage?q=type=SharedMountPoint')).toEqual([]);
    expect((await test.call('GET', '/primary-storage/types')).json['types']).toContain('NFS');
    // No folder of this machine is taken by it.
    const url = join(root, 'beside');
    const beside = { params: { name: 'beside', url, zoneUuid: zone } };
    const other = inventoryOf(await test.run('POST', '/primary-storage/smp', beside));
    expect(await test.run('DELETE', `/primary-storage/${String(other['uuid'])}`)).toMatchObject({ status: 200 });
    const volume = inventoryOf(await volumeIn(uuid));
    expect(volume).toMatchObject({ primaryStorageUuid: uuid });
    for (const body of [
      { reconnectPrimaryStorage: {} },
      { syncPrimaryStorageCapacity: {} },
      { cleanUpImageCacheOnPrimaryStorage: { force: true } },
    ])
      expect(await actions(uuid, body), JSON.stringify(body)).toMatchObject({ status: 200 });
    const moved = { updatePrimaryStorage: { url: '10.0.0.26:/share/nfs', name: 'elsewhere' } };
    expect(inventoryOf(await actions(uuid, moved))).toMatchObject({ url: '10.0.0.26:/share/nfs', name: 'elsewhere' });
    const nowhere = { updatePrimaryStorage: { url: 'nowhere' } };
    expect(await actions(uuid, nowhere)).toMatchObject(failing('SYS.1007', 'is not host:/folder'));
    await test.run('DELETE', `/volumes/${String(volume['uuid'])}`);
    await test.cloud.runner.idle();
    expect(inventoryOf(await detach(uuid))).toMatchObject({ status: 'Connecting' });
    expect(await test.run('DELETE', `/primary-storage/${uuid}`)).toMatchObject({ status: 200, json: {} });
  });

  it('is refused where it can’t be one', async () => {
    for (const url of ['relative', '/etc/unkai', '/proc/x', '/', test.folder]) {
      expect(await add('odd', { url }), url).toMatchObject(failing('SYS.1007', url));
    }
    expect(await add('odd', { zoneUuid: 'f'.repeat(32) })).toMatchObject(failing('SYS.1003', 'zoneUuid'));
    expect(await attach('f'.repeat(32))).toMatchObject(failing('SYS.1003', 'primaryStorageUuid'));
    expect(await attach(host, 'f'.repeat(32))).toMatchObject(failing('SYS.1014', 'the own disk of a host'));
    expect(await detach(host)).toMatchObject(failing('SYS.1014', 'the own disk of a host'));
    expect(await test.run('DELETE', `/primary-storage/${host}`)).toMatchObject(failing('SYS.1014', 'DeleteHost'));
    expect(await volumeIn('f'.repeat(32))).toMatchObject(failing('SYS.1003', 'primaryStorageUuid'));
    const headers = { authorization: `OAuth ${await test.newAccount('member')}` };
    const params = { name: 'mine', url: join(root, 'mine'), zoneUuid: zone };
    expect(await test.run('POST', '/primary-storage/local-storage', { params }, headers)).toMatchObject({
      status: 503,
    });
  });

  it('has the volumes of a new server, as it was asked for', async () => {
    const uuid = await attached('third');
    const imageUuid = await addImage();
    const create = (more: Body, systemTags: string[] = []) =>
      test.run('POST', '/vm-instances', {
        params: { name: 'web', cpuNum: 1, memorySize: gibibyte, imageUuid, dataDiskSizes: [gibibyte], ...more },
        systemTags,
      });
    const tags = [`primaryStorageUuidForDataVolume::${uuid}`];
    const vm = inventoryOf(await create({ primaryStorageUuidForRootVolume: host }, tags));
    const volumesOf = (of: Body) => test.query(`/volumes?q=vmInstanceUuid=${String(of['uuid'])}&sort=deviceId`);
    expect(await volumesOf(vm)).toMatchObject([
      { type: 'Root', primaryStorageUuid: host },
      { type: 'Data', primaryStorageUuid: uuid },
    ]);
    const other = inventoryOf(await volumeIn(uuid));
    const candidates = `/vm-instances/${String(vm['uuid'])}/data-volume-candidates`;
    expect((await test.call('GET', candidates)).json['inventories']).toContainEqual(
      expect.objectContaining({ uuid: other['uuid'] }),
    );

    const later = inventoryOf(await create({ primaryStorageUuidForRootVolume: host, strategy: 'JustCreate' }, tags));
    const start = { startVmInstance: {} };
    await test.run('PUT', `/vm-instances/${String(later['uuid'])}/actions`, start);
    expect(await volumesOf(later)).toMatchObject([{ primaryStorageUuid: host }, { primaryStorageUuid: uuid }]);
    for (const one of [vm, later]) await removeVm(String(one['uuid']));
    for (const { uuid: id } of await test.query(`/volumes?q=primaryStorageUuid=${uuid}`))
      await test.run('DELETE', `/volumes/${String(id)}`);
    await test.cloud.runner.idle();
    await detach(uuid);
  });

  it('has the root volumes of servers, which are told and counted there, and keeps them through their lives', async () => {
    const uuid = await attached('fourth');
    const imageUuid = await addImage();
    const room = async (of: string) => {
      const capacity = await test.call('GET', `/primary-storage/capacities?primaryStorageUuids=${of}`);
      return Number(capacity.json['availableCapacity']);
    };
    const [free, freeOfHost] = [await room(uuid), await room(host)];
    const params = { name: 'web', cpuNum: 1, memorySize: gibibyte, imageUuid, rootDiskSize: 2 * gibibyte };
    const choice = `imageUuid=${imageUuid}&rootDiskSize=${2 * gibibyte}&l3NetworkUuids=`;
    const possible = await test.call('GET', `/vm-instances/candidate-storages?${choice}`);
    expect(possible.json['rootVolumePrimaryStorages']).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ uuid }), expect.objectContaining({ uuid: host })]),
    );
    const made = await test.run('POST', '/vm-instances', {
      params: { ...params, primaryStorageUuidForRootVolume: uuid },
    });
    const vm = inventoryOf(made);
    const vmUuid = String(vm['uuid']);
    const rootUuid = String(vm['rootVolumeUuid']);
    const rootOf = async (id: string) => (await test.query(`/volumes/${id}`))[0];
    const there = { primaryStorageUuid: uuid, installPath: expect.stringContaining(join(root, 'fourth', host)) };
    expect(await rootOf(rootUuid)).toMatchObject(there);
    expect(await room(uuid)).toBe(free - 2 * gibibyte);
    expect(await room(host)).toBe(freeOfHost);
    expect(await test.query(`/vm-instances?q=allVolumes.primaryStorageUuid=${uuid}`)).toMatchObject([{ uuid: vmUuid }]);
    expect(await detach(uuid)).toMatchObject(failing('SYS.1006', "it can't be detached"));

    const onVm = (body: Body) => test.run('PUT', `/vm-instances/${vmUuid}/actions`, body);
    expect(await onVm({ stopVmInstance: {} })).toMatchObject({ status: 200 });
    expect(await onVm({ reimageVmInstance: {} })).toMatchObject({ status: 200 });
    expect(await rootOf(rootUuid)).toMatchObject(there);
    const resize = { resizeRootVolume: { size: 3 * gibibyte } };
    expect(await test.run('PUT', `/volumes/resize/${rootUuid}/actions`, resize)).toMatchObject({ status: 200 });
    expect(await room(uuid)).toBe(free - 3 * gibibyte);

    const group = await test.run('POST', '/volume-snapshots/group', {
      params: { rootVolumeUuid: rootUuid, name: 'all' },
    });
    const ofGroup = `/volume-snapshots/group/${String(inventoryOf(group)['uuid'])}`;
    expect(await test.query(`/volume-snapshots?q=volumeUuid=${rootUuid}`)).toMatchObject([
      { primaryStorageUuid: uuid },
    ]);
    expect(await room(uuid)).toBe(free - 6 * gibibyte);
    const revert = { revertVmFromSnapshotGroup: {} };
    expect(await test.run('PUT', `${ofGroup}/actions`, revert)).toMatchObject({ status: 200 });
    expect(await rootOf(rootUuid)).toMatchObject(there);
    await test.run('DELETE', ofGroup);

    const clone = async (where: Body) => {
      const asked = await onVm({ cloneVmInstance: { names: ['clone'], strategy: 'CreateStopped', ...where } });
      const [first] = (asked.json['result'] as { inventories: Array<{ inventory: Body }> }).inventories;
      return first!.inventory;
    };
    const inStorage = await clone({ primaryStorageUuidForRootVolume: uuid });
    const onHost = await clone({ primaryStorageUuidForRootVolume: host });
    expect(await rootOf(String(inStorage['rootVolumeUuid']))).toMatchObject({ primaryStorageUuid: uuid });
    expect(await rootOf(String(onHost['rootVolumeUuid']))).toMatchObject({ primaryStorageUuid: host });

    expect(inventoryOf(await actions(uuid, { changePrimaryStorageState: { stateEvent: 'disable' } }))).toMatchObject({
      state: 'Disabled',
    });
    expect(
      await test.run('POST', '/vm-instances', { params: { ...params, primaryStorageUuidForRootVolume: uuid } }),
    ).toMatchObject(failing('SYS.1006', "is not Enabled, it's Disabled"));
    // What is there goes on, and others are placed where there is room.
    expect(await onVm({ startVmInstance: {} })).toMatchObject({ status: 200 });
    const elsewhere = inventoryOf(await test.run('POST', '/vm-instances', { params }));
    expect(await rootOf(String(elsewhere['rootVolumeUuid']))).toMatchObject({ primaryStorageUuid: host });
    for (const one of [vm, inStorage, onHost, elsewhere]) await removeVm(String(one['uuid']));
    await test.cloud.runner.idle();
    expect(await room(uuid)).toBe(free);
    expect(await detach(uuid)).toMatchObject({ status: 200 });
  });
});

async function addImage(): Promise<string> {
  const [store] = await test.query('/backup-storage');
  const image = await test.run('POST', '/images', {
    params: { name: 'tiny', url: files.url('tiny.qcow2'), backupStorageUuids: [store!['uuid']] },
  });
  return String(inventoryOf(image)['uuid']);
}

async function removeVm(uuid: string): Promise<void> {
  await test.run('DELETE', `/vm-instances/${uuid}`);
  await test.run('PUT', `/vm-instances/${uuid}/actions`, { expungeVmInstance: {} });
}
