import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack, uuidOf } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

/** The states in which each operation is allowed, as ZStack has them, and the code of its refusal. */
const rules: ReadonlyArray<readonly [name: string, code: string, allowed: readonly string[], body?: Body]> = [
  ['StartVmInstance', 'VM.1001', ['Created', 'Stopped', 'Running', 'Crashed']],
  ['RebootVmInstance', 'VM.1003', ['Running', 'Crashed', 'NoState']],
  ['PauseVmInstance', 'SYS.1006', ['Running']],
  ['ResumeVmInstance', 'SYS.1006', ['Paused']],
  ['RecoverVmInstance', 'SYS.1006', ['Destroyed']],
  ['ExpungeVmInstance', 'SYS.1006', ['Destroyed', 'Destroying']],
  ['ReimageVmInstance', 'SYS.1006', ['Stopped']],
  ['SetVmStaticIp', 'SYS.1006', ['Running', 'Stopped'], { l3NetworkUuid: '', ip: '10.77.0.9' }],
  ['CloneVmInstance', 'SYS.1006', ['Running', 'Stopped', 'Paused'], { names: ['x'] }],
];

let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(async () => {
  await zstack?.stop();
});

async function act(name: string, body: Body = {}) {
  const key = name[0]!.toLowerCase() + name.slice(1);
  return await zstack.run('PUT', `/vm-instances/${alice.own['vm']}/actions`, { [key]: body }, alice.headers);
}

/** What leads to each state, from Running. */
const ways: ReadonlyArray<readonly [state: string, there: string, back: string]> = [
  ['Paused', 'PauseVmInstance', 'ResumeVmInstance'],
  ['Stopped', 'StopVmInstance', 'StartVmInstance'],
];

async function refusals(state: string): Promise<void> {
  for (const [name, code, allowed, body] of rules) {
    if (allowed.includes(state)) continue;
    const l3NetworkUuid = alice.own['l3Network'];
    const { status, json } = await act(name, body && 'l3NetworkUuid' in body ? { ...body, l3NetworkUuid } : body);
    const details =
      `current vm instance state[${state}] doesn't allow to proceed message[org.zstack.header.vm.API${name}Msg], ` +
      `allowed states are [${allowed.join(', ')}]`;
    expect({ name, status, error: json['error'] }).toMatchObject({
      name,
      status: 503,
      error: { code, details, cause: { code: 'VM.1010', details } },
    });
  }
}

describe('a server', () => {
  it('starts where its volumes are, and nowhere else', async () => {
    await act('StopVmInstance', { type: 'cold' });
    const [{ lastHostUuid: hostUuid, clusterUuid }] = (await zstack.query(`/vm-instances/${alice.own['vm']}`)) as [
      Body,
    ];
    const elsewhere = newId(realEnv());
    const refusedOf = async (where: Body) => (await act('StartVmInstance', where)).json['error'];
    expect(await refusedOf({ hostUuid: elsewhere })).toMatchObject({ code: 'SYS.1003' });
    expect(await refusedOf({ clusterUuid: elsewhere })).toMatchObject({ code: 'SYS.1003' });
    const other = await zstack.run('POST', '/clusters', {
      params: { zoneUuid: (await zstack.query('/zones'))[0]!['uuid'], name: 'other', hypervisorType: 'KVM' },
    });
    expect(await refusedOf({ clusterUuid: uuidOf(other) })).toMatchObject({ code: 'HOST_ALLOCATION.1000' });
    expect(await act('StartVmInstance', { hostUuid, clusterUuid })).toMatchObject({
      json: { inventory: { state: 'Running', hostUuid } },
    });
  });

  it('refuses what its state does not allow: while it runs', async () => {
    await refusals('Running');
  });

  it.each(ways)('refuses what its state does not allow: %s', async (state, there, back) => {
    expect((await act(there)).status).toBe(200);
    await refusals(state);
    expect((await act(back)).status).toBe(200);
  });

  it('says what is done with it where that, and not its state, is why it is refused', async () => {
    const vm = alice.own['vm']!;
    const isAt = (task: 'image_uploading' | null) =>
      zstack.cloud.db.write((tx) => tx.updateTable('servers').set({ task_state: task }).where('id', '=', vm).execute());
    await isAt('image_uploading');
    const { json } = await act('RebootVmInstance');
    await isAt(null);
    const details = expect.stringContaining('while it is in task_state image_uploading');
    expect(json['error']).toMatchObject({ code: 'VM.1003', details, cause: { code: 'VM.1010', details } });
  });

  it('goes on running, and stays stopped, where that is what is asked for', async () => {
    expect(await act('StartVmInstance')).toMatchObject({ status: 200, json: { inventory: { state: 'Running' } } });
    const { hostId } = await zstack.cloud.servers.byId(alice.own['vm']!);
    const stopGuest = vi.spyOn(zstack.cloud.hosts.agent(hostId!), 'stopGuest');
    for (let round = 0; round < 2; round += 1) {
      const stopped = await act('StopVmInstance', { type: 'cold' });
      expect(stopped).toMatchObject({ status: 200, json: { inventory: { state: 'Stopped' } } });
    }
    expect(stopGuest.mock.calls).toEqual([[alice.own['vm'], { graceSeconds: 0 }]]);
    stopGuest.mockRestore();
  });

  it('takes over the boot mode that its image has by then, when it is reimaged', async () => {
    const { image } = alice.own;
    const body = { setImageBootMode: { bootMode: 'UEFI' } };
    expect(await zstack.run('PUT', `/images/${image}/actions`, body, alice.headers)).toMatchObject({ status: 200 });
    // Hosts without guests have no firmware for it, which shows that it was asked for.
    expect(await act('ReimageVmInstance')).toMatchObject({
      json: { error: { details: 'UEFI guests are not supported on this host' } },
    });
  });
});

