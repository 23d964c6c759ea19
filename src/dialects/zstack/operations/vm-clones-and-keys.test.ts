import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditCloud } from '../../../cloud/audit/audit.ts';
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
afterAll(async () => {
  await zstack?.stop();
});

const act = (name: string, body: Body) =>
  zstack.run('PUT', `/vm-instances/${alice.own['vm']}/actions`, { [name]: body }, alice.headers);

describe('cloning a server', () => {
  it('makes servers like it, with volumes and addresses of their own, and leaves nothing else behind', async () => {
    const [vm] = await zstack.query(`/vm-instances/${alice.own['vm']}`, alice.headers);
    const tags = { rootVolumeSystemTags: ['capability::root'], dataVolumeSystemTags: ['capability::data'] };
    const wanted = { names: ['twin-1', 'twin-2'], full: true, ...tags };
    const { status, json, text } = await act('cloneVmInstance', wanted);
    expect(status, text).toBe(200);
    for (const kind of ['root', 'data']) {
      const tagged = await zstack.query(`/system-tags?q=tag=capability::${kind}`);
      expect(tagged.map(({ resourceType }) => resourceType)).toEqual(['VolumeVO', 'VolumeVO']);
    }
    const unheard = { names: ['never'], rootVolumeSystemTags: ['unheard::of'] };
    expect((await act('cloneVmInstance', unheard)).json).toMatchObject({ error: { code: 'SYS.1007' } });
    const result = json['result'] as { numberOfClonedVm: number; inventories: Array<{ inventory: Body }> };
    expect(result.numberOfClonedVm).toBe(2);
    const clones = result.inventories.map(({ inventory }) => inventory);
    for (const [index, clone] of clones.entries()) {
      expect(clone).toMatchObject({
        name: `twin-${index + 1}`,
        state: 'Running',
        imageUuid: vm!['imageUuid'],
        cpuNum: vm!['cpuNum'],
        memorySize: vm!['memorySize'],
        platform: vm!['platform'],
        allVolumes: [{ type: 'Root' }, { type: 'Data', size: 2 ** 30 }],
      });
    }
    const nics = [vm!, ...clones].map((one) => (one['vmNics'] as Body[])[0]!);
    expect(new Set(nics.map(({ l3NetworkUuid }) => l3NetworkUuid)).size).toBe(1);
    expect(new Set(nics.map(({ ip }) => ip)).size).toBe(3);
    expect(await zstack.query('/images?q=name~=clone-of-%&q=status=Ready', alice.headers)).toEqual([]);
    expect(await zstack.query('/vm-instances?q=name~=twin-%', alice.headers)).toHaveLength(2);
  });

  it('makes servers that are off, and start like others', async () => {
    const { json, text } = await act('cloneVmInstance', { names: ['asleep'], strategy: 'CreateStopped' });
    const { inventories } = json['result'] as { inventories: Array<{ inventory: Body }> };
    const [{ inventory: clone }] = inventories as [{ inventory: Body }];
    expect(clone, text).toMatchObject({ name: 'asleep', state: 'Stopped' });
    const path = `/vm-instances/${clone['uuid']}/actions`;
    const started = await zstack.run('PUT', path, { startVmInstance: {} }, alice.headers);
    expect(started.json).toMatchObject({ inventory: { state: 'Running' } });
  });

  it('only registers clones that their first start builds; the image between goes with the last of them', async () => {
    const { json, text } = await act('cloneVmInstance', { names: ['later-1', 'later-2'], strategy: 'JustCreate' });
    const { inventories } = json['result'] as { inventories: Array<{ inventory: Body }> };
    const clones = inventories.map(({ inventory }) => inventory);
    expect(clones, text).toMatchObject([{ state: 'Created' }, { state: 'Created' }]);
    const between = () => zstack.query('/images?q=name~=clone-of-%&q=status=Ready', alice.headers);
    expect(await between()).toHaveLength(1);
    expect(await auditCloud(zstack.cloud)).toEqual([]);
    const path = `/vm-instances/${clones[0]!['uuid']}/actions`;
    const started = await zstack.run('PUT', path, { startVmInstance: {} }, alice.headers);
    expect(started.json, started.text).toMatchObject({ inventory: { state: 'Running' } });
    expect(await between()).toHaveLength(1);
    await zstack.run('DELETE', `/vm-instances/${clones[1]!['uuid']}`, undefined, alice.headers);
    await zstack.cloud.runner.idle();
    expect(await between()).toEqual([]);
    expect(await auditCloud(zstack.cloud)).toEqual([]);
  });

  it('is refused in other states, and where it can not be as it was asked', async () => {
    expect(await act('cloneVmInstance', { names: [] })).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
    expect(await act('cloneVmInstance', { names: ['x'], strategy: 'JustCreate', full: true })).toMatchObject({
      json: { error: { code: 'SYS.1014', details: expect.stringContaining('data volumes are not cloned') } },
    });
    const unknown = await zstack.run('PUT', '/vm-instances/4c0d2d1f3b7e4f8f9a6b2e3d4c5f6a71/actions', {
      cloneVmInstance: { names: ['x'] },
    });
    expect(unknown).toMatchObject({ json: { error: { code: 'SYS.1003' } } });
  });
});

