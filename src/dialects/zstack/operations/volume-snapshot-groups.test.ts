import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditCloud, isSound } from '../../../cloud/audit/audit.ts';
import { operator } from '../../../cloud/identity/subject.ts';
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

const failing = (code: string, details: unknown) => ({ status: 503, json: { error: { code, details } } });
const run = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: Body) =>
  zstack.run(method, path, body, alice.headers);
const act = (uuid: string, body: Body) => run('PUT', `/volume-snapshots/group/${uuid}/actions`, body);
const vmAct = (body: Body) => run('PUT', `/vm-instances/${alice.own['vm']}/actions`, body);
const query = (path: string) => zstack.query(path, alice.headers);

async function create(name: string): Promise<string> {
  const params = { name, rootVolumeUuid: alice.own['rootVolume'] };
  const { json, text } = await run('POST', '/volume-snapshots/group', { params });
  const made = json['inventory'] as Body | undefined;
  if (!made) throw new Error(text);
  return String(made['uuid']);
}

async function available(uuid: string): Promise<Body> {
  const path = `/volume-snapshots/groups/availabilities?uuids=${uuid}`;
  const { json, text } = await zstack.call('GET', path, undefined, alice.headers);
  const [one] = (json['results'] ?? []) as Body[];
  if (!one) throw new Error(text);
  return one;
}

it('has snapshots of all volumes, to which a stopped server is reverted', async () => {
  const { vm, rootVolume, volume } = alice.own;
  const uuid = await create('one');
  const [shown] = await query(`/volume-snapshots/group/${uuid}`);
  expect(shown).toMatchObject({
    ...{ uuid, name: 'one', snapshotCount: 2, vmInstanceUuid: vm },
    volumeSnapshotRefs: [
      { volumeUuid: rootVolume, volumeType: 'Root', deviceId: 0, snapshotDeleted: false },
      { volumeUuid: volume, volumeType: 'Data', deviceId: 1, snapshotDeleted: false },
    ],
  });
  expect(await query(`/volume-snapshots?q=groupUuid=${uuid}`)).toHaveLength(2);
  expect(await available(uuid)).toEqual({ uuid, available: true });

  expect(await act(uuid, { revertVmFromSnapshotGroup: {} })).toMatchObject(
    failing('SYS.1006', expect.stringContaining('allowed states are [Stopped]')),
  );
  const diskOf = async (id: unknown) => (await zstack.cloud.volumes.get(operator(), String(id))).diskId;
  const before = [await diskOf(rootVolume), await diskOf(volume)];
  await vmAct({ stopVmInstance: { type: 'cold' } });
  const reverted = await act(uuid, { revertVmFromSnapshotGroup: {} });
  expect(reverted, reverted.text).toMatchObject({
    status: 200,
    json: {
      results: [
        { volumeUuid: rootVolume, success: true },
        { volumeUuid: volume, success: true },
      ],
    },
  });
  const after = [await diskOf(rootVolume), await diskOf(volume)];
  expect(after.filter((id) => before.includes(id))).toEqual([]);
  expect((await vmAct({ startVmInstance: {} })).status).toBe(200);
  expect(isSound(await auditCloud(zstack.cloud))).toBe(true);

  expect(await act(uuid, { updateVolumeSnapshotGroup: { name: 'renamed' } })).toMatchObject({
    json: { inventory: { uuid, name: 'renamed' } },
  });
  const deleted = await run('DELETE', `/volume-snapshots/group/${uuid}`);
  expect(deleted.json['results']).toMatchObject([{ success: true }, { success: true }]);
  expect(await query(`/volume-snapshots?q=volumeUuid=${rootVolume}&q=name~=one-%25`)).toEqual([]);
  expect((await run('DELETE', `/volume-snapshots/group/${uuid}`)).json).toEqual({});
});

