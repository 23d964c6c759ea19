import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresDatabase, eachDatabase } from '../../../../tests/support/postgres.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { openGroupId } from '../../../cloud/networks/open-security-group.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { inventoryOf, TestZStack, uuidOf } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

eachDatabase('interfaces in no security group', (_open, kind) => {
  let zstack: TestZStack;
  let alice: SettledAccount;
  let open: string;
  let vm: string;
  let nic: string;

  beforeAll(async () => {
    zstack = await TestZStack.start(kind === 'postgres' ? { database: await createPostgresDatabase() } : {});
    alice = await SettledAccount.settle(zstack, 'alice');
    open = openGroupId(alice.own['account']!);
    ({ vm, nic } = alice.own as { vm: string; nic: string });
  });
  afterAll(() => zstack.stop());

  const run = async (method: string, path: string, body?: Body) => {
    const reply = await zstack.run(method, path, body, alice.headers);
    expect(reply.json['error'], reply.text).toBeUndefined();
    return reply;
  };
  const refused = async (method: string, path: string, body?: Body) =>
    (await zstack.run(method, path, body, alice.headers)).json['error'];
  const query = (path: string, headers = alice.headers) => zstack.query(path, headers);
  /** The groups that its host filters an interface by. */
  const groupsOf = async (portId: string) => {
    const rows = await zstack.cloud.db.read
      .selectFrom('port_security_groups')
      .select('security_group_id')
      .where('port_id', '=', portId)
      .execute();
    return rows.map(({ security_group_id }) => security_group_id).sort();
  };
  const nicsOf = async (vmUuid: string) =>
    (await query(`/vm-instances/nics?q=vmInstanceUuid=${vmUuid}`)).map(({ uuid }) => String(uuid)).sort();
  const newGroup = async (name: string) => uuidOf(await run('POST', '/security-groups', { params: { name } }));
  const nics = (group: string) => `/security-groups/${group}/vm-instances/nics`;
  const add = (group: string, ...vmNicUuids: string[]) => run('POST', nics(group), { params: { vmNicUuids } });

  it('let everything through, however they are made', async () => {
    expect(await groupsOf(nic)).toEqual([open]);
    const { l3Network } = alice.own;
    const made = uuidOf(await run('POST', '/nics', { params: { l3NetworkUuid: l3Network } }));
    expect(await groupsOf(made)).toEqual([open]);
    await run('POST', `/vm-instances/${vm}/nices/${made}`, { params: {} });
    await run('POST', `/vm-instances/${vm}/l3-networks/${l3Network}`, { params: {} });
    const all = await nicsOf(vm);
    expect(all).toHaveLength(3);
    for (const one of all) expect(await groupsOf(one)).toEqual([open]);
    for (const one of all) if (one !== nic) await run('DELETE', `/vm-instances/nics/${one}`);
  });

  it('are in none that is shown, and the one that stands for that is not there', async () => {
    for (const headers of [alice.headers, {}]) {
      expect(await query(`/security-groups?q=uuid=${open}`, headers)).toEqual([]);
      expect(await query(`/security-groups/rules?q=securityGroupUuid=${open}`, headers)).toEqual([]);
      expect(await query(`/security-groups/vm-instances/nics?q=vmNicUuid=${nic}`, headers)).toEqual([]);
      expect(await query('/vm-instances/nics?q=securityGroup.name=open', headers)).toEqual([]);
      expect(await query(`/accounts/resources/refs?q=resourceUuid=${open}`, headers)).toEqual([]);
    }
    const missing = { code: 'SYS.1003' };
    expect(await refused('POST', nics(open), { params: { vmNicUuids: [nic] } })).toMatchObject(missing);
    const web = await newGroup('peer');
    const rules = [{ type: 'Ingress', remoteSecurityGroupUuid: open }];
    expect(await refused('POST', `/security-groups/${web}/rules`, { params: { rules } })).toMatchObject(missing);
    await run('DELETE', `/security-groups/${web}`);
    const renamed = { updateSecurityGroup: { name: 'other' } };
    expect(await refused('PUT', `/security-groups/${open}/actions`, renamed)).toMatchObject(missing);
    const disabled = { changeSecurityGroupState: { stateEvent: 'disable' } };
    expect(await refused('PUT', `/security-groups/${open}/actions`, disabled)).toMatchObject(missing);
    await zstack.run('DELETE', `/security-groups/${open}`, undefined, alice.headers);
    await zstack.run('DELETE', `${nics(open)}?vmNicUuids=${nic}`, undefined, alice.headers);
    expect(await groupsOf(nic)).toEqual([open]);
    expect((await zstack.cloud.networks.securityGroups.get(operator(), open)).rules).toHaveLength(4);
  });

  it('are filtered by the groups that they join, and no more once they have left the last', async () => {
    const [web, ssh] = [await newGroup('web'), await newGroup('ssh')];
    await add(web, nic);
    expect(await groupsOf(nic)).toEqual([web]);
    await add(ssh, nic);
    expect(await groupsOf(nic)).toEqual([web, ssh].sort());
    await run('DELETE', `${nics(web)}?vmNicUuids=${nic}`);
    expect(await groupsOf(nic)).toEqual([ssh]);
    await run('DELETE', `${nics(ssh)}?vmNicUuids=${nic}`);
    expect(await groupsOf(nic)).toEqual([open]);
    await add(web, nic);
    await add(ssh, nic);
    await run('DELETE', `/security-groups/${web}`);
    expect(await groupsOf(nic)).toEqual([ssh]);
    await run('DELETE', `/security-groups/${ssh}`);
    expect(await groupsOf(nic)).toEqual([open]);
  });

  it('joins all that are named or none', async () => {
    const web = await newGroup('all');
    const vmNicUuids = [nic, '0'.repeat(32)];
    expect(await refused('POST', nics(web), { params: { vmNicUuids } })).toMatchObject({ code: 'SYS.1003' });
    expect(await groupsOf(nic)).toEqual([open]);
    await run('DELETE', `/security-groups/${web}`);
  });

  it('come to be by taking a group from their network', async () => {
    const web = await newGroup('of-network');
    const path = `/security-groups/${web}/l3-networks/${alice.own['l3Network']}`;
    expect(inventoryOf(await run('POST', path, { params: {} }))).toMatchObject({
      attachedL3NetworkUuids: [alice.own['l3Network']],
    });
    await add(web, nic);
    expect(inventoryOf(await run('DELETE', path))).toMatchObject({ attachedL3NetworkUuids: [] });
    expect(await groupsOf(nic)).toEqual([open]);
    await run('DELETE', `/security-groups/${web}`);
  });

  it('are those of clones where they are the origin’s, and each has the groups of the one that it is like', async () => {
    const web = await newGroup('of-clones');
    const { l3Network } = alice.own;
    await run('POST', `/vm-instances/${vm}/l3-networks/${l3Network}`, { params: {} });
    const second = (await nicsOf(vm)).find((uuid) => uuid !== nic)!;
    await add(web, second);
    const cloned = await run('PUT', `/vm-instances/${vm}/actions`, { cloneVmInstance: { names: ['like-it'] } });
    const { inventories } = cloned.json['result'] as { inventories: [{ inventory: Body }] };
    const clone = String(inventories[0].inventory['uuid']);
    const groups = await Promise.all((await nicsOf(clone)).map(groupsOf));
    expect(groups.sort()).toEqual([[open], [web]].sort());
    await run('DELETE', `/vm-instances/${clone}`);
    await run('DELETE', `/vm-instances/nics/${second}`);
  });

  it('stay so with their server’s owner', async () => {
    const { eip } = alice.own;
    await run('DELETE', `/eips/${eip}`);
    await run('DELETE', `/volumes/${alice.own['volume']}/vm-instances?vmUuid=${vm}`);
    await zstack.newAccount('bob');
    const [bob] = await zstack.query('/accounts?q=name=bob');
    const given = await zstack.run('POST', `/account/${bob!['uuid']}/resources`, { params: { resourceUuid: vm } });
    expect(given.json['error'], given.text).toBeUndefined();
    expect(await groupsOf(nic)).toEqual([openGroupId(String(bob!['uuid']))]);
  });
});
