import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresDatabase, eachDatabase } from '../../../../tests/support/postgres.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

eachDatabase('addresses as ZStack has them', (_open, kind) => {
  let zstack: TestZStack;
  let alice: SettledAccount;
  let l3: string;

  beforeAll(async () => {
    zstack = await TestZStack.start(kind === 'postgres' ? { database: await createPostgresDatabase() } : {});
    alice = await SettledAccount.settle(zstack, 'alice');
    l3 = alice.own['l3Network']!;
  });
  afterAll(() => zstack.stop());

  const reserve = (startIp: string, endIp: string) =>
    zstack.run('POST', `/l3-networks/${l3}/reserved-ip-ranges`, { params: { startIp, endIp } }, alice.headers);
  const newNic = (ip?: string) =>
    zstack.run('POST', '/nics', { params: { l3NetworkUuid: l3, ...(ip && { ip }) } }, alice.headers);
  const read = async (path: string) => (await zstack.call('GET', path, undefined, alice.headers)).json;

  it('reserves addresses, which nothing is given from then on', async () => {
    const { status, json } = await reserve('10.77.0.2', '10.77.0.99');
    // The address of the server that the account has.
    expect({ status, json }).toMatchObject({ status: 503, json: { error: { code: 'SYS.1006' } } });
    const made = await reserve('10.77.0.60', '10.77.0.69');
    const inventory = made.json['inventory'] as Body;
    expect(inventory).toMatchObject({ l3NetworkUuid: l3, startIp: '10.77.0.60', endIp: '10.77.0.69', ipVersion: 4 });
    expect((await newNic('10.77.0.65')).json).toMatchObject({ error: { code: 'SYS.1006' } });
    const free = (await read(`/l3-networks/${l3}/ip/free?start=10.77.0.59&limit=2`))['inventories'] as Body[];
    expect(free.map(({ ip }) => ip)).toEqual(['10.77.0.59', '10.77.0.70']);
    expect(await read(`/l3-networks/${l3}/ip/10.77.0.60/availability`)).toEqual({
      available: false,
      reason: 'IP address is reserved',
    });
    const before = await read(`/ip-capacity?l3NetworkUuids=${l3}`);
    await zstack.run('DELETE', `/l3-networks/reserved-ip-ranges/${inventory['uuid']}`, undefined, alice.headers);
    const after = await read(`/ip-capacity?l3NetworkUuids=${l3}`);
    expect(Number(after['totalCapacity']) - Number(before['totalCapacity'])).toBe(10);
    expect((await newNic('10.77.0.65')).status).toBe(200);
  });

  it('tells of what is reserved, by itself, with its network and in ZQL', async () => {
    const [one] = await zstack.query(`/l3-networks/reserved-ip-ranges?q=l3Network.name=alice`, alice.headers);
    expect(one).toMatchObject({ uuid: alice.own['reservedIpRange'], startIp: '10.77.0.240' });
    expect(await zstack.query(`/l3-networks/${l3}`, alice.headers)).toMatchObject([
      { reservedIpRanges: [{ startIp: '10.77.0.240' }] },
    ]);
    const zql = encodeURIComponent(`query reservediprange where l3NetworkUuid='${l3}'`);
    expect((await read(`/zql?zql=${zql}`))['results']).toMatchObject([{ inventories: [{ startIp: '10.77.0.240' }] }]);
  });

  it('refuses what is no range, as wrong fields are', async () => {
    for (const [start, end] of [
      ['10.77.0.9', '10.77.0.8'],
      ['10.77.0.9', 'fd00::1'],
      ['ten', '10.77.0.8'],
    ] as const) {
      expect(await reserve(start, end)).toMatchObject({ status: 503, json: { error: { code: 'SYS.1007' } } });
    }
    expect((await reserve('10.77.0.249', '10.77.0.255')).json).toMatchObject({ error: { code: 'SYS.1006' } });
  });

  it('tells of the addresses in use, with what has them', async () => {
    const [used] = await zstack.query(
      `/l3-networks/ip-address?q=vmNic.vmInstanceUuid=${alice.own['vm']}`,
      alice.headers,
    );
    const [nic] = await zstack.query(`/vm-instances/nics?q=uuid=${alice.own['nic']}`, alice.headers);
    expect(used).toMatchObject({
      ip: nic!['ip'],
      vmNicUuid: nic!['uuid'],
      l3NetworkUuid: l3,
      ipRangeUuid: alice.own['ipRange'],
      netmask: '255.255.255.0',
      gateway: '10.77.0.1',
      ipVersion: 4,
    });
    expect(used!['uuid']).toMatch(/^[0-9a-f]{32}$/);
    expect(nic).toMatchObject({ usedIpUuid: used!['uuid'], usedIps: [{ uuid: used!['uuid'], ip: used!['ip'] }] });
    const [, , , last] = String(used!['ip']).split('.').map(Number);
    expect(used!['ipInLong']).toBe(((10 * 256 + 77) * 256 + 0) * 256 + last!);
    const [ofVip] = await zstack.query(`/l3-networks/ip-address?q=vip.uuid=${alice.own['vip']}`, alice.headers);
    const [vip] = await zstack.query(`/vips/${alice.own['vip']}`, alice.headers);
    expect(ofVip).toMatchObject({ uuid: vip!['usedIpUuid'], ip: vip!['ip'], usedFor: 'Vip' });
    expect(ofVip).not.toHaveProperty('vmNicUuid');
  });
});
