import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let files: ImageFiles;
let image: string;
let network: string;
beforeAll(async () => {
  zstack = await TestZStack.start({ hosts: 2, settings: { reclaimInterval: 3600 } });
  files = await ImageFiles.start();
  const store = (await zstack.query('/backup-storage'))[0]!['uuid'];
  network = (await zstack.query('/l3-networks'))[0]!['uuid'] as string;
  const params = { name: 'TinyLinux', url: files.url('tiny.qcow2'), backupStorageUuids: [store] };
  image = ((await zstack.run('POST', '/images', { params })).json['inventory'] as Body)['uuid'] as string;
});
afterAll(async () => {
  await files.stop();
  await zstack.stop();
});

async function create(): Promise<string> {
  const size = { cpuNum: 1, memorySize: 128 * 2 ** 20, rootDiskSize: 2 ** 30 };
  const params = { name: 'vm', imageUuid: image, l3NetworkUuids: [network], ...size };
  const { json, text } = await zstack.run('POST', '/vm-instances', { params });
  if (!json['inventory']) throw new Error(text);
  return (json['inventory'] as Body)['uuid'] as string;
}

const act = (uuid: string, body: Body, headers?: Record<string, string>) =>
  zstack.run('PUT', `/vm-instances/${uuid}/actions`, body, headers);
const wrongState = (state: string, message: string, allowed: string) => ({
  error: {
    code: 'SYS.1006',
    cause: {
      code: 'VM.1010',
      details: `current vm instance state[${state}] doesn't allow to proceed message[org.zstack.header.vm.${message}], allowed states are [${allowed}]`,
    },
  },
});

describe('a destroyed server, where the cloud keeps them for a while', () => {
  it('is Destroyed, and comes back stopped with its volume and address', async () => {
    const uuid = await create();
    const [before] = await zstack.query(`/vm-instances/${uuid}`);
    expect((await zstack.run('DELETE', `/vm-instances/${uuid}`)).json).toEqual({});
    expect(await zstack.query(`/vm-instances?q=uuid=${uuid}&q=state=Destroyed`)).toHaveLength(1);
    expect((await zstack.run('DELETE', `/vm-instances/${uuid}`)).json).toEqual({});
    const started = await act(uuid, { startVmInstance: {} });
    expect(started.json['error']).toMatchObject({ code: 'VM.1001', cause: { code: 'VM.1010' } });
    const { json } = await act(uuid, { recoverVmInstance: {} });
    expect(json['inventory']).toMatchObject({
      state: 'Stopped',
      rootVolumeUuid: before!['rootVolumeUuid'],
      vmNics: [{ ip: (before!['vmNics'] as Body[])[0]!['ip'] }],
    });
    expect((await act(uuid, { startVmInstance: {} })).json['inventory']).toMatchObject({ state: 'Running' });
  });

  it('is expunged for good', async () => {
    const uuid = await create();
    const alive = await act(uuid, { expungeVmInstance: {} });
    expect(alive.json).toMatchObject(wrongState('Running', 'APIExpungeVmInstanceMsg', 'Destroyed, Destroying'));
    expect((await act(uuid, { recoverVmInstance: {} })).json).toMatchObject(
      wrongState('Running', 'APIRecoverVmInstanceMsg', 'Destroyed'),
    );
    await zstack.run('DELETE', `/vm-instances/${uuid}`);
    expect(await act(uuid, { expungeVmInstance: {} })).toMatchObject({ status: 200, json: {} });
    expect(await zstack.query(`/vm-instances/${uuid}`)).toEqual([]);
    expect(await zstack.query(`/volumes?q=vmInstanceUuid=${uuid}`)).toEqual([]);
    expect((await act(uuid, { recoverVmInstance: {} })).json['error']).toMatchObject({ code: 'SYS.1003' });
  });

  it('is its account’s to recover', async () => {
    const uuid = await create();
    await zstack.run('DELETE', `/vm-instances/${uuid}`);
    const headers = { authorization: `OAuth ${await zstack.newAccount('eve')}` };
    for (const body of [{ recoverVmInstance: {} }, { expungeVmInstance: {} }]) {
      expect((await act(uuid, body, headers)).json['error']).toMatchObject({ code: 'SYS.1003' });
    }
    expect(await zstack.query(`/vm-instances?q=uuid=${uuid}&q=state=Destroyed`)).toHaveLength(1);
  });
});

describe('a running server', () => {
  it('is migrated to a host that would take it', async () => {
    const uuid = await create();
    const [{ hostUuid } = {}] = await zstack.query(`/vm-instances/${uuid}`);
    const hosts = await zstack.query(`/vm-instances/${uuid}/migration-target-hosts`);
    expect(hosts).toHaveLength(1);
    expect(hosts[0]!['uuid']).not.toBe(hostUuid);
    const { json } = await act(uuid, { migrateVm: { hostUuid: hosts[0]!['uuid'] } });
    expect(json['inventory']).toMatchObject({ uuid, state: 'Running', hostUuid: hosts[0]!['uuid'] });
    const again = await act(uuid, { migrateVm: { hostUuid: hosts[0]!['uuid'] } });
    expect(again.json['error']).toMatchObject({ code: 'SYS.1006' });
    const nowhere = await act(uuid, { migrateVm: { hostUuid: uuid } });
    expect(nowhere.json['error']).toMatchObject({ code: 'SYS.1003' });
    await act(uuid, { stopVmInstance: {} });
    expect((await act(uuid, { migrateVm: {} })).json).toMatchObject(
      wrongState('Stopped', 'APIMigrateVmMsg', 'Running, Paused, Unknown'),
    );
    const stopped = await act(uuid, { changeVmPassword: { account: 'root', password: 'Se-cret-1' } });
    expect(stopped.json).toMatchObject(wrongState('Stopped', 'APIChangeVmPasswordMsg', 'Running'));
  });
});
