import { arch } from 'node:os';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
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

const asked = async (path: string, action: string) =>
  (await zstack.call('PUT', path, { [action]: {} }, alice.headers)).json;

it('says what there is of a licence to whoever has no session', async () => {
  for (const [path, facts] of [
    ['/licenses', { inventory: { expired: false }, additions: [] }],
    ['/licenses/addons', { addons: [] }],
  ] as const) {
    expect(await zstack.call('GET', path, undefined, { authorization: '' })).toMatchObject({
      status: 200,
      json: facts,
    });
  }
});

it('says what is offered, by the names of its classes', async () => {
  const { json } = await zstack.call('PUT', '/management-nodes/actions', { getSupportAPIs: {} }, { authorization: '' });
  const names = json['supportApis'] as string[];
  expect(names).toContain('org.zstack.header.image.APIAddImageMsg');
  expect(names).toContain('org.zstack.header.identity.APIQueryAccountMsg');
  expect(names).not.toContain('org.zstack.header.identity.APIUpdateAccountByActionsMsg');
  expect(names).toContain('org.zstack.kvm.APIAddKVMHostMsg');
  expect(names).toContain('org.zstack.storage.primary.nfs.APIAddNfsPrimaryStorageMsg');
  expect(names.filter((name) => /SharedBlockGroup/.test(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

it('says what the machine of the control plane is', async () => {
  const { architecture } = await asked('/management-nodes/actions', 'getManagementNodeArch');
  expect(architecture).toBe(arch() === 'x64' ? 'x86_64' : 'aarch64');
  const system = await asked('/management/actions', 'getManagementNodeOS');
  expect(system).toMatchObject({ name: 'Linux', version: expect.stringMatching(/^\d+\./) });
});

it('says that a login takes no more than a password, to whoever asks', async () => {
  const steps = (loginType: string) =>
    zstack.call('GET', `/login/procedures?username=nobody&loginType=${loginType}`, undefined, { authorization: '' });
  expect((await steps('account')).json).toEqual({ procedures: [] });
  expect((await steps('ldap')).json).toMatchObject({ error: { code: 'SYS.1014' } });
});

it('puts several system tags on a resource, or none of them', async () => {
  const { vm } = alice.own;
  const put = async (resourceType: string, ...tags: string[]) =>
    (await zstack.run('POST', `/system-tags/${vm}/tags`, { params: { resourceType, tags } }, alice.headers)).json;
  const texts = async () =>
    (await zstack.query(`/system-tags?q=resourceUuid=${vm}`, alice.headers)).map(({ tag }) => tag as string).toSorted();
  const before = await texts();
  expect(await put('VmInstanceVO', 'bootMode::UEFI', 'no-such::tag')).toMatchObject({ error: { code: 'SYS.1007' } });
  expect(await put('VmInstanceVO', 'bootMode::UEFI', 'ha::NeverStop')).toMatchObject({ error: { code: 'TAG.1001' } });
  expect(await put('ImageVO', 'bootMode::UEFI')).toMatchObject({ error: { code: 'SYS.1003' } });
  expect(await texts()).toEqual(before);
  const made = await put('VmInstanceVO', 'bootMode::UEFI', 'vmPriority::High', 'bootMode::UEFI');
  expect(made).toMatchObject({
    inventories: [
      { tag: 'bootMode::UEFI', resourceUuid: vm, resourceType: 'VmInstanceVO', type: 'System' },
      { tag: 'vmPriority::High' },
    ],
  });
  expect(await texts()).toEqual([...before, 'bootMode::UEFI', 'vmPriority::High'].toSorted());
});

it('takes screenshots of servers that run', async () => {
  const { vm } = alice.own;
  const act = async (body: Body) => (await zstack.run('PUT', `/vm-instances/${vm}/actions`, body, alice.headers)).json;
  const { imageData } = await act({ takeVmConsoleScreenshot: {} });
  expect(Buffer.from(String(imageData), 'base64').subarray(1, 4).toString()).toBe('PNG');
  // Also where the job is asked for later, until there are five newer ones.
  const job = () =>
    zstack
      .call('PUT', `/vm-instances/${vm}/actions`, { takeVmConsoleScreenshot: {} }, alice.headers)
      .then(({ headers }) => String(headers['x-job-uuid']));
  const first = await job();
  const asked = async () => (await zstack.call('GET', `/api-jobs/${first}`)).json;
  expect(await asked()).toEqual({ imageData, success: true });
  for (let taken = 0; taken < 5; taken += 1) await job();
  expect(await asked()).toMatchObject({ error: { code: 'SYS.1006', details: expect.stringContaining('newer ones') } });
  const long = { name: 'l', jobName: 'APITakeVmConsoleScreenshotMsg', jobData: JSON.stringify({ uuid: vm }) };
  await zstack.run('POST', '/longjobs', { params: long }, alice.headers);
  const ended = async () =>
    expect(await zstack.query('/longjobs?q=name=l', alice.headers)).toMatchObject([
      { state: 'Succeeded', jobResult: '{"success":true}' },
    ]);
  await vi.waitFor(ended, 60_000);
  await act({ stopVmInstance: { type: 'cold' } });
  expect(await act({ takeVmConsoleScreenshot: {} })).toMatchObject({
    error: { code: 'SYS.1006', details: expect.stringContaining('not Running') },
  });
});

it('renames and describes a key pair, by which its servers know it', async () => {
  const { vm, sshKeyPair } = alice.own;
  await zstack.run('POST', `/ssh-key-pair/${sshKeyPair}/vm-instance/${vm}`, { params: {} }, alice.headers);
  const change = async (words: Body) =>
    (await zstack.run('PUT', `/ssh-key-pair/${sshKeyPair}/actions`, { updateSshKeyPair: words }, alice.headers)).json;
  expect(await change({ name: 'desk', description: 'at home' })).toMatchObject({
    inventory: { uuid: sshKeyPair, name: 'desk', description: 'at home' },
  });
  expect((await zstack.cloud.servers.get(operator(), vm!)).keyName).toBe('desk');
  await zstack.run('POST', '/ssh-key-pair/generate', { params: { name: 'other' } }, alice.headers);
  expect(await change({ name: 'other' })).toMatchObject({ error: { code: 'SYS.1007' } });
  expect(await change({ description: 'in a drawer' })).toMatchObject({
    inventory: { name: 'desk', description: 'in a drawer' },
  });
  const ofAdmin = { updateSshKeyPair: { name: 'mine' } };
  const { json } = await zstack.run('PUT', `/ssh-key-pair/${sshKeyPair}/actions`, ofAdmin);
  expect(json).toMatchObject({ error: { code: 'SYS.1003' } });
});
