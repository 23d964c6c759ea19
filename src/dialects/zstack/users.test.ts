import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operator } from '../../cloud/identity/subject.ts';
import { traitsOf } from './protocol/traits.ts';
import { SettledAccount } from './settled-account.fixture.ts';
import { sha512, TestZStack } from './zstack.fixture.ts';
import { zstack } from './zstack.ts';

type Body = Record<string, unknown>;

let test: TestZStack;
let alice: SettledAccount;

beforeAll(async () => {
  test = await TestZStack.start();
  alice = await SettledAccount.settle(test, 'alice');
});
afterAll(() => test.stop());

const withSession = (session: string) => ({ authorization: `OAuth ${session}` });
const named = (json: Body) => json['inventory'] as Body;

async function made(path: string, params: Body, headers = alice.headers): Promise<string> {
  const { json, text } = await test.run('POST', path, { params }, headers);
  if (!named(json)) throw new Error(text);
  return String(named(json)['uuid']);
}

async function logIn(userName: string, password: string, account: Body = { accountName: 'alice' }) {
  const body = { logInByUser: { ...account, userName, password: sha512(password) } };
  return test.call('PUT', '/accounts/users/login', body, { authorization: '' });
}

/** A user of the account with policies, signed in. */
async function newUser(name: string, ...statements: Body[]) {
  const uuid = await made('/accounts/users', { name, password: sha512('secret') });
  for (const [index, statement] of statements.entries()) {
    const policy = await made('/accounts/policies', { name: `${name}-${index}`, statements: [statement] });
    await test.run('POST', `/accounts/users/${uuid}/policies`, { params: { policyUuid: policy } }, alice.headers);
  }
  return { uuid, headers: withSession(String(named((await logIn(name, 'secret')).json)['uuid'])) };
}

const denied = { status: 503, json: { error: { code: 'ID.1002' } } };

