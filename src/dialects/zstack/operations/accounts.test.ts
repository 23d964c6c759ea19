import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha512, TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
beforeAll(async () => {
  zstack = await TestZStack.start();
});
afterAll(() => zstack.stop());

const withSession = (session: string) => ({ authorization: `OAuth ${session}` });

describe('accounts', () => {
  it('are created, changed at either path, and deleted', async () => {
    const params = { name: 'carol', password: sha512('one'), description: 'd' };
    const { json } = await zstack.run('POST', '/accounts', { params });
    const { uuid } = json['inventory'] as Body;
    expect(json).toMatchObject({ inventory: { name: 'carol', type: 'Normal', description: 'd' }, success: true });
    expect(await zstack.run('POST', '/accounts', { params })).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
    for (const path of [`/accounts/${String(uuid)}`, `/accounts/${String(uuid)}/actions`]) {
      const reply = await zstack.run('PUT', path, { updateAccount: { description: path, password: sha512('two') } });
      expect(reply).toMatchObject({ status: 200, json: { inventory: { description: path } } });
    }
    expect(await zstack.logIn('carol', 'two')).toMatch(/^[0-9a-f]{32}$/);
    expect(await zstack.run('DELETE', `/accounts/${String(uuid)}`)).toMatchObject({ status: 200, json: {} });
    expect(await zstack.query(`/accounts/${String(uuid)}`)).toEqual([]);
    expect(await zstack.run('DELETE', `/accounts/${String(uuid)}`)).toMatchObject({ status: 200, json: {} });
  });

  it('change their own password only, and know the old one', async () => {
    const dave = withSession(await zstack.newAccount('dave'));
    const [{ uuid }] = (await zstack.query('/accounts', dave)) as [Body];
    const update = (body: Body) => zstack.run('PUT', `/accounts/${String(uuid)}`, { updateAccount: body }, dave);
    expect(await update({ name: 'root' })).toMatchObject({ json: { error: { code: 'ID.1002' } } });
    expect(await update({ password: sha512('x'), oldPassword: sha512('wrong') })).toMatchObject({
      json: { error: { code: 'ID.1000' } },
    });
    expect(await update({ password: sha512('new'), oldPassword: sha512('secret') })).toMatchObject({ status: 200 });
    expect(await zstack.logIn('dave', 'new')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('sign in at the newer path too', async () => {
    const body = { logIn: { username: 'admin', password: sha512('password'), loginType: 'account' } };
    expect(await zstack.call('PUT', '/login', body, { authorization: '' })).toMatchObject({
      status: 200,
      json: { inventory: { accountUuid: '36c27e8ff05c4780bf6d2fa65700f22e' } },
    });
    const ldap = { logIn: { ...body.logIn, loginType: 'ldap' } };
    expect(await zstack.call('PUT', '/login', ldap)).toMatchObject({ json: { error: { code: 'SYS.1014' } } });
  });

  it('have quotas', async () => {
    const session = withSession(await zstack.newAccount('erin'));
    const [{ uuid: identityUuid }] = (await zstack.query('/accounts', session)) as [Body];
    const update = (name: string, value: number) =>
      zstack.run('PUT', '/accounts/quotas/actions', { updateQuota: { identityUuid, name, value } });
    expect(await update('vm.memorySize', 4 * 2 ** 30)).toMatchObject({
      status: 200,
      json: { inventory: { name: 'vm.memorySize', identityUuid, value: 4 * 2 ** 30 } },
    });
    expect(await update('vm.teapots', 1)).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
    const quotas = await zstack.query('/accounts/quotas?q=name?=vm.memorySize,image.num', session);
    expect(quotas.map(({ name, value, identityUuid: of }) => [name, value, of]).toSorted()).toEqual([
      ['image.num', -1, identityUuid],
      ['vm.memorySize', 4 * 2 ** 30, identityUuid],
    ]);
    const { json } = await zstack.call('GET', `/accounts/quota/${String(identityUuid)}/usages`, undefined, session);
    expect(json['usages']).toContainEqual({ name: 'vm.memorySize', total: 4 * 2 ** 30, used: 0 });
    const others = await zstack.call(
      'GET',
      '/accounts/quota/36c27e8ff05c4780bf6d2fa65700f22e/usages',
      undefined,
      session,
    );
    expect(others).toMatchObject({ status: 503, json: { error: { code: 'ID.1002' } } });
  });

  it('have key pairs of their own', async () => {
    const { json } = await zstack.call('POST', '/ssh-key-pair/generate', { params: { name: 'laptop' } });
    const made = json['inventory'] as Body;
    expect(made).toMatchObject({ name: 'laptop', privateKey: expect.stringContaining('PRIVATE KEY') });
    expect(await zstack.query(`/ssh-key-pair/${String(made['uuid'])}`)).toMatchObject([
      { name: 'laptop', publicKey: made['publicKey'] },
    ]);
    const again = { params: { name: 'laptop', publicKey: made['publicKey'] } };
    expect(await zstack.run('POST', '/ssh-key-pair', again)).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
    const frank = withSession(await zstack.newAccount('frank'));
    expect(await zstack.query('/ssh-key-pair', frank)).toEqual([]);
    expect(await zstack.run('POST', '/ssh-key-pair', again, frank)).toMatchObject({ status: 200 });
    expect(await zstack.run('DELETE', `/ssh-key-pair/${String(made['uuid'])}`)).toMatchObject({ status: 200 });
    expect(await zstack.query('/ssh-key-pair?q=name=laptop', frank)).toHaveLength(1);
  });
});

describe('the cloud', () => {
  it('tells of itself', async () => {
    expect(await zstack.query('/management-nodes')).toMatchObject([{ hostName: expect.any(String) }]);
    expect(await zstack.query('/global-configurations?q=category=image&sort=-name')).toMatchObject([
      { name: 'expungePeriod', value: expect.stringMatching(/^\d+$/) },
      { name: 'deletionPolicy', value: 'Delay' },
    ]);
    for (const [path, key] of [
      ['/management-nodes/ready', 'managementNodeId'],
      ['/meta-data/opensource', 'opensource'],
    ] as const) {
      expect((await zstack.call('GET', path, undefined, { authorization: '' })).json).toHaveProperty(key);
    }
    expect(await zstack.query('/l3-networks?q=name=default&fields=name,ipRanges')).toMatchObject([
      { ipRanges: [{ prefixLen: 16 }] },
    ]);
    expect(await zstack.query('/primary-storage?q=cluster.name=default&q=host.name=simulated')).toHaveLength(1);
    expect(await zstack.query('/zones?q=cluster.name=default&q=host.state=Enabled')).toHaveLength(1);
    const [zone] = await zstack.query('/zones');
    expect(await zstack.query(`/zones/${String(zone!['uuid'])}/info`)).toEqual([zone]);
  });

  it('has backup storage that can be switched, and taken from a zone', async () => {
    const [store] = await zstack.query('/backup-storage/image-store');
    const [zone] = await zstack.query('/zones');
    const act = (body: Body) => zstack.run('PUT', `/backup-storage/${String(store!['uuid'])}/actions`, body);
    expect(await act({ changeBackupStorageState: { stateEvent: 'disable' } })).toMatchObject({
      json: { inventory: { state: 'Disabled' } },
    });
    const add = { params: { name: 'x', url: 'http://127.0.0.1/x', backupStorageUuids: [store!['uuid']] } };
    expect(await zstack.run('POST', '/images', add)).toMatchObject({
      json: { error: { code: 'SYS.1006', details: expect.stringContaining('not in state Enabled') } },
    });
    expect(await act({ changeBackupStorageState: { stateEvent: 'enable' } })).toMatchObject({
      json: { inventory: { state: 'Enabled' } },
    });
    expect(await act({ reconnectBackupStorage: {} })).toMatchObject({ json: { inventory: { status: 'Connected' } } });
    expect(await act({ updateBackupStorage: { description: 'first' } })).toMatchObject({
      json: { inventory: { description: 'first' } },
    });
    const place = `/zones/${String(zone!['uuid'])}/backup-storage/${String(store!['uuid'])}`;
    expect(await zstack.run('DELETE', place)).toMatchObject({ json: { inventory: { attachedZoneUuids: [] } } });
    expect(await zstack.query('/backup-storage?q=zone.name=nova')).toEqual([]);
    expect(await zstack.run('POST', place, {})).toMatchObject({
      json: { inventory: { attachedZoneUuids: [zone!['uuid']] } },
    });
  });
});
