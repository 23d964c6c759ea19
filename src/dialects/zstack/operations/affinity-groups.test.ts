import { afterAll, beforeAll, expect, it } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { newId } from '../../../env/env.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(() => zstack.stop());

const failing = (code: string, details: unknown) => ({ status: 503, json: { error: { code, details } } });
const run = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: Body) =>
  zstack.run(method, path, body, alice.headers);

async function group(params: Body): Promise<string> {
  const { json, text } = await run('POST', '/affinity-groups', { params: { name: 'web', ...params } });
  const made = json['inventory'] as Body | undefined;
  if (!made) throw new Error(text);
  return String(made['uuid']);
}

const server = (systemTags: string[]) => {
  const { image: imageUuid } = alice.own;
  const params = { name: 'one', imageUuid, cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 };
  return run('POST', '/vm-instances', { params, systemTags });
};

it('is a server group of Nova, from the making of a server on', async () => {
  const uuid = await group({ policy: 'antiHard', description: 'apart' });
  const made = await server([`affinityGroupUuid::${uuid}`]);
  const vmUuid = String((made.json['inventory'] as Body)['uuid']);
  const [shown] = await zstack.query(`/affinity-groups/${uuid}`, alice.headers);
  expect(shown).toMatchObject({
    ...{ uuid, name: 'web', description: 'apart', policy: 'antiHard', type: 'HOST', state: 'Enabled' },
    usages: [{ affinityGroupUuid: uuid, resourceUuid: vmUuid, resourceType: 'VmInstanceVO' }],
  });
  expect(await zstack.cloud.servers.groups.get(operator(), uuid)).toMatchObject({
    ...{ policy: 'anti-affinity', memberIds: [vmUuid] },
  });
  // There is one host.
  expect(await server([`affinityGroupUuid::${uuid}`])).toMatchObject(failing('VM.1000', expect.anything()));
  const unknown = alice.own['vm']!;
  expect(await server([`affinityGroupUuid::${unknown}`])).toMatchObject(
    failing('SYS.1003', `invalid field[affinityGroupUuid], resource[uuid:${unknown}, type:AffinityGroupVO] not found`),
  );
  const tags = await zstack.query(`/system-tags?q=resourceUuid=${vmUuid}`, alice.headers);
  expect(tags.map(({ tag }) => tag)).not.toContain(`affinityGroupUuid::${uuid}`);
});

it('takes servers in and lets them go, and says why not', async () => {
  const { vm } = alice.own;
  const [uuid, other] = [await group({ policy: 'proSoft', type: 'host' }), await group({ policy: 'antiSoft' })];
  const add = (to: string) => run('POST', `/affinity-groups/${to}/vm-instances/${vm}`, { params: {} });
  const remove = (from: string) => run('DELETE', `/affinity-groups/${from}/vm-instances?uuid=${vm}`);
  expect(await add(uuid)).toMatchObject({ status: 200, json: { inventory: { usages: [{ resourceUuid: vm }] } } });
  expect(await add(other)).toMatchObject(failing('SYS.1006', expect.stringContaining('is in the group')));
  expect(await remove(other)).toMatchObject(
    failing('SYS.1006', `vm[uuid:${vm}] is not in affinityGroup[uuid:${other}]`),
  );
  expect(await remove(uuid)).toMatchObject({ status: 200, json: { inventory: { uuid, usages: [] } } });

  const change = (body: Body) => run('PUT', `/affinity-groups/${uuid}/actions`, body);
  expect(await change({ changeAffinityGroupState: { stateEvent: 'disable' } })).toMatchObject({
    json: { inventory: { state: 'Disabled' } },
  });
  expect(await add(uuid)).toMatchObject(failing('SYS.1006', `affinityGroup[uuid:${uuid}] is Disabled`));
  expect(await change({ updateAffinityGroup: { name: 'renamed' } })).toMatchObject({
    json: { inventory: { name: 'renamed', state: 'Disabled' } },
  });
  expect((await run('DELETE', `/affinity-groups/${uuid}`)).status).toBe(200);
  expect((await run('DELETE', `/affinity-groups/${uuid}`)).json).toEqual({});
  expect(await change({ updateAffinityGroup: { name: 'x' } })).toMatchObject(failing('SYS.1003', expect.anything()));
  expect(await run('POST', '/affinity-groups', { params: { name: 'x', policy: 'near' } })).toMatchObject(
    failing('SYS.1007', expect.stringContaining('policy')),
  );
});