describe('a user of an account', () => {
  it('is created, found, renamed and deleted by the account, and signs in by its name within it', async () => {
    const uuid = await made('/accounts/users', { name: 'carol', password: sha512('one'), description: 'd' });
    const again = { params: { name: 'carol', password: sha512('one') } };
    expect((await test.run('POST', '/accounts/users', again, alice.headers)).json['error']).toMatchObject({
      code: 'SYS.1007',
    });
    // The same name is free in another account.
    const other = withSession(await test.newAccount('other'));
    await made('/accounts/users', { name: 'carol', password: sha512('one') }, other);
    const accountUuid = alice.own['account']!;
    expect(await test.query('/accounts/users?q=name=carol', alice.headers)).toMatchObject([
      { uuid, accountUuid, name: 'carol', description: 'd' },
    ]);
    for (const account of [{ accountName: 'alice' }, { accountUuid }]) {
      const { json } = await logIn('carol', 'one', account);
      expect(named(json)).toMatchObject({ userUuid: uuid, accountUuid, userType: 'UserVO' });
    }
    const update = { updateUser: { uuid, name: 'caroline', password: sha512('two') } };
    expect(await test.run('PUT', '/accounts/users/actions', update, alice.headers)).toMatchObject({
      json: { inventory: { uuid, name: 'caroline' } },
    });
    expect((await logIn('caroline', 'one')).json['error']).toMatchObject({ code: 'ID.1000' });
    const session = withSession(String(named((await logIn('caroline', 'two')).json)['uuid']));
    await test.run('DELETE', `/accounts/users/${uuid}`, undefined, alice.headers);
    expect((await test.call('GET', '/images', undefined, session)).json['error']).toMatchObject({ code: 'ID.1001' });
    expect((await logIn('caroline', 'two')).json['error']).toMatchObject({ code: 'ID.1000' });
  });

  it('may without a policy do nothing but look after its session and its password', async () => {
    const { headers, uuid } = await newUser('nobody');
    const admitted: string[] = [];
    let asked = 0;
    for (const operation of zstack.operations) {
      if (operation.allow === 'anyone' || traitsOf(operation).ofUsers === 'always') continue;
      for (const example of operation.examples) {
        asked += 1;
        const { url, body } = alice.aim(operation, example);
        const { json, text } = await test.run(operation.method, url, body, headers);
        const { code } = (json['error'] ?? {}) as Body;
        if (code !== 'ID.1002') admitted.push(`${operation.id}: ${text.slice(0, 200)}`);
      }
    }
    expect(admitted).toEqual([]);
    expect(asked).toBeGreaterThan(250);
    const session = headers.authorization.slice('OAuth '.length);
    const renewed = await test.run('PUT', `/accounts/sessions/${session}/renew`, { renewSession: {} }, headers);
    expect(renewed).toMatchObject({ status: 200, json: { inventory: { userUuid: uuid, userType: 'UserVO' } } });
    const password = { password: sha512('next'), oldPassword: sha512('secret') };
    const change = (updateUser: Body) => test.run('PUT', '/accounts/users/actions', { updateUser }, headers);
    expect(await change({ name: 'root', ...password })).toMatchObject(denied);
    expect(await change({ uuid: alice.own['user'], ...password })).toMatchObject({
      json: { error: { code: 'SYS.1003' } },
    });
    expect(await change({ ...password, oldPassword: sha512('wrong') })).toMatchObject({
      json: { error: { code: 'ID.1000' } },
    });
    expect(await change(password)).toMatchObject({ status: 200 });
    expect((await logIn('nobody', 'next')).status).toBe(200);
  });

  it('may do what policies allow, by pattern, and what denies wins', async () => {
    const { headers } = await newUser(
      'builder',
      { effect: 'Allow', actions: ['org.zstack.header.image.**', 'APIQueryVmInstanceMsg'] },
      { effect: 'Deny', actions: ['org.zstack.*.image.APIChange*'], name: 'no changes' },
    );
    const [mine] = await test.query(`/images?q=uuid=${alice.own['image']}`, headers);
    expect(mine).toMatchObject({ uuid: alice.own['image'] });
    expect(await test.query('/vm-instances', headers)).not.toEqual([]);
    expect(await test.call('GET', '/volumes', undefined, headers)).toMatchObject(denied);
    const change = { changeImageState: { stateEvent: 'disable' } };
    const refused = await test.run('PUT', `/images/${alice.own['image']}/actions`, change, headers);
    expect(refused).toMatchObject(denied);
    expect((refused.json['error'] as Body)['details']).toContain('is denied by the policy[name:builder-1');
    const update = { updateImage: { description: 'by a user' } };
    expect(await test.run('PUT', `/images/${alice.own['image']}/actions`, update, headers)).toMatchObject({
      status: 200,
      json: { inventory: { description: 'by a user' } },
    });
  });

  it('gets the policies of its groups, and loses them, from one request to the next', async () => {
    const { uuid, headers } = await newUser('member');
    const look = () => test.call('GET', '/images', undefined, headers);
    const group = await made('/accounts/groups', { name: 'readers' });
    const statements = [{ effect: 'Allow', actions: ['**.APIQueryImageMsg'] }];
    const policyUuid = await made('/accounts/policies', { name: 'read', statements });
    await test.run('POST', `/accounts/groups/${group}/policies`, { params: { policyUuid } }, alice.headers);
    expect(await look()).toMatchObject(denied);
    await test.run('POST', `/accounts/groups/${group}/users`, { params: { userUuid: uuid } }, alice.headers);
    expect(await look()).toMatchObject({ status: 200 });
    expect(await test.query('/accounts/users?q=group.policy.name=read', alice.headers)).toMatchObject([{ uuid }]);
    await test.run('DELETE', `/accounts/groups/${group}/users/${uuid}`, undefined, alice.headers);
    expect(await look()).toMatchObject(denied);
    const policyUuids = [policyUuid];
    await test.run('POST', `/accounts/users/${uuid}/policy-collection`, { params: { policyUuids } }, alice.headers);
    expect(await look()).toMatchObject({ status: 200 });
    await test.run('DELETE', `/accounts/policies/${policyUuid}`, undefined, alice.headers);
    expect(await look()).toMatchObject(denied);
  });

  it('never reaches what is the account’s own matter, nor another account, whatever policies say', async () => {
    const { headers } = await newUser('everything', { effect: 'Allow', actions: ['**'] });
    const names = zstack.operations.map((operation) => traitsOf(operation).message);
    const check = { checkApiPermission: { apiNames: [...new Set(names)].slice(0, 500) } };
    const { json } = await test.call('PUT', '/accounts/permissions/actions', check, headers);
    const answers = named(json);
    const wrong = zstack.operations.filter((operation) => {
      const { message, ofUsers } = traitsOf(operation);
      const may = operation.allow === 'anyone' || (ofUsers !== 'never' && operation.allow !== 'admin');
      return answers[message] !== (may ? 'Allow' : 'Deny');
    });
    expect(wrong.map(({ id }) => id)).toEqual([]);
    const grant = { params: { policyUuid: alice.own['policy'] } };
    const path = `/accounts/users/${alice.own['user']}/policies`;
    expect(await test.run('POST', path, grant, headers)).toMatchObject(denied);
    const bob = withSession(await test.newAccount('bob'));
    const volume = await made('/volumes/data', { name: 'bobs', diskSize: 2 ** 30 }, bob);
    expect(await test.query(`/volumes?q=uuid=${volume}`, headers)).toEqual([]);
    expect((await test.run('POST', path, grant, bob)).json['error']).toMatchObject({ code: 'SYS.1003' });
  });

  it('is told by CheckApiPermission about itself, and the account about its users', async () => {
    const { uuid, headers } = await newUser('asked', { effect: 'Allow', actions: ['APIQueryZoneMsg'] });
    const apiNames = ['org.zstack.header.zone.APIQueryZoneMsg', 'org.zstack.header.image.APIQueryImageMsg'];
    const answer = { inventory: { [apiNames[0]!]: 'Allow', [apiNames[1]!]: 'Deny' } };
    const ask = (body: Body, of: Record<string, string>) =>
      test.call('PUT', '/accounts/permissions/actions', { checkApiPermission: { apiNames, ...body } }, of);
    expect((await ask({}, headers)).json).toEqual(answer);
    expect((await ask({ userUuid: uuid }, alice.headers)).json).toEqual(answer);
    expect((await ask({ userUuid: alice.own['user'] }, headers)).json['error']).toMatchObject({ code: 'SYS.1003' });
  });

  it('is held to its policies in long jobs, in ZQL and with access keys, too', async () => {
    const actions = ['APISubmitLongJobMsg', 'APIZQLQueryMsg', 'APIQueryImageMsg', 'APICreateAccessKeyMsg'];
    const { uuid, headers } = await newUser('clever', { effect: 'Allow', actions });
    const jobData = JSON.stringify({ name: 'x', rootVolumeUuid: alice.own['rootVolume'] });
    const params = { jobName: 'APICreateRootVolumeTemplateFromRootVolumeMsg', jobData };
    expect(await test.run('POST', '/longjobs', { params }, headers)).toMatchObject(denied);
    const zql = (text: string) => test.call('GET', `/zql?zql=${encodeURIComponent(text)}`, undefined, headers);
    expect((await zql('query image')).status).toBe(200);
    expect(await zql('query volume')).toMatchObject(denied);
    expect(await zql('query image where uuid in (query volume.uuid)')).toMatchObject(denied);
    const accountUuid = alice.own['account'];
    const key = (userUuid: unknown) => test.run('POST', '/accesskeys', { params: { accountUuid, userUuid } }, headers);
    expect(await key(accountUuid)).toMatchObject(denied);
    const { AccessKeyID, AccessKeySecret } = named((await key(uuid)).json);
    const signed = (path: string) => {
      const date = new Date().toUTCString();
      const text = `GET\n${date}\n/v1${path}`;
      const signature = createHmac('sha1', String(AccessKeySecret)).update(text).digest('base64');
      return test.call('GET', path, undefined, { date, authorization: `ZStack ${AccessKeyID}:${signature}` });
    };
    expect(await signed('/images')).toMatchObject({ status: 200 });
    expect(await signed('/volumes')).toMatchObject(denied);
    await test.run('DELETE', `/accounts/users/${uuid}`, undefined, alice.headers);
    expect((await signed('/images')).json['error']).toMatchObject({ code: 'ID.1001' });
  });

  it('is a user to Keystone, too, without any role; disabled there it does not come in', async () => {
    const { uuid, headers } = await newUser('ks', { effect: 'Allow', actions: ['**'] });
    const { users, assignments } = test.cloud.identity;
    expect(await users.get(operator(), uuid)).toMatchObject({
      name: 'alice/ks',
      defaultProjectId: alice.own['account'],
      enabled: true,
    });
    const target = { kind: 'project', id: alice.own['account']! } as const;
    expect(await assignments.effectiveRoles(uuid, target)).toEqual([]);
    await users.update(operator(), uuid, { enabled: false });
    expect((await test.call('GET', '/images', undefined, headers)).json['error']).toMatchObject({ code: 'ID.1001' });
    expect((await logIn('ks', 'secret')).json['error']).toMatchObject({ code: 'ID.1000' });
  });

  it('goes with its account', async () => {
    const session = withSession(await test.newAccount('gone'));
    const uuid = await made('/accounts/users', { name: 'dev', password: sha512('x') }, session);
    const [{ uuid: account }] = (await test.query('/accounts', session)) as [Body];
    await test.run('DELETE', `/accounts/${account}`);
    expect(await test.query(`/accounts/users?q=uuid=${uuid}`)).toEqual([]);
    expect(await test.cloud.identity.users.find(uuid)).toBeUndefined();
  });
});

describe('a policy', () => {
  it('is refused where it could not be kept to', async () => {
    const create = (statement: Body) =>
      test.run('POST', '/accounts/policies', { params: { name: 'p', statements: [statement] } }, alice.headers);
    const image = 'org.zstack.header.image.**';
    expect((await create({ effect: 'Allow', actions: ['instance:.*'] })).json['error']).toMatchObject({
      code: 'SYS.1007',
    });
    expect((await create({ effect: 'Maybe', actions: [image] })).json['error']).toMatchObject({ code: 'SYS.1007' });
    const narrow = await create({ effect: 'Deny', actions: [image], resources: ['uuid'] });
    expect(narrow.json['error']).toMatchObject({ code: 'SYS.1014' });
  });
});