describe('a volume', () => {
  const { stringify } = JSON;

  it('that does not exist, or is a root volume, is refused in the words of the field that named it', async () => {
    const { rootVolume, vm } = alice.own;
    const unknown = '4c0d2d1f3b7e4f8f9a6b2e3d4c5f6a71';
    const answers = await Promise.all([
      zstack.run('DELETE', `/volumes/${rootVolume}`, undefined, alice.headers),
      zstack.run('PUT', `/volumes/${unknown}/actions`, { syncVolumeSize: {} }, alice.headers),
      zstack.run('PUT', `/volumes/${unknown}/actions`, { changeVolumeState: { stateEvent: 'disable' } }, alice.headers),
      zstack.run('POST', `/volumes/${unknown}/volume-snapshots`, { params: { name: 'x' } }, alice.headers),
      zstack.run('POST', `/volumes/${unknown}/vm-instances/${vm}`, undefined, alice.headers),
    ]);
    const missing = (field: string) => `invalid field[${field}], resource[uuid:${unknown}, type:VolumeVO] not found`;
    const told = answers.map(({ json }) =>
      stringify([(json['error'] as Body)?.['code'], (json['error'] as Body)?.['details']]),
    );
    expect(told).toEqual(
      [
        ['SYS.1007', `volume[uuid:${rootVolume}, type:Root] can't be deleted`],
        ['SYS.1003', missing('uuid')],
        ['SYS.1003', missing('uuid')],
        ['SYS.1003', missing('volumeUuid')],
        ['SYS.1003', missing('volumeUuid')],
      ].map((one) => stringify(one)),
    );
  });

  it('is refused a snapshot to go back to once it is gone itself', async () => {
    const { snapshot, volume, vm } = alice.own;
    await zstack.run('DELETE', `/volumes/${volume}/vm-instances?vmUuid=${vm}`, undefined, alice.headers);
    const revert = await zstack.run(
      'PUT',
      `/volume-snapshots/${snapshot}/actions`,
      { revertVolumeFromSnapshot: {} },
      alice.headers,
    );
    expect(revert.status).toBe(200);
    const root = String((await zstack.query(`/vm-instances/${vm}`, alice.headers))[0]!['rootVolumeUuid']);
    const made = await zstack.run(
      'POST',
      `/volumes/${root}/volume-snapshots`,
      { params: { name: 'root' } },
      alice.headers,
    );
    const uuid = String((made.json['inventory'] as Body)['uuid']);
    await zstack.cloud.servers.forceDelete(operator(), vm!);
    await zstack.cloud.runner.idle();
    const late = await zstack.run(
      'PUT',
      `/volume-snapshots/${uuid}/actions`,
      { revertVolumeFromSnapshot: {} },
      alice.headers,
    );
    expect(late.json['error']).toMatchObject({
      code: 'SYS.1006',
      details: `original volume for snapshot[uuid:${uuid}] has been deleted, cannot revert volume to it`,
    });
  });
});
