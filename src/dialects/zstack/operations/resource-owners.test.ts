import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilBlocked } from '../../../../tests/support/held-writes.ts';
import { createPostgresDatabase, eachDatabase } from '../../../../tests/support/postgres.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

eachDatabase('who owns what, as ZStack has it', (_open, kind) => {
  let zstack: TestZStack;
  let alice: SettledAccount;
  let bob: Record<string, string>;
  let bobsUuid: string;

  beforeAll(async () => {
    zstack = await TestZStack.start(kind === 'postgres' ? { database: await createPostgresDatabase() } : {});
    alice = await SettledAccount.settle(zstack, 'alice');
    bob = { authorization: `OAuth ${await zstack.newAccount('bob')}` };
    bobsUuid = String((await zstack.query('/accounts?q=name=bob'))[0]!['uuid']);
  });
  afterAll(() => zstack.stop());

  const give = async (resourceUuid: string, headers?: Record<string, string>) =>
    (await zstack.run('POST', `/account/${bobsUuid}/resources`, { params: { resourceUuid } }, headers)).json;
  const uuids = async (path: string, headers: Record<string, string>) =>
    (await zstack.query(path, headers)).map(({ uuid }) => uuid);

  it('is told of each account’s own resources', async () => {
    const refs = await zstack.query('/accounts/resources/refs?limit=1000', alice.headers);
    const { vm, volume, image, l3Network, vip, nic, snapshot, account } = alice.own;
    expect(refs.map(({ resourceUuid }) => resourceUuid)).toEqual(
      expect.arrayContaining([vm, volume, image, l3Network, vip, nic, snapshot]),
    );
    expect(new Set(refs.map(({ accountUuid }) => accountUuid))).toEqual(new Set([account]));
    const [one] = await zstack.query(`/accounts/resources/refs?q=resourceUuid=${vm}`, alice.headers);
    expect(one).toMatchObject({ accountUuid: account, resourceType: 'VmInstanceVO', type: 'Own' });
    const asked = `/resources/accounts?resourceUuids=${vm}&resourceUuids=${image}`;
    const { json } = await zstack.call('GET', asked, undefined, alice.headers);
    expect(json['inventories']).toMatchObject({ [vm!]: { uuid: account, name: 'alice' }, [image!]: { name: 'alice' } });
    expect((await zstack.call('GET', asked, undefined, bob)).json).toEqual({ inventories: {} });
  });

  it('is told of what is shared, to whom it is', async () => {
    const { image, l3Network, account } = alice.own;
    const share = (params: Body) => zstack.run('PUT', '/accounts/resources/actions', { shareResource: params });
    await share({ resourceUuids: [image, l3Network], accountUuids: [bobsUuid] });
    const query = (headers: Record<string, string>, uuid: string) =>
      zstack.query(`/accounts/resources?q=resourceUuid=${uuid}`, headers);
    for (const [uuid, resourceType] of [
      [image!, 'ImageVO'],
      [l3Network!, 'L3NetworkVO'],
    ] as const) {
      expect(await query(bob, uuid)).toMatchObject([
        { ownerAccountUuid: account, receiverAccountUuid: bobsUuid, toPublic: false, resourceType },
      ]);
    }
    await share({ resourceUuids: [l3Network], toPublic: true });
    const carol = { authorization: `OAuth ${await zstack.newAccount('carol')}` };
    const [open] = await query(carol, l3Network!);
    expect(open).toMatchObject({ toPublic: true });
    expect(open).not.toHaveProperty('receiverAccountUuid');
    expect(await query(carol, image!)).toEqual([]);
  });

  it('changes for volumes that no server has, with their snapshots', async () => {
    const { volume, vm, snapshot } = alice.own;
    expect(await give(volume!, alice.headers)).toMatchObject({ error: { code: 'ID.1002' } });
    expect(await give(volume!)).toMatchObject({ error: { code: 'SYS.1006' } });
    await zstack.run('DELETE', `/volumes/${volume}/vm-instances?vmUuid=${vm}`, undefined, alice.headers);
    expect(await give(volume!)).toMatchObject({
      inventory: { accountUuid: bobsUuid, resourceUuid: volume, resourceType: 'VolumeVO' },
    });
    expect(await uuids(`/volumes/${volume}`, bob)).toEqual([volume]);
    expect(await uuids(`/volume-snapshots?q=uuid=${snapshot}`, bob)).toEqual([snapshot]);
    expect(await uuids(`/volumes/${volume}`, alice.headers)).toEqual([]);
    expect(await give(volume!)).toMatchObject({ error: { code: 'SYS.1007' } });
  });

  it('changes for servers, with disks, interfaces and tags, once nothing ties them', async () => {
    const { vm, nic, eip, rootVolume, tag } = alice.own;
    expect(await give(vm!)).toMatchObject({ error: { code: 'SYS.1006' } });
    await zstack.run('DELETE', `/eips/${eip}`, undefined, alice.headers);
    const { json } = await zstack.run('PUT', `/accounts/quotas/actions`, {
      updateQuota: { identityUuid: bobsUuid, name: 'vm.totalNum', value: 0 },
    });
    expect(json['error']).toBeUndefined();
    expect(await give(vm!)).toMatchObject({ error: { code: 'ID.1003' } });
    await zstack.run('PUT', `/accounts/quotas/actions`, {
      updateQuota: { identityUuid: bobsUuid, name: 'vm.totalNum', value: 5 },
    });
    expect(await give(vm!)).toMatchObject({ inventory: { accountUuid: bobsUuid, resourceType: 'VmInstanceVO' } });
    expect(await uuids(`/vm-instances/${vm}`, bob)).toEqual([vm]);
    expect(await uuids(`/volumes/${rootVolume}`, bob)).toEqual([rootVolume]);
    expect(await uuids(`/vm-instances/nics?q=uuid=${nic}`, bob)).toEqual([nic]);
    expect(await uuids(`/user-tags?q=resourceUuid=${vm}`, bob)).toContain(tag);
    expect(await uuids(`/vm-instances/${vm}`, alice.headers)).toEqual([]);
    const stopped = await zstack.run('PUT', `/vm-instances/${vm}/actions`, { stopVmInstance: { type: 'cold' } }, bob);
    expect(stopped).toMatchObject({ status: 200, json: { inventory: { state: 'Stopped' } } });
    const [port] = await zstack.cloud.db.read
      .selectFrom('port_security_groups')
      .innerJoin('security_groups', 'security_groups.id', 'security_group_id')
      .select('project_id')
      .where('port_id', '=', nic!)
      .execute();
    expect(port).toEqual({ project_id: bobsUuid });
  });

  it.runIf(kind === 'postgres')('stays for what another process begins to use at the same moment', async () => {
    const { db, networks } = zstack.cloud;
    const volume = String(
      (
        (await zstack.run('POST', '/volumes/data', { params: { name: 'v', diskSize: 2 ** 30 } }, alice.headers)).json[
          'inventory'
        ] as Body
      )['uuid'],
    );
    const ip = await db.read
      .selectFrom('floating_ips')
      .selectAll()
      .where('id', '=', alice.own['vip']!)
      .executeTakeFirstOrThrow();
    const answers: Promise<unknown>[] = [];
    await db.write(async (tx) => {
      await tx.updateTable('volumes').set({ status: 'attaching' }).where('id', '=', volume).execute();
      await tx.updateTable('floating_ips').set({ port_id: alice.own['nic']! }).where('id', '=', ip.id).execute();
      for (const uuid of [volume, ip.id]) answers.push(give(uuid));
      await untilBlocked(db, answers.length);
    });
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ error: { code: 'SYS.1006' } });
    await db.write(async (tx) => {
      await tx.updateTable('volumes').set({ status: 'available' }).where('id', '=', volume).execute();
      await tx.updateTable('floating_ips').set({ port_id: ip.port_id }).where('id', '=', ip.id).execute();
    });
    networks.notifyChange();
  });

  it('changes for images, networks and free addresses', async () => {
    const { image, l3Network, ipRange, vip, vipOfRule } = alice.own;
    for (const uuid of [image, l3Network, vip, vipOfRule]) {
      expect(await give(uuid!)).toMatchObject({ inventory: { accountUuid: bobsUuid, resourceUuid: uuid } });
    }
    expect(await uuids(`/images/${image}`, bob)).toEqual([image]);
    expect(await uuids(`/l3-networks/ip-ranges/${ipRange}`, bob)).toEqual([ipRange]);
    expect(await uuids(`/vips/${vip}`, bob)).toEqual([vip]);
    expect(await uuids(`/port-forwarding`, bob)).toEqual([alice.own['portForwardingRule']]);
  });

  it('is refused for what there is not, and what goes nowhere by itself', async () => {
    expect(await give('0'.repeat(32))).toMatchObject({ error: { code: 'SYS.1003' } });
    expect(await give(alice.own['securityGroup']!)).toMatchObject({ error: { code: 'SYS.1014' } });
    const path = `/account/${'0'.repeat(32)}/resources`;
    const { json } = await zstack.run('POST', path, { params: { resourceUuid: alice.own['image'] } });
    expect(json).toMatchObject({ error: { code: 'SYS.1003' } });
  });

  it('stays where something is used with it that the other account may not use', async () => {
    const { networks } = zstack.cloud;
    const carol = { authorization: `OAuth ${await zstack.newAccount('carol')}` };
    const [account] = await zstack.query('/accounts?q=name=carol');
    const owner = { ...operator(), isAdmin: false, roles: ['member'], projectId: String(account!['uuid']) };
    const [policy, open] = await networks.qosPolicies.create(operator(), [
      { name: 'own', projectId: owner.projectId },
      { name: 'open', shared: true },
    ]);
    const [pool] = await networks.subnetPools.create(owner, [
      { name: 'pool', prefixes: ['10.44.0.0/16'], defaultPrefixLength: 24 },
    ]);
    const [network] = await networks.networks.create(owner, [{ name: 'n', qosPolicyId: policy!.id }]);
    const [subnet] = await networks.subnets.create(owner, [
      { networkId: network!.id, ipVersion: 4, subnetPoolId: pool!.id },
    ]);
    const refused = (what: string) => ({
      error: { code: 'SYS.1006', details: expect.stringContaining(`the ${what}`) },
    });
    expect(await give(network!.id)).toMatchObject(refused(`QoS policy ${policy!.id}`));
    await networks.networks.update(owner, network!.id, { qosPolicyId: open!.id });
    expect(await give(network!.id)).toMatchObject(refused(`subnet pool ${pool!.id}`));
    expect(await uuids(`/l3-networks/${network!.id}`, carol)).toEqual([network!.id]);
    const policyOf = { objectType: 'subnetpool', objectId: pool!.id, action: 'access_as_shared' } as const;
    await networks.rbacPolicies.create(operator(), [{ ...policyOf, targetProject: bobsUuid }]);
    expect(await give(network!.id)).toMatchObject({ inventory: { accountUuid: bobsUuid } });
    expect(await uuids(`/l3-networks/ip-ranges/${subnet!.id}`, bob)).toEqual([subnet!.id]);
  });
});