it('is told which servers and groups fit each other', async () => {
  const { vm } = alice.own;
  const asked = async (path: string) => {
    const { json, text } = await zstack.call('GET', path, undefined, alice.headers);
    if (!json['inventories']) throw new Error(text);
    return (json['inventories'] as Body[]).map(({ uuid }) => uuid);
  };
  const [{ zoneUuid, hostUuid, clusterUuid }] = (await zstack.query(`/vm-instances/${vm}`, alice.headers)) as [Body];
  const [apart, soft, off] = [
    await group({ policy: 'antiHard' }),
    await group({ policy: 'antiSoft', zoneUuid }),
    await group({ policy: 'antiSoft' }),
  ];
  await run('PUT', `/affinity-groups/${off}/actions`, { changeAffinityGroupState: { stateEvent: 'disable' } });
  const forNew = (more = '') => asked(`/vm-instances/candidate-affinityGroup?zoneUuid=${zoneUuid}${more}`);
  for (const more of ['', `&hostUuid=${hostUuid}`, `&clusterUuid=${clusterUuid}`]) {
    expect(await forNew(more)).toEqual(expect.arrayContaining([apart, soft]));
    expect(await forNew(more)).not.toContain(off);
  }
  const forServer = () => asked(`/affinityGroup/attachingVm?vmUuid=${vm}`);
  const forGroup = (uuid: string) => asked(`/VM/attachingGroup?affinityGroupUuid=${uuid}`);
  expect(await forServer()).toEqual(expect.arrayContaining([apart, soft]));
  expect(await forGroup(apart)).toContain(vm);
  expect(await forGroup(off)).toEqual([]);
  await run('POST', `/affinity-groups/${apart}/vm-instances/${vm}`, { params: {} });
  expect(await forServer()).toEqual([]);
  expect(await forGroup(soft)).not.toContain(vm);
  // There is one host, and a server of this group is on it.
  expect(await forNew(`&hostUuid=${hostUuid}`)).not.toContain(apart);
  expect(await forNew()).toContain(apart);
  await run('DELETE', `/affinity-groups/${apart}/vm-instances?uuid=${vm}`);
  const nobody = 'f'.repeat(32);
  for (const [path, details] of [
    [`/vm-instances/candidate-affinityGroup?zoneUuid=${nobody}`, 'type:ZoneVO] not found'],
    [`/affinityGroup/attachingVm?vmUuid=${nobody}`, 'type:VmInstanceVO] not found'],
    [`/VM/attachingGroup?affinityGroupUuid=${nobody}`, 'type:AffinityGroupVO] not found'],
  ] as const) {
    const answer = await zstack.call('GET', path, undefined, alice.headers);
    expect(answer).toMatchObject(failing('SYS.1003', expect.stringContaining(details)));
  }
});

it('is told of more servers that fit than one query names', async () => {
  const { db, env } = zstack.cloud;
  const uuid = await group({ policy: 'antiSoft' });
  const like = db.read.selectFrom('servers').selectAll().where('id', '=', alice.own['vm']!);
  const one = await like.executeTakeFirstOrThrow();
  const more = Array.from({ length: 1001 }, (_, at) => ({
    ...one,
    id: newId(env),
    host_id: null,
    number: 100_000 + at,
  }));
  await db.write(async (tx) => {
    for (let at = 0; at < more.length; at += 200) {
      await tx
        .insertInto('servers')
        .values(more.slice(at, at + 200))
        .execute();
    }
  });
  const path = `/VM/attachingGroup?affinityGroupUuid=${uuid}`;
  const { json, text } = await zstack.call('GET', path, undefined, alice.headers);
  const found = json['inventories'] as Body[] | undefined;
  expect(new Set(found?.map((server) => server['uuid'])).size, text.slice(0, 300)).toBeGreaterThan(1001);
});
