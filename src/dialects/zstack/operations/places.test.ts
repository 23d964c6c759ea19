import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha512, TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
beforeAll(async () => {
  zstack = await TestZStack.start();
});
afterAll(() => zstack?.stop());

describe('places', () => {
  it('lead to each other in conditions, however far', async () => {
    const [{ uuid: zoneUuid }] = (await zstack.query('/zones')) as [Body];
    const [{ uuid: clusterUuid }] = (await zstack.query('/clusters')) as [Body];
    const wiring = { name: 'wiring', zoneUuid, physicalInterface: 'eth0' };
    const { json } = await zstack.run('POST', '/l2-networks/no-vlan', { params: wiring });
    const l2NetworkUuid = String((json['inventory'] as Body)['uuid']);
    await zstack.run('POST', `/l2-networks/${l2NetworkUuid}/clusters/${String(clusterUuid)}`, {});
    const l3 = { params: { name: 'office', l2NetworkUuid } };
    expect(await zstack.run('POST', '/l3-networks', l3)).toMatchObject({ status: 200 });
    for (const [path, found] of [
      ['/zones?q=cluster.l2Network.l3Network.name=office', [{ uuid: zoneUuid }]],
      ['/zones?q=cluster.l2Network.l3Network.name=none', []],
      ['/zones?q=l2Network.name=wiring&q=primaryStorage.state=Enabled', [{ uuid: zoneUuid }]],
      ['/zones?q=vmInstance.name=none', []],
      ['/clusters?q=l2Network.name=wiring&q=primaryStorage.status=Connected', [{ uuid: clusterUuid }]],
      ['/clusters?q=l2Network.name=none', []],
    ] as const) {
      expect([path, await zstack.query(path)]).toMatchObject([path, found]);
    }
  });

  it('and accounts have the tags that they are made with', async () => {
    const made = async (path: string, params: Body): Promise<string> => {
      const { json } = await zstack.run('POST', path, { params, userTags: ['mine'], systemTags: ['capability::x'] });
      return String((json['inventory'] as Body)['uuid']);
    };
    const zone = await made('/zones', { name: 'west' });
    const cluster = await made('/clusters', { name: 'west-1', zoneUuid: zone, hypervisorType: 'KVM' });
    const account = await made('/accounts', { name: 'tagged', password: sha512('x') });
    for (const [path, uuid] of [
      ['/zones', zone],
      ['/clusters', cluster],
      ['/accounts', account],
    ]) {
      expect(await zstack.query(`${path}?q=__userTag__=mine&q=__systemTag__=capability::x`)).toMatchObject([{ uuid }]);
    }
    const refused = { params: { name: 'east' }, systemTags: ['nonsense'] };
    expect(await zstack.run('POST', '/zones', refused)).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
    expect(await zstack.query('/zones?q=name=east')).toEqual([]);
  });
});
