import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyQcow2 } from '../../../agent/disks/qcow2-header.ts';
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

const act = (body: Body) => zstack.run('PUT', `/vm-instances/${alice.own['vm']}/actions`, body, alice.headers);
const get = (path: string) => zstack.call('GET', path, undefined, alice.headers);

async function image(name: string, size: number): Promise<string> {
  const { images } = zstack.cloud;
  const subject = { ...operator(), projectId: alice.own['account']!, isAdmin: false, roles: ['member'] };
  const { id } = await images.create(subject, { name, diskFormat: 'qcow2', containerFormat: 'bare' });
  await images.upload(subject, id, Readable.from([emptyQcow2(size)]));
  return id;
}

describe('the image of a server', () => {
  it('is changed for another one that fits, while the server is stopped', async () => {
    const { vm, image: own, iso } = alice.own;
    const other = await image('other', 2 ** 29);
    const large = await image('large', 2 ** 40);
    const { json } = await get(`/vm-instances/${vm}/image-candidates`);
    const candidates = (json['inventories'] as Body[]).map(({ uuid }) => uuid);
    expect(candidates).toEqual(expect.arrayContaining([own, other]));
    expect(candidates).not.toContain(large);
    expect(candidates).not.toContain(iso);
    expect(await act({ changeVmImage: { imageUuid: other } })).toMatchObject({ json: { error: { code: 'SYS.1006' } } });
    await act({ stopVmInstance: { type: 'cold' } });
    expect(await act({ changeVmImage: { imageUuid: iso } })).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
    const changed = await act({ changeVmImage: { imageUuid: other } });
    expect(changed, changed.text).toMatchObject({ json: { inventory: { imageUuid: other, state: 'Stopped' } } });
  });
});

describe('the guest agent of an image', () => {
  it('is noted, as Glance’s property', async () => {
    const path = `/images/${alice.own['image']}`;
    const set = (enable: boolean) => zstack.run('PUT', `${path}/actions`, { setImageQga: { enable } }, alice.headers);
    expect((await get(`${path}/qga`)).json).toEqual({ enable: false });
    expect(await set(true)).toMatchObject({ status: 200, json: {} });
    expect((await get(`${path}/qga`)).json).toEqual({ enable: true });
    const { properties } = await zstack.cloud.images.get(operator(), alice.own['image']!);
    expect(properties).toMatchObject({ hw_qemu_guest_agent: 'yes' });
    await set(false);
    expect((await get(`${path}/qga`)).json).toEqual({ enable: false });
  });
});

describe('Ceph backup storages', () => {
  it('are pools, told beside the other kinds', async () => {
    expect(await zstack.query('/backup-storage/ceph')).toEqual([]);
    const now = zstack.cloud.env.now();
    await zstack.cloud.db.write((tx) =>
      tx
        .insertInto('image_stores')
        .values({
          ...{ id: 'c'.repeat(32), name: 'pool-1', description: null, kind: 'ceph', enabled: 1, is_default: 0 },
          ...{
            url: 'ceph://images?user=admin',
            status: 'disconnected',
            address: null,
            created_at: now,
            updated_at: now,
          },
        })
        .execute(),
    );
    expect(await zstack.query('/backup-storage/ceph?q=poolName=images&fields=uuid,poolName,type')).toEqual([
      { uuid: 'c'.repeat(32), poolName: 'images', type: 'Ceph' },
    ]);
  });
});
