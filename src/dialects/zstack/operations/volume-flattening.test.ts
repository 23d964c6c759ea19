import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditCloud, isSound } from '../../../cloud/audit/audit.ts';
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
afterAll(() => zstack.stop());

const act = (kind: string, uuid: string, body: Body, headers = alice.headers) =>
  zstack.run('PUT', `/${kind}/${uuid}/actions`, body, headers);

async function imageBelow(uuid: string): Promise<string | null> {
  const { diskId } = await zstack.cloud.volumes.get(operator(), uuid);
  const disk = zstack.cloud.db.read.selectFrom('disks').select('image_id').where('id', '=', diskId!);
  return (await disk.executeTakeFirstOrThrow()).image_id;
}

it('makes volumes that need no image any more, while their server runs and while it is stopped', async () => {
  const { vm, rootVolume, image } = alice.own as Record<'vm' | 'rootVolume' | 'image', string>;
  expect(await imageBelow(rootVolume)).toBe(image);
  expect(await act('volumes', rootVolume, { flattenVolume: { dryRun: true } })).toMatchObject({ status: 200 });
  expect(await imageBelow(rootVolume)).toBe(image);
  const flat = await act('volumes', rootVolume, { flattenVolume: {} });
  expect(flat, flat.text).toMatchObject({ status: 200, json: { inventory: { uuid: rootVolume, status: 'Ready' } } });
  expect(await imageBelow(rootVolume)).toBeNull();
  const { diskId } = await zstack.cloud.volumes.get(operator(), rootVolume);
  expect(await act('volumes', rootVolume, { flattenVolume: {} })).toMatchObject({ status: 200 });
  expect((await zstack.cloud.volumes.get(operator(), rootVolume)).diskId).toBe(diskId);
  expect(await zstack.query(`/vm-instances/${vm}`, alice.headers)).toMatchObject([{ state: 'Running' }]);

  const again = await act('vm-instances', vm, { stopVmInstance: { type: 'cold' } });
  expect(again, again.text).toMatchObject({ status: 200 });
  const reimaged = await act('vm-instances', vm, { reimageVmInstance: {} });
  expect(reimaged, reimaged.text).toMatchObject({ status: 200 });
  expect(await imageBelow(rootVolume)).toBe(image);
  const whole = await act('vm-instances', vm, { flattenVmInstance: { full: true } });
  expect(whole, whole.text).toMatchObject({ status: 200, json: { inventory: { uuid: vm, state: 'Stopped' } } });
  expect(await imageBelow(rootVolume)).toBeNull();
  await zstack.cloud.runner.idle();
  expect(isSound(await auditCloud(zstack.cloud))).toBe(true);
});

it('leaves disks alone that are the server’s own beside its root volume', async () => {
  const { cloud } = zstack;
  const { account, image } = alice.own as Record<'account' | 'image', string>;
  const size = { vcpus: 1, memoryMb: 128, diskGb: 1, ephemeralGb: 1, swapMb: 64 };
  await cloud.flavors.create({ id: 'local', name: 'local', ...size });
  const owner = { ...operator(), projectId: account, isAdmin: false, roles: ['member'] };
  const wanted = { name: 'local', imageId: image, flavorId: 'local', networks: 'none', securityGroups: [] } as const;
  const [made] = await cloud.servers.create(owner, { ...wanted, securityGroups: [] });
  await cloud.runner.idle();
  const { id } = made!.server;
  expect((await cloud.volumes.ofServer(id)).map(({ kind }) => kind)).toEqual(['root', 'ephemeral', 'swap']);
  const whole = await act('vm-instances', id, { flattenVmInstance: { full: true } });
  expect(whole, whole.text).toMatchObject({ status: 200, json: { inventory: { uuid: id, state: 'Running' } } });
  expect(await imageBelow((await cloud.servers.get(operator(), id)).rootVolumeId!)).toBeNull();
});

it('is refused for what belongs to others', async () => {
  const bob = { authorization: `OAuth ${await zstack.newAccount('bob')}` };
  expect(await act('volumes', alice.own['rootVolume']!, { flattenVolume: {} }, bob)).toMatchObject({
    json: { error: { code: 'SYS.1003' } },
  });
  expect(await act('vm-instances', alice.own['vm']!, { flattenVmInstance: {} }, bob)).toMatchObject({
    json: { error: { code: 'SYS.1003' } },
  });
});
