import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresDatabase, eachDatabase } from '../../../../tests/support/postgres.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

eachDatabase('interfaces that change their network', (_open, kind) => {
  let zstack: TestZStack;
  let alice: SettledAccount;
  let other: string;

  beforeAll(async () => {
    zstack = await TestZStack.start(kind === 'postgres' ? { database: await createPostgresDatabase() } : {});
    alice = await SettledAccount.settle(zstack, 'alice');
    const [l2] = await zstack.query('/l2-networks');
    const wanted = { params: { name: 'other', l2NetworkUuid: l2!['uuid'] } };
    const { json } = await zstack.run('POST', '/l3-networks', wanted, alice.headers);
    other = String((json['inventory'] as Body)['uuid']);
  });
  afterAll(() => zstack.stop());

  const change = async (to: string, params: Body = {}) =>
    (await zstack.run('POST', `/vm-instances/nics/${alice.own['nic']}/l3-networks/${to}`, { params }, alice.headers))
      .json;
  const act = (body: Body) => zstack.run('PUT', `/vm-instances/${alice.own['vm']}/actions`, body, alice.headers);

  it('are told why they can not', async () => {
    const range = { params: { name: 'r', networkCidr: '10.98.0.0/24' } };
    expect(await change(other)).toMatchObject({ error: { code: 'SYS.1006' } });
    await zstack.run('POST', `/l3-networks/${other}/ip-ranges/by-cidr`, range, alice.headers);
    expect(await change(alice.own['l3Network']!)).toMatchObject({ error: { code: 'SYS.1006' } });
    expect(await change(other)).toMatchObject({ error: { details: expect.stringContaining('floating IP') } });
    expect(await change(other, { staticIp: '10.1.1.1' })).toMatchObject({ error: { code: 'SYS.1007' } });
    expect(await change('0'.repeat(32))).toMatchObject({ error: { code: 'SYS.1003' } });
  });

  it('stay the same, with an address there, while their server runs and while it does not', async () => {
    const { nic, vm, eip, l3Network } = alice.own;
    await zstack.run('DELETE', `/eips/${eip}`, undefined, alice.headers);
    const [before] = await zstack.query(`/vm-instances/nics?q=uuid=${nic}`, alice.headers);
    expect(await change(other, { staticIp: '10.98.0.77' })).toMatchObject({
      inventory: { uuid: nic, mac: before!['mac'], vmInstanceUuid: vm, l3NetworkUuid: other, ip: '10.98.0.77' },
    });
    expect(await zstack.query(`/l3-networks/ip-address?q=ip=${before!['ip']}`, alice.headers)).toEqual([]);
    await act({ stopVmInstance: { type: 'cold' } });
    expect(await change(l3Network!)).toMatchObject({
      inventory: { uuid: nic, l3NetworkUuid: l3Network, ip: before!['ip'] },
    });
    expect((await act({ startVmInstance: {} })).json).toMatchObject({ inventory: { state: 'Running' } });
  });

  it('stay where they are when the address is taken', async () => {
    const { nic, l3Network } = alice.own;
    const taken = { params: { l3NetworkUuid: other, ip: '10.98.0.50' } };
    await zstack.run('POST', '/nics', taken, alice.headers);
    const [before] = await zstack.query(`/vm-instances/nics?q=uuid=${nic}`, alice.headers);
    expect(await change(other, { staticIp: '10.98.0.50' })).toMatchObject({ error: { code: 'SYS.1006' } });
    const [after] = await zstack.query(`/vm-instances/nics?q=uuid=${nic}`, alice.headers);
    expect(after).toMatchObject({ l3NetworkUuid: l3Network, ip: before!['ip'] });
  });
});
