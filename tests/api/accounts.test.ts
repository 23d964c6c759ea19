import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import type { ZStackClient } from '../../src/cli/clients/zstack-client.ts';
import { sha512Hex } from '../../src/cloud/identity/passwords.ts';
import { TestCloud } from '../support/cloud.ts';

/** One set of accounts stands under both APIs: whichever renames one, the other tells the same story. */
let cloud: TestCloud;
let keystone: OpenStackClient;
let zstack: ZStackClient;
beforeAll(async () => {
  cloud = await TestCloud.start();
  [keystone, zstack] = [await cloud.openstack(), await cloud.zstack()];
});
afterAll(() => cloud?.close());

const password = sha512Hex('secret');
const account = async (name: string): Promise<string> =>
  (await zstack.call('POST', '/accounts', { params: { name, password } })).inventory.uuid;
const addUser = async (of: string, name: string): Promise<string> => {
  const client = await cloud.zstack({ account: of, password: 'secret' });
  return (await client.call('POST', '/accounts/users', { params: { name, password } })).inventory.uuid;
};
/** What Keystone calls the project, its user and the user whom the account has made. */
const names = async (projectId: string, userId: string) => {
  const { project } = await keystone.get(`/identity/v3/projects/${projectId}`);
  const { role_assignments: assigned } = await keystone.get(
    `/identity/v3/role_assignments?scope.project.id=${projectId}&include_names=true`,
  );
  const { user } = await keystone.get(`/identity/v3/users/${userId}`);
  return [project.name, assigned[0].user.name, assigned[0].scope.project.name, user.name];
};
const ofZStack = async (uuid: string, userUuid: string) => {
  const [one] = (await zstack.call('GET', `/accounts/${uuid}`)).inventories;
  const [user] = (await zstack.call('GET', `/accounts/users/${userUuid}`)).inventories;
  return [one.name, one.type, user.name];
};

it('an account that ZStack renames has the new name in Keystone, with its user and the users whom it made', async () => {
  const uuid = await account('alice');
  const dev = await addUser('alice', 'dev');
  await zstack.call('PUT', `/accounts/${uuid}/actions`, { updateAccount: { name: 'anna' } });
  expect(await names(uuid, dev)).toEqual(['anna', 'anna', 'anna', 'anna/dev']);
  expect(await ofZStack(uuid, dev)).toEqual(['anna', 'Normal', 'dev']);
  expect((await cloud.openstack({ user: 'anna', password: 'secret' })).projectId).toBe(uuid);
  await cloud.zstack({ account: 'anna', password: 'secret' });
  await expect(cloud.openstack({ user: 'alice', password: 'secret' })).rejects.toThrow();
  await expect(cloud.zstack({ account: 'alice', password: 'secret' })).rejects.toThrow();
});

it('a project that Keystone renames is the account of that name in ZStack, with the same password and users', async () => {
  const uuid = await account('bob');
  const dev = await addUser('bob', 'dev');
  await keystone.call('PATCH', `/identity/v3/projects/${uuid}`, { project: { name: 'shop' } });
  expect(await names(uuid, dev)).toEqual(['shop', 'bob', 'shop', 'shop/dev']);
  expect(await ofZStack(uuid, dev)).toEqual(['shop', 'Normal', 'dev']);
  await cloud.zstack({ account: 'shop', password: 'secret' });
  await expect(cloud.zstack({ account: 'bob', password: 'secret' })).rejects.toThrow();
  const login = { logInByUser: { accountName: 'shop', userName: 'dev', password } };
  const { inventory } = await zstack.call('PUT', '/accounts/users/login', login);
  expect(inventory).toMatchObject({ accountUuid: uuid, userUuid: dev });
  // ZStack gives them one name again.
  await zstack.call('PUT', `/accounts/${uuid}/actions`, { updateAccount: { name: 'store' } });
  expect(await names(uuid, dev)).toEqual(['store', 'store', 'store', 'store/dev']);
});

it('a user whom Keystone renames stays what it is in ZStack, or is told why not', async () => {
  const uuid = await account('carol');
  const dev = await addUser('carol', 'dev');
  const owner = (await keystone.get('/identity/v3/users?name=carol')).users[0].id;
  const rename = (id: string, name: string) => keystone.call('PATCH', `/identity/v3/users/${id}`, { user: { name } });
  await rename(owner, 'keeper');
  expect(await ofZStack(uuid, dev)).toEqual(['carol', 'Normal', 'dev']);
  await cloud.zstack({ account: 'carol', password: 'secret' });
  await rename(dev, 'carol/ops');
  expect(await ofZStack(uuid, dev)).toEqual(['carol', 'Normal', 'ops']);
  await expect(rename(dev, 'ops')).rejects.toThrow('400');
  expect(await ofZStack(uuid, dev)).toEqual(['carol', 'Normal', 'ops']);
});
