import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresDatabase, eachDatabase } from '../../../../tests/support/postgres.ts';
import { operator } from '../../../cloud/identity/subject.ts';
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
    const mac = { vmNicParams: '[{"mac":"fa:16:3e:00:00:01"}]' };
    expect(await change(other, mac)).toMatchObject({ error: { code: 'SYS.1014' } });
    const path = `/vm-instances/${alice.own['vm']}/l3-networks/${other}`;
    const added = { params: { customMac: 'fa:16:3e:00:00:01' } };
    expect((await zstack.run('POST', path, added, alice.headers)).json).toMatchObject({ error: { code: 'SYS.1014' } });
  });

  it('go nowhere where their project could not have new ones', async () => {
    const { cloud } = zstack;
    const nic = alice.own['nic']!;
    const at = async () => (await cloud.networks.ports.get(operator(), nic)).networkId;
    await zstack.run('DELETE', `/eips/${alice.own['eip']}`, undefined, alice.headers);
    const outside = (await cloud.networks.networks.list(operator())).find(({ name }) => name === 'outside')!;
    expect(await change(outside.id)).toMatchObject({ error: { code: expect.any(String) } });
    expect(await at()).toBe(alice.own['l3Network']);
    const [forAll] = await cloud.networks.networks.create(operator(), [{ name: 'for all', shared: true }]);
    const range = { params: { name: 'r', networkCidr: '10.99.0.0/24' } };
    await zstack.run('POST', `/l3-networks/${forAll!.id}/ip-ranges/by-cidr`, range);
    const unguarded = { portSecurity: false, securityGroupIds: [] };
    await cloud.networks.ports.update(operator(), nic, unguarded);
    expect(await change(forAll!.id)).toMatchObject({ error: { code: expect.any(String) } });
    expect(await at()).toBe(alice.own['l3Network']);
    await cloud.networks.ports.update(operator(), nic, { portSecurity: true });
    const { macAddress } = await cloud.networks.ports.get(operator(), nic);
    const setMac = (mac_address: string) =>
      cloud.db.write((tx) => tx.updateTable('ports').set({ mac_address }).where('id', '=', nic).execute());
    await setMac('52:54:00:12:34:56');
    expect(await change(forAll!.id)).toMatchObject({ error: { code: expect.any(String) } });
    expect(await at()).toBe(alice.own['l3Network']);
    await setMac(macAddress);
    expect(await change(forAll!.id)).toMatchObject({ inventory: { l3NetworkUuid: forAll!.id } });
    expect(await change(alice.own['l3Network']!)).toMatchObject({ inventory: { uuid: nic } });
  });

  it('stay the same, with an address there, while their server runs and while it does not', async () => {
    const { nic, vm, l3Network } = alice.own;
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
