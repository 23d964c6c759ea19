import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let alice: SettledAccount;
let vm: string;
let place: { clusterUuid: string; zoneUuid: string; hostUuid: string };
beforeAll(async () => {
  zstack = await TestZStack.start({ settings: { shutdownGrace: 0 } });
  alice = await SettledAccount.settle(zstack, 'alice');
  vm = alice.own['vm']!;
  [place] = (await zstack.query(`/vm-instances/${vm}`)) as unknown as [typeof place];
});
afterAll(() => zstack?.stop());

const update = (config: string, resource: string, value: string, headers?: Record<string, string>) => {
  const body = { updateResourceConfig: { value } };
  return zstack.run('PUT', `/resource-configurations/${config}/${resource}/actions`, body, headers);
};
const remove = (config: string, resource: string) =>
  zstack.run('DELETE', `/resource-configurations/${config}/${resource}`);
const holds = async (config: string, resource: string) => {
  const { json } = await zstack.call('GET', `/resource-configurations/${resource}/${config}`);
  return { value: json['value'], from: (json['effectiveConfigs'] as Body[]).map((one) => one['resourceType']) };
};
const failing = (code: string, details: string) => ({ status: 503, json: { error: { code, details } } });

describe('configurations of resources', () => {
  it('hold where they are nearest: server, cluster, zone, cloud', async () => {
    const policy = 'vm/deletionPolicy';
    expect(await holds(policy, vm)).toEqual({ value: 'Direct', from: [] });
    expect(await update(policy, place.zoneUuid, 'Delay')).toMatchObject({
      status: 200,
      json: {
        inventory: {
          resourceUuid: place.zoneUuid,
          resourceType: 'ZoneVO',
          category: 'vm',
          name: 'deletionPolicy',
          value: 'Delay',
        },
      },
    });
    expect(await holds(policy, vm)).toEqual({ value: 'Delay', from: ['ZoneVO'] });
    await update(policy, place.clusterUuid, 'Direct');
    expect(await holds(policy, vm)).toEqual({ value: 'Direct', from: ['ClusterVO', 'ZoneVO'] });
    expect(await holds(policy, place.zoneUuid)).toEqual({ value: 'Delay', from: ['ZoneVO'] });
    await update(policy, vm, 'Delay');
    expect(await holds(policy, vm)).toEqual({ value: 'Delay', from: ['VmInstanceVO', 'ClusterVO', 'ZoneVO'] });
    expect(await zstack.query(`/resource-configurations?q=resourceUuid=${vm}&q=name=deletionPolicy`)).toMatchObject([
      { resourceType: 'VmInstanceVO', category: 'vm', value: 'Delay', description: expect.any(String) },
    ]);
    expect(await remove(policy, vm)).toMatchObject({ status: 200, json: {} });
    expect(await remove(policy, vm)).toMatchObject({ status: 200 });
    await remove(policy, place.clusterUuid);
    await remove(policy, place.zoneUuid);
    expect(await holds(policy, vm)).toEqual({ value: 'Direct', from: [] });
  });

  it('decide whether a destroyed server can be recovered, and until when; its own go with it', async () => {
    const path = `/resource-configurations/${vm}/resource-configs/actions`;
    const resourceConfigs = [
      { category: 'vm', name: 'deletionPolicy', value: 'Delay' },
      { category: 'vm', name: 'expungePeriod', value: '1234' },
    ];
    expect(await zstack.run('POST', path, { params: { resourceConfigs } })).toMatchObject({
      status: 200,
      json: {
        inventories: [
          { name: 'deletionPolicy', value: 'Delay' },
          { name: 'expungePeriod', value: '1234' },
        ],
      },
    });
    expect(
      await zstack.call('GET', `/resource-configurations/${vm}/vm?names=expungePeriod&names=deletionPolicy`),
    ).toMatchObject({ json: { configs: [{ value: '1234' }, { value: 'Delay' }] } });
    expect(await zstack.run('DELETE', `/vm-instances/${vm}`)).toMatchObject({ status: 200 });
    const destroyed = await zstack.cloud.servers.byId(vm);
    expect(destroyed.vmState).toBe('soft-delete');
    expect(Math.round((destroyed.reclaimAt! - destroyed.updatedAt) / 1e6)).toBe(1234);
    const act = (name: string) => zstack.run('PUT', `/vm-instances/${vm}/actions`, { [name]: {} });
    expect(await act('recoverVmInstance')).toMatchObject({ json: { inventory: { state: 'Stopped' } } });
    // The server's own says otherwise than what the zone says now.
    await update('vm/deletionPolicy', vm, 'Direct');
    await update('vm/deletionPolicy', place.zoneUuid, 'Delay');
    expect(await zstack.run('DELETE', `/vm-instances/${vm}`)).toMatchObject({ status: 200 });
    expect((await zstack.cloud.servers.byId(vm)).vmState).toBe('deleted');
    expect(await zstack.query(`/resource-configurations?q=resourceUuid=${vm}`)).toEqual([]);
    await remove('vm/deletionPolicy', place.zoneUuid);
  });

  it('say how many processors a host gives away, to placement of every API', async () => {
    const config = 'host/cpu.overProvisioning.ratio';
    const ratio = async () => (await zstack.cloud.hosts.get(place.hostUuid)).cpuRatio;
    expect(await ratio()).toBe(16);
    await update(config, place.zoneUuid, '8');
    expect(await ratio()).toBe(8);
    await update(config, place.clusterUuid, '4');
    await update(config, place.hostUuid, '2');
    expect(await ratio()).toBe(2);
    const [host] = await zstack.query(`/hosts/${place.hostUuid}`);
    expect(host!['totalCpuCapacity']).toBe(2 * Number(host!['cpuNum']));
    await remove(config, place.hostUuid);
    expect(await ratio()).toBe(4);
    await remove(config, place.clusterUuid);
    const change = (value: string) =>
      zstack.run('PUT', `/global-configurations/${config}/actions`, { updateGlobalConfig: { value } });
    expect(await change('32')).toMatchObject({ status: 200 });
    expect(await ratio()).toBe(8);
    await remove(config, place.zoneUuid);
    expect(await ratio()).toBe(32);
    await zstack.run('PUT', '/global-configurations/actions', { resetGlobalConfig: {} });
    expect(await ratio()).toBe(16);
  });

  it('are listed with what can have them', async () => {
    const { json } = await zstack.call('GET', '/resource-configurations/bindable');
    const all = (json['bindableConfigs'] as Body[]).map(({ category, name, bindResourceTypes }) => {
      return [`${String(category)}/${String(name)}`, bindResourceTypes];
    });
    expect(all).toEqual([
      ['vm/deletionPolicy', ['VmInstanceVO', 'ClusterVO', 'ZoneVO']],
      ['vm/expungePeriod', ['VmInstanceVO', 'ClusterVO', 'ZoneVO']],
      ['host/cpu.overProvisioning.ratio', ['HostVO', 'ClusterVO', 'ZoneVO']],
    ]);
    for (const path of ['bindable?category=host', 'bindable/host']) {
      const some = (await zstack.call('GET', `/resource-configurations/${path}`)).json['bindableConfigs'];
      expect(some).toMatchObject([{ category: 'host', name: 'cpu.overProvisioning.ratio' }]);
    }
  });

  it('refuse what is not there, what can not have them, and what they can not be', async () => {
    const nobody = '0123456789abcdef0123456789abcdef';
    const policy = { category: 'vm', name: 'deletionPolicy' };
    const named = '[category:vm, name:deletionPolicy]';
    expect(await update('vm/deletionPolicy', nobody, 'Delay')).toMatchObject(
      failing('SYS.1006', `cannot find resource[uuid: ${nobody}]`),
    );
    expect(await zstack.call('GET', `/resource-configurations/${nobody}/vm/deletionPolicy`)).toMatchObject(
      failing('SYS.1006', `cannot find resource[uuid: ${nobody}]`),
    );
    expect(await update('vm/deletionPolicy', place.hostUuid, 'Delay')).toMatchObject(
      failing('SYS.1006', `ResourceConfig ${named} cannot bind to resourceType: HostVO`),
    );
    expect(await update('vm/deletionPolicy', place.zoneUuid, 'Never')).toMatchObject(
      failing('SYS.1007', `invalid value[Never] of resource config${named}, valid values are [Direct, Delay]`),
    );
    expect(await update('vm/expungePeriod', place.zoneUuid, '0')).toMatchObject(
      failing(
        'SYS.1007',
        'invalid value[0] of resource config[category:vm, name:expungePeriod], it must be in range of [1, 31536000]',
      ),
    );
    expect(await update('image/expungePeriod', place.zoneUuid, '60')).toMatchObject(
      failing('SYS.1007', 'no resource config[category:image, name:expungePeriod] found, nothing has one for itself'),
    );
    // All of them, or none.
    const resourceConfigs = [
      { ...policy, value: 'Delay' },
      { category: 'host', name: 'cpu.overProvisioning.ratio', value: '0' },
    ];
    const path = `/resource-configurations/${place.zoneUuid}/resource-configs/actions`;
    expect(await zstack.run('POST', path, { params: { resourceConfigs } })).toMatchObject({ status: 503 });
    expect(await holds('vm/deletionPolicy', place.zoneUuid)).toEqual({ value: 'Direct', from: [] });
  });

  it('are set by administrators, and seen by those whose servers they are', async () => {
    const own = await SettledAccount.settle(zstack, 'bob');
    const theirs = own.own['vm']!;
    const authorization = `OAuth ${await zstack.logIn('bob', 'secret')}`;
    expect(await update('vm/deletionPolicy', theirs, 'Delay', { authorization })).toMatchObject({
      json: { error: { code: 'ID.1002' } },
    });
    await update('vm/deletionPolicy', theirs, 'Delay');
    await update('vm/expungePeriod', place.zoneUuid, '77');
    expect(await zstack.query('/resource-configurations', { authorization })).toMatchObject([{ resourceUuid: theirs }]);
    const read = (resource: string, config: string, headers = { authorization }) =>
      zstack.call('GET', `/resource-configurations/${resource}/${config}`, undefined, headers);
    expect(await read(theirs, 'vm/expungePeriod')).toMatchObject({ json: { value: '77' } });
    const carol = { authorization: `OAuth ${await zstack.newAccount('carol')}` };
    expect(await read(theirs, 'vm/deletionPolicy', carol)).toMatchObject({ status: 503 });
    expect(await read(place.hostUuid, 'host/cpu.overProvisioning.ratio', carol)).toMatchObject({ status: 503 });
  });
});
