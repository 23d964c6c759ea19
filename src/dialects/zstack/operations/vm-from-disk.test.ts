import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditCloud, isSound } from '../../../cloud/audit/audit.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(() => zstack.stop());

const size = { cpuNum: 1, memorySize: 2 ** 27 };
const from = (path: string, more: Body = {}, headers = alice.headers) =>
  zstack.run(
    'POST',
    `/vm-instances/from/${path}`,
    { params: { name: 'copy', l3NetworkUuids: [alice.own['l3Network']], ...size, ...more } },
    headers,
  );

async function made(path: string, more: Body = {}): Promise<Body> {
  const { status, json, text } = await from(path, more);
  if (status !== 200) throw new Error(text);
  return json['inventory'] as Body;
}

async function remove(vm: Body): Promise<void> {
  await zstack.run('DELETE', `/vm-instances/${vm['uuid']}`, undefined, alice.headers);
  await zstack.run('PUT', `/vm-instances/${vm['uuid']}/actions`, { expungeVmInstance: {} }, alice.headers);
  await zstack.cloud.runner.idle();
}

describe('a server that is made from a disk', () => {
  it('boots from a copy of a volume, root or data, which stays what it is', async () => {
    const { rootVolume, volume } = alice.own;
    for (const volumeUuid of [rootVolume, volume]) {
      const before = await zstack.query(`/volumes/${volumeUuid}`, alice.headers);
      const vm = await made('volume', { volumeUuid, platform: 'Linux' });
      expect(vm).toMatchObject({
        ...{ state: 'Running', platform: 'Linux', cpuNum: 1 },
        vmNics: [{ l3NetworkUuid: alice.own['l3Network'] }],
        allVolumes: [{ name: 'ROOT-for-copy', type: 'Root', status: 'Ready', size: before[0]!['size'] }],
      });
      expect(vm['rootVolumeUuid']).not.toBe(volumeUuid);
      expect(await zstack.query(`/volumes/${volumeUuid}`, alice.headers)).toEqual(before);
      await remove(vm);
      // Its disk was its own.
      expect(await zstack.query(`/volumes/${vm['rootVolumeUuid']}`, alice.headers)).toEqual([]);
    }
    expect(isSound(await auditCloud(zstack.cloud))).toBe(true);
  });

  it('boots from a copy of a snapshot, stopped where it was asked so', async () => {
    const tags = { rootVolumeSystemTags: ['capability::root'] };
    const vm = await made(`volume-snapshots/${alice.own['snapshot']}`, { strategy: 'CreateStopped', ...tags });
    const [tagged] = await zstack.query('/system-tags?q=tag=capability::root');
    expect(tagged).toMatchObject({ resourceUuid: vm['rootVolumeUuid'], resourceType: 'VolumeVO' });
    expect(vm).toMatchObject({ state: 'Stopped', allVolumes: [{ type: 'Root', status: 'Ready' }] });
    expect(await zstack.query(`/volume-snapshots/${alice.own['snapshot']}`, alice.headers)).toMatchObject([
      { status: 'Ready' },
    ]);
    await remove(vm);
  });

  it('has copies of all snapshots of a group', async () => {
    const vm = await made(`volume-snapshots/group/${alice.own['snapshotGroup']}`, { strategy: 'InstantStart' });
    expect(vm).toMatchObject({
      state: 'Running',
      allVolumes: [
        { type: 'Root', status: 'Ready', deviceId: 0 },
        { type: 'Data', status: 'Ready', deviceId: 1 },
      ],
    });
    expect(isSound(await auditCloud(zstack.cloud))).toBe(true);
    await remove(vm);
  });

  it('is refused with tags of data volumes, and with such as nobody knows', async () => {
    const path = `volume-snapshots/group/${alice.own['snapshotGroup']}`;
    const data = await from(path, { dataVolumeSystemTags: { [alice.own['volume']!]: ['capability::data'] } });
    expect(data.json['error']).toMatchObject({ code: 'SYS.1014' });
    const root = await from(path, { rootVolumeSystemTags: ['unheard::of'] });
    expect(root.json['error']).toMatchObject({ code: 'SYS.1007' });
  });

  it('tells of a volume whether it could be moved', async () => {
    const of = async (uuid: string) =>
      (await zstack.call('GET', `/volumes/${uuid}/capabilities`, undefined, alice.headers)).json['capabilities'];
    const own = { MigrationInCurrentPrimaryStorage: false };
    expect(await of(alice.own['rootVolume']!)).toEqual({ ...own, MigrationToOtherPrimaryStorage: false });
    expect(await of(alice.own['volume']!)).toEqual({ ...own, MigrationToOtherPrimaryStorage: true });
  });

  it('is refused where the disk is nobody else’s to copy, is not there, or can not be beside it', async () => {
    const bob = { authorization: `OAuth ${await zstack.newAccount('bob')}` };
    const { rootVolume, snapshot, snapshotGroup } = alice.own;
    const failing = (code: string, details: string) => ({ error: { code, details: expect.stringContaining(details) } });
    const params = { l3NetworkUuids: [], volumeUuid: rootVolume };
    expect((await from('volume', params, bob)).json).toMatchObject(failing('SYS.1003', 'type:VolumeVO] not found'));
    expect((await from(`volume-snapshots/${snapshot}`, params, bob)).json).toMatchObject(
      failing('SYS.1003', 'field[volumeSnapshotUuid]'),
    );
    expect((await from(`volume-snapshots/group/${snapshotGroup}`, params, bob)).json).toMatchObject(
      failing('SYS.1003', 'field[volumeSnapshotGroupUuid]'),
    );
    expect((await from('volume', { volumeUuid: rootVolume, cpuNum: undefined })).json).toMatchObject(
      failing('SYS.1007', 'Missing CPU/memory settings'),
    );
    expect((await from('volume', { volumeUuid: rootVolume, primaryStorageUuid: snapshot })).json).toMatchObject(
      failing('SYS.1003', 'field[primaryStorageUuid]'),
    );
    expect(await zstack.query('/vm-instances?q=name=copy', alice.headers)).toEqual([]);
  });
});
