import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditCloud, isSound } from '../../../cloud/audit/audit.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;
const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;

let zstack: TestZStack;
let files: ImageFiles;
let imageUuid: unknown;
beforeAll(async () => {
  zstack = await TestZStack.start();
  files = await ImageFiles.start();
  const [store] = await zstack.query('/backup-storage');
  const image = { name: 'TinyLinux', url: files.url('tiny.qcow2'), backupStorageUuids: [store!['uuid']] };
  imageUuid = ((await zstack.run('POST', '/images', { params: image })).json['inventory'] as Body)['uuid'];
});
afterAll(async () => {
  await files.stop();
  await zstack.stop();
});

async function createVm(name: string): Promise<{ uuid: string; root: string }> {
  const params = { name, imageUuid, cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: gibibyte };
  const { json, text } = await zstack.run('POST', '/vm-instances', { params });
  const vm = json['inventory'] as Body | undefined;
  if (!vm) throw new Error(text);
  return { uuid: String(vm['uuid']), root: String(vm['rootVolumeUuid']) };
}

const resize = (uuid: string, body: Body, headers?: Record<string, string>) =>
  zstack.run('PUT', `/volumes/resize/${uuid}/actions`, { resizeRootVolume: body }, headers);
const act = (uuid: string, body: Body) => zstack.run('PUT', `/vm-instances/${uuid}/actions`, body);
const sizeOf = async (uuid: string) => (await zstack.query(`/volumes/${uuid}`))[0]!['size'];
const failing = (code: string, details: unknown) => ({ status: 503, json: { error: { code, details } } });

describe('the root volume of a server', () => {
  it('is made larger while the server runs, by whole 4 MiB, and takes as much room of its host', async () => {
    const vm = await createVm('running');
    const before = await zstack.cloud.hosts.allocations({ serverId: vm.uuid });
    expect(await resize(vm.root, { size: 2 * gibibyte + 1 })).toMatchObject({
      status: 200,
      json: { inventory: { uuid: vm.root, type: 'Root', size: 2 * gibibyte + 4 * mebibyte, status: 'Ready' } },
    });
    expect((await zstack.query(`/vm-instances/${vm.uuid}`))[0]).toMatchObject({ state: 'Running' });
    const after = await zstack.cloud.hosts.allocations({ serverId: vm.uuid });
    expect(after).toEqual(before.map((one) => ({ ...one, diskGb: 3 })));
    // What is made anew is as large: the flavor that the server has says so to every API.
    expect((await zstack.cloud.servers.get(operator(), vm.uuid)).flavor.diskGb).toBe(3);
    await act(vm.uuid, { stopVmInstance: { type: 'cold' } });
    expect(await act(vm.uuid, { reimageVmInstance: {} })).toMatchObject({ status: 200 });
    expect(await sizeOf(vm.root)).toBe(3 * gibibyte);
    expect(isSound(await auditCloud(zstack.cloud))).toBe(true);
  });

  it('is made larger while the server is stopped', async () => {
    const vm = await createVm('stopped');
    await act(vm.uuid, { stopVmInstance: { type: 'cold' } });
    const size = 5 * gibibyte;
    expect(await resize(vm.root, { size, vmInstanceUuid: vm.uuid })).toMatchObject({ json: { inventory: { size } } });
    expect((await zstack.query(`/vm-instances/${vm.uuid}`))[0]).toMatchObject({ state: 'Stopped' });
    expect(await act(vm.uuid, { startVmInstance: {} })).toMatchObject({ status: 200 });
    expect(await sizeOf(vm.root)).toBe(size);
  });

  it('does not shrink, and nothing else is taken for it', async () => {
    const vm = await createVm('refused');
    const other = await createVm('other');
    const volume = (await zstack.run('POST', '/volumes/data', { params: { name: 'data', diskSize: gibibyte } })).json;
    const data = String((volume['inventory'] as Body)['uuid']);
    const cases: Array<[string, Body, string, string]> = [
      [vm.root, { size: gibibyte / 2 }, 'SYS.1007', `Cannot shrink [Root] volume[uuid:${vm.root}]'s size`],
      [vm.root, { size: gibibyte + mebibyte }, 'SYS.1007', 'Minimum increase size should be larger than 4MB'],
      [data, { size: 2 * gibibyte }, 'SYS.1007', `volume[uuid:${data}] is not root volume`],
      [
        vm.root,
        { size: 2 * gibibyte, vmInstanceUuid: other.uuid },
        'SYS.1007',
        `no volume[uuid:${vm.root}, vmInstanceUuid:${other.uuid}] can be found`,
      ],
      [
        vm.uuid,
        { size: 2 * gibibyte },
        'SYS.1003',
        `invalid field[uuid], resource[uuid:${vm.uuid}, type:VolumeVO] not found`,
      ],
    ];
    for (const [uuid, body, code, details] of cases) {
      expect(await resize(uuid, body), details).toMatchObject(failing(code, details));
    }
    expect(await resize(vm.root, { size: 2 ** 50 })).toMatchObject({
      json: { error: { code: 'HOST_ALLOCATION.1000', details: expect.stringContaining('lacks disk') } },
    });
    const stranger = { authorization: `OAuth ${await zstack.newAccount('stranger')}` };
    expect(await resize(vm.root, { size: 2 * gibibyte }, stranger)).toMatchObject({
      json: { error: { code: 'SYS.1003' } },
    });
    await act(vm.uuid, { pauseVmInstance: {} });
    expect(await resize(vm.root, { size: 2 * gibibyte })).toMatchObject(
      failing('SYS.1006', expect.stringMatching(/state\[Paused\].*APIResizeRootVolumeMsg.*\[Running, Stopped\]/)),
    );
    expect(await sizeOf(vm.root)).toBe(gibibyte);
    expect((await zstack.cloud.servers.get(operator(), vm.uuid)).taskState).toBeNull();
  });
});

describe('a data volume', () => {
  it('is made larger by whole 4 MiB, and never smaller', async () => {
    const params = { name: 'data', diskSize: gibibyte };
    const made = (await zstack.run('POST', '/volumes/data', { params })).json['inventory'] as Body;
    const path = `/volumes/data/resize/${String(made['uuid'])}/actions`;
    const asked = (size: number) => zstack.run('PUT', path, { resizeDataVolume: { size } });
    expect(await asked(gibibyte - 512)).toMatchObject(
      failing('SYS.1007', `Cannot shrink [Data] volume[uuid:${String(made['uuid'])}]'s size`),
    );
    expect(await asked(gibibyte)).toMatchObject(failing('SYS.1007', 'Minimum increase size should be larger than 4MB'));
    const size = 1.5 * gibibyte + 4 * mebibyte;
    expect(await asked(1.5 * gibibyte + 1)).toMatchObject({ json: { inventory: { size } } });
    await zstack.run('PUT', `/volumes/${String(made['uuid'])}/actions`, {
      changeVolumeState: { stateEvent: 'disable' },
    });
    expect(await asked(3 * gibibyte)).toMatchObject(
      failing('SYS.1007', `can not resize volume[${String(made['uuid'])}], because volume state is Disabled`),
    );
  });
});