it('has each volume by itself reverted to a snapshot, the root volume too, while it is stopped', async () => {
  const { vm, rootVolume, volume } = alice.own;
  const diskOf = async (id: unknown) => (await zstack.cloud.volumes.get(operator(), String(id))).diskId;
  const uuids: string[] = [];
  for (const of of [rootVolume, volume]) {
    const { json } = await run('POST', `/volumes/${of}/volume-snapshots`, { params: { name: 'alone' } });
    uuids.push(String((json['inventory'] as Body)['uuid']));
  }
  const revert = (uuid: string) => run('PUT', `/volume-snapshots/${uuid}/actions`, { revertVolumeFromSnapshot: {} });
  expect(await revert(uuids[0]!)).toMatchObject(
    failing(
      'SYS.1006',
      `unable to reset volume[uuid:${rootVolume}] to snapshot[uuid:${uuids[0]}], the vm[uuid:${vm}] volume attached to ` +
        'is not in Stopped state, current state is Running',
    ),
  );
  await vmAct({ stopVmInstance: { type: 'cold' } });
  const before = [await diskOf(rootVolume), await diskOf(volume)];
  expect(await revert(uuids[0]!)).toMatchObject({ status: 200, json: {} });
  expect([(await diskOf(rootVolume)) === before[0], (await diskOf(volume)) === before[1]]).toEqual([false, true]);
  expect(await revert(uuids[1]!)).toMatchObject({ status: 200, json: {} });
  expect(await diskOf(volume)).not.toBe(before[1]);
  expect(await query(`/volumes?q=vmInstanceUuid=${vm}&q=status=Ready`)).toHaveLength(2);
  expect((await vmAct({ startVmInstance: {} })).status).toBe(200);
  for (const uuid of uuids) await run('DELETE', `/volume-snapshots/${uuid}`);
  expect(isSound(await auditCloud(zstack.cloud))).toBe(true);
});

it('says why a server can not be reverted to it', async () => {
  const { volume, vm } = alice.own;
  const uuid = await create('two');
  const snapshots = (await query(`/volume-snapshots?q=groupUuid=${uuid}`)) as Body[];
  const ofData = snapshots.find(({ volumeType }) => volumeType === 'Data')!;
  await run('DELETE', `/volumes/${volume}/vm-instances`);
  expect(await available(uuid)).toMatchObject({ available: false, reason: expect.stringContaining(`${volume}`) });
  await vmAct({ stopVmInstance: { type: 'cold' } });
  expect(await act(uuid, { revertVmFromSnapshotGroup: {} })).toMatchObject(
    failing('SYS.1006', expect.stringContaining('is no longer attached')),
  );
  await run('POST', `/volumes/${volume}/vm-instances/${vm}`, { params: {} });
  expect(await available(uuid)).toEqual({ uuid, available: true });
  await run('DELETE', `/volume-snapshots/${ofData['uuid']}`);
  expect(await available(uuid)).toMatchObject({ available: false, reason: expect.stringContaining('deleted') });
  const [shown] = await query(`/volume-snapshots/group/${uuid}`);
  expect(shown!['volumeSnapshotRefs']).toMatchObject([{ snapshotDeleted: false }, { snapshotDeleted: true }]);

  expect((await run('DELETE', `/volume-snapshots/ungroup/${uuid}`)).status).toBe(200);
  expect(await query(`/volume-snapshots/group/${uuid}`)).toEqual([]);
  expect(await query(`/volume-snapshots?q=uuid=${snapshots[0]!['uuid']}`)).toMatchObject([{ status: 'Ready' }]);
  expect(await act(uuid, { updateVolumeSnapshotGroup: { name: 'x' } })).toMatchObject(
    failing('SYS.1003', `invalid field[uuid], resource[uuid:${uuid}, type:VolumeSnapshotGroupVO] not found`),
  );
  await vmAct({ startVmInstance: {} });
});

it('is refused of what is no root volume, and with the memory', async () => {
  const of = (params: Body) => run('POST', '/volume-snapshots/group', { params: { name: 'x', ...params } });
  const { rootVolume, volume } = alice.own;
  expect(await of({ rootVolumeUuid: volume })).toMatchObject(
    failing('SYS.1007', `volume[uuid:${volume}] is not root volume`),
  );
  expect(await of({ rootVolumeUuid: rootVolume, withMemory: true })).toMatchObject(
    failing('SYS.1014', expect.anything()),
  );
});
