import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { failing, TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let test: TestZStack;
let first: string;
let second: string;
let member: Record<string, string>;

beforeAll(async () => {
  test = await TestZStack.start({ hosts: 2 });
  [first, second] = (await test.query('/hosts?sort=name')).map(({ uuid }) => String(uuid)) as [string, string];
  member = { authorization: `OAuth ${await test.newAccount('member')}` };
});
afterAll(() => test.stop());

const updateHost = (uuid: string, body: Body, headers = {}) =>
  test.run('PUT', `/hosts/${uuid}/actions`, { updateHost: body }, headers);
const updateStorage = (uuid: string, body: Body, headers = {}) =>
  test.run('PUT', `/primary-storage/${uuid}/actions`, { updatePrimaryStorage: body }, headers);
const nowhere = 'f'.repeat(32);

describe('a host', () => {
  it('is called as it is told, and is found by that; other APIs know the name that the machine has', async () => {
    const words = { name: 'rack 7', description: 'the loud one' };
    expect(await updateHost(second, words)).toMatchObject({
      status: 200,
      json: { inventory: { uuid: second, ...words } },
    });
    expect(await updateHost(second, { description: 'quiet now' })).toMatchObject({
      json: { inventory: { name: 'rack 7', description: 'quiet now' } },
    });
    expect(await test.query('/hosts?q=name=rack%207')).toMatchObject([{ uuid: second }]);
    expect((await test.query('/hosts?sort=name')).map(({ name }) => name)).toEqual(['rack 7', 'simulated']);
    expect((await test.cloud.hosts.get(second)).name).toBe('simulated-2');
    expect(await updateHost(second, { managementIp: '127.0.0.1' })).toMatchObject({ status: 200 });
    expect(await updateHost(second, { managementIp: '10.0.0.1' })).toMatchObject(failing('SYS.1014', 'managementIp'));
    expect(await updateHost(nowhere, { name: 'x' })).toMatchObject(
      failing('SYS.1003', `resource[uuid:${nowhere}, type:HostVO]`),
    );
    expect(await updateHost(second, { name: 'mine' }, member)).toMatchObject({ status: 503 });
  });

  it('has a storage with words of its own', async () => {
    const words = { name: 'fast', description: 'NVMe' };
    expect(await updateStorage(second, words)).toMatchObject({ json: { inventory: { uuid: second, ...words } } });
    expect(await test.query('/primary-storage?q=name=fast')).toMatchObject([
      { uuid: second, url: 'local://simulated-2' },
    ]);
    expect(await test.query(`/primary-storage/${first}`)).toMatchObject([{ name: 'local-storage-of-simulated' }]);
    expect((await test.query(`/hosts/${second}`))[0]).toMatchObject({ name: 'rack 7' });
    expect(await updateStorage(second, { url: 'local://simulated-2' })).toMatchObject({ status: 200 });
    expect(await updateStorage(second, { url: '/elsewhere' })).toMatchObject(failing('SYS.1014', 'url'));
    expect(await updateStorage(nowhere, { name: 'x' })).toMatchObject(failing('SYS.1003', 'type:PrimaryStorageVO'));
    expect(await updateStorage(second, { name: 'mine' }, member)).toMatchObject({ status: 503 });
  });

  it('leaves once nothing is on it', async () => {
    const { cloud } = test;
    const made = await cloud.blockStorage.create(operator(), { name: 'data', size: 2 ** 30 });
    await cloud.runner.wait(made.actionId!, { timeoutMs: 60_000 });
    const { hostId } = await cloud.blockStorage.get(operator(), made.volume.id);
    const full = hostId!;
    const other = full === first ? second : first;
    const remove = (uuid: string, headers = {}) =>
      test.run('DELETE', `/hosts/${uuid}?deleteMode=Permissive`, undefined, headers);
    expect(await remove(full)).toMatchObject(
      failing('SYS.1006', `host[uuid:${full}] has volume[uuid:${made.volume.id}], it can't be deleted`),
    );
    expect(await remove(other, member)).toMatchObject({ status: 503 });
    expect(await test.query('/hosts')).toHaveLength(2);
    expect(await remove(other, { 'unkai-dry-run': '1' })).toMatchObject({ status: 200, json: { dry_run: true } });
    expect(await test.query('/hosts')).toHaveLength(2);
    expect(test.cloud.hosts.agents.has(other)).toBe(true);
    expect(await remove(other)).toMatchObject({ status: 200, json: {} });
    expect(await test.query('/hosts')).toMatchObject([{ uuid: full }]);
    expect(await test.query('/primary-storage')).toMatchObject([{ uuid: full }]);
    expect(await remove(other)).toMatchObject({ status: 200, json: {} });
    expect(await updateHost(other, { name: 'back' })).toMatchObject(failing('SYS.1003', other));
  });
});