describe('the address of a server', () => {
  it('is set, noted as static, and forgotten', async () => {
    const { vm, l3Network } = alice.own;
    const on = { l3NetworkUuid: l3Network };
    const notes = () => zstack.query(`/system-tags?q=resourceUuid=${vm}&q=tag~=staticIp::%`, alice.headers);
    expect(await act('setVmStaticIp', { ...on, ip: '10.77.0.200' })).toMatchObject({ status: 200, json: {} });
    expect(await act('setVmStaticIp', { ...on, ip: '10.77.0.201' })).toMatchObject({ status: 200, json: {} });
    expect(await zstack.query(`/vm-instances/${vm}`, alice.headers)).toMatchObject([
      { vmNics: [{ ip: '10.77.0.201' }] },
    ]);
    expect(await notes()).toMatchObject([{ tag: `staticIp::${l3Network}::10.77.0.201` }]);
    const path = `/vm-instances/${vm}/static-ips?l3NetworkUuid=${l3Network}`;
    expect(await zstack.run('DELETE', path, undefined, alice.headers)).toMatchObject({ status: 200, json: {} });
    expect(await notes()).toEqual([]);
    expect(await zstack.query(`/vm-instances/${vm}`, alice.headers)).toMatchObject([
      { vmNics: [{ ip: '10.77.0.201' }] },
    ]);
  });

  it('is set in both families at once', async () => {
    const { l3Network = '', account = '', vm } = alice.own;
    const { subnets, ports } = zstack.cloud.networks;
    const owner = { ...operator(), isAdmin: false, projectId: account };
    await subnets.create(owner, [{ networkId: l3Network, ipVersion: 6, cidr: 'fd00:77::/64' }]);
    const wanted = [{ ip6: 'fd00:77::9' }, { ip: '10.77.0.202' }];
    await Promise.all(wanted.map((one) => act('setVmStaticIp', { l3NetworkUuid: l3Network, ...one })));
    const [port] = await ports.list(owner, { filters: { deviceId: [vm!] } });
    const addresses = port!.fixedIps.map(({ ipAddress }) => ipAddress);
    expect(addresses.sort()).toEqual(['10.77.0.202', 'fd00:77::9']);
  });

  it('is refused where it is none, or no interface can have it', async () => {
    const failing = (code: string, details: string) => ({ json: { error: { code, details } } });
    const on = { l3NetworkUuid: alice.own['l3Network'] };
    expect(await act('setVmStaticIp', on)).toMatchObject(
      failing('SYS.1007', 'could not set ip address, due to no ip address is specified'),
    );
    expect(await act('setVmStaticIp', { ...on, ip: 'x' })).toMatchObject(
      failing('SYS.1007', '[x] is not a valid IPv4 address'),
    );
    const outside = (await zstack.query('/l3-networks?q=name=outside'))[0]!['uuid'];
    expect(await act('setVmStaticIp', { l3NetworkUuid: outside, ip: '203.0.113.9' })).toMatchObject(
      failing('SYS.1007', `the VM[uuid:${alice.own['vm']}] has no nic on the L3 network[uuid:${outside}]`),
    );
    expect((await act('setVmStaticIp', { ...on, ip: '192.0.2.1' })).status).toBe(503);
  });
});

describe('the key of a server', () => {
  it('is set, shown and deleted, by itself or as a key pair', async () => {
    const { vm, sshKeyPair } = alice.own;
    const path = `/vm-instances/${vm}/ssh-keys`;
    const shown = async () => (await zstack.call('GET', path, undefined, alice.headers)).json['sshKey'];
    const [pair] = await zstack.query(`/ssh-key-pair/${sshKeyPair}`, alice.headers);
    expect(await shown()).toBeUndefined();
    const attach = `/ssh-key-pair/${sshKeyPair}/vm-instance/${vm}`;
    expect(await zstack.run('POST', attach, { params: {} }, alice.headers)).toMatchObject({
      json: { inventory: { uuid: sshKeyPair } },
    });
    expect(await shown()).toBe(pair!['publicKey']);
    expect(await zstack.run('DELETE', attach, undefined, alice.headers)).toMatchObject({ status: 200, json: {} });
    expect(await zstack.run('DELETE', attach, undefined, alice.headers)).toMatchObject({
      json: { error: { code: 'SYS.1006' } },
    });
    const key = String(pair!['publicKey']);
    expect(await act('setVmSshKey', { SshKey: key })).toMatchObject({ json: { inventory: { uuid: vm } } });
    expect(await shown()).toBe(key);
    expect(await zstack.run('DELETE', path, undefined, alice.headers)).toMatchObject({ status: 200, json: {} });
    expect(await shown()).toBeUndefined();
  });
});
