import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SettledAccount } from '../settled-account.fixture.ts';
import { failing, inventoryOf, TestZStack, uuidOf } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let test: TestZStack;
let alice: SettledAccount;
let hosts: Body[];
beforeAll(async () => {
  test = await TestZStack.start({ hosts: 2 });
  alice = await SettledAccount.settle(test, 'alice');
  hosts = await test.query('/hosts?sort=name');
});
afterAll(() => test.stop());

async function create(where: Body, headers = {}) {
  const size = { cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 };
  const params = { name: 'placed', imageUuid: alice.own['image'], ...size, ...where };
  return await test.run('POST', '/vm-instances', { params }, headers);
}

describe('a new server', () => {
  it('is made on the host that an administrator asks for, or in the cluster, or not at all', async () => {
    for (const { uuid: hostUuid, clusterUuid } of hosts) {
      expect(inventoryOf(await create({ hostUuid }))).toMatchObject({ state: 'Running', hostUuid });
      expect(inventoryOf(await create({ hostUuid, clusterUuid }))).toMatchObject({ hostUuid });
    }
    const params = { zoneUuid: hosts[0]!['zoneUuid'], name: 'empty', hypervisorType: 'KVM' };
    const clusterUuid = uuidOf(await test.run('POST', '/clusters', { params }));
    expect(await create({ clusterUuid })).toMatchObject({ json: { error: { code: 'VM.1000' } } });
    expect((await create({ clusterUuid })).text).toContain('in another cluster');
    const hostUuid = hosts[0]!['uuid'];
    expect(await create({ hostUuid, clusterUuid })).toMatchObject(failing('SYS.1007', 'is not in cluster'));
  });

  it('is not put on one of several hosts by an account', async () => {
    const hostUuid = hosts[1]!['uuid'];
    expect(await create({ hostUuid }, alice.headers)).toMatchObject(failing('SYS.1006', 'chooses hosts itself'));
    const { clusterUuid } = hosts[1]!;
    expect(inventoryOf(await create({ clusterUuid }, alice.headers))).toMatchObject({ clusterUuid });
  });

  it('is not put where its volumes are not', async () => {
    const [here, there] = hosts.map(({ uuid }) => uuid);
    const place = { hostUuid: here, primaryStorageUuidForRootVolume: there };
    expect(await create(place)).toMatchObject(failing('SYS.1007', "can't be on another host"));
    const [{ lastHostUuid, hostUuid }] = (await test.query(`/vm-instances/${alice.own['vm']}`)) as [Body];
    const at = hostUuid ?? lastHostUuid;
    const name = { name: 'of disk', volumeUuid: alice.own['volume'], cpuNum: 1, memorySize: 2 ** 27 };
    const params = { ...name, hostUuid: hosts.find(({ uuid }) => uuid !== at)!['uuid'] };
    const reply = await test.run('POST', `/vm-instances/from/volume`, { params });
    expect(reply).toMatchObject(failing('SYS.1006', 'the copy is made beside the disk'));
  });
});
